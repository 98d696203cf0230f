// The gated delta rule by chunks of 64 tokens (docs/numerics.md derives it).
//
// K K^T and Q K^T belong to a key head; all else runs per value head and per panel of columns of the state,
// which do not depend on each other. Every product is a sum of scaled rows in register tiles, where one
// result element is summed in one accumulator in rising order of the index, and what follows a product
// (decay, beta, the next product of the same rows) happens before the tile leaves the registers.
#if defined(QNEXT_KERNELS_CPU_DELTA_RULE_CHUNK_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef QNEXT_KERNELS_CPU_DELTA_RULE_CHUNK_INL_H_
#undef QNEXT_KERNELS_CPU_DELTA_RULE_CHUNK_INL_H_
#else
#define QNEXT_KERNELS_CPU_DELTA_RULE_CHUNK_INL_H_
#endif

#include "kernels/cpu/delta_rule-inl.h"

HWY_BEFORE_NAMESPACE();
namespace qnext::cpu::HWY_NAMESPACE {

// ---- Register tiles of R rows and V vectors

template <int R, int V>
struct Tile {
  VF at[R][V];
};

template <int R, int V>
HWY_INLINE void clear(Tile<R, V>& tile) {
  HWY_UNROLL(8)
  for (int r = 0; r < R; ++r) {
    HWY_UNROLL(8)
    for (int v = 0; v < V; ++v) tile.at[r][v] = zero();
  }
}

// tile[r] += sum_k a[r][k] b[k]
template <int R, int V>
HWY_INLINE void multiply_add(const float* HWY_RESTRICT a, int64_t a_stride, int64_t terms,
                             const float* HWY_RESTRICT b, int64_t b_stride, Tile<R, V>& tile) {
  for (int64_t k = 0; k < terms; ++k) {
    VF row[V];
    HWY_UNROLL(8)
    for (int v = 0; v < V; ++v) row[v] = load(b + k * b_stride + v * kLanes);
    HWY_UNROLL(8)
    for (int r = 0; r < R; ++r) {
      const VF factor = set(a[r * a_stride + k]);
      HWY_UNROLL(8)
      for (int v = 0; v < V; ++v) tile.at[r][v] = hn::MulAdd(factor, row[v], tile.at[r][v]);
    }
  }
}

template <int R, int V>
HWY_INLINE void store_tile(const Tile<R, V>& tile, float* out, int64_t stride) {
  HWY_UNROLL(8)
  for (int r = 0; r < R; ++r) {
    HWY_UNROLL(8)
    for (int v = 0; v < V; ++v) store(tile.at[r][v], out + r * stride + v * kLanes);
  }
}

// Calls body(std::integral_constant<int, R>, first row) for tiles that cover `rows` rows: of six rows, which
// load least per product with four vectors, then of four, so that few are left for small ones.
template <class Body>
HWY_INLINE void for_row_tiles(int64_t rows, const Body& body) {
  int64_t i = 0;
  for (; rows - i >= 6 && rows - i != 8; i += 6) body(std::integral_constant<int, 6>(), i);
  for (; rows - i >= 4; i += 4) body(std::integral_constant<int, 4>(), i);
  for (; i < rows; ++i) body(std::integral_constant<int, 1>(), i);
}

// ---- Of a key head

// to[j][i] = from[i][j]; `rows` and `columns` are multiples of four and of kLanes.
HWY_INLINE void transpose(const float* from, int64_t rows, int64_t columns, float* to) {
  const hn::Full128<float> four;
  HWY_ALIGN float block[4 * kLanes];
  for (int64_t i = 0; i < rows; i += 4) {
    for (int64_t j = 0; j < columns; j += kLanes) {
      const float* at = from + i * columns + j;
      hn::StoreInterleaved4(load(at), load(at + columns), load(at + 2 * columns), load(at + 3 * columns),
                            DF(), block);
      for (int64_t c = 0; c < kLanes; ++c) {
        hn::StoreU(hn::Load(four, block + 4 * c), four, to + (j + c) * rows + i);
      }
    }
  }
}

// out[i][j] = a[i] . k[j] for j <= i; some of j > i too.
HWY_INLINE void causal_products(const DeltaScratch& s, const float* a, float* out) {
  for_row_tiles(kGdnChunk, [&](auto rows, int64_t i) HWY_ATTR {
    constexpr int R = decltype(rows)::value;
    auto product = [&](auto vectors, int64_t j) HWY_ATTR {
      Tile<R, decltype(vectors)::value> tile;
      clear(tile);
      multiply_add(a + i * s.dk, s.dk, s.key_dim, s.k_transposed + j, kGdnChunk, tile);
      store_tile(tile, out + i * kGdnChunk + j, kGdnChunk);
    };
    int64_t j = 0;
    for (; j + (kPanelVectors - 1) * kLanes < i + R; j += kPanelVectors * kLanes) {
      product(std::integral_constant<int, kPanelVectors>(), j);
    }
    for (; j + kLanes < i + R; j += 2 * kLanes) product(std::integral_constant<int, 2>(), j);
    if (j < i + R) product(std::integral_constant<int, 1>(), j);
  });
}

// Once for all value heads of a key head.
HWY_NOINLINE void prepare_chunk(const DeltaScratch& s) {
  transpose(s.k, kGdnChunk, s.dk, s.k_transposed);
  causal_products(s, s.k, s.kk);
  causal_products(s, s.q, s.qk);
}

// ---- Of a value head

// e^(G_i - G_j) for the vector of j. The sums are pairs of float32, for differences of large sums keep few
// digits.
HWY_INLINE VF decay(const DeltaScratch& s, int64_t i, int64_t j) {
  return exp(
      hn::Add(hn::Sub(set(s.sum[i]), load(s.sum + j)), hn::Sub(set(s.sum_rest[i]), load(s.sum_rest + j))));
}

// -L and D o Q K^T from the plain products: differences of sums first, then exp, then the mask. Their upper
// triangles are 0, -L's diagonal too.
HWY_INLINE void apply_decay(const DeltaScratch& s) {
  const DF d;
  for (int64_t i = 0; i < kGdnChunk; ++i) {
    float *l = s.minus_l + i * kGdnChunk, *d_qk = s.d_qk + i * kGdnChunk;
    const float *kk = s.kk + i * kGdnChunk, *qk = s.qk + i * kGdnChunk;
    const VF minus_beta = set(-s.beta[i]);
    int64_t j = 0;
    for (; j <= i; j += kLanes) {
      const VF factor = decay(s, i, j);
      const auto below = hn::FirstN(d, static_cast<size_t>(i - j)),
                 up_to = hn::FirstN(d, static_cast<size_t>(i - j + 1));
      store(hn::IfThenElseZero(below, hn::Mul(hn::Mul(minus_beta, factor), load(kk + j))), l + j);
      store(hn::IfThenElseZero(up_to, hn::Mul(factor, load(qk + j))), d_qk + j);
    }
    for (; j < kGdnChunk; j += kLanes) {
      store(zero(), l + j);
      store(zero(), d_qk + j);
    }
  }
}

HWY_NOINLINE void decays(const DeltaScratch& s) {
  double so_far = 0;
  for (int64_t i = 0; i < kGdnChunk; ++i) {
    so_far += s.g[i];
    s.sum[i] = static_cast<float>(so_far);
    s.sum_rest[i] = static_cast<float>(so_far - s.sum[i]);
  }
  for (int64_t i = 0; i < kGdnChunk; i += kLanes) {
    store(exp(load(s.sum + i)), s.from_start + i);
    store(decay(s, kGdnChunk - 1, i), s.to_end + i);
  }
  apply_decay(s);
}

// ---- Of V vectors of columns, from `column` on

// u = T (diag(beta) V - diag(beta e^G) K S): forward substitution by tiles, and within a tile row by row.
template <int V>
HWY_INLINE void solve(const DeltaScratch& s, int64_t column) {
  constexpr int64_t kWidth = V * kLanes;
  for_row_tiles(kGdnChunk, [&](auto rows, int64_t i) HWY_ATTR {
    constexpr int R = decltype(rows)::value;
    const float* l = s.minus_l + i * kGdnChunk;
    Tile<R, V> tile;
    clear(tile);
    s.ahead->step();
    multiply_add(s.k + i * s.dk, s.dk, s.key_dim, s.panel, kWidth, tile);
    HWY_UNROLL(8)
    for (int r = 0; r < R; ++r) {
      const VF beta = set(s.beta[i + r]), from_start = set(s.from_start[i + r]);
      HWY_UNROLL(8)
      for (int v = 0; v < V; ++v) {
        const VF value = load(s.v + (i + r) * s.dv + column + v * kLanes);
        tile.at[r][v] = hn::Mul(beta, hn::NegMulAdd(from_start, tile.at[r][v], value));
      }
    }
    s.ahead->step();
    multiply_add(l, kGdnChunk, i, s.u, kWidth, tile);
    HWY_UNROLL(8)
    for (int r = 1; r < R; ++r) {
      HWY_UNROLL(8)
      for (int m = 0; m < r; ++m) {
        const VF factor = set(l[r * kGdnChunk + i + m]);
        HWY_UNROLL(8)
        for (int v = 0; v < V; ++v) tile.at[r][v] = hn::MulAdd(factor, tile.at[m][v], tile.at[r][v]);
      }
    }
    store_tile(tile, s.u + i * kWidth, kWidth);
  });
}

// o = diag(e^G) Q S + (D o Q K^T) U
template <int V>
HWY_INLINE void outputs(const DeltaScratch& s, int64_t column) {
  constexpr int64_t kWidth = V * kLanes;
  for_row_tiles(kGdnChunk, [&](auto rows, int64_t i) HWY_ATTR {
    constexpr int R = decltype(rows)::value;
    Tile<R, V> tile;
    clear(tile);
    s.ahead->step();
    multiply_add(s.q + i * s.dk, s.dk, s.key_dim, s.panel, kWidth, tile);
    HWY_UNROLL(8)
    for (int r = 0; r < R; ++r) {
      const VF from_start = set(s.from_start[i + r]);
      HWY_UNROLL(8)
      for (int v = 0; v < V; ++v) tile.at[r][v] = hn::Mul(from_start, tile.at[r][v]);
    }
    s.ahead->step();
    multiply_add(s.d_qk + i * kGdnChunk, kGdnChunk, i + R, s.u, kWidth, tile);
    store_tile(tile, s.o + i * s.dv + column, s.dv);
  });
}

// S = e^(G_C) S + K^T diag(e^(G_C - G)) U; consumes u.
template <int V, class Cell>
HWY_INLINE void advance_state(const DeltaScratch& s, Cell* state) {
  constexpr int64_t kWidth = V * kLanes;
  for (int64_t i = 0; i < kGdnChunk; ++i) {
    const VF factor = set(s.to_end[i]);
    for (float* u = s.u + i * kWidth; u < s.u + (i + 1) * kWidth; u += kLanes)
      store(hn::Mul(factor, load(u)), u);
  }
  const VF whole = set(s.from_start[kGdnChunk - 1]);
  for_row_tiles(s.key_dim, [&](auto rows, int64_t i) HWY_ATTR {
    constexpr int R = decltype(rows)::value;
    Tile<R, V> tile;
    HWY_UNROLL(8)
    for (int r = 0; r < R; ++r) {
      HWY_UNROLL(8)
      for (int v = 0; v < V; ++v)
        tile.at[r][v] = hn::Mul(whole, load(s.panel + (i + r) * kWidth + v * kLanes));
    }
    s.ahead->step();
    s.ahead->step();
    multiply_add(s.k_transposed + i * kGdnChunk, kGdnChunk, kGdnChunk, s.u, kWidth, tile);
    HWY_UNROLL(8)
    for (int r = 0; r < R; ++r) {
      HWY_UNROLL(8)
      for (int v = 0; v < V; ++v) store_cells(tile.at[r][v], state + (i + r) * s.dv + v * kLanes);
    }
  });
}

// Rows of the state lie 512 bytes apart, where the columns of a panel would share few sets of the first
// cache: the panel is a copy.
template <int V, class Cell>
HWY_INLINE void chunk_columns(const DeltaScratch& s, int64_t column, Cell* state) {
  for (int64_t i = 0; i < s.key_dim; ++i) {
    HWY_UNROLL(8)
    for (int v = 0; v < V; ++v) {
      store(load_cells(state + i * s.dv + column + v * kLanes), s.panel + (i * V + v) * kLanes);
    }
  }
  solve<V>(s, column);
  outputs<V>(s, column);
  advance_state<V>(s, state + column);
}

// kGdnChunk tokens of a value head; needs prepare_chunk().
template <class Cell>
HWY_INLINE void chunk(const DeltaScratch& s, Cell* state) {
  decays(s);
  int64_t column = 0;
  for (; column + kPanelVectors * kLanes <= s.dv; column += kPanelVectors * kLanes) {
    chunk_columns<kPanelVectors>(s, column, state);
  }
  for (; column < s.dv; column += kLanes) chunk_columns<1>(s, column, state);
}

}  // namespace qnext::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
