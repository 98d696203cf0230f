#include <algorithm>

#include "kernels/cpu_testing.h"
#include "tensor/float_formats.h"

namespace qnext::testing {
namespace {

struct Shape {
  int64_t key_heads, value_heads, key_dim, value_dim, kernel;
  int64_t channels() const { return 2 * key_heads * key_dim + value_heads * value_dim; }
};

// A sequence's recurrent state.
struct State {
  explicit State(const Shape& s, uint64_t seed = 0)
      : matrix(static_cast<size_t>(s.value_heads * s.key_dim * s.value_dim), 0.0f),
        conv(static_cast<size_t>((s.kernel - 1) * s.channels()), 0.0f) {
    if (seed) {
      matrix = random_floats(seed, static_cast<int64_t>(matrix.size()));
      conv = random_floats(seed + 1, static_cast<int64_t>(conv.size()));
    }
  }
  // The matrix as BF16 numbers, and back.
  std::vector<uint16_t> narrow() const {
    std::vector<uint16_t> cells;
    for (float x : matrix) cells.push_back(float_to_bf16(x));
    return cells;
  }
  void widen(const std::vector<uint16_t>& cells) {
    std::transform(cells.begin(), cells.end(), matrix.begin(), bf16_to_float);
  }
  std::vector<float> matrix, conv;
};

struct Tokens {
  Tokens(const Shape& s, int64_t count, uint64_t seed)
      : shape(s),
        qkv(random_floats(seed, count * s.channels(), 2)),
        z(random_floats(seed + 1, count * s.value_heads * s.value_dim, 3)),
        ba(random_floats(seed + 2, count * 2 * s.value_heads, 3)) {}
  Shape shape;
  std::vector<float> qkv, z, ba;
};

struct Part {
  const Tokens* tokens;
  State* state;
  int64_t begin, count;
};

class CpuGdn : public OnEveryIsa {
 protected:
  std::vector<float> step(Ops& ops, const std::vector<Part>& runs, GdnForm form = GdnForm::kAutomatic) {
    const Shape s = runs.front().tokens->shape;
    std::vector<float> qkv, z, ba;
    auto append = [](std::vector<float>& to, const std::vector<float>& from, int64_t begin, int64_t count,
                     int64_t width) {
      to.insert(to.end(), from.begin() + begin * width, from.begin() + (begin + count) * width);
    };
    std::vector<GdnSegment> segments;
    std::vector<std::vector<uint16_t>> narrow;
    for (const Part& r : runs) narrow.push_back(r.state->narrow());
    int64_t row = 0;
    for (const Part& r : runs) {
      append(qkv, r.tokens->qkv, r.begin, r.count, s.channels());
      append(z, r.tokens->z, r.begin, r.count, s.value_heads * s.value_dim);
      append(ba, r.tokens->ba, r.begin, r.count, 2 * s.value_heads);
      void* state = r.state->matrix.data();
      if (state_dtype_ == DType::kBF16) state = narrow[segments.size()].data();
      segments.push_back({row, r.count, r.begin, state, r.state->conv.data()});
      row += r.count;
    }
    const std::vector<float> conv_weight = random_floats(71, s.channels() * s.kernel),
                             norm = random_floats(72, s.value_dim, 2);
    std::vector<float> neg_a = random_floats(73, s.value_heads),
                       dt_bias = random_floats(74, s.value_heads, 2);
    for (float& a : neg_a) a = -std::exp(2 * a) * decay_;
    std::vector<float> out(static_cast<size_t>(row * s.value_heads * s.value_dim), -9.0f);
    GdnArgs args;
    args.key_heads = s.key_heads;
    args.value_heads = s.value_heads;
    args.key_dim = s.key_dim;
    args.value_dim = s.value_dim;
    args.conv_kernel = s.kernel;
    args.eps = 1e-6f;
    args.conv_weight = conv_weight.data();
    args.neg_a = neg_a.data();
    args.dt_bias = dt_bias.data();
    args.norm = norm.data();
    args.segments = segments;
    args.qkv = qkv.data();
    args.z = z.data();
    args.ba = ba.data();
    args.out = out.data();
    args.form = form;
    args.state_dtype = state_dtype_;
    ops.gdn(args);
    if (state_dtype_ == DType::kBF16) {
      for (size_t i = 0; i < runs.size(); ++i) runs[i].state->widen(narrow[i]);
    }
    return out;
  }

  // Outputs of the whole sequence in pieces, then the state it ends in.
  std::vector<float> in_pieces(Ops& ops, const Tokens& tokens, const std::vector<int64_t>& sizes,
                               GdnForm form = GdnForm::kAutomatic) {
    State state(tokens.shape);
    std::vector<float> all;
    int64_t begin = 0;
    for (int64_t n : sizes) {
      const std::vector<float> out = step(ops, {{&tokens, &state, begin, n}}, form);
      all.insert(all.end(), out.begin(), out.end());
      begin += n;
    }
    all.insert(all.end(), state.matrix.begin(), state.matrix.end());
    all.insert(all.end(), state.conv.begin(), state.conv.end());
    return all;
  }

  float decay_ = 0.3f;
  DType state_dtype_ = DType::kF32;
};
QN_ON_EVERY_ISA(CpuGdn);

const std::vector<Shape>& shapes() {
  static const std::vector<Shape> s{{2, 4, 32, 32, 4}, {1, 1, 1, 1, 1},    {2, 2, 3, 5, 2}, {1, 3, 17, 40, 4},
                                    {2, 2, 64, 16, 8}, {1, 2, 16, 128, 3}, {3, 3, 5, 7, 5}};
  return s;
}

TEST_P(CpuGdn, AgreesWithTheReference) {
  for (const Shape& shape : shapes()) {
    for (int64_t count : {1, 2, 5, 63, 64, 65, 130, 200}) {
      const Tokens tokens(shape, count, 1);
      for (GdnForm form : {GdnForm::kAutomatic, GdnForm::kRecurrent}) {
        EXPECT_LT(
            relative_error(in_pieces(*cpu2, tokens, {count}, form), in_pieces(*ref, tokens, {count}, form)),
            1e-5)
            << "dk " << shape.key_dim << " dv " << shape.value_dim << " tokens " << count << " form "
            << static_cast<int>(form);
      }
    }
  }
}

TEST_P(CpuGdn, ContinuesFromAState) {
  for (const Shape& shape : shapes()) {
    const Tokens tokens(shape, 200, 2);
    State a(shape, 3), b(shape, 3);
    const std::vector<float> expected = step(*ref, {{&tokens, &a, 30, 165}}),
                             got = step(*cpu2, {{&tokens, &b, 30, 165}});
    EXPECT_LT(relative_error(got, expected), 1e-5);
    EXPECT_LT(relative_error(b.matrix, a.matrix), 1e-5);
    EXPECT_EQ(b.conv, a.conv);
  }
}

TEST_P(CpuGdn, ChunkedAndRecurrentFormsAgree) {
  for (float decay : {0.0f, 0.01f, 1.0f, 20.0f}) {  // none, slow, usual, and one that leaves nothing
    decay_ = decay;
    const Tokens tokens({2, 4, 64, 32, 4}, 256, 5);
    const std::vector<float> chunked = in_pieces(*cpu1, tokens, {256});
    const std::vector<float> recurrent = in_pieces(*cpu1, tokens, {256}, GdnForm::kRecurrent);
    EXPECT_LT(relative_error(chunked, recurrent), 2e-5) << decay;
    for (float v : chunked) ASSERT_TRUE(std::isfinite(v)) << decay;
    EXPECT_LT(relative_error(chunked, in_pieces(*ref, tokens, {256})), 2e-5) << decay;
  }
}

TEST_P(CpuGdn, ThreadsAndPiecesThatKeepChunksWholeGiveTheSameBits) {
  for (const Shape& shape : shapes()) {
    const Tokens tokens(shape, 210, 6);
    const std::vector<float> whole = in_pieces(*cpu1, tokens, {210});
    EXPECT_TRUE(same_bits(whole, in_pieces(*cpu2, tokens, {210})));
    EXPECT_TRUE(same_bits(whole, in_pieces(*cpu2, tokens, {64, 128, 18})));
    EXPECT_TRUE(same_bits(whole, in_pieces(*cpu1, tokens, {192, 1, 7, 10})));
    const std::vector<float> recurrent = in_pieces(*cpu1, tokens, {210}, GdnForm::kRecurrent);
    EXPECT_TRUE(same_bits(recurrent, in_pieces(*cpu2, tokens, std::vector<int64_t>(210, 1))));
    EXPECT_TRUE(same_bits(recurrent, in_pieces(*cpu2, tokens, {2, 100, 63, 45}, GdnForm::kRecurrent)));
  }
}

TEST_P(CpuGdn, AStateInBf16) {
  for (const Shape& shape : shapes()) {
    const Tokens tokens(shape, 210, 7);
    state_dtype_ = DType::kF32;
    const std::vector<float> exact = in_pieces(*ref, tokens, {210});
    state_dtype_ = DType::kBF16;
    const std::vector<float> expected = in_pieces(*ref, tokens, {210}), got = in_pieces(*cpu1, tokens, {210});
    // A cell that the backends round to different sides is off by 2^-8; few are.
    EXPECT_LT(relative_error(got, expected), 1e-3) << "dk " << shape.key_dim << " dv " << shape.value_dim;
    EXPECT_LT(relative_error(got, exact), 1e-2);
    EXPECT_TRUE(same_bits(got, in_pieces(*cpu2, tokens, {64, 128, 18})));
    EXPECT_TRUE(same_bits(got, in_pieces(*cpu1, tokens, {192, 1, 7, 10})));
    EXPECT_LT(relative_error(in_pieces(*ref, tokens, {192, 1, 7, 10}), expected), 1e-6);
  }
}

TEST_P(CpuGdn, ASequenceDoesNotDependOnTheOthersOfTheStep) {
  const Shape shape{2, 4, 24, 20, 4};
  const Tokens a(shape, 150, 10), b(shape, 150, 20), c(shape, 150, 30);
  State a1(shape), b1(shape), c1(shape), a2(shape), b2(shape), c2(shape);
  std::vector<float> alone;
  for (const auto& [tokens, state, n] :
       {std::tuple{&a, &a1, 130}, std::tuple{&b, &b1, 1}, std::tuple{&c, &c1, 64}}) {
    const std::vector<float> out = step(*cpu1, {{tokens, state, 0, n}});
    alone.insert(alone.end(), out.begin(), out.end());
  }
  EXPECT_TRUE(same_bits(alone, step(*cpu2, {{&a, &a2, 0, 130}, {&b, &b2, 0, 1}, {&c, &c2, 0, 64}})));
  EXPECT_TRUE(same_bits(a1.matrix, a2.matrix));
  EXPECT_TRUE(same_bits(c1.conv, c2.conv));
  // A segment without tokens leaves its state alone.
  const State before = b2;
  step(*cpu2, {{&a, &a2, 130, 3}, {&b, &b2, 1, 0}});
  EXPECT_TRUE(same_bits(before.matrix, b2.matrix));
  EXPECT_TRUE(same_bits(before.conv, b2.conv));
  EXPECT_TRUE(step(*cpu2, {{&b, &b2, 1, 0}}).empty());
}

}  // namespace
}  // namespace qnext::testing
