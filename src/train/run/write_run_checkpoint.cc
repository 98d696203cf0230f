#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>

#include "base/files.h"
#include "checkpoint/safetensors_writer.h"
#include "tensor/float_formats.h"
#include "train/data/fingerprint.h"
#include "train/run/run_checkpoint.h"
#include "train/run/run_checkpoint_files.h"

namespace qnext::train {
namespace {

namespace fs = std::filesystem;

TensorEntry entry_of(const StateTensor& tensor, const std::string& prefix, DType type) {
  std::vector<int64_t> dims(tensor.shape.begin(), tensor.shape.end());
  TensorEntry entry{prefix + tensor.name, type, Shape(std::move(dims))};
  QN_CHECK(entry.shape.elements() == static_cast<int64_t>(tensor.values.size()),
           "a shape of other size: " + tensor.name);
  return entry;
}

void write_as_bf16(SafetensorsStream& file, std::span<const float> values) {
  std::array<uint16_t, 8192> piece;
  for (size_t begin = 0; begin < values.size(); begin += piece.size()) {
    const size_t count = std::min(piece.size(), values.size() - begin);
    for (size_t i = 0; i < count; ++i) piece[i] = float_to_bf16(values[begin + i]);
    file.write(piece.data(), count * sizeof(uint16_t));
  }
}

Status write_weights(const std::string& path, const RunCheckpoint& checkpoint) {
  const DType type = checkpoint.weight_type;
  QN_CHECK(type == DType::kBF16 || type == DType::kF32, "weights are BF16 or float32");
  std::vector<TensorEntry> entries;
  for (const StateTensor& tensor : checkpoint.weights) entries.push_back(entry_of(tensor, "", type));
  QN_TRY(auto file, SafetensorsStream::create(path, entries, {{"format", "pt"}}));
  for (const StateTensor& tensor : checkpoint.weights) {
    if (type == DType::kBF16) {
      write_as_bf16(*file, tensor.values);
    } else {
      file->write(tensor.values.data(), tensor.values.size_bytes());
    }
    QN_RETURN_IF_ERROR(file->status());
  }
  return file->commit();
}

Status write_state(const std::string& path, const RunCheckpoint& checkpoint) {
  std::vector<TensorEntry> entries;
  for (const StateTensor& tensor : checkpoint.weights)
    entries.push_back(entry_of(tensor, kMasterPrefix, DType::kF32));
  for (const StateTensor& tensor : checkpoint.moments)
    entries.push_back(entry_of(tensor, kMomentPrefix, DType::kF32));
  QN_TRY(auto file, SafetensorsStream::create(path, entries));
  for (const auto* tensors : {&checkpoint.weights, &checkpoint.moments}) {
    for (const StateTensor& tensor : *tensors) {
      file->write(tensor.values.data(), tensor.values.size_bytes());
      QN_RETURN_IF_ERROR(file->status());
    }
  }
  return file->commit();
}

Status write_text(const std::string& path, const std::string& text) {
  QN_TRY(auto file, AtomicFile::create(path));
  file->write(text);
  return file->commit();
}

// What is in a folder stays there when the machine stops.
Status sync_folder(const std::string& folder) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool done = fd >= 0 && (::fsync(fd) == 0 || errno == EINVAL);
  const int code = errno;
  if (fd >= 0) ::close(fd);
  if (!done) return system_error(folder, "write", code);
  return {};
}

Status write_all(const std::string& folder, const RunCheckpoint& checkpoint) {
  std::error_code failed;
  fs::remove_all(folder, failed);
  fs::create_directories(folder, failed);
  if (failed) return Error(fmt::format("{}: cannot make the folder: {}", folder, failed.message()));
  QN_RETURN_IF_ERROR(write_weights(folder + "/" + checkpoint.weights_file, checkpoint));
  QN_RETURN_IF_ERROR(write_state(folder + "/" + kStateFile, checkpoint));
  std::vector<std::string> names = {checkpoint.weights_file, kStateFile, checkpoint.config_file};
  QN_RETURN_IF_ERROR(
      write_text(folder + "/" + checkpoint.config_file, dump_json(checkpoint.config, 1) + "\n"));
  for (const auto& [name, contents] : checkpoint.files) {
    QN_CHECK(name.find('/') == name.npos, "a file in the folder: " + name);
    QN_RETURN_IF_ERROR(write_text(folder + "/" + name, contents));
    names.push_back(name);
  }
  const Standing& standing = checkpoint.standing;
  Json json = {{"format", kStandingFormat}, {"step", standing.step},     {"seed", standing.seed},
               {"data", standing.data},     {"recipe", standing.recipe}, {"files", Json::object()}};
  if (!standing.base.empty()) json["base"] = standing.base;
  for (const std::string& name : names) {
    QN_TRY(json["files"][name], file_mark(folder + "/" + name));
  }
  QN_RETURN_IF_ERROR(write_text(folder + "/" + kStandingFile, dump_json(json, 1) + "\n"));
  return sync_folder(folder);
}

// First away from its name, so that no half of it is taken for a checkpoint.
Status remove_checkpoint(const std::string& folder) {
  const std::string away = folder + ".old" + kUnfinished;
  std::error_code failed;
  fs::remove_all(away, failed);
  fs::rename(folder, away, failed);
  if (!failed) fs::remove_all(away, failed);
  if (failed) return Error(fmt::format("{}: cannot delete: {}", folder, failed.message()));
  return {};
}

Status remove_others(const std::string& output, int64_t step, int64_t keep) {
  auto all = run_checkpoints(output);
  std::reverse(all.begin(), all.end());
  int64_t kept = 0;
  for (const auto& [at, folder] : all) {
    if (at <= step && ++kept <= keep) continue;
    QN_RETURN_IF_ERROR(remove_checkpoint(folder));
  }
  return {};
}

}  // namespace

Result<Json> file_mark(const std::string& path) {
  QN_TRY(const auto file, MappedFile::open(path));
  Fingerprint fingerprint;
  fingerprint.add(file->bytes());
  return Json{{"bytes", file->bytes().size()}, {"checksum", fingerprint.hex()}};
}

Status write_run_checkpoint(const std::string& output, const RunCheckpoint& checkpoint, int64_t keep) {
  QN_CHECK(keep >= 1, "at least one checkpoint is kept");
  const std::string folder = fmt::format("{}/step-{:06}", output, checkpoint.standing.step);
  const std::string unfinished = folder + kUnfinished;
  std::error_code failed;
  if (const Status written = write_all(unfinished, checkpoint); !written.ok()) {
    fs::remove_all(unfinished, failed);
    return written.error().in(folder + " is not written");
  }
  if (fs::exists(folder, failed)) QN_RETURN_IF_ERROR(remove_checkpoint(folder));
  fs::rename(unfinished, folder, failed);
  if (failed) return Error(fmt::format("{}: cannot write: {}", folder, failed.message()));
  QN_RETURN_IF_ERROR(sync_folder(output));
  return remove_others(output, checkpoint.standing.step, keep);
}

Result<std::unique_ptr<RunLock>> RunLock::take(const std::string& output) {
  std::error_code failed;
  fs::create_directories(output, failed);
  if (failed) return Error(fmt::format("{}: cannot make the folder: {}", output, failed.message()));
  const std::string path = output + "/.lock";
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (fd < 0) return system_error(path, "write", errno);
  std::unique_ptr<RunLock> lock(new RunLock(fd));
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return Error(output + ": another run is writing to this folder");
    return system_error(path, "lock", errno);
  }
  for (fs::directory_iterator at(output, failed), end; !failed && at != end; at.increment(failed)) {
    if (!at->path().filename().string().ends_with(kUnfinished)) continue;
    std::error_code ignored;
    fs::remove_all(at->path(), ignored);
  }
  return lock;
}

RunLock::~RunLock() { ::close(fd_); }

}  // namespace qnext::train
