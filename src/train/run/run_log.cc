#include "train/run/run_log.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <filesystem>
#include <functional>
#include <optional>
#include <string_view>

#include "base/files.h"
#include "base/json.h"

namespace qnext::train {
namespace {

struct NumberField {
  const char* name;
  double StepRecord::*member;
};
constexpr NumberField kNumbers[] = {
    {"loss", &StepRecord::loss},
    {"cross_entropy", &StepRecord::cross_entropy},
    {"aux_loss", &StepRecord::aux_loss},
    {"z_loss", &StepRecord::z_loss},
    {"mtp_loss", &StepRecord::mtp_loss},
    {"grad_norm", &StepRecord::grad_norm},
    {"lr", &StepRecord::lr},
    {"least_expert", &StepRecord::least_expert},
    {"most_expert", &StepRecord::most_expert},
};

std::string line_of(const StepRecord& record) {
  Json json = {{"step", record.step}, {"tokens", record.tokens}};
  for (const NumberField& field : kNumbers) json[field.name] = record.*field.member;
  return dump_json(json) + "\n";
}

std::string line_of(const Evaluation& evaluation) {
  Json json = {{"step", evaluation.step}, {"held_out", evaluation.held_out}, {"by_source", Json::object()}};
  for (const auto& [name, loss] : evaluation.by_source) json["by_source"][name] = loss;
  return dump_json(json) + "\n";
}

Result<StepRecord> step_record(const JsonFields& fields) {
  StepRecord record;
  QN_TRY(record.step, fields.integer("step"));
  QN_TRY(record.tokens, fields.integer("tokens"));
  for (const NumberField& field : kNumbers) {
    QN_TRY(record.*field.member, fields.number(field.name));
  }
  return record;
}

Result<Evaluation> evaluation(const JsonFields& fields) {
  Evaluation out;
  QN_TRY(out.step, fields.integer("step"));
  QN_TRY(out.held_out, fields.number("held_out"));
  if (!fields.has("by_source") || !fields.json()["by_source"].is_object()) {
    return fields.wrong("by_source", "an object");
  }
  for (const auto& [name, loss] : fields.json()["by_source"].items()) {
    if (!loss.is_number()) return fields.wrong("by_source", "numbers");
    out.by_source.emplace_back(name, loss.get<double>());
  }
  return out;
}

// Reads lines until one is not whole or `visit` answers false; says how many bytes that were.
size_t read_lines(std::string_view text,
                  const std::function<bool(const StepRecord*, const Evaluation*)>& visit) {
  size_t at = 0;
  for (size_t end; (end = text.find('\n', at)) != text.npos; at = end + 1) {
    const auto json = parse_json(text.substr(at, end - at), "log");
    if (!json.ok() || !json->is_object()) break;
    const JsonFields fields(*json, "log");
    if (fields.has("held_out")) {
      const auto read = evaluation(fields);
      if (!read.ok() || !visit(nullptr, &*read)) break;
    } else {
      const auto read = step_record(fields);
      if (!read.ok() || !visit(&*read, nullptr)) break;
    }
  }
  return at;
}

// Nothing for no file.
std::string_view text_of(const MappedFile* file) {
  if (!file) return {};
  return {reinterpret_cast<const char*>(file->bytes().data()), file->bytes().size()};
}

bool exists(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

}  // namespace

Result<std::unique_ptr<RunLog>> RunLog::open(const std::string& path, int64_t last_step) {
  std::shared_ptr<const MappedFile> old;
  if (exists(path)) {
    QN_TRY(old, MappedFile::open(path));
  }
  const std::string_view text = text_of(old.get());
  const size_t kept = read_lines(text, [&](const StepRecord* step, const Evaluation* evaluation) {
    return (step ? step->step : evaluation->step) <= last_step;
  });
  if (kept < text.size() || !old) {
    QN_TRY(auto file, AtomicFile::create(path));
    file->write(text.substr(0, kept));
    QN_RETURN_IF_ERROR(file->commit());
  }
  const int fd = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  if (fd < 0) return system_error(path, "write", errno);
  return std::unique_ptr<RunLog>(new RunLog(path, fd));
}

RunLog::~RunLog() { ::close(fd_); }

Error RunLog::failed(const char* doing) const { return system_error(path_, doing, errno); }

Status RunLog::append(const std::string& line) {
  for (size_t done = 0; done < line.size();) {
    const ssize_t put = ::write(fd_, line.data() + done, line.size() - done);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return failed("write");
    done += static_cast<size_t>(put);
  }
  return {};
}

Status RunLog::add(const StepRecord& record) {
  for (const NumberField& field : kNumbers) {
    if (std::isfinite(record.*field.member)) continue;
    return Error(fmt::format("step {}: {} is {}", record.step, field.name, record.*field.member));
  }
  return append(line_of(record));
}

Status RunLog::add(const Evaluation& evaluation) {
  if (!std::isfinite(evaluation.held_out)) {
    return Error(fmt::format("step {}: held-out loss is {}", evaluation.step, evaluation.held_out));
  }
  return append(line_of(evaluation));
}

Status RunLog::sync() {
  if (::fsync(fd_) != 0 && errno != EINVAL) return failed("write");
  return {};
}

Result<LogContents> read_log(const std::string& path) {
  QN_TRY(const auto file, MappedFile::open(path));
  LogContents contents;
  read_lines(text_of(file.get()), [&](const StepRecord* step, const Evaluation* evaluation) {
    if (step) contents.steps.push_back(*step);
    if (evaluation) contents.evaluations.push_back(*evaluation);
    return true;
  });
  return contents;
}

}  // namespace qnext::train
