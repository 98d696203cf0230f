// Published checkpoints to GGUF: names, shapes, values, metadata.
#include "checkpoint/convert.h"

#include "checkpoint/convert_support.h"

namespace qnext {
namespace {

using namespace reading;

Checkpoint tiny() { return must(open_checkpoint(kGolden + "tiny")); }
Checkpoint tied() { return must(open_checkpoint("synth:" + kGolden + "variant-tied/config.json")); }

std::vector<float> plus_one(std::vector<float> values) {
  for (float& v : values) v += 1;
  return values;
}

TEST(Convert, NamesAndShapesAreThoseOfLlamaCpp) {
  const Converted out(tiny(), GgufFileType::kF32);
  const std::map<std::string, Shape> expected = {
      {"token_embd.weight", {320, 64}},
      {"output.weight", {320, 64}},
      {"output_norm.weight", {64}},
      {"blk.0.attn_norm.weight", {64}},
      {"blk.0.attn_qkv.weight", {128, 64}},
      {"blk.0.attn_gate.weight", {64, 64}},
      {"blk.0.ssm_ba.weight", {8, 64}},
      {"blk.0.ssm_conv1d.weight", {128, 4}},
      {"blk.0.ssm_dt.bias", {4}},
      {"blk.0.ssm_a", {4}},
      {"blk.0.ssm_norm.weight", {16}},
      {"blk.0.ssm_out.weight", {64, 64}},
      {"blk.0.post_attention_norm.weight", {64}},
      {"blk.0.ffn_gate_inp.weight", {16, 64}},
      {"blk.0.ffn_gate_inp_shexp.weight", {64}},
      {"blk.0.ffn_gate_exps.weight", {16, 32, 64}},
      {"blk.0.ffn_up_exps.weight", {16, 32, 64}},
      {"blk.0.ffn_down_exps.weight", {16, 64, 32}},
      {"blk.0.ffn_gate_shexp.weight", {48, 64}},
      {"blk.0.ffn_up_shexp.weight", {48, 64}},
      {"blk.0.ffn_down_shexp.weight", {64, 48}},
      {"blk.3.attn_q.weight", {256, 64}},
      {"blk.3.attn_k.weight", {64, 64}},
      {"blk.3.attn_v.weight", {64, 64}},
      {"blk.3.attn_output.weight", {64, 128}},
      {"blk.3.attn_q_norm.weight", {32}},
      {"blk.3.attn_k_norm.weight", {32}},
      {"blk.4.attn_q.weight", {256, 64}},
      {"blk.4.nextn.eh_proj.weight", {64, 128}},
      {"blk.4.nextn.enorm.weight", {64}},
      {"blk.4.nextn.hnorm.weight", {64}},
      {"blk.4.nextn.shared_head_norm.weight", {64}},
  };
  for (const auto& [name, shape] : expected) {
    const TensorEntry* entry = out->tensors->find(name);
    ASSERT_NE(entry, nullptr) << name;
    EXPECT_EQ(entry->shape, shape) << name;
  }
  // 18 for each linear layer, 17 for each full one, 4 more for the prediction block, 3 for the rest.
  EXPECT_EQ(out->tensors->entries().size(), 3u * 18 + 2 * 17 - 2 + 4 + 3);
}

TEST(Convert, ValuesAreTransformedOnce) {
  const Checkpoint in = tiny();
  const Converted out(in, GgufFileType::kF32);
  const std::string linear = "model.layers.0.linear_attn.";
  const std::map<std::string, std::string> plus = {
      {"output_norm.weight", "model.norm.weight"},
      {"blk.0.attn_norm.weight", "model.layers.0.input_layernorm.weight"},
      {"blk.0.post_attention_norm.weight", "model.layers.0.post_attention_layernorm.weight"},
      {"blk.3.attn_q_norm.weight", "model.layers.3.self_attn.q_norm.weight"},
      {"blk.3.attn_k_norm.weight", "model.layers.3.self_attn.k_norm.weight"},
      {"blk.4.nextn.enorm.weight", "mtp.pre_fc_norm_embedding.weight"},
      {"blk.4.nextn.hnorm.weight", "mtp.pre_fc_norm_hidden.weight"},
      {"blk.4.nextn.shared_head_norm.weight", "mtp.norm.weight"}};
  for (const auto& [to, from] : plus) EXPECT_EQ(values_of(*out, to), plus_one(values_of(in, from))) << to;
  const std::map<std::string, std::string> same = {
      {"blk.0.ssm_norm.weight", linear + "norm.weight"},
      {"blk.0.ssm_dt.bias", linear + "dt_bias"},
      {"blk.0.ssm_conv1d.weight", linear + "conv1d.weight"},
      {"blk.0.ssm_ba.weight", linear + "in_proj_ba.weight"},
      {"blk.3.attn_q.weight", "model.layers.3.self_attn.q_proj.weight"},
      {"blk.4.nextn.eh_proj.weight", "mtp.fc.weight"}};
  for (const auto& [to, from] : same) EXPECT_EQ(values_of(*out, to), values_of(in, from)) << to;
  std::vector<float> decay = values_of(in, linear + "A_log");
  for (float& v : decay) v = -std::exp(v);
  EXPECT_EQ(values_of(*out, "blk.0.ssm_a"), decay);
}

// Two key heads of width 16 with two value heads of width 16 each: groups of 96 rows q k v v z z.
TEST(Convert, RowsOfQkvzAreSorted) {
  const Checkpoint in = tiny();
  const Converted out(in, GgufFileType::kBF16);
  const std::string from = "model.layers.1.linear_attn.in_proj_qkvz.weight", qkv = "blk.1.attn_qkv.weight";
  EXPECT_EQ(rows_of(*out, qkv, 0, 16), rows_of(in, from, 0, 16));    // q of head 0
  EXPECT_EQ(rows_of(*out, qkv, 16, 16), rows_of(in, from, 96, 16));  // q of head 1
  EXPECT_EQ(rows_of(*out, qkv, 32, 16), rows_of(in, from, 16, 16));  // k
  EXPECT_EQ(rows_of(*out, qkv, 48, 16), rows_of(in, from, 112, 16));
  EXPECT_EQ(rows_of(*out, qkv, 64, 32), rows_of(in, from, 32, 32));  // v
  EXPECT_EQ(rows_of(*out, qkv, 96, 32), rows_of(in, from, 128, 32));
  const std::string z = "blk.1.attn_gate.weight";
  EXPECT_EQ(rows_of(*out, z, 0, 32), rows_of(in, from, 64, 32));
  EXPECT_EQ(rows_of(*out, z, 32, 32), rows_of(in, from, 160, 32));
}

TEST(Convert, ExpertsAreStacked) {
  const Checkpoint in = tiny();
  const Converted out(in, GgufFileType::kBF16);
  for (const int64_t e : {0, 7, 15}) {
    const std::string expert = "model.layers.2.mlp.experts." + std::to_string(e) + ".";
    EXPECT_EQ(rows_of(*out, "blk.2.ffn_gate_exps.weight", 32 * e, 32),
              values_of(in, expert + "gate_proj.weight"));
    EXPECT_EQ(rows_of(*out, "blk.2.ffn_up_exps.weight", 32 * e, 32),
              values_of(in, expert + "up_proj.weight"));
    EXPECT_EQ(rows_of(*out, "blk.2.ffn_down_exps.weight", 64 * e, 64),
              values_of(in, expert + "down_proj.weight"));
  }
}

// The same weights with all experts of a layer in two tensors.
Checkpoint with_fused_experts(Checkpoint in) {
  auto fused = std::make_shared<MemorySource>(*in.tensors);
  for (const std::string layer :
       {"model.layers.0", "model.layers.1", "model.layers.2", "model.layers.3", "mtp.layers.0"}) {
    const std::string prefix = layer + ".mlp.experts.";
    std::byte *gate_up = nullptr, *down = nullptr;
    const Tensor both = Tensor::allocate(DType::kBF16, {16, 64, 64}, &gate_up);
    const Tensor out = Tensor::allocate(DType::kBF16, {16, 64, 32}, &down);
    for (int e = 0; e < 16; ++e) {
      for (const char* part : {".gate_proj.weight", ".up_proj.weight", ".down_proj.weight"}) {
        const std::string name = prefix + std::to_string(e) + part;
        std::byte*& to = part[1] == 'd' ? down : gate_up;
        std::memcpy(to, fused->at(name).data, static_cast<size_t>(fused->at(name).bytes()));
        to += fused->at(name).bytes();
        fused->remove(name);
      }
    }
    fused->put(prefix + "gate_up_proj", both);
    fused->put(prefix + "down_proj", out);
  }
  in.tensors = fused;
  return in;
}

TEST(Convert, FusedExpertsGiveTheSameFile) {
  const Converted separate(tiny(), GgufFileType::kQ8_0),
      fused(with_fused_experts(tiny()), GgufFileType::kQ8_0);
  expect_same_tensors(*separate, *fused);
}

TEST(Convert, TiedEmbeddingsAreStoredOnce) {
  const Converted out(tied(), GgufFileType::kF32);
  EXPECT_FALSE(out.has("output.weight"));
  EXPECT_TRUE(out->config.tie_embeddings);
}

TEST(Convert, DenseLayersAndTheirWidths) {
  const Converted out(tied(), GgufFileType::kF32);
  EXPECT_TRUE(out.has("blk.1.ffn_gate.weight"));
  EXPECT_FALSE(out.has("blk.1.ffn_gate_inp.weight"));
  EXPECT_EQ(out->tensors->find("blk.1.ffn_down.weight")->shape, (Shape{72, 100}));
}

// Every number of the configuration survives; GGUF holds the epsilon in float32.
TEST(Convert, ConfigurationsComeBack) {
  for (const char* name : {"variant-tied", "variant-wide", "variant-yarn"}) {
    const Checkpoint in = must(open_checkpoint("synth:" + kGolden + name + "/config.json"));
    const Converted out(in, GgufFileType::kF32);
    ModelConfig expected = in.config;
    expected.rms_norm_eps = static_cast<float>(expected.rms_norm_eps);
    EXPECT_EQ(out->config.to_json(), expected.to_json()) << name;
  }
}

TEST(Convert, PredictionBlockIsKeptOrDropped) {
  const Checkpoint in = tiny();
  ConvertOptions drop;
  drop.drop_mtp = true;
  const Converted with(in, GgufFileType::kBF16), without(in, GgufFileType::kBF16, drop);
  EXPECT_TRUE(with->has_mtp());
  EXPECT_EQ(must(with->metadata->integer("qwen3next.block_count")), 5);
  EXPECT_EQ(must(with->metadata->integer("qwen3next.nextn_predict_layers")), 1);
  EXPECT_FALSE(without->has_mtp());
  EXPECT_EQ(must(without->metadata->integer("qwen3next.block_count")), 4);
  EXPECT_EQ(without->metadata->find("qwen3next.nextn_predict_layers"), nullptr);
  EXPECT_EQ(with->config.num_layers, 4);
  EXPECT_EQ(without->config.num_layers, 4);
  // Dropped later, from the GGUF file: the same.
  const Converted later(*with, GgufFileType::kBF16, drop);
  expect_same_tensors(*later, *without);
  EXPECT_EQ(must(later->metadata->integer("qwen3next.block_count")), 4);
  EXPECT_EQ(later->metadata->find("qwen3next.nextn_predict_layers"), nullptr);
}

TEST(Convert, MetadataThatLlamaCppNeeds) {
  ConvertOptions options;
  options.name = "a name";
  GgufTokenizer tokenizer;
  tokenizer.tokens = {"a", "b", "<|end|>"};
  tokenizer.token_types = {1, 1, 3};
  tokenizer.merges = {"a b"};
  tokenizer.eos = 2;
  tokenizer.pad = 1;
  tokenizer.chat_template = "{{ messages }}";
  options.tokenizer = &tokenizer;
  Checkpoint in = tiny();
  in.generation_config = Json{{"temperature", 0.7}, {"top_k", 20}, {"top_p", 0.8}, {"eos_token_id", {0, 2}}};
  const Converted out(in, GgufFileType::kQ4_K_M, options);
  const GgufMetadata& m = *out->metadata;
  const std::map<std::string, int64_t> integers = {{"general.file_type", 15},
                                                   {"general.quantization_version", 2},
                                                   {"qwen3next.vocab_size", 320},
                                                   {"qwen3next.context_length", 4096},
                                                   {"qwen3next.embedding_length", 64},
                                                   {"qwen3next.feed_forward_length", 96},
                                                   {"qwen3next.attention.head_count", 4},
                                                   {"qwen3next.attention.head_count_kv", 2},
                                                   {"qwen3next.attention.key_length", 32},
                                                   {"qwen3next.attention.value_length", 32},
                                                   {"qwen3next.rope.dimension_count", 8},
                                                   {"qwen3next.expert_count", 16},
                                                   {"qwen3next.expert_used_count", 4},
                                                   {"qwen3next.expert_feed_forward_length", 32},
                                                   {"qwen3next.expert_shared_feed_forward_length", 48},
                                                   {"qwen3next.ssm.conv_kernel", 4},
                                                   {"qwen3next.ssm.state_size", 16},
                                                   {"qwen3next.ssm.group_count", 2},
                                                   {"qwen3next.ssm.time_step_rank", 4},
                                                   {"qwen3next.ssm.inner_size", 64},
                                                   {"qwen3next.full_attention_interval", 4},
                                                   {"tokenizer.ggml.eos_token_id", 2},
                                                   {"tokenizer.ggml.padding_token_id", 1},
                                                   {"general.sampling.top_k", 20}};
  for (const auto& [key, value] : integers) EXPECT_EQ(must(m.integer(key)), value) << key;
  EXPECT_EQ(must(m.string("general.architecture")), "qwen3next");
  EXPECT_EQ(must(m.string("general.name")), "a name");
  EXPECT_EQ(must(m.string("tokenizer.ggml.model")), "gpt2");
  EXPECT_EQ(must(m.string("tokenizer.ggml.pre")), "qwen2");
  EXPECT_EQ(must(m.strings("tokenizer.ggml.tokens")), tokenizer.tokens);
  EXPECT_EQ(must(m.strings("tokenizer.ggml.merges")), tokenizer.merges);
  EXPECT_EQ(must(m.integers("tokenizer.ggml.token_type")), tokenizer.token_types);
  EXPECT_EQ(must(m.string("tokenizer.chat_template")), "{{ messages }}");
  EXPECT_NEAR(must(m.number_or("general.sampling.temp", 0)), 0.7, 1e-6);
  EXPECT_NEAR(must(m.number_or("qwen3next.attention.layer_norm_rms_epsilon", 0)), 1e-6, 1e-12);
  EXPECT_EQ(must(m.number_or("qwen3next.rope.freq_base", 0)), 1e7);
  EXPECT_EQ(must(m.string("qnext.generation_config")), dump_json(*in.generation_config));
}

TEST(Convert, WithoutATokenizerItSaysSo) {
  const Converted out(tiny(), GgufFileType::kF32);
  EXPECT_EQ(must(out->metadata->string("tokenizer.ggml.model")), "no_vocab");
  EXPECT_EQ(out->config.eos_tokens, tiny().config.eos_tokens);
  EXPECT_EQ(out->config.bos_token, tiny().config.bos_token);
}

TEST(Convert, Fp8IsDecodedBeforeRowsMove) {
  const Checkpoint in = must(open_checkpoint(kGolden + "tiny-fp8"));
  const Converted out(in, GgufFileType::kF32);
  const std::string from = "model.layers.0.linear_attn.in_proj_qkvz.weight";
  ASSERT_EQ(in.tensors->find(from)->dtype, DType::kF8E4M3);
  EXPECT_EQ(rows_of(*out, "blk.0.attn_qkv.weight", 32, 32), rows_of(in, from, 192, 32));  // q of head 1
  EXPECT_EQ(rows_of(*out, "blk.0.attn_gate.weight", 64, 64), rows_of(in, from, 320, 64));
  EXPECT_EQ(out->config.fp8_block_rows, 0);
}

TEST(Convert, ErrorsNameTheTensorAndLeaveNoFile) {
  Checkpoint in = tiny();
  const TempFolder folder;
  ThreadPool pool(2);
  const std::string name = "model.layers.1.mlp.experts.3.up_proj.weight";
  auto attempt = [&](const std::function<void(MemorySource&)>& change) {
    auto changed = std::make_shared<MemorySource>(*tiny().tensors);
    change(*changed);
    in.tensors = changed;
    const Status status = convert_to_gguf(in, folder / "m.gguf", {}, pool);
    EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
    return status.ok() ? "" : status.error().message();
  };
  EXPECT_EQ(attempt([&](MemorySource& s) { s.remove(name); }), "memory: tensor " + name + " is missing");
  EXPECT_EQ(attempt([&](MemorySource& s) { s.put(name, s.at("model.norm.weight")); }),
            "memory: tensor " + name + " has shape [64], expected [32, 64]");
  EXPECT_NE(attempt([&](MemorySource& s) {
              std::byte* data = nullptr;
              const Tensor t = Tensor::allocate(DType::kF32, {32, 64}, &data);
              std::memset(data, 0, static_cast<size_t>(t.bytes()));
              reinterpret_cast<float*>(data)[77] = NAN;
              s.put(name, t);
            }).find(name + " has a value that is not finite"),
            std::string::npos);
}

TEST(Convert, ProgressReachesTheEnd) {
  ConvertOptions options;
  int64_t last = 0, all = 0;
  options.progress = [&](int64_t done, int64_t total) {
    EXPECT_GT(done, last);
    last = done;
    all = total;
  };
  const Converted out(tiny(), GgufFileType::kBF16, options);
  int64_t elements = 0;
  for (const TensorEntry& entry : out->tensors->entries()) elements += entry.shape.elements();
  EXPECT_EQ(last, elements);
  EXPECT_EQ(all, elements);
}

TEST(Quantize, FromGgufLikeFromTheFolder) {
  for (const GgufFileType type :
       {GgufFileType::kQ8_0, GgufFileType::kQ4_K_M, GgufFileType::kIQ4_NL, GgufFileType::kF16}) {
    const Converted direct(tiny(), type);
    for (const GgufFileType between : {GgufFileType::kF32, GgufFileType::kBF16}) {
      const Converted first(tiny(), between);
      const Converted second(*first, type);
      expect_same_tensors(*second, *direct);
      EXPECT_EQ(must(second->metadata->integer("general.file_type")), info(type).number);
      EXPECT_EQ(must(second->metadata->string("general.architecture")), "qwen3next");
    }
  }
}

TEST(Convert, PanelsHoldTheSameRows) {
  for (GgufFileType type : {GgufFileType::kBF16, GgufFileType::kQ8_0}) {
    ConvertOptions panels;
    panels.panels = true;
    const Converted rows(tiny(), type), packed(tiny(), type, panels);
    int in_panels = 0;
    for (const TensorEntry& entry : packed->tensors->entries()) {
      EXPECT_EQ(values_of(*packed, entry.name), values_of(*rows, entry.name)) << entry.name;
      in_panels += entry.panels ? 1 : 0;
    }
    EXPECT_GT(in_panels, 20);
    EXPECT_TRUE(packed->tensors->find("output.weight")->panels);
    EXPECT_TRUE(packed->tensors->find("blk.0.ffn_up_exps.weight")->panels);
    EXPECT_FALSE(packed->tensors->find("token_embd.weight")->panels);
    // And the rows come back.
    const Converted back(*packed, type);
    expect_same_tensors(*back, *rows);
  }
}

TEST(Quantize, SameTypeAgainIsACopy) {
  const Converted once(tiny(), GgufFileType::kQ5_0);
  const Converted twice(*once, GgufFileType::kQ5_0);
  expect_same_tensors(*once, *twice);
}

TEST(Quantize, BackToF32HoldsWhatTheBlocksMean) {
  const Converted small(tiny(), GgufFileType::kQ4_0);
  const Converted back(*small, GgufFileType::kF32);
  for (const TensorEntry& entry : back->tensors->entries()) {
    EXPECT_EQ(entry.dtype, DType::kF32) << entry.name;
    EXPECT_EQ(values_of(*back, entry.name), values_of(*small, entry.name)) << entry.name;
  }
}

TEST(Quantize, KeysThatNobodyKnowsAreKept) {
  const Converted first(tiny(), GgufFileType::kF32);
  const Converted second(*first, GgufFileType::kQ8_0);
  for (const auto& item : first->metadata->items()) {
    ASSERT_NE(second->metadata->find(item.key), nullptr) << item.key;
    if (item.key == "general.file_type") continue;
    EXPECT_EQ(second->metadata->find(item.key)->type, item.type) << item.key;
  }
}

}  // namespace
}  // namespace qnext
