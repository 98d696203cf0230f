// The JSON files beside the weights. The first byte of the input says which file the rest is: 'c'
// config.json, 'g' generation_config.json, 'i' model.safetensors.index.json (in a folder with one small
// shard).
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "checkpoint/checkpoint.h"
#include "checkpoint/hf_folder.h"
#include "checkpoint/manifest.h"
#include "checkpoint/summary.h"
#include "checkpoint/synth_source.h"
#include "fuzz.h"
#include "sample/params.h"

using namespace qnext;

namespace {

void read_config(const Json& json) {
  const auto config = ModelConfig::from_json(json, "file");
  check_error(config, "file: ");
  if (!config.ok()) return;
  const auto again = ModelConfig::from_json(config->to_json(), "file");
  QN_CHECK(again.ok(), "what was written cannot be read: " + (again.ok() ? "" : again.error().message()));
  QN_CHECK(again->to_json() == config->to_json(), "written and read, a configuration differs");
  // The list of tensors may be long: only short ones are made here.
  if (config->num_layers > 64 || config->num_layers * config->num_experts > 4096) return;
  Checkpoint checkpoint;
  checkpoint.config = *config;
  checkpoint.tensors = make_synth_source(*config, 1, "file");
  QN_CHECK(to_json(summarize(checkpoint)).is_object(), "a summary says something");
}

void read_index(std::string_view text) {
  static const std::string folder = [] {
    std::string name = (std::filesystem::temp_directory_path() / "qnext-fuzz-XXXXXX").string();
    QN_CHECK(::mkdtemp(name.data()) != nullptr, "a scratch folder");
    std::ofstream shard(name + "/a.safetensors", std::ios::binary);
    const std::string header = R"({"w":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}})";
    const uint64_t length = header.size();
    shard.write(reinterpret_cast<const char*>(&length), sizeof length);
    shard << header << "xy";
    return name;
  }();
  static const bool cleaned = std::atexit([] { std::filesystem::remove_all(folder); }) == 0;
  QN_CHECK(cleaned, "the scratch folder is removed at the end");
  std::ofstream(folder + "/model.safetensors.index.json", std::ios::binary | std::ios::trunc) << text;
  check_error(open_hf_folder(folder), folder);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view text = as_text(data + 1, size - 1);
  if (data[0] == 'i') {
    read_index(text);
    return 0;
  }
  const auto json = parse_json(text, "file");
  check_error(json, "file: ");
  if (!json.ok()) return 0;
  if (data[0] == 'c') read_config(*json);
  if (data[0] == 'g') check_error(read_generation_config(*json, "file"), "file: ");
  return 0;
}
