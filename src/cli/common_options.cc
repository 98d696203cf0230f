#include "cli/common_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdlib>
#include <map>
#include <random>

#include "base/check.h"
#include "base/json.h"

namespace qnext {
namespace {

constexpr int64_t kMaxThreads = 1024;

Error bad_bias(const std::string& text) {
  return Error(fmt::format("expected ID=BIAS, such as 1234=-5, got '{}'", text));
}

Status parse_one_bias(const std::string& text, std::map<int64_t, double>& biases) {
  int64_t id = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, id);
  if (error != std::errc() || rest == end) return bad_bias(text);
  const bool sign = *rest == '+' || *rest == '-';  // belongs to the bias
  if (!sign && *rest != '=' && *rest != ':') return bad_bias(text);
  const std::string number(sign ? rest : rest + 1, end);
  char* stop = nullptr;
  const double bias = std::strtod(number.c_str(), &stop);
  if (number.empty() || *stop != '\0' || std::isspace(static_cast<unsigned char>(number[0]))) {
    return bad_bias(text);
  }
  biases[id] = bias;
  return {};
}

Status parse_json_biases(const std::string& text, std::map<int64_t, double>& biases) {
  QN_TRY(const Json json, parse_json(text, "the object"));
  for (const auto& [key, value] : json.items()) {
    if (!value.is_number()) return bad_bias(fmt::format("{}: {}", key, dump_json(value)));
    QN_RETURN_IF_ERROR(parse_one_bias(fmt::format("{}={}", key, value.get<double>()), biases));
  }
  return {};
}

// The value of --logit-bias: "ID=BIAS,ID=BIAS" or a JSON object.
Status parse_biases(const std::string& text, std::map<int64_t, double>& biases) {
  if (!text.empty() && text.front() == '{') return parse_json_biases(text, biases);
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find(',', at), text.size());
    QN_RETURN_IF_ERROR(parse_one_bias(text.substr(at, end - at), biases));
    at = end + 1;
  }
  return {};
}

std::string wrong_biases(const std::string& text) {
  std::map<int64_t, double> ignored;
  const Status status = parse_biases(text, ignored);
  return status.ok() ? "" : status.error().message();
}

uint64_t random_seed() {
  std::random_device device;
  return device();  // 32 bits, so that it survives JSON readers that hold numbers as doubles
}

}  // namespace

DType EngineOptions::kv_dtype() const {
  const auto dtype = dtype_from_name(kv_type);
  QN_CHECK(dtype.has_value(), "--kv-type was checked when it was parsed");
  return *dtype;
}

DType EngineOptions::state_dtype() const {
  const auto dtype = dtype_from_name(state_type);
  QN_CHECK(dtype.has_value(), "--state-type was checked when it was parsed");
  return *dtype;
}

Rounding EngineOptions::rounding() const {
  return activations == "f32" ? Rounding::kNone : activations == "int8" ? Rounding::kInt8 : Rounding::kNative;
}

void add_engine_options(Command command, EngineOptions& o) {
  const char* group = "Engine";
  const auto add_choice = [&](const char* names, std::string& value,
                              std::initializer_list<const char*> choices, const char* text) {
    command.add_choice(names, value, choices, text).group(group);
  };
  add_choice("--device", o.device, {"auto", "cpu", "cuda"}, "Where to run; default auto");
  add_choice("--backend", o.backend, {"ref", "cpu", "cuda"},
             "Which implementation of the operations; default the device's. ref is the slow definition of "
             "what is right");
  command.add_option("--isa", o.isa, "Force an instruction set of the cpu backend, such as avx2")
      .named("NAME")
      .group(group);
  command.add_option("-t,--threads", o.threads, "Threads; default one per processor")
      .named("N")
      .within(1, kMaxThreads)
      .group(group);
  add_choice("--kv-type", o.kv_type, {"f32", "bf16", "q8_0"}, "Type of the attention cache; default f32");
  add_choice("--state-type", o.state_type, {"f32", "bf16"}, "Type of the recurrent state; default f32");
  add_choice("--activations", o.activations, {"f32", "int8", "native"},
             "What inputs of matrices are rounded to: f32, nothing; int8, the default, 8 bits in blocks of "
             "32 before quantised matrices; native, also BF16 before BF16 matrices where the processor has "
             "that");
  command
      .add_option(
          "--ctx", o.context,
          "Context: most tokens of a sequence, prompt and answer; default what the model was made for")
      .named("N")
      .at_least(1)
      .group(group);
}

void add_sampling_options(Command command, SamplingOptions& o) {
  const char* group = "Sampling";
  const auto add = [&](const char* names, auto& value, const char* value_name, const char* text) {
    return command.add_option(names, value, text).named(value_name).group(group);
  };
  add("-n,--max-tokens", o.max_new, "N",
      "Most tokens to generate; default until the model stops or the context is full")
      .at_least(-1);
  add("--temp,--temperature", o.temperature, "T", "Temperature; 0 takes the most probable token")
      .within(0, 1e30);
  add("--top-k", o.top_k, "K", "Choose among the K most probable tokens; 0 for all").at_least(0);
  add("--top-p", o.top_p, "P", "Choose among the fewest tokens that hold this probability").within(0, 1);
  add("--min-p", o.min_p, "P", "Leave out tokens less probable than this share of the most probable one")
      .within(0, 1);
  add("--repeat-penalty", o.repeat_penalty, "R", "Make tokens that occurred less probable; 1 for not at all");
  add("--repeat-last-n", o.repeat_window, "N",
      "How far back --repeat-penalty looks; -1 for everything, the default")
      .at_least(-1);
  add("--presence-penalty", o.presence_penalty, "X", "Subtracted from the logits of tokens generated before");
  add("--frequency-penalty", o.frequency_penalty, "X", "Subtracted as often as the token was generated");
  add("--logit-bias", o.logit_bias, "ID=BIAS",
      "Added to a token's logit, -inf forbids it; several separated by commas, or a JSON object")
      .repeated()
      .check(wrong_biases);
  add("--seed", o.seed, "N", "Seed of the random numbers; default a new one each time").within(0, 0x1p64);
  command.add_flag("--ignore-eos", o.ignore_eos, "Go on after the tokens that end an answer").group(group);
}

Result<SamplingParams> SamplingOptions::resolve(const SamplingParams& defaults, int64_t vocab_size) const {
  SamplingParams params = defaults;
  if (temperature) params.temperature = *temperature;
  if (top_k) params.top_k = *top_k;
  if (top_p) params.top_p = *top_p;
  if (min_p) params.min_p = *min_p;
  if (repeat_penalty) params.repeat_penalty = *repeat_penalty;
  if (repeat_window) params.repeat_window = *repeat_window;
  if (presence_penalty) params.presence_penalty = *presence_penalty;
  if (frequency_penalty) params.frequency_penalty = *frequency_penalty;
  for (const std::string& text : logit_bias) QN_RETURN_IF_ERROR(parse_biases(text, params.logit_bias));
  params.seed = seed ? *seed : random_seed();
  QN_RETURN_IF_ERROR(params.validate(vocab_size));
  return params;
}

void add_model_argument(Command command, std::string& model) {
  command.add_option("MODEL", model,
                     "A Hugging Face folder, a GGUF file or synth:CONFIG.json; default the embedded model");
}

void add_lora_option(Command command, std::string& lora) {
  command.add_option("--lora", lora, "A LoRA adapter in PEFT's layout, added to the weights of MODEL")
      .named("FOLDER");
}

}  // namespace qnext
