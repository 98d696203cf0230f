// The contract of every operation of the model, which a backend fills: ref (plain loops, double sums: the
// definition of right), cpu (SIMD and threads), later cuda.
//
// Activations are float32, row-major, one row per token of the step; a step's rows are those of one or more
// sequences one after the other ("segments"). Operations are blocks big enough that the virtual call costs
// nothing. A row's result does not depend on the other rows of the step, nor on the number of threads: every
// reduction has one fixed order. Pointers never alias unless a comment says "in place". Sizes of 0 rows are
// allowed.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/thread_pool.h"
#include "kernels/matrix.h"

namespace qnext {

// ---- Gated full attention
// ------------------------------------------------------------------------------------

// Where one sequence's keys and values of one layer lie. Block b holds positions [b * block_tokens, (b + 1) *
// ...). A backend may keep the rows of a head in a block in an order of its own, so only the backend that
// wrote a cache can read it.
struct KvLayerView {
  DType dtype = DType::kF32;  // F32, BF16 or Q8_0 (then head_dim is a multiple of 32)
  int64_t block_tokens = 0;
  std::byte* const* blocks = nullptr;  // enough blocks for position + count tokens
  int64_t k_offset = 0, v_offset = 0;  // bytes from a block's start; each [kv_heads, block_tokens, head_dim]
};

struct AttentionSegment {
  int64_t row = 0, count = 0;  // rows of the step that belong to the sequence
  int64_t position = 0;        // position of the first of them; positions below it are in the cache already
  KvLayerView kv;
};

struct AttentionArgs {
  int64_t heads = 0, kv_heads = 0, head_dim = 0, rope_dim = 0;
  float eps = 0;
  const float* q_norm = nullptr;    // [head_dim], multiplier (1 + w already added)
  const float* k_norm = nullptr;    // [head_dim]
  const float* inv_freq = nullptr;  // [rope_dim / 2], YaRN already applied
  float rope_factor = 1;            // multiplies cos and sin
  std::span<const AttentionSegment> segments;
  float* q = nullptr;  // [n, heads, 2, head_dim]: query, then gate; the query is normed and rotated in place
  float* k = nullptr;  // [n, kv_heads, head_dim]; normed and rotated in place
  const float* v = nullptr;  // [n, kv_heads, head_dim]
  float* out = nullptr;      // [n, heads, head_dim]
};

// ---- Gated DeltaNet
// ------------------------------------------------------------------------------------------

// Two algebraically equal ways to run the delta rule; they differ by rounding.
enum class GdnForm : uint8_t {
  kAutomatic,  // chunked for every 64 positions (from the sequence's start) that the segment covers whole
  kRecurrent,  // token by token
};
inline constexpr int64_t kGdnChunk = 64;

struct GdnSegment {
  int64_t row = 0, count = 0;
  int64_t position = 0;   // position of the first row
  void* state = nullptr;  // [value_heads, key_dim, value_dim] of GdnArgs::state_dtype, updated
  float* conv =
      nullptr;  // [conv_kernel - 1, channels], the last pre-convolution columns, oldest first; updated
};

struct GdnArgs {
  int64_t key_heads = 0, value_heads = 0, key_dim = 0, value_dim = 0, conv_kernel = 0;
  float eps = 0;
  const float* conv_weight = nullptr;  // [channels, conv_kernel]; the last column is the current token
  const float* neg_a = nullptr;        // [value_heads], -exp(A_log)
  const float* dt_bias = nullptr;      // [value_heads]
  const float* norm = nullptr;         // [value_dim], plain multiplier
  std::span<const GdnSegment> segments;
  const float* qkv =
      nullptr;                // [n, channels]: q [key_heads, key_dim], k likewise, v [value_heads, value_dim]
  const float* z = nullptr;   // [n, value_heads, value_dim]
  const float* ba = nullptr;  // [n, 2 * value_heads]: b of every head, then a of every head
  float* out = nullptr;       // [n, value_heads, value_dim], after the gated norm
  GdnForm form = GdnForm::kAutomatic;
  // F32, or BF16: then rounded after every whole chunk and after every token outside of them.
  DType state_dtype = DType::kF32;

  int64_t channels() const { return 2 * key_heads * key_dim + value_heads * value_dim; }
};

// ---- Feed-forward
// --------------------------------------------------------------------------------------------

// down(silu(gate x) * up x)
struct Mlp {
  Matrix gate, up, down;  // [width, hidden], [width, hidden], [hidden, width]
};

struct MoeArgs {
  const std::vector<Mlp>* experts = nullptr;
  int64_t top_k = 0;
  const int32_t* ids = nullptr;    // [n, top_k], distinct in a row
  const float* weights = nullptr;  // [n, top_k]
  // The shared expert, scaled by sigmoid(shared_gate x). Absent when shared->gate is empty.
  const Mlp* shared = nullptr;
  const Matrix* shared_gate = nullptr;  // [1, hidden]
  int64_t n = 0, hidden = 0;
  const float* x = nullptr;  // [n, hidden]
  float* y = nullptr;        // [n, hidden]: experts in the order of ids, then the shared one
};

// One of the matrices that are multiplied with the same input: y[n, w->rows] = x[n, w->cols] W^T
struct Projection {
  const Matrix* w = nullptr;
  float* y = nullptr;
};

// ---- The table
// -----------------------------------------------------------------------------------------------

class Ops {
 public:
  virtual ~Ops() = default;
  virtual std::string_view name() const = 0;  // "ref", "cpu (avx3_zen4)"
  virtual bool supports(DType weight_type) const = 0;
  // Bytes of a matrix, to be read once, on any thread: where they are, or in `buffer`, which has room for
  // them.
  using Read = FunctionRef<const std::byte*(const std::byte* data, int64_t bytes, std::byte* buffer)>;
  // Moves each matrix to memory of its own, in the layout that the backend is fastest with; one that lies in
  // it already, or for which there is none better, stays. For loading: every operation takes a matrix in
  // either layout.
  virtual void prepare(std::span<Matrix* const> matrices, Read read) {}
  // The same, but the backend may leave a matrix where it is until it is used, so that a model answers before
  // all of it was moved. Until then only linear, mlp and moe take the matrix. `read` must work, and the bytes
  // stay, as long as the matrices live.
  using KeptRead = std::function<const std::byte*(const std::byte* data, int64_t bytes, std::byte* buffer)>;
  virtual void prepare_on_use(std::span<Matrix* const> matrices, std::shared_ptr<const KeptRead> read) {
    prepare(matrices, *read);
  }
  // Moves what is still where it was.
  virtual void finish_preparing(std::span<Matrix* const> matrices) {}
  Matrix prepare(Matrix matrix) {
    Matrix* const one[] = {&matrix};
    prepare(one, [](const std::byte* data, int64_t, std::byte*) { return data; });
    return matrix;
  }

  // y[i] = row ids[i] of the table, in float32. ids are valid. y: [ids.size(), table.cols]
  virtual void embed(const Matrix& table, std::span<const int32_t> ids, float* y) = 0;
  // y = x / sqrt(mean(x^2) + eps) * scale, per row. x, y: [n, width], y may be x.
  virtual void rms_norm(const float* x, const float* scale, float eps, int64_t n, int64_t width,
                        float* y) = 0;
  // Every projection of x[n, cols], in one go. All have as many columns.
  virtual void linear(std::span<const Projection> projections, const float* x, int64_t n) = 0;
  void linear(const Matrix& w, const float* x, int64_t n, float* y) {
    const Projection one{&w, y};
    linear({&one, 1}, x, n);
  }
  // x += y
  virtual void add(float* x, const float* y, int64_t count) = 0;
  // y[n, hidden] = mlp(x[n, hidden])
  virtual void mlp(const Mlp& weights, const float* x, int64_t n, float* y) = 0;
  virtual void attention(const AttentionArgs& args) = 0;
  virtual void gdn(const GdnArgs& args) = 0;
  // Softmax over all experts, the top_k largest (ties: lowest index first) in falling order, renormalised to
  // sum 1 if asked. logits: [n, experts]; ids, weights: [n, top_k].
  virtual void moe_route(const float* logits, int64_t n, int64_t experts, int64_t top_k, bool normalise,
                         int32_t* ids, float* weights) = 0;
  virtual void moe(const MoeArgs& args) = 0;
};

// Both keep a reference to the pool, which must outlive them. One step at a time.
std::unique_ptr<Ops> make_ref_ops(ThreadPool& pool);

// How the inputs of a matrix product may be rounded, where that is faster (docs/numerics.md).
enum class Rounding : uint8_t {
  kNone,    // float32
  kInt8,    // before quantised weights to 8 bits in blocks of 32
  kNative,  // also to BF16 before BF16 weights, on machines that multiply those
};

// `isa`: "" for the best that this machine runs, or a name of cpu_isas(). Null when the name is unknown or
// the machine lacks it.
std::unique_ptr<Ops> make_cpu_ops(ThreadPool& pool, std::string_view isa = "",
                                  Rounding rounding = Rounding::kInt8);
// What this build was compiled for and this machine runs, best first: "amx", "avx3_zen4", "avx3_dl", "avx3",
// "avx2", ...
std::vector<std::string_view> cpu_isas();

}  // namespace qnext
