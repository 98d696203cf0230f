// Gated DeltaNet, "Gated Delta Networks" (Yang, Kautz, Hatamizadeh, 2024): causal convolution, gates, the
// gated delta rule token by token or by chunks, gated norm. Derivation of the chunked form: docs/numerics.md.
#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/ref/ref_ops.h"
#include "tensor/float_formats.h"

namespace qnext::ref {
namespace {

double softplus(double x) { return x > 20 ? x : std::log1p(std::exp(x)); }

// y[t][ch] = silu(sum_j w[ch][j] c[t - K + 1 + j][ch]); columns before the segment come from the history,
// which moves on.
std::vector<float> convolve(const GdnArgs& args, const GdnSegment& segment) {
  const int64_t channels = args.channels(), kernel = args.conv_kernel, past = kernel - 1;
  auto column = [&](int64_t t, int64_t ch) {  // t >= -past, relative to the segment
    return t < 0 ? segment.conv[(t + past) * channels + ch] : args.qkv[(segment.row + t) * channels + ch];
  };
  std::vector<float> y(static_cast<size_t>(segment.count * channels));
  for (int64_t t = 0; t < segment.count; ++t) {
    for (int64_t ch = 0; ch < channels; ++ch) {
      double sum = 0;
      for (int64_t j = 0; j < kernel; ++j) {
        sum += static_cast<double>(args.conv_weight[ch * kernel + j]) * column(t - past + j, ch);
      }
      y[static_cast<size_t>(t * channels + ch)] = static_cast<float>(silu(sum));
    }
  }
  std::vector<float> history(static_cast<size_t>(past * channels));
  for (int64_t j = 0; j < past; ++j) {
    for (int64_t ch = 0; ch < channels; ++ch) {
      history[static_cast<size_t>(j * channels + ch)] = column(segment.count - past + j, ch);
    }
  }
  std::copy(history.begin(), history.end(), segment.conv);
  return y;
}

// One value head over a run of tokens, everything in double but the stored state.
struct HeadRun {
  int64_t count, dk, dv;
  std::vector<double> q, k, v;  // [count, dk], [count, dk], [count, dv]; q and k normalised, q scaled
  std::vector<double> beta, g;  // [count]
  std::vector<double> o;        // [count, dv]
};

void l2_normalise(const float* in, int64_t n, double scale, double* out) {
  double squares = 0;
  for (int64_t j = 0; j < n; ++j) squares += static_cast<double>(in[j]) * in[j];
  const double inverse = scale / std::sqrt(squares + 1e-6);
  for (int64_t j = 0; j < n; ++j) out[j] = in[j] * inverse;
}

HeadRun head_inputs(const GdnArgs& args, const GdnSegment& segment, const std::vector<float>& conv,
                    int64_t head) {
  const int64_t dk = args.key_dim, dv = args.value_dim, n = segment.count;
  const int64_t key_head = head / (args.value_heads / args.key_heads);
  HeadRun run{n, dk, dv, {}, {}, {}, {}, {}, {}};
  run.q.resize(static_cast<size_t>(n * dk));
  run.k.resize(run.q.size());
  run.v.resize(static_cast<size_t>(n * dv));
  run.o.resize(run.v.size());
  for (int64_t t = 0; t < n; ++t) {
    const float* row = conv.data() + t * args.channels();
    l2_normalise(row + key_head * dk, dk, 1.0 / std::sqrt(static_cast<double>(dk)),
                 &run.q[static_cast<size_t>(t * dk)]);
    l2_normalise(row + (args.key_heads + key_head) * dk, dk, 1.0, &run.k[static_cast<size_t>(t * dk)]);
    const float* v = row + 2 * args.key_heads * dk + head * dv;
    std::copy(v, v + dv, run.v.begin() + t * dv);
    const float* ba = args.ba + (segment.row + t) * 2 * args.value_heads;
    run.beta.push_back(sigmoid(ba[head]));
    const double a = static_cast<double>(ba[args.value_heads + head]) + args.dt_bias[head];
    run.g.push_back(args.neg_a[head] * softplus(a));
  }
  return run;
}

// To what the state is stored as.
double stored(double x, DType dtype) {
  const float rounded = static_cast<float>(x);
  return dtype == DType::kBF16 ? bf16_to_float(float_to_bf16(rounded)) : rounded;
}

// S = e^g S; u = beta (v - S^T k); S += k u^T; o = S^T q.  S: [dk, dv]
void recurrent(HeadRun& run, int64_t begin, int64_t end, DType dtype, std::vector<double>& s) {
  const int64_t dk = run.dk, dv = run.dv;
  for (int64_t t = begin; t < end; ++t) {
    const double* q = &run.q[static_cast<size_t>(t * dk)];
    const double* k = &run.k[static_cast<size_t>(t * dk)];
    const double decay = std::exp(run.g[static_cast<size_t>(t)]);
    for (double& x : s) x *= decay;
    for (int64_t j = 0; j < dv; ++j) {
      double predicted = 0, out = 0;
      for (int64_t i = 0; i < dk; ++i) predicted += s[static_cast<size_t>(i * dv + j)] * k[i];
      const double u =
          run.beta[static_cast<size_t>(t)] * (run.v[static_cast<size_t>(t * dv + j)] - predicted);
      for (int64_t i = 0; i < dk; ++i) {
        double& cell = s[static_cast<size_t>(i * dv + j)];
        cell += k[i] * u;
        out += cell * q[i];
      }
      run.o[static_cast<size_t>(t * dv + j)] = out;
    }
    // Any token may be a step's last.
    if (dtype == DType::kBF16) {
      for (double& x : s) x = stored(x, dtype);
    }
  }
}

double dot(const double* a, const double* b, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += a[i] * b[i];
  return sum;
}

// (I + L) U = diag(beta) V - diag(beta e^G) K S,  L_ij = beta_i e^(G_i - G_j) (k_i . k_j) for j < i, solved
// row by row; O = diag(e^G) Q S + (e^(G_i - G_j) (q_i . k_j) for j <= i) U;  S = e^(G_C) S + K^T diag(e^(G_C
// - G)) U. Exponents are formed as differences first: all that are used are <= 0.
void chunk(HeadRun& run, int64_t begin, int64_t end, std::vector<double>& s) {
  const int64_t c = end - begin, dk = run.dk, dv = run.dv;
  const double* q = &run.q[static_cast<size_t>(begin * dk)];
  const double* k = &run.k[static_cast<size_t>(begin * dk)];
  std::vector<double> cumulative(static_cast<size_t>(c)), u(static_cast<size_t>(c * dv));
  double g = 0;
  for (int64_t i = 0; i < c; ++i)
    cumulative[static_cast<size_t>(i)] = g += run.g[static_cast<size_t>(begin + i)];
  auto decay = [&](int64_t i, int64_t j) {
    return std::exp(cumulative[static_cast<size_t>(i)] - cumulative[static_cast<size_t>(j)]);
  };
  auto through_state = [&](const double* x, int64_t j) {  // (S^T x)[j]
    double sum = 0;
    for (int64_t i = 0; i < dk; ++i) sum += s[static_cast<size_t>(i * dv + j)] * x[i];
    return sum;
  };
  for (int64_t i = 0; i < c; ++i) {
    const double beta = run.beta[static_cast<size_t>(begin + i)],
                 from_start = std::exp(cumulative[static_cast<size_t>(i)]);
    double* ui = &u[static_cast<size_t>(i * dv)];
    for (int64_t j = 0; j < dv; ++j) {
      ui[j] = beta *
              (run.v[static_cast<size_t>((begin + i) * dv + j)] - from_start * through_state(k + i * dk, j));
    }
    for (int64_t m = 0; m < i; ++m) {
      const double l = beta * decay(i, m) * dot(k + i * dk, k + m * dk, dk);
      for (int64_t j = 0; j < dv; ++j) ui[j] -= l * u[static_cast<size_t>(m * dv + j)];
    }
    double* o = &run.o[static_cast<size_t>((begin + i) * dv)];
    for (int64_t j = 0; j < dv; ++j) o[j] = from_start * through_state(q + i * dk, j);
    for (int64_t m = 0; m <= i; ++m) {
      const double w = decay(i, m) * dot(q + i * dk, k + m * dk, dk);
      for (int64_t j = 0; j < dv; ++j) o[j] += w * u[static_cast<size_t>(m * dv + j)];
    }
  }
  const double whole = std::exp(cumulative[static_cast<size_t>(c - 1)]);
  for (double& x : s) x *= whole;
  for (int64_t m = 0; m < c; ++m) {
    const double w = decay(c - 1, m);
    for (int64_t i = 0; i < dk; ++i) {
      for (int64_t j = 0; j < dv; ++j) {
        s[static_cast<size_t>(i * dv + j)] += w * k[m * dk + i] * u[static_cast<size_t>(m * dv + j)];
      }
    }
  }
}

template <class Cell, class Load, class Store>
void delta_rule(const GdnArgs& args, const GdnSegment& segment, HeadRun& run, Cell* state, Load load,
                Store store) {
  std::vector<double> s(static_cast<size_t>(run.dk * run.dv));
  std::transform(state, state + s.size(), s.begin(), load);
  for (int64_t t = 0; t < run.count;) {
    const int64_t offset = (segment.position + t) % kGdnChunk;
    const int64_t end = std::min(run.count, t + kGdnChunk - offset);
    const bool whole = offset == 0 && end - t == kGdnChunk && args.form == GdnForm::kAutomatic;
    if (whole) {
      chunk(run, t, end, s);
    } else {
      recurrent(run, t, end, args.state_dtype, s);
    }
    // Rounded where a prompt may be cut without a trace, since the cut rounds it too.
    if (offset + (end - t) == kGdnChunk) {
      for (double& x : s) x = stored(x, args.state_dtype);
    }
    t = end;
  }
  std::transform(s.begin(), s.end(), state, store);
}

// y = norm * (o / rms(o)) * silu(z)
void gated_norm(const GdnArgs& args, const GdnSegment& segment, const HeadRun& run, int64_t head) {
  const int64_t dv = run.dv;
  for (int64_t t = 0; t < run.count; ++t) {
    const double* o = &run.o[static_cast<size_t>(t * dv)];
    const int64_t at = ((segment.row + t) * args.value_heads + head) * dv;
    const double inverse = 1.0 / std::sqrt(dot(o, o, dv) / static_cast<double>(dv) + args.eps);
    for (int64_t j = 0; j < dv; ++j) {
      args.out[at + j] = static_cast<float>(args.norm[j] * o[j] * inverse * silu(args.z[at + j]));
    }
  }
}

}  // namespace

void gdn(ThreadPool& pool, const GdnArgs& args) {
  for (const GdnSegment& segment : args.segments) {
    const std::vector<float> conv = convolve(args, segment);
    pool.parallel_for(args.value_heads, 1, [&](int64_t begin, int64_t end, int) {
      for (int64_t head = begin; head < end; ++head) {
        HeadRun run = head_inputs(args, segment, conv, head);
        const int64_t first = head * args.key_dim * args.value_dim;
        if (args.state_dtype == DType::kBF16) {
          delta_rule(args, segment, run, static_cast<uint16_t*>(segment.state) + first, bf16_to_float,
                     [](double x) { return float_to_bf16(static_cast<float>(x)); });
        } else {
          delta_rule(
              args, segment, run, static_cast<float*>(segment.state) + first,
              [](float x) { return static_cast<double>(x); }, [](double x) { return static_cast<float>(x); });
        }
        gated_norm(args, segment, run, head);
      }
    });
  }
}

}  // namespace qnext::ref
