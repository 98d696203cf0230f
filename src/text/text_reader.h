// The texts of a training file, read piece by piece, so that files may be larger than memory.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace qnext {

// Reads a file, pipe or device in pieces of about `piece_bytes`. Pieces end where every Qwen tokenizer ends a
// word (after "\n" before a printable ASCII character, or before a space between two ASCII letters), so that
// the words of the pieces are the words of the whole. Only where there is no such place in 16 pieces' length
// is a piece cut between other characters. With Cut::lines pieces end after "\n" or at the end of the file,
// and a line without an end for 64 pieces' length is an error.
class TextReader {
 public:
  enum class Cut { words, lines };

  // Errors name the file.
  static Result<std::unique_ptr<TextReader>> open(const std::string& path, Cut cut,
                                                  size_t piece_bytes = size_t{1} << 18);
  ~TextReader();
  TextReader(const TextReader&) = delete;
  TextReader& operator=(const TextReader&) = delete;

  // The next piece, never empty; nothing at the end. An error names the byte of the file at which the text is
  // not valid UTF-8.
  Result<std::optional<std::string>> next();
  int64_t bytes_read() const { return offset_; }      // of the pieces so far
  int64_t file_bytes() const { return file_bytes_; }  // 0 when unknown

 private:
  TextReader(std::string path, Cut cut, size_t piece_bytes, int fd, int64_t file_bytes);
  Status fill(size_t wanted);
  size_t last_border() const;

  std::string path_;
  Cut cut_;
  size_t piece_bytes_;
  int fd_;
  int64_t file_bytes_;
  std::string buffer_;  // read and not yet given
  int64_t offset_ = 0;  // of the buffer's first byte in the file
  bool at_end_ = false;
};

}  // namespace qnext
