#include <atomic>
#include <limits>
#include <set>

#include "kernels/cpu_testing.h"

namespace qnext::testing {
namespace {

class CpuMoe : public OnEveryIsa {};
QN_ON_EVERY_ISA(CpuMoe);

Mlp random_mlp(DType dtype, int64_t hidden, int64_t width, uint64_t seed) {
  return {random_matrix(dtype, width, hidden, seed), random_matrix(dtype, width, hidden, seed + 1),
          random_matrix(dtype, hidden, width, seed + 2)};
}

TEST_P(CpuMoe, Mlp) {
  for (auto [hidden, width] : std::vector<std::array<int64_t, 2>>{{64, 96}, {7, 5}, {1, 1}, {33, 70}}) {
    for (DType dtype : {DType::kF32, DType::kBF16, DType::kQ8_0}) {
      const int64_t h = fit_columns(dtype, hidden), w = fit_columns(dtype, width);
      const Mlp mlp = random_mlp(dtype, h, w, 1);
      for (int64_t n : {1, 2, 13}) {
        const std::vector<float> x = random_floats(2, n * h);
        std::vector<float> expected(x.size()), got(x.size()), one_thread(x.size()), alone(x.size());
        ref->mlp(mlp, x.data(), n, expected.data());
        cpu2->mlp(mlp, x.data(), n, got.data());
        cpu1->mlp(mlp, x.data(), n, one_thread.data());
        for (int64_t t = 0; t < n; ++t) cpu2->mlp(mlp, x.data() + t * h, 1, alone.data() + t * h);
        EXPECT_LT(relative_error(got, expected), 2e-6) << h << " " << w << " " << n;
        EXPECT_TRUE(same_bits(got, one_thread));
        EXPECT_TRUE(same_bits(got, alone));
      }
    }
  }
}

// Experts of a layer, chosen experts and weights for n tokens.
struct Moe {
  Moe(DType dtype, int64_t hidden, int64_t width, int64_t experts, int64_t top_k, int64_t n, bool with_shared)
      : x(random_floats(5, n * hidden)),
        shared(random_mlp(dtype, hidden, 2 * width, 7000)),
        shared_gate(random_matrix(DType::kF32, 1, hidden, 7001)) {
    for (int64_t e = 0; e < experts; ++e)
      mlps.push_back(random_mlp(dtype, hidden, width, 10 + 3 * static_cast<uint64_t>(e)));
    for (int64_t t = 0; t < n; ++t) {
      std::set<int32_t> taken;
      for (uint64_t i = 0; static_cast<int64_t>(taken.size()) < top_k; ++i) {
        const auto e = static_cast<int32_t>(random_bits(3, static_cast<uint64_t>(t), i) %
                                            static_cast<uint64_t>(experts));
        if (taken.insert(e).second) ids.push_back(e);
      }
    }
    weights = random_floats(6, n * top_k);
    args.experts = &mlps;
    args.top_k = top_k;
    args.ids = ids.data();
    args.weights = weights.data();
    if (with_shared) {
      args.shared = &shared;
      args.shared_gate = &shared_gate;
    }
    args.n = n;
    args.hidden = hidden;
    args.x = x.data();
  }
  void prepare(Ops& ops) {
    for (Mlp* mlp : every_mlp()) {
      for (Matrix* m : {&mlp->gate, &mlp->up, &mlp->down}) {
        *m = ops.prepare(*m);
        ASSERT_EQ(m->layout, WeightLayout::kPanels);
      }
    }
  }
  // Counts the bytes that are read.
  std::vector<Matrix*> prepare_on_use(Ops& ops, std::atomic<int64_t>& read) {
    std::vector<Matrix*> all;
    for (Mlp* mlp : every_mlp()) all.insert(all.end(), {&mlp->gate, &mlp->up, &mlp->down});
    ops.prepare_on_use(
        all, std::make_shared<const Ops::KeptRead>([&read](const std::byte* data, int64_t bytes, std::byte*) {
          read += bytes;
          return data;
        }));
    return all;
  }
  std::vector<float> run(Ops& ops) { return run(ops, 0, args.n); }
  std::vector<float> run(Ops& ops, int64_t begin, int64_t count) {
    std::vector<float> y(static_cast<size_t>(count * args.hidden), -7.0f);
    MoeArgs part = args;
    part.ids += begin * args.top_k;
    part.weights += begin * args.top_k;
    part.x += begin * args.hidden;
    part.n = count;
    part.y = y.data();
    ops.moe(part);
    return y;
  }

  std::vector<Mlp*> every_mlp() {
    std::vector<Mlp*> all{&shared};
    for (Mlp& mlp : mlps) all.push_back(&mlp);
    return all;
  }

  std::vector<Mlp> mlps;
  std::vector<int32_t> ids;
  std::vector<float> weights, x;
  Mlp shared;
  Matrix shared_gate;
  MoeArgs args;
};

// As many tokens as make an expert's tiles, blocks and read-ahead follow each other, and experts of few
// tokens beside the shared one, of twice their width.
TEST_P(CpuMoe, TakesExpertsInPanels) {
  struct Case {
    DType dtype;
    int64_t hidden, width, experts, top_k, n;
    double error;  // inputs rounded to 8 bits in blocks of 32: half a step of 1/127 of the largest
  };
  for (const Case& c :
       {Case{DType::kBF16, 96, 80, 3, 2, 80, 3e-6}, Case{DType::kQ8_0, 256, 160, 3, 2, 80, 1e-2},
        Case{DType::kQ4_0, 1024, 96, 4, 1, 110, 1e-2}, Case{DType::kQ4_K, 256, 256, 2, 1, 70, 1e-2},
        Case{DType::kQ6_K, 256, 256, 9, 2, 20, 1e-2}}) {
    Moe moe(c.dtype, c.hidden, c.width, c.experts, c.top_k, c.n, true);
    const std::vector<float> expected = moe.run(*ref);
    moe.prepare(*cpu2);
    const std::vector<float> got = moe.run(*cpu2);
    EXPECT_LT(relative_error(got, expected), c.error) << name(c.dtype);
    EXPECT_TRUE(same_bits(got, moe.run(*cpu1))) << name(c.dtype);
    for (int64_t t = 0; t < c.n; ++t) {
      const std::vector<float> alone = moe.run(*cpu2, t, 1);
      ASSERT_TRUE(std::equal(alone.begin(), alone.end(), got.begin() + t * c.hidden))
          << name(c.dtype) << " token " << t;
    }
  }
}

// Few tokens use a part of the experts, then many use more, then the rest is packed without a use.
TEST_P(CpuMoe, PacksExpertsWhenTheyAreUsed) {
  Moe packed(DType::kQ8_0, 128, 64, 20, 2, 45, true), waiting(DType::kQ8_0, 128, 64, 20, 2, 45, true);
  packed.prepare(*cpu2);
  std::atomic<int64_t> read = 0;
  const std::vector<Matrix*> all = waiting.prepare_on_use(*cpu2, read);
  for (auto [begin, count] : std::vector<std::pair<int64_t, int64_t>>{{0, 2}, {2, 1}, {0, 40}, {40, 5}}) {
    EXPECT_TRUE(same_bits(waiting.run(*cpu2, begin, count), packed.run(*cpu2, begin, count))) << begin;
  }
  const int64_t used = read;
  cpu2->finish_preparing(all);
  EXPECT_GT(read, used);
  for (size_t i = 0; i < all.size(); ++i) EXPECT_EQ(all[i]->waiting, nullptr) << i;
  EXPECT_TRUE(same_bits(waiting.run(*cpu1), packed.run(*cpu1)));
  const int64_t finished = read;
  cpu2->finish_preparing(all);
  EXPECT_EQ(read, finished);
}

// Inputs rounded to BF16, where the machine multiplies those; rows that end within 32 columns.
TEST_P(CpuMoe, RoundsTheInputsOfBf16ExpertsWhenAskedTo) {
  const auto native = make_cpu_ops(two, GetParam(), Rounding::kNative);
  Moe moe(DType::kBF16, 98, 70, 3, 2, 90, true);
  const std::vector<float> expected = moe.run(*ref);
  moe.prepare(*native);
  const std::vector<float> got = moe.run(*native);
  EXPECT_LT(relative_error(got, expected), 1e-2);
  for (int64_t t = 0; t < moe.args.n; ++t) {
    const std::vector<float> alone = moe.run(*native, t, 1);
    ASSERT_TRUE(std::equal(alone.begin(), alone.end(), got.begin() + t * moe.args.hidden)) << "token " << t;
  }
}

TEST_P(CpuMoe, AgreesWithTheReference) {
  struct Case {
    DType dtype;
    int64_t hidden, width, experts, top_k, n;
    bool shared;
  };
  for (const Case& c :
       {Case{DType::kF32, 17, 5, 4, 2, 9, true}, Case{DType::kF32, 17, 5, 4, 2, 1, false},
        Case{DType::kBF16, 64, 40, 16, 4, 33, true}, Case{DType::kQ4_K, 256, 256, 6, 3, 5, true},
        Case{DType::kF8E4M3, 33, 10, 3, 3, 4, true}, Case{DType::kQ8_0, 32, 32, 512, 10, 20, true},
        Case{DType::kF32, 8, 3, 512, 512, 2, true}, Case{DType::kF32, 1, 1, 1, 1, 3, true},
        Case{DType::kF32, 40, 40, 8, 1, 50, false}}) {
    Moe moe(c.dtype, c.hidden, c.width, c.experts, c.top_k, c.n, c.shared);
    const std::vector<float> got = moe.run(*cpu2);
    EXPECT_LT(relative_error(got, moe.run(*ref)), 3e-6)
        << name(c.dtype) << " hidden " << c.hidden << " experts " << c.experts << " n " << c.n;
    EXPECT_TRUE(same_bits(got, moe.run(*cpu1)));
    std::vector<float> alone;
    for (int64_t t = 0; t < c.n; ++t) {
      const std::vector<float> y = moe.run(*cpu2, t, 1);
      alone.insert(alone.end(), y.begin(), y.end());
    }
    EXPECT_TRUE(same_bits(got, alone)) << name(c.dtype) << " hidden " << c.hidden;
  }
}

TEST_P(CpuMoe, AnEmptySharedExpertIsNone) {
  Moe with(DType::kF32, 16, 8, 4, 2, 3, true), without(DType::kF32, 16, 8, 4, 2, 3, false);
  const Mlp empty;
  with.args.shared = &empty;
  EXPECT_TRUE(same_bits(with.run(*cpu1), without.run(*cpu1)));
  with.args.shared = &with.shared;
  EXPECT_FALSE(same_bits(with.run(*cpu1), without.run(*cpu1)));
}

TEST_P(CpuMoe, NoTokens) {
  Moe moe(DType::kF32, 16, 8, 4, 2, 3, true);
  EXPECT_TRUE(moe.run(*cpu2, 0, 0).empty());
  cpu2->moe_route(nullptr, 0, 512, 10, true, nullptr, nullptr);
}

TEST_P(CpuMoe, RouteAgreesWithTheReference) {
  for (auto [experts, top_k] :
       std::vector<std::array<int64_t, 2>>{{512, 10}, {512, 512}, {16, 4}, {1, 1}, {7, 1}, {100, 99}}) {
    for (bool normalise : {false, true}) {
      for (int64_t n : {1, 21}) {
        const size_t pairs = static_cast<size_t>(n * top_k);
        const std::vector<float> logits = random_floats(static_cast<uint64_t>(experts), n * experts, 8);
        std::vector<int32_t> expected_ids(pairs), ids(pairs);
        std::vector<float> expected(pairs), weights(pairs);
        ref->moe_route(logits.data(), n, experts, top_k, normalise, expected_ids.data(), expected.data());
        cpu2->moe_route(logits.data(), n, experts, top_k, normalise, ids.data(), weights.data());
        EXPECT_EQ(ids, expected_ids);
        for (size_t i = 0; i < pairs; ++i) ASSERT_NEAR(weights[i], expected[i], 2e-6f * expected[i]);
      }
    }
  }
}

TEST_P(CpuMoe, RouteBreaksTiesByIndexAndSurvivesAnything) {
  const float inf = std::numeric_limits<float>::infinity(), nan = std::nanf("");
  std::vector<int32_t> ids(4);
  std::vector<float> weights(4);
  auto route = [&](const std::vector<float>& logits) {
    cpu1->moe_route(logits.data(), 1, static_cast<int64_t>(logits.size()), 4, true, ids.data(),
                    weights.data());
    return ids;
  };
  EXPECT_EQ(route({1, 2, 2, 1, 2, 0}), (std::vector<int32_t>{1, 2, 4, 0}));
  EXPECT_EQ(weights[0], weights[2]);
  EXPECT_EQ(route({0, -0.0f, 0, -0.0f, 0}), (std::vector<int32_t>{0, 1, 2, 3}));
  EXPECT_EQ(route({-inf, -3, -inf, -2, -1}), (std::vector<int32_t>{4, 3, 1, 0}));
  EXPECT_EQ(weights[3], 0.0f);
  EXPECT_EQ(route({100, -100, 100, -100}), (std::vector<int32_t>{0, 2, 1, 3}));
  EXPECT_EQ(weights[0], 0.5f);
  EXPECT_EQ(route({nan, 1, nan, 2, nan, 3}), (std::vector<int32_t>{5, 3, 1, 0}));
  EXPECT_EQ(route({nan, nan, nan, nan, nan}), (std::vector<int32_t>{0, 1, 2, 3}));
}

}  // namespace
}  // namespace qnext::testing
