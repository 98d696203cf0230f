#include "base/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>

namespace qnext {
namespace {

Error system_error(const std::string& path, const char* doing, int code) {
  return Error(fmt::format("{}: cannot {}: {}", path, doing, std::strerror(code)));
}

struct Descriptor {
  int fd = -1;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

Result<int64_t> open_regular(const std::string& path, Descriptor& descriptor) {
  descriptor.fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor.fd < 0) return system_error(path, "open", errno);
  struct stat info {};
  if (::fstat(descriptor.fd, &info) != 0) return system_error(path, "inspect", errno);
  if (S_ISDIR(info.st_mode)) return Error(path + ": is a folder, not a file");
  if (!S_ISREG(info.st_mode)) return Error(path + ": is not a regular file");
  return static_cast<int64_t>(info.st_size);
}

// Names of temporary files that a signal handler has to delete. Fixed slots, because a handler may not
// allocate.
constexpr int kSlots = 32;
constexpr size_t kNameLength = 4096;
struct Slot {
  std::atomic<bool> taken{false};
  std::atomic<bool> live{false};
  std::array<char, kNameLength> name{};
};
std::array<Slot, kSlots>& slots() {
  static std::array<Slot, kSlots> all;
  return all;
}

int register_temporary(const std::string& name) {
  if (name.size() + 1 > kNameLength) return -1;
  for (int i = 0; i < kSlots; ++i) {
    Slot& slot = slots()[i];
    if (slot.taken.exchange(true)) continue;
    std::memcpy(slot.name.data(), name.c_str(), name.size() + 1);
    slot.live = true;
    return i;
  }
  return -1;
}

void release_temporary(int index) {
  if (index < 0) return;
  slots()[index].live = false;
  slots()[index].taken = false;
}

constexpr size_t kBufferBytes = size_t{1} << 20;

}  // namespace

Result<std::string> read_file(const std::string& path, int64_t max_bytes) {
  Descriptor descriptor;
  QN_TRY(const int64_t size, open_regular(path, descriptor));
  if (size > max_bytes)
    return Error(fmt::format("{}: {} bytes, more than the limit of {}", path, size, max_bytes));
  std::string text(static_cast<size_t>(size), '\0');
  size_t done = 0;
  while (done < text.size()) {
    const ssize_t got = ::read(descriptor.fd, text.data() + done, text.size() - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_error(path, "read", errno);
    if (got == 0) break;  // shortened while we read it
    done += static_cast<size_t>(got);
  }
  text.resize(done);
  return text;
}

MappedFile::MappedFile(std::string path, const std::byte* data, size_t size)
    : path_(std::move(path)), data_(data), size_(size) {}

Result<std::shared_ptr<const MappedFile>> MappedFile::open(const std::string& path) {
  Descriptor descriptor;
  QN_TRY(const int64_t size, open_regular(path, descriptor));
  if (size == 0) return std::shared_ptr<const MappedFile>(new MappedFile(path, nullptr, 0));
  void* data = ::mmap(nullptr, static_cast<size_t>(size), PROT_READ, MAP_PRIVATE, descriptor.fd, 0);
  if (data == MAP_FAILED) return system_error(path, "map into memory", errno);
  return std::shared_ptr<const MappedFile>(
      new MappedFile(path, static_cast<const std::byte*>(data), static_cast<size_t>(size)));
}

MappedFile::~MappedFile() {
  if (data_) ::munmap(const_cast<std::byte*>(data_), size_);
}

AtomicFile::AtomicFile(std::string path, std::string temporary, int fd, int slot)
    : path_(std::move(path)), temporary_(std::move(temporary)), fd_(fd), slot_(slot) {}

Result<std::unique_ptr<AtomicFile>> AtomicFile::create(const std::string& given) {
  // Where a link points to is written, so that the link stays one (/dev/stdout is a link).
  std::error_code not_there;
  const std::filesystem::path target = std::filesystem::canonical(given, not_there);
  const std::string path =
      std::filesystem::is_symlink(given, not_there) && !target.empty() ? target.string() : given;
  struct stat info {};
  const bool exists = ::stat(path.c_str(), &info) == 0;
  if (exists && S_ISDIR(info.st_mode)) return Error(path + ": cannot write: is a folder");
  if (exists && !S_ISREG(info.st_mode)) {  // renaming would put a file in the place of the device or pipe
    const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
    if (fd < 0) return system_error(path, "write", errno);
    return std::unique_ptr<AtomicFile>(new AtomicFile(path, "", fd, -1));
  }
  std::string temporary = fmt::format("{}.{}.part", path, ::getpid());
  const int slot = register_temporary(temporary);  // first, so that no signal finds a file without a slot
  const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (fd < 0) {
    const int code = errno;
    release_temporary(slot);
    return system_error(path, "write", code);
  }
  return std::unique_ptr<AtomicFile>(new AtomicFile(path, std::move(temporary), fd, slot));
}

AtomicFile::~AtomicFile() {
  if (fd_ >= 0) {
    ::close(fd_);
    if (!temporary_.empty()) ::unlink(temporary_.c_str());
  }
  release_temporary(slot_);
}

void AtomicFile::write(const void* data, size_t size) {
  size_ += static_cast<int64_t>(size);
  buffer_.append(static_cast<const char*>(data), size);
  if (buffer_.size() >= kBufferBytes) (void)flush();
}

Status AtomicFile::flush() {
  size_t done = 0;
  while (done < buffer_.size() && error_ == 0) {
    const ssize_t put = ::write(fd_, buffer_.data() + done, buffer_.size() - done);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0)
      error_ = errno;
    else
      done += static_cast<size_t>(put);
  }
  buffer_.clear();
  return status();
}

Status AtomicFile::status() const {
  if (error_) return system_error(path_, "write", error_);
  return {};
}

Status AtomicFile::commit() {
  QN_RETURN_IF_ERROR(flush());
  if (::fsync(fd_) != 0 && errno != EINVAL && errno != EROFS) return system_error(path_, "write", errno);
  const int fd = fd_;
  fd_ = -1;
  const int closed = ::close(fd);
  const int close_error = errno;
  if (temporary_.empty()) return closed == 0 ? Status{} : system_error(path_, "write", close_error);
  if (closed != 0 || ::rename(temporary_.c_str(), path_.c_str()) != 0) {
    const int code = closed != 0 ? close_error : errno;
    ::unlink(temporary_.c_str());
    return system_error(path_, "write", code);
  }
  return {};
}

void AtomicFile::remove_unfinished_files() {
  for (Slot& slot : slots()) {
    if (slot.live) ::unlink(slot.name.data());
  }
}

}  // namespace qnext
