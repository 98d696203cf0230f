#include "state/sequence.h"

#include <gtest/gtest.h>

#include <cstring>

namespace qnext {
namespace {

StateShape small_shape() {
  StateShape s;
  s.attention_layers = 2;
  s.kv_heads = 2;
  s.head_dim = 4;
  s.block_tokens = 8;
  s.linear_layers = 3;
  s.value_heads = 2;
  s.key_dim = 3;
  s.value_dim = 5;
  s.conv_kernel = 4;
  s.conv_channels = 7;
  return s;
}

TEST(Sequence, CountsItsMemory) {
  const StateShape s = small_shape();
  EXPECT_EQ(s.kv_bytes_per_token(), 2 * 2 * 2 * 4 * 4);
  EXPECT_EQ(s.recurrent_bytes(), 3 * (2 * 3 * 5 + 3 * 7) * 4);
  StateShape half = s;
  half.state_dtype = DType::kBF16;
  half.value_dim = 1;
  half.key_dim = 1;
  half.value_heads = 3;  // an odd number of cells leaves the history aligned
  EXPECT_EQ(half.recurrent_bytes(), 3 * (2 * 4 + 3 * 7 * 4));
}

TEST(Sequence, TakesBlocksAsItGrowsAndGivesThemBack) {
  BlockPool pool(small_shape().block_bytes(), 3);
  {
    Sequence a(small_shape(), pool);
    ASSERT_TRUE(a.reserve(8).ok());
    a.advance(8);
    EXPECT_EQ(pool.in_use(), 1);
    ASSERT_TRUE(a.reserve(1).ok());
    a.advance(1);
    EXPECT_EQ(pool.in_use(), 2);
    Sequence b(small_shape(), pool);
    EXPECT_FALSE(b.reserve(9).ok());
    EXPECT_EQ(b.position(), 0);
    EXPECT_EQ(pool.in_use(), 2);  // what b took before the pool was empty came back
    EXPECT_TRUE(b.reserve(8).ok());
  }
  EXPECT_EQ(pool.in_use(), 0);
}

TEST(Sequence, LayersDoNotOverlap) {
  const StateShape s = small_shape();
  BlockPool pool(s.block_bytes(), 2);
  Sequence seq(s, pool);
  ASSERT_TRUE(seq.reserve(1).ok());
  const int64_t part = s.kv_heads * s.block_tokens * s.head_dim * 4;
  EXPECT_EQ(seq.kv(0).k_offset, 0);
  EXPECT_EQ(seq.kv(0).v_offset, part);
  EXPECT_EQ(seq.kv(1).k_offset, 2 * part);
  EXPECT_EQ(seq.kv(1).v_offset + part, s.block_bytes());
  EXPECT_EQ(seq.conv_history(1) - static_cast<float*>(seq.recurrent_state(1)), s.state_cells());
  EXPECT_EQ(static_cast<float*>(seq.recurrent_state(2)) - seq.conv_history(1), s.conv_floats());
}

TEST(Sequence, RestoresASnapshotAndSaysWhereItIs) {
  BlockPool pool(small_shape().block_bytes(), 4);
  Sequence seq(small_shape(), pool);
  ASSERT_TRUE(seq.reserve(20).ok());
  auto* state = static_cast<float*>(seq.recurrent_state(1));
  state[3] = 1.5f;
  seq.advance(10);
  const auto snapshot = seq.snapshot();
  state[3] = 2.5f;
  seq.advance(10);
  EXPECT_EQ(seq.restore(snapshot.get()), 10);
  EXPECT_EQ(seq.position(), 10);
  EXPECT_EQ(state[3], 1.5f);
  EXPECT_EQ(pool.in_use(), 2);
  EXPECT_EQ(seq.restore(nullptr), 0);
  EXPECT_EQ(state[3], 0.0f);
  EXPECT_EQ(pool.in_use(), 0);
}

}  // namespace
}  // namespace qnext
