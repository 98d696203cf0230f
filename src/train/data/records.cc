#include "train/data/records.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

namespace qnext::train {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
constexpr std::string_view kBlank = " \t\r\n";

std::string_view without_mark(std::string_view text) {
  return text.starts_with(kByteOrderMark) ? text.substr(kByteOrderMark.size()) : text;
}

bool blank(std::string_view text) { return text.find_first_not_of(kBlank) == text.npos; }

// Cuts off the next line with its end, and says what is in it without that end.
std::string_view take_line(std::string_view& rest) {
  const size_t end = rest.find('\n');
  std::string_view line = rest.substr(0, end);
  rest = end == rest.npos ? std::string_view() : rest.substr(end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

// Without blank lines at both ends. Blanks at the start of the first line that has text are text.
Record trimmed(std::string_view text, int64_t line) {
  for (std::string_view rest = text; !rest.empty();) {
    if (!blank(take_line(rest))) break;
    text = rest;
    ++line;
  }
  const size_t last = text.find_last_not_of("\r\n");
  return {text.substr(0, last == text.npos ? 0 : last + 1), line};
}

bool read_from_folder(const fs::path& path) {
  const std::string suffix = path.extension().string();
  return suffix == ".txt" || suffix == ".md" || holds_json_lines(path.string());
}

}  // namespace

bool holds_json_lines(const std::string& path) {
  return path.ends_with(".jsonl") || path.ends_with(".ndjson");
}

Result<std::vector<std::string>> source_files(const Source& source) {
  std::error_code failed;
  const fs::file_status status = fs::status(source.path, failed);
  if (!fs::exists(status)) {
    const std::string why = failed ? failed.message() : "No such file or directory";
    return Error(fmt::format("{}: cannot open: {}", source.path, why));
  }
  if (!fs::is_directory(status)) return std::vector<std::string>{source.path};
  std::vector<std::string> files;
  fs::recursive_directory_iterator at(source.path, failed), end;
  for (; !failed && at != end; at.increment(failed)) {
    const bool hidden = at->path().filename().string().starts_with('.');
    std::error_code ignored;
    if (hidden) {
      at.disable_recursion_pending();
    } else if (at->is_regular_file(ignored) && read_from_folder(at->path())) {
      files.push_back(at->path().string());
    }
  }
  if (failed) return Error(fmt::format("{}: cannot list the folder: {}", source.path, failed.message()));
  if (files.empty()) {
    return Error(fmt::format("{}: the folder holds no *.txt, *.md, *.jsonl or *.ndjson file", source.path));
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::vector<Record> text_records(std::string_view contents, std::string_view separator) {
  std::vector<Record> records;
  contents = without_mark(contents);
  const char* begin = contents.data();  // of the document
  int64_t line = 1, first = 1;
  const auto end_document = [&](const char* end) {
    const Record record = trimmed({begin, static_cast<size_t>(end - begin)}, first);
    if (!blank(record.text)) records.push_back(record);
  };
  for (std::string_view rest = contents; !rest.empty(); ++line) {
    const char* start = rest.data();
    if (take_line(rest) != separator) continue;
    end_document(start);
    begin = rest.empty() ? contents.data() + contents.size() : rest.data();
    first = line + 1;
  }
  if (!contents.empty()) end_document(contents.data() + contents.size());
  return records;
}

std::vector<Record> json_records(std::string_view contents) {
  std::vector<Record> records;
  int64_t line = 1;
  for (std::string_view rest = without_mark(contents); !rest.empty(); ++line) {
    const std::string_view text = take_line(rest);
    if (!blank(text)) records.push_back({text, line});
  }
  return records;
}

}  // namespace qnext::train
