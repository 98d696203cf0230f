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
#include <utility>
#include <vector>

#include "base/check.h"

namespace qnext {

Error system_error(const std::string& path, std::string_view doing, int code) {
  return Error(fmt::format("{}: cannot {}: {}", path, doing, std::strerror(code)));
}

namespace {

struct Descriptor {
  int fd = -1;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

// Opens anything but a folder for reading.
Result<struct stat> open_to_read(const std::string& path, Descriptor& descriptor) {
  descriptor.fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor.fd < 0) return system_error(path, "open", errno);
  struct stat info {};
  if (::fstat(descriptor.fd, &info) != 0) return system_error(path, "inspect", errno);
  if (S_ISDIR(info.st_mode)) return Error(path + ": is a folder, not a file");
  return info;
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
  QN_TRY(const struct stat info, open_to_read(path, descriptor));
  const bool regular = S_ISREG(info.st_mode);
  const auto too_large = [&](int64_t size) {
    return Error(fmt::format("{}: {} bytes, more than the limit of {}", path, size, max_bytes));
  };
  if (regular && info.st_size > max_bytes) return too_large(info.st_size);
  std::string text;
  if (regular) text.reserve(static_cast<size_t>(info.st_size));
  std::vector<char> buffer(size_t{1} << 16);
  for (;;) {
    const ssize_t got = ::read(descriptor.fd, buffer.data(), buffer.size());
    if (got == 0) return text;
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_error(path, "read", errno);
    text.append(buffer.data(), static_cast<size_t>(got));
    if (static_cast<int64_t>(text.size()) > max_bytes) return too_large(static_cast<int64_t>(text.size()));
  }
}

MappedFile::MappedFile(std::string path, int fd, const std::byte* data, size_t size)
    : path_(std::move(path)), fd_(fd), data_(data), size_(size) {}

Result<std::shared_ptr<const MappedFile>> MappedFile::open(const std::string& path) {
  Descriptor descriptor;
  QN_TRY(const struct stat info, open_to_read(path, descriptor));
  if (!S_ISREG(info.st_mode)) return Error(path + ": is not a regular file");
  const int64_t size = info.st_size;
  if (size == 0) return std::shared_ptr<const MappedFile>(new MappedFile(path, -1, nullptr, 0));
  void* data = ::mmap(nullptr, static_cast<size_t>(size), PROT_READ, MAP_PRIVATE, descriptor.fd, 0);
  if (data == MAP_FAILED) return system_error(path, "map into memory", errno);
  return std::shared_ptr<const MappedFile>(new MappedFile(path, std::exchange(descriptor.fd, -1),
                                                          static_cast<const std::byte*>(data),
                                                          static_cast<size_t>(size)));
}

MappedFile::~MappedFile() {
  if (data_) ::munmap(const_cast<std::byte*>(data_), size_);
  if (fd_ >= 0) ::close(fd_);
}

bool MappedFile::copy(const std::byte* from, size_t size, std::byte* to) const {
  QN_CHECK(from >= data_ && from + size <= data_ + size_, "bytes that the file does not have");
  while (size > 0) {
    const ssize_t got = ::pread(fd_, to, size, from - data_);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    from += got;
    to += got;
    size -= static_cast<size_t>(got);
  }
  return true;
}

AtomicFile::AtomicFile(std::string path, std::string target, std::string temporary, int slot, int fd)
    : path_(std::move(path)),
      target_(std::move(target)),
      temporary_(std::move(temporary)),
      fd_(fd),
      slot_(slot) {}

Result<std::unique_ptr<AtomicFile>> AtomicFile::create(const std::string& path) {
  std::string target = path;
  struct stat info {};
  bool as_it_is = false;  // renaming would put a file in the place of a device or pipe
  if (::stat(path.c_str(), &info) == 0) {
    if (S_ISDIR(info.st_mode)) return Error(path + ": cannot write: is a folder");
    as_it_is = !S_ISREG(info.st_mode);
    std::error_code failed;
    const auto resolved = std::filesystem::canonical(path, failed);
    if (!failed) target = resolved.string();
  }
  const std::string temporary = as_it_is ? "" : fmt::format("{}.{}.part", target, ::getpid());
  // First, so that no signal finds a file without a slot.
  const int slot = as_it_is ? -1 : register_temporary(temporary);
  const int fd = as_it_is ? ::open(path.c_str(), O_WRONLY | O_CLOEXEC)
                          : ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (fd < 0) {
    const int code = errno;
    release_temporary(slot);
    return system_error(path, "write", code);
  }
  return std::unique_ptr<AtomicFile>(new AtomicFile(path, std::move(target), temporary, slot, fd));
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
  // Devices and some file systems know no such thing.
  if (::fsync(fd_) != 0 && errno != EINVAL && errno != EROFS) return system_error(path_, "write", errno);
  const int fd = fd_;
  fd_ = -1;
  int code = ::close(fd) != 0 ? errno : 0;
  if (temporary_.empty()) return code ? Status(system_error(path_, "write", code)) : Status();
  if (code == 0 && ::rename(temporary_.c_str(), target_.c_str()) != 0) code = errno;
  if (code == 0) return {};
  ::unlink(temporary_.c_str());
  return system_error(path_, "write", code);
}

void AtomicFile::remove_unfinished_files() {
  for (Slot& slot : slots()) {
    if (slot.live) ::unlink(slot.name.data());
  }
}

}  // namespace qnext
