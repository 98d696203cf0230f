#include "kernels/cpu_testing.h"

namespace qnext::testing {
namespace {

struct Shape {
  int64_t heads, kv_heads, head_dim, rope_dim;
};

// A paged cache of one sequence, every block an allocation of its own.
class Cache {
 public:
  Cache(const Shape& shape, DType dtype, int64_t block_tokens, int64_t tokens) {
    const int64_t half = shape.kv_heads * block_tokens * row_bytes(dtype, shape.head_dim), lead = 3;
    for (int64_t at = 0; at < tokens; at += block_tokens) {
      blocks_.emplace_back(static_cast<size_t>(lead + 2 * half));
      pointers_.push_back(blocks_.back().data());
    }
    view_.dtype = dtype;
    view_.block_tokens = block_tokens;
    view_.k_offset = lead;
    view_.v_offset = lead + half;
    view_.blocks = pointers_.data();
  }
  Cache(const Cache&) = delete;
  void fill(std::byte value) {
    for (std::vector<std::byte>& b : blocks_) std::fill(b.begin(), b.end(), value);
  }
  const KvLayerView& view() const { return view_; }
  const std::vector<std::vector<std::byte>>& blocks() const { return blocks_; }

 private:
  std::vector<std::vector<std::byte>> blocks_;
  std::vector<std::byte*> pointers_;
  KvLayerView view_;
};

// The inputs of one sequence, from which any run of tokens can be fed.
struct Tokens {
  Tokens(const Shape& s, int64_t count, uint64_t seed)
      : shape(s),
        q(random_floats(seed, count * s.heads * 2 * s.head_dim, 3)),
        k(random_floats(seed + 1, count * s.kv_heads * s.head_dim, 3)),
        v(random_floats(seed + 2, count * s.kv_heads * s.head_dim)) {}
  Shape shape;
  std::vector<float> q, k, v;
};

struct Part {
  const Tokens* tokens;
  Cache* cache;
  int64_t begin, count;
};

class CpuAttention : public OnEveryIsa {
 protected:
  // One step with a segment per run; the outputs one after the other.
  std::vector<float> step(Ops& ops, const std::vector<Part>& runs) {
    const Shape s = runs.front().tokens->shape;
    std::vector<float> q, k, v;
    auto append = [](std::vector<float>& to, const std::vector<float>& from, int64_t begin, int64_t count,
                     int64_t width) {
      to.insert(to.end(), from.begin() + begin * width, from.begin() + (begin + count) * width);
    };
    std::vector<AttentionSegment> segments;
    int64_t row = 0;
    for (const Part& r : runs) {
      append(q, r.tokens->q, r.begin, r.count, s.heads * 2 * s.head_dim);
      append(k, r.tokens->k, r.begin, r.count, s.kv_heads * s.head_dim);
      append(v, r.tokens->v, r.begin, r.count, s.kv_heads * s.head_dim);
      segments.push_back({row, r.count, r.begin, r.cache->view()});
      row += r.count;
    }
    const std::vector<float> q_norm = random_floats(91, s.head_dim, 2),
                             k_norm = random_floats(92, s.head_dim, 2);
    std::vector<float> inv_freq, out(static_cast<size_t>(row * s.heads * s.head_dim), -9.0f);
    for (int64_t m = 0; m < s.rope_dim / 2; ++m)
      inv_freq.push_back(std::pow(100.0f, -2.0f * static_cast<float>(m) / static_cast<float>(s.rope_dim)));
    AttentionArgs args;
    args.heads = s.heads;
    args.kv_heads = s.kv_heads;
    args.head_dim = s.head_dim;
    args.rope_dim = s.rope_dim;
    args.eps = 1e-6f;
    args.q_norm = q_norm.data();
    args.k_norm = k_norm.data();
    args.inv_freq = inv_freq.data();
    args.rope_factor = 1.1f;
    args.segments = segments;
    args.q = q.data();
    args.k = k.data();
    args.v = v.data();
    args.out = out.data();
    ops.attention(args);
    rotated_ = q;
    return out;
  }

  // The whole sequence in pieces of the given sizes.
  std::vector<float> in_pieces(Ops& ops, const Tokens& tokens, DType dtype, int64_t block_tokens,
                               const std::vector<int64_t>& sizes) {
    int64_t total = 0;
    for (int64_t n : sizes) total += n;
    Cache cache(tokens.shape, dtype, block_tokens, total);
    std::vector<float> all;
    int64_t begin = 0;
    for (int64_t n : sizes) {
      const std::vector<float> out = step(ops, {{&tokens, &cache, begin, n}});
      all.insert(all.end(), out.begin(), out.end());
      begin += n;
    }
    return all;
  }

  // How far a result may be from exact sums over what the cache holds (docs/numerics.md). Cores with products
  // of BF16 pairs round queries and weights to the precision of a BF16 or Q8_0 cache.
  double bound(DType dtype) const {
    const bool pairs = GetParam() == "amx" || GetParam() == "avx3_zen4";
    if (!pairs || dtype == DType::kF32) return 3e-6;
    return dtype == DType::kBF16 ? 4e-3 : 1.5e-2;
  }

  std::vector<float> rotated_;
};
QN_ON_EVERY_ISA(CpuAttention);

const std::vector<Shape>& shapes() {
  static const std::vector<Shape> s{{16, 2, 32, 8}, {4, 4, 64, 64}, {3, 1, 32, 2}, {6, 2, 96, 32}};
  return s;
}

TEST_P(CpuAttention, AgreesWithTheReference) {
  for (DType dtype : {DType::kF32, DType::kBF16, DType::kQ8_0}) {
    // Keys rounded to a coarse type can land on either side of a rounding boundary: then one element is off
    // by a step of that type. For Q8_0 the scales differ too: the reference searches for the best.
    const double written = dtype == DType::kF32 ? 0 : dtype == DType::kBF16 ? 3e-4 : 1e-2;
    for (const Shape& shape : shapes()) {
      for (int64_t count : {1, 2, 63, 64, 65, 150}) {
        const Tokens tokens(shape, count, 1);
        const std::vector<float> expected = in_pieces(*ref, tokens, dtype, 16, {count});
        EXPECT_LT(relative_error(in_pieces(*cpu2, tokens, dtype, 16, {count}), expected),
                  bound(dtype) + written)
            << name(dtype) << " heads " << shape.heads << " dim " << shape.head_dim << " tokens " << count;
      }
    }
  }
}

// Given the queries it rotated and the cache it wrote, only the arithmetic's rounding is left.
TEST_P(CpuAttention, AttendsToWhatTheCacheHolds) {
  const Shape s{6, 2, 96, 32};
  const int64_t count = 150, d = s.head_dim, block = 16;
  const Tokens tokens(s, count, 3);
  for (DType dtype : {DType::kF32, DType::kBF16, DType::kQ8_0}) {
    Cache cache(s, dtype, block, count);
    const std::vector<float> got = step(*cpu2, {{&tokens, &cache, 0, count}});
    auto cached = [&](int64_t offset, int64_t head, int64_t p) {
      std::vector<float> row(static_cast<size_t>(d));
      dequantize_row(
          dtype, cache.view().blocks[p / block] + offset + (head * block + p % block) * row_bytes(dtype, d),
          row.data(), d);
      return row;
    };
    std::vector<float> expected;
    for (int64_t t = 0; t < count; ++t) {
      for (int64_t h = 0; h < s.heads; ++h) {
        const float* q = rotated_.data() + (t * s.heads + h) * 2 * d;
        std::vector<double> sum(static_cast<size_t>(d), 0.0);
        double total = 0;
        for (int64_t p = 0; p <= t; ++p) {
          const auto k = cached(cache.view().k_offset, h / 3, p), v = cached(cache.view().v_offset, h / 3, p);
          double dot = 0;
          for (size_t j = 0; j < k.size(); ++j) dot += static_cast<double>(q[j]) * k[j];
          const double weight = std::exp(dot / std::sqrt(static_cast<double>(d)));
          total += weight;
          for (size_t j = 0; j < k.size(); ++j) sum[j] += weight * v[j];
        }
        for (size_t j = 0; j < sum.size(); ++j) {
          expected.push_back(static_cast<float>(
              sum[j] / total / (1 + std::exp(-static_cast<double>(q[d + static_cast<int64_t>(j)])))));
        }
      }
    }
    EXPECT_LT(relative_error(got, expected), bound(dtype)) << name(dtype);
  }
}

TEST_P(CpuAttention, OddWidths) {
  for (const Shape& shape :
       {Shape{1, 1, 2, 2}, Shape{5, 5, 3, 2}, Shape{2, 1, 17, 6}, Shape{9, 3, 40, 34}, Shape{70, 1, 5, 4}}) {
    const Tokens tokens(shape, 70, 4);
    for (DType dtype : {DType::kF32, DType::kBF16}) {
      const std::vector<float> expected = in_pieces(*ref, tokens, dtype, 7, {70});
      EXPECT_LT(relative_error(in_pieces(*cpu2, tokens, dtype, 7, {70}), expected),
                dtype == DType::kF32 ? 3e-6 : 1e-3)
          << shape.head_dim;
    }
  }
}

TEST_P(CpuAttention, NormsAndRotatesQueriesInPlace) {
  const Tokens tokens({4, 2, 24, 10}, 5, 6);
  Cache a(tokens.shape, DType::kF32, 4, 5), b(tokens.shape, DType::kF32, 4, 5);
  step(*ref, {{&tokens, &a, 0, 5}});
  const std::vector<float> expected = rotated_;
  step(*cpu1, {{&tokens, &b, 0, 5}});
  EXPECT_LT(relative_error(rotated_, expected), 1e-6);
}

TEST_P(CpuAttention, FarPositions) {  // where a sloppy sine would show
  const Shape shape{2, 1, 8, 8};
  const int64_t far = 262000, block = 512;
  const Tokens tokens(shape, 4, 6);
  std::vector<float> out[2];
  for (int i = 0; i < 2; ++i) {
    Cache cache(shape, DType::kF32, block, far + 4);
    std::vector<float> q = tokens.q, k = tokens.k;
    std::vector<float> inv_freq{1.0f, 0.5f, 0.25f, 0.125f}, norm(8, 1.0f);
    out[i].resize(4 * 2 * 8);
    const AttentionSegment segment{0, 4, far, cache.view()};
    AttentionArgs args{2,
                       1,
                       8,
                       8,
                       1e-6f,
                       norm.data(),
                       norm.data(),
                       inv_freq.data(),
                       1.0f,
                       {&segment, 1},
                       q.data(),
                       k.data(),
                       tokens.v.data(),
                       out[i].data()};
    (i == 0 ? *ref : *cpu2).attention(args);
  }
  EXPECT_LT(relative_error(out[1], out[0]), 1e-5);
}

TEST_P(CpuAttention, PiecesAndThreadsGiveTheSameBits) {
  for (DType dtype : {DType::kF32, DType::kBF16, DType::kQ8_0}) {
    for (const Shape& shape : shapes()) {
      const Tokens tokens(shape, 140, 8);
      const std::vector<float> whole = in_pieces(*cpu1, tokens, dtype, 16, {140});
      EXPECT_TRUE(same_bits(whole, in_pieces(*cpu2, tokens, dtype, 16, {140})));
      EXPECT_TRUE(same_bits(whole, in_pieces(*cpu2, tokens, dtype, 16, {64, 64, 12})));
      EXPECT_TRUE(same_bits(whole, in_pieces(*cpu1, tokens, dtype, 33, {1, 70, 5, 1, 63})));
      EXPECT_TRUE(same_bits(whole, in_pieces(*cpu2, tokens, dtype, 1024, std::vector<int64_t>(140, 1))));
    }
  }
}

// Blocks of 64 and 128 positions may be kept in an order of their own, blocks of 40 are not.
TEST_P(CpuAttention, BlocksOfAnySizeGiveTheSameBits) {
  for (const Shape& shape : {Shape{16, 2, 256, 64}, Shape{5, 1, 64, 16}}) {
    const Tokens tokens(shape, 611, 12);
    for (DType dtype : {DType::kBF16, DType::kQ8_0}) {
      const std::vector<int64_t> sizes{300, 1, 1, 1, 33, 64, 1, 210};
      const std::vector<float> rows = in_pieces(*cpu1, tokens, dtype, 40, {611});
      EXPECT_TRUE(same_bits(rows, in_pieces(*cpu2, tokens, dtype, 64, sizes))) << name(dtype);
      EXPECT_TRUE(same_bits(rows, in_pieces(*cpu1, tokens, dtype, 128, sizes))) << name(dtype);
    }
  }
}

// Depths of several spans, the unit that threads share.
TEST_P(CpuAttention, SpansGiveTheSameBits) {
  ThreadPool many(5);
  const auto ops = cpu(many);
  const Shape shape{8, 1, 32, 8};
  const Tokens tokens(shape, 1600, 8);
  for (DType dtype : {DType::kF32, DType::kBF16, DType::kQ8_0}) {
    const std::vector<float> whole = in_pieces(*cpu1, tokens, dtype, 64, {1600});
    EXPECT_TRUE(same_bits(whole, in_pieces(*cpu2, tokens, dtype, 64, {512, 512, 512, 1, 1, 62})));
    EXPECT_TRUE(same_bits(whole, in_pieces(*ops, tokens, dtype, 48, {511, 1, 1, 510, 1, 1, 3, 9, 555, 1, 7})))
        << name(dtype);
  }
}

TEST_P(CpuAttention, DeepRowsAgreeWithTheReference) {
  for (const Shape& shape : {Shape{16, 2, 256, 64}, Shape{3, 3, 40, 8}}) {
    const int64_t depth = 1100;
    // The same keys and values with fewer queries, which fill a cache faster.
    const Tokens tokens(shape, depth + 3, 5),
        fill({shape.kv_heads, shape.kv_heads, shape.head_dim, shape.rope_dim}, depth, 5);
    for (DType dtype : {DType::kF32, DType::kBF16, DType::kQ8_0}) {
      if (shape.head_dim % info(dtype).block != 0) continue;
      // The reference reads rows: those of blocks that the backend does not keep in panels.
      Cache rows(shape, dtype, 48, depth + 3), cache(shape, dtype, 64, depth + 3);
      step(*cpu2, {{&fill, &rows, 0, depth}});
      step(*cpu2, {{&fill, &cache, 0, depth}});
      const std::vector<float> got = step(*cpu2, {{&tokens, &cache, depth, 3}});
      const double written = dtype == DType::kF32 ? 0 : 1e-3;  // three rows, in another way
      EXPECT_LT(relative_error(got, step(*ref, {{&tokens, &rows, depth, 3}})), bound(dtype) + written)
          << name(dtype);
    }
  }
}

// Neither what a block holds behind the last token, nor a later token that is no number.
TEST_P(CpuAttention, SeesNothingBehindItsPosition) {
  const Shape shape{6, 2, 64, 16};
  const int64_t count = 601;
  const Tokens tokens(shape, count, 9);
  Tokens broken = tokens;
  const int64_t bad = 533, width = shape.kv_heads * shape.head_dim;
  for (int64_t j = bad * width; j < (bad + 1) * width; ++j) {
    broken.k[static_cast<size_t>(j)] = broken.v[static_cast<size_t>(j)] = NAN;
  }
  for (DType dtype : {DType::kF32, DType::kBF16, DType::kQ8_0}) {
    Cache clean(shape, dtype, 64, count), dirty(shape, dtype, 64, count), third(shape, dtype, 64, count);
    dirty.fill(std::byte{0xff});
    const std::vector<float> expected = step(*cpu1, {{&tokens, &clean, 0, count}});
    EXPECT_TRUE(same_bits(expected, step(*cpu2, {{&tokens, &dirty, 0, count}}))) << name(dtype);
    std::vector<float> seen = step(*cpu2, {{&broken, &third, 0, count}}), before = expected;
    const auto rows = static_cast<size_t>(bad * shape.heads * shape.head_dim);
    EXPECT_TRUE(std::isnan(seen.back()) || dtype == DType::kQ8_0) << name(dtype);
    seen.resize(rows), before.resize(rows);
    EXPECT_TRUE(same_bits(before, seen)) << name(dtype);
  }
}

TEST_P(CpuAttention, ASequenceDoesNotDependOnTheOthersOfTheStep) {
  const Shape shape{4, 2, 32, 16};
  const Tokens a(shape, 90, 20), b(shape, 90, 30), c(shape, 90, 40);
  Cache a1(shape, DType::kF32, 16, 90), b1(shape, DType::kF32, 16, 90), c1(shape, DType::kF32, 16, 90);
  Cache a2(shape, DType::kF32, 16, 90), b2(shape, DType::kF32, 16, 90), c2(shape, DType::kF32, 16, 90);
  std::vector<float> alone = step(*cpu1, {{&a, &a1, 0, 80}});
  for (const auto& [tokens, cache, n] : {std::tuple{&b, &b1, 1}, std::tuple{&c, &c1, 65}}) {
    const std::vector<float> out = step(*cpu1, {{tokens, cache, 0, n}});
    alone.insert(alone.end(), out.begin(), out.end());
  }
  EXPECT_TRUE(same_bits(alone, step(*cpu2, {{&a, &a2, 0, 80}, {&b, &b2, 0, 1}, {&c, &c2, 0, 65}})));
  EXPECT_EQ(a1.blocks(), a2.blocks());
  alone = step(*cpu2, {{&a, &a1, 80, 1}});
  const std::vector<float> out = step(*cpu2, {{&c, &c1, 65, 20}});
  alone.insert(alone.end(), out.begin(), out.end());
  // A segment without tokens in between changes nothing.
  EXPECT_TRUE(same_bits(alone, step(*cpu1, {{&a, &a2, 80, 1}, {&b, &b2, 1, 0}, {&c, &c2, 65, 20}})));
}

TEST_P(CpuAttention, ManyThreads) {
  ThreadPool many(5);
  const auto ops = cpu(many);
  const Tokens tokens({16, 2, 32, 8}, 100, 1);
  EXPECT_TRUE(same_bits(in_pieces(*ops, tokens, DType::kF32, 16, {99, 1}),
                        in_pieces(*cpu1, tokens, DType::kF32, 16, {100})));
}

TEST_P(CpuAttention, SequencesOfDifferentDepths) {
  ThreadPool many(7);
  const auto ops = cpu(many);
  const Shape shape{8, 2, 64, 16};
  const Tokens a(shape, 1300, 20), b(shape, 40, 30), c(shape, 600, 40);
  for (DType dtype : {DType::kF32, DType::kBF16, DType::kQ8_0}) {
    Cache ca(shape, dtype, 64, 1300), cb(shape, dtype, 64, 40), cc(shape, dtype, 64, 600);
    step(*cpu2, {{&a, &ca, 0, 1290}, {&b, &cb, 0, 30}, {&c, &cc, 0, 512}});
    std::vector<float> alone = step(*cpu1, {{&a, &ca, 1290, 1}});
    for (const Part& part : {Part{&b, &cb, 30, 2}, Part{&c, &cc, 512, 70}}) {
      const std::vector<float> out = step(*cpu1, {part});
      alone.insert(alone.end(), out.begin(), out.end());
    }
    EXPECT_TRUE(same_bits(alone, step(*ops, {{&a, &ca, 1290, 1}, {&b, &cb, 30, 2}, {&c, &cc, 512, 70}})));
  }
}

TEST_P(CpuAttention, NoTokens) {
  const Tokens tokens({4, 2, 8, 4}, 1, 1);
  Cache cache(tokens.shape, DType::kF32, 4, 1);
  EXPECT_TRUE(step(*cpu2, {{&tokens, &cache, 0, 0}}).empty());
}

}  // namespace
}  // namespace qnext::testing
