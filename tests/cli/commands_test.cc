// What every command promises: results on standard output, the rest on standard error, and the fields of
// --json.
#include <gtest/gtest.h>

#include <filesystem>

#include "base/files.h"
#include "checkpoint/safetensors.h"
#include "cli/models.h"

namespace qnext {
namespace {

void expect_fields(const Json& json, const std::vector<std::string>& names) {
  ASSERT_TRUE(json.is_object());
  for (const std::string& name : names) EXPECT_TRUE(json.contains(name)) << name;
}

// The program's whole standard output is one JSON object on one line, and it says nothing else.
Json only_json(const Ran& ran) {
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.err, "");
  EXPECT_EQ(std::count(ran.out.begin(), ran.out.end(), '\n'), 1);
  return ran.json();
}

const std::vector<std::string> kSpeeds = {
    "tokens",           "prompt_tokens",          "prompt_tokens_per_s",
    "generated_tokens", "generated_tokens_per_s", "time_to_first_token_ms",
    "peak_memory_bytes"};

TEST(Commands, Inspect) {
  const Json json = only_json(qnext({"inspect", tiny(), "--json", "--tensors"}));
  expect_fields(json, {"file", "architecture", "format", "parameters", "mtp_parameters", "active_parameters",
                       "layers", "has_mtp", "context_length", "tensors", "weight_bytes", "types", "cache",
                       "config", "tensor_list"});
  EXPECT_EQ(json["tensor_list"].size(), json["tensors"]);
  EXPECT_EQ(json["config"]["vocab_size"], 320);
  const Ran text = qnext({"inspect", tiny(), "--tensors"});
  EXPECT_EQ(text.code, 0);
  EXPECT_NE(text.out.find("model.embed_tokens.weight"), std::string::npos);
  EXPECT_EQ(text.err, "");
  EXPECT_EQ(qnext({"inspect", "synth:" + tiny() + "/config.json?seed=3"}).code, 0);
}

TEST(Commands, LogitsWritesTheThreeTensors) {
  const Scratch scratch;
  const std::string ids = scratch.file("ids.json", "[5, 1, 319, 7]"), out = scratch.path("out.safetensors");
  const Ran ran = qnext({"logits", tiny(), "--tokens", ids, "--chunk", "1", "--mtp", "-o", out});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out + ran.err, "");
  const auto file = open_safetensors(out);
  ASSERT_TRUE(file.ok());
  EXPECT_EQ((*file)->find("logits")->shape, (Shape{4, 320}));
  EXPECT_EQ((*file)->find("hidden_last")->shape, (Shape{5, 64}));
  EXPECT_EQ((*file)->find("mtp_logits")->shape, (Shape{3, 320}));
  for (const TensorEntry& entry : (*file)->entries()) EXPECT_EQ(entry.dtype, DType::kF32);

  const Json same = only_json(qnext({"logits", tiny(), "--tokens", ids, "--kl-against", out, "--json"}));
  EXPECT_LT(same["max_kl"].get<double>(), 1e-6);
  EXPECT_EQ(same["same_top1"], 1);
  const std::string shorter = scratch.file("shorter.json", "[5, 1]");
  expect_error(qnext({"logits", tiny(), "--tokens", shorter, "--kl-against", out}), 1,
               {out, "logits", "[4, 320]"});
}

TEST(Commands, GenerateIds) {
  const Scratch scratch;
  const std::string ids = scratch.file("ids.json", "[5, 1, 319]");
  const std::vector<std::string> arguments{"generate-ids", tiny(), "--tokens", ids, "-n", "6",
                                           "--temp",       "0",    "--json"};
  const Json json = only_json(qnext(arguments));
  expect_fields(json, kSpeeds);
  EXPECT_EQ(json["prompt_tokens"], 3);
  EXPECT_EQ(json["generated_tokens"], json["tokens"].size());
  EXPECT_EQ(only_json(qnext(arguments))["tokens"], json["tokens"]);
  const Json none = only_json(qnext({"generate-ids", tiny(), "--tokens", ids, "-n", "0", "--json"}));
  EXPECT_EQ(none["tokens"].size(), 0u);
}

TEST(Commands, RunTokenizeTemplate) {
  const Scratch scratch;
  const std::string model = small_model(scratch, "model", true);
  const Json json = only_json(qnext({"run", model, "-p", "hello", "-n", "5", "--seed", "1", "--json"}));
  expect_fields(json, kSpeeds);
  expect_fields(json, {"text"});
  EXPECT_TRUE(json["text"].is_string());

  const std::vector<std::string> raw{"run", model, "--raw", "-n", "4", "--temp", "0", "--json"};
  RunOptions input;
  input.input = "hello\n";
  EXPECT_EQ(only_json(qnext(raw, input))["prompt_tokens"], 2);  // hell o
  const Ran streamed = qnext({"run", model, "-p", "hello", "-n", "3", "--temp", "0"});
  EXPECT_EQ(streamed.code, 0);
  EXPECT_NE(streamed.err.find("generated 3 tokens"), std::string::npos) << streamed.err;

  RunOptions lines;
  lines.input = "\"hello<|im_end|>\"\n\n\"\"\n\"\\u0000\"\n";
  const Ran ids = qnext({"tokenize", model}, lines);
  EXPECT_EQ(ids.out, "[258,111,260]\n[]\n[0]\n");
  lines.input = "\"<|im_end|>\"\n";
  EXPECT_EQ(qnext({"tokenize", model, "--no-special"}, lines).out.find("260"), std::string::npos);
  lines.input = "[258,111,260,300,2147483647]\n[]\n";
  EXPECT_EQ(qnext({"tokenize", model, "--decode"}, lines).out, "\"hello<|im_end|>\"\n\"\"\n");
  EXPECT_EQ(qnext({"tokenize", model, "--decode", "--no-special"}, lines).out, "\"hello\"\n\"\"\n");

  const std::string messages = scratch.file("m.json", R"([{"role": "user", "content": "hi"}])");
  EXPECT_EQ(qnext({"template", model, "--messages", messages}).out,
            "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n");
  EXPECT_EQ(qnext({"template", model, "--messages", messages, "--no-generation-prompt"}).out,
            "<|im_start|>user\nhi<|im_end|>\n");

  // Tokenizer and template of a folder that has nothing else.
  for (const char* name : {"config.json", "model.safetensors"}) std::filesystem::remove(model + "/" + name);
  EXPECT_EQ(qnext({"tokenize", model, "--no-special"}, lines).code, 1);  // a list where a text is expected
  lines.input = "\"hello<|im_end|>\"\n";
  EXPECT_EQ(qnext({"tokenize", model}, lines).out, "[258,111,260]\n");
  EXPECT_EQ(qnext({"template", model, "--messages", messages}).out,
            "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n");
}

TEST(Commands, ConvertQuantizeSynth) {
  const Scratch scratch;
  const std::string model = small_model(scratch, "model", true);
  const std::string gguf = scratch.path("m.gguf"), small = scratch.path("s.gguf");
  const Ran ran = qnext({"convert", model, "-o", gguf, "--type", "f32"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out + ran.err, "");
  EXPECT_EQ(qnext({"quantize", gguf, "-o", small, "--type", "q8_0"}).code, 0);
  EXPECT_LT(read_all(small).size(), read_all(gguf).size());
  const std::string ids = scratch.file("ids.json", "[1, 2, 3]");
  const auto tokens = [&](const std::string& from) {
    return only_json(
        qnext({"generate-ids", from, "--tokens", ids, "-n", "5", "--temp", "0", "--json"}))["tokens"];
  };
  EXPECT_EQ(tokens(model), tokens(gguf));
  const std::string plain = small_model(scratch, "plain", false);  // a tokenizer forbids ids without text
  EXPECT_EQ(tokens(plain), tokens("synth:" + scratch.path("plain-config.json")));
  RunOptions line;
  line.input = "\"hello\"\n";
  EXPECT_EQ(qnext({"tokenize", small}, line).out, "[258,111]\n");
  EXPECT_EQ(
      qnext({"synth", scratch.path("model-config.json"), "-o", scratch.path("again"), "--seed", "7"}).code,
      0);
  EXPECT_NE(read_all(weights_of(model)), read_all(weights_of(scratch.path("again"))));
}

TEST(Commands, PerplexityAndBench) {
  const Scratch scratch;
  const std::string model = small_model(scratch, "model", true);
  const std::string text = scratch.file("text", "hello hello hello, this is a text");
  const Json json = only_json(qnext({"perplexity", model, "-f", text, "--ctx", "16", "--json"}));
  expect_fields(json, {"perplexity", "nll", "tokens"});
  EXPECT_GT(json["perplexity"], 1);

  const Json bench = only_json(qnext({"bench", model, "--prompt", "8", "--generate", "2", "--depth", "0,4",
                                      "--batch", "1,2", "--repeat", "1", "--json"}));
  expect_fields(bench, {"rows", "machine"});
  expect_fields(bench["machine"], {"read_gb_per_s", "peak_gflops"});
  expect_fields(bench["machine"]["peak_gflops"], {"f32", "bf16", "int8"});
  EXPECT_EQ(bench["rows"].size(), 8u);
  for (const Json& row : bench["rows"]) {
    expect_fields(row,
                  {"kind", "tokens", "depth", "batch", "median_tokens_per_s", "min", "max", "bytes_per_token",
                   "gb_per_s", "flops_per_token", "gflops", "share_of_bandwidth", "share_of_roofline"});
    EXPECT_GT(row["flops_per_token"], 0);
    EXPECT_LT(row["share_of_roofline"], 1);
  }
}

TEST(Commands, BenchShowsWhereTheTimeWent) {
  const std::vector<std::string> command{"bench", tiny(),     "--prompt", "0",           "--generate",
                                         "2",     "--repeat", "3",        "--operations"};
  const Ran ran = qnext(command);
  ASSERT_EQ(ran.code, 0) << ran.err;
  for (const char* part : {"operation", "us/token", "moe_route", "gdn", "attention", "linear ", "between"}) {
    EXPECT_NE(ran.out.find(part), ran.out.npos) << part;
  }
  std::vector<std::string> as_json = command;
  as_json.push_back("--json");
  const Json row = only_json(qnext(as_json))["rows"][0];
  double seconds = 0;
  for (const Json& operation : row["operations"]) {
    expect_fields(operation, {"name", "calls_per_token", "seconds_per_token", "bytes_per_token"});
    if (operation["name"] == "moe") {
      EXPECT_EQ(operation["calls_per_token"], 4);  // one for each layer
    }
    seconds += operation["seconds_per_token"].get<double>();
  }
  EXPECT_GT(seconds, 0);
  EXPECT_LE(seconds, 1 / row["min"].get<double>());
}

TEST(Commands, BenchDrawsAPlot) {
  const Scratch scratch;
  const std::string picture = scratch.path("speed.svg");
  const Ran ran = qnext({"bench", tiny(), "--prompt", "8", "--generate", "2", "--depth", "0,4,200", "--piece",
                         "5", "--repeat", "1", "--plot", picture});
  ASSERT_EQ(ran.code, 0) << ran.err;
  const std::string svg = read_file(picture).value();
  for (const char* part : {"<svg ", "tokens before", "tokens/s", ": prefill<", ": decode<",
                           ">8 tokens, batch 1<", "its roofline", "stroke-dasharray", "</svg>"}) {
    EXPECT_NE(svg.find(part), svg.npos) << part;
  }
}

}  // namespace
}  // namespace qnext
