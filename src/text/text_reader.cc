#include "text/text_reader.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/files.h"
#include "text/utf8.h"

namespace qnext {
namespace {

constexpr size_t kMostPieces = 16;      // that are looked through for a border between words
constexpr size_t kMostLinePieces = 64;  // that a line may have

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// Whether a word ends before text[at], whatever stands before and after.
bool is_border(const std::string& text, size_t at) {
  const char before = text[at - 1], here = text[at];
  if (before == '\n') return here > ' ' && here < 0x7F;
  return here == ' ' && is_letter(before) && at + 1 < text.size() && is_letter(text[at + 1]);
}

}  // namespace

Result<std::unique_ptr<TextReader>> TextReader::open(const std::string& path, Cut cut, size_t piece_bytes) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return system_error(path, "open", errno);
  struct stat info {};
  if (::fstat(fd, &info) != 0) {
    const int code = errno;
    ::close(fd);
    return system_error(path, "inspect", code);
  }
  if (S_ISDIR(info.st_mode)) {
    ::close(fd);
    return Error(path + ": is a folder, not a file");
  }
  const int64_t size = S_ISREG(info.st_mode) ? info.st_size : 0;
  return std::unique_ptr<TextReader>(new TextReader(path, cut, piece_bytes, fd, size));
}

TextReader::TextReader(std::string path, Cut cut, size_t piece_bytes, int fd, int64_t file_bytes)
    : path_(std::move(path)), cut_(cut), piece_bytes_(piece_bytes), fd_(fd), file_bytes_(file_bytes) {}

TextReader::~TextReader() { ::close(fd_); }

// Reads until the buffer has `wanted` bytes or the file ends.
Status TextReader::fill(size_t wanted) {
  while (!at_end_ && buffer_.size() < wanted) {
    const size_t had = buffer_.size();
    buffer_.resize(wanted);
    const ssize_t got = ::read(fd_, buffer_.data() + had, wanted - had);
    const int code = errno;
    buffer_.resize(had + static_cast<size_t>(std::max<ssize_t>(got, 0)));
    if (got < 0 && code != EINTR) return system_error(path_, "read", code);
    at_end_ = got == 0;
  }
  return {};
}

// The last place in the buffer where a piece may end; 0 when there is none.
size_t TextReader::last_border() const {
  if (cut_ == Cut::lines) return buffer_.rfind('\n') + 1;
  for (size_t at = buffer_.size(); at-- > 1;) {
    if (is_border(buffer_, at)) return at;
  }
  return 0;
}

Result<std::optional<std::string>> TextReader::next() {
  const size_t most = cut_ == Cut::lines ? kMostLinePieces : kMostPieces;
  size_t size = 0;
  for (size_t pieces = 1; size == 0; ++pieces) {
    QN_RETURN_IF_ERROR(fill(pieces * piece_bytes_));
    if (at_end_) {
      size = buffer_.size();
      break;
    }
    size = last_border();
    if (size > 0 || pieces < most) continue;
    if (cut_ == Cut::lines) {
      return Error(fmt::format("{}: the line at byte {} is longer than {} bytes", path_, offset_,
                               most * piece_bytes_));
    }
    size = buffer_.size() - incomplete_utf8_suffix(buffer_);
  }
  if (size == 0) return std::optional<std::string>();
  std::string piece = buffer_.substr(0, size);
  buffer_.erase(0, size);
  if (const size_t valid = valid_utf8_prefix(piece); valid < size) {
    return Error(fmt::format("{}: not valid UTF-8 at byte {} (0x{:02X})", path_,
                             offset_ + static_cast<int64_t>(valid), static_cast<uint8_t>(piece[valid])));
  }
  offset_ += static_cast<int64_t>(size);
  return std::optional(std::move(piece));
}

}  // namespace qnext
