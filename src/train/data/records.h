// From files to the documents in them, still as text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace qnext::train {

// What of a conversation is learnt.
enum class Learn : uint8_t {
  kAnswers,  // what the assistant would have to say
  kAll,      // every token, as of a text
};

// Where text comes from: one file, or a folder of which every *.txt, *.md, *.jsonl and *.ndjson file is read,
// subfolders too, in order of path, hidden ones left out.
struct Source {
  std::string path{};
  std::string name{};  // in the log and the picture
  // How many times a document is read in an epoch. Of a fraction, another part is read in each epoch.
  double weight = 1;
  // The line that stands between two documents of a plain text. "" for empty lines. A text without such a
  // line is one document.
  std::string separator = "<|endoftext|>";
  Learn learn = Learn::kAnswers;
};

// A document, or one line of JSON that holds one.
struct Record {
  std::string_view text;
  int64_t line = 1;  // the first one, counted from 1
};

// The files of a source. Errors: the path does not exist or cannot be listed, a folder holds none of them.
Result<std::vector<std::string>> source_files(const Source& source);

// Whether a file holds one JSON object a line; by its name.
bool holds_json_lines(const std::string& path);

// Documents between separator lines, without the empty lines at their ends; documents of white space alone
// are left out. A byte-order mark at the start is not text.
std::vector<Record> text_records(std::string_view contents, std::string_view separator);

// All lines that are not blank.
std::vector<Record> json_records(std::string_view contents);

}  // namespace qnext::train
