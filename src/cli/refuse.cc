#include "cli/refuse.h"

#include <filesystem>

#include "checkpoint/synth_source.h"

namespace qnext {
namespace {

namespace fs = std::filesystem;

bool same(const fs::path& a, const fs::path& b) {
  std::error_code ignored;
  return fs::equivalent(a, b, ignored);
}

// "-00001-of-00003.gguf": what the names of split files have in common is before it.
constexpr size_t kSplitSuffix = 20;

bool other_part(const std::string& in, const std::string& out) {
  const bool split = in.ends_with(".gguf") && in.size() > kSplitSuffix &&
                     in.find("-of-", in.size() - kSplitSuffix) != std::string::npos;
  if (!split || !same(fs::path(in).parent_path() / ".", fs::path(out).parent_path() / ".")) return false;
  const std::string first = fs::path(in).filename().string(), second = fs::path(out).filename().string();
  const size_t stem = first.size() - kSplitSuffix;
  return second.size() == first.size() && second.compare(0, stem, first, 0, stem) == 0 &&
         second.compare(stem + 6, std::string::npos, first, stem + 6) == 0;
}

}  // namespace

Status refuse_to_replace(const std::string& in, const std::string& out) {
  if (in.empty()) return {};
  std::string file = in;
  if (is_synth_path(in)) {
    QN_TRY(const SynthPath path, parse_synth_path(in));
    file = path.config_path;
  }
  if (same(file, out)) return Error(out + ": is the file to read; give another name");
  std::error_code ignored;
  const std::string kind = fs::path(out).extension().string();
  const bool in_folder = fs::is_directory(file, ignored) && (kind == ".safetensors" || kind == ".json") &&
                         same(file, fs::path(out).parent_path() / ".");
  if (!(in_folder && fs::exists(out, ignored)) && !other_part(file, out)) return {};
  return Error(out + ": is part of the model to read; give another name");
}

}  // namespace qnext
