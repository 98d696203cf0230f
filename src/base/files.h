// Reading whole small files, mapping large ones, and writing files that appear under their name only when
// whole.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace qnext {

// "PATH: cannot DOING: what the system says of `code`", an errno.
Error system_error(const std::string& path, std::string_view doing, int code);

// The contents of a file, or of a pipe or device until its end; an error when it cannot be read or is larger
// than `max_bytes`.
Result<std::string> read_file(const std::string& path, int64_t max_bytes = int64_t{1} << 30);

// A read-only mapping of a whole file, unmapped on destruction. An empty file maps to an empty span.
class MappedFile {
 public:
  static Result<std::shared_ptr<const MappedFile>> open(const std::string& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::byte> bytes() const { return {data_, size_}; }
  // Copies `size` of the mapped bytes without mapping their pages: for what is read once, that is several
  // times as fast as faults. False when the system does not deliver them, as from a file that was cut.
  // Thread-safe.
  bool copy(const std::byte* from, size_t size, std::byte* to) const;
  const std::string& path() const { return path_; }

 private:
  MappedFile(std::string path, int fd, const std::byte* data, size_t size);
  std::string path_;
  int fd_;
  const std::byte* data_;
  size_t size_;
};

// Writes to a temporary file beside `path` and renames it in commit(). Destroyed without commit(), it removes
// the temporary file, so an interrupted or failed write leaves nothing under the final name. The first write
// error is kept and returned by commit(). remove_unfinished_files() is for signal handlers. A symbolic link
// stays one: the file that it points to is replaced. A device or pipe (/dev/null, /dev/stdout) is written as
// it is.
class AtomicFile {
 public:
  static Result<std::unique_ptr<AtomicFile>> create(const std::string& path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(const void* data, size_t size);
  void write(std::string_view text) { write(text.data(), text.size()); }
  int64_t size() const { return size_; }  // bytes written so far
  Status status() const;                  // the first write error so far, so that long work can stop early
  Status commit();

  // Deletes the temporary files that are open at this moment. Async-signal-safe.
  static void remove_unfinished_files();

 private:
  AtomicFile(std::string path, std::string target, std::string temporary, int slot, int fd);
  Status flush();
  std::string path_;       // as given, for messages
  std::string target_;     // what commit() replaces
  std::string temporary_;  // "" when the target is written as it is
  std::string buffer_;
  int fd_;
  int slot_;
  int64_t size_ = 0;
  int error_ = 0;  // errno of the first failure
};

}  // namespace qnext
