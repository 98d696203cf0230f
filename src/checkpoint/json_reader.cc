#include "checkpoint/json_reader.h"

#include <fmt/format.h>

#include <exception>

namespace qnext {

// The library's event interface, turned into JsonReader's. Returning false ends the parsing.
class JsonReader::Events final : public nlohmann::json_sax<Json> {
 public:
  explicit Events(JsonReader& reader) : reader_(reader) {}
  const Status& status() const { return status_; }

  bool null() override { return take(reader_.on_other("null")); }
  bool boolean(bool value) override { return take(reader_.on_other(value ? "true" : "false")); }
  bool number_integer(int64_t) override { return take(reader_.on_other("negative number")); }
  bool number_unsigned(uint64_t value) override { return take(reader_.on_integer(value)); }
  bool number_float(double, const std::string&) override { return take(reader_.on_other("fraction")); }
  bool string(std::string& value) override { return take(reader_.on_string(value)); }
  bool binary(Json::binary_t&) override { return take(reader_.on_other("binary value")); }
  bool start_object(size_t) override { return begin(false); }
  bool start_array(size_t) override { return begin(true); }
  bool end_object() override { return end(); }
  bool end_array() override { return end(); }
  bool key(std::string& name) override {
    reader_.names_[reader_.depth_ - 1] = name;
    return true;
  }

  bool parse_error(size_t, const std::string&, const nlohmann::detail::exception& e) override {
    // "[json.exception.parse_error.101] parse error at line 1, column 2: ..."
    std::string_view what = e.what();
    if (auto prefix = what.find("] "); prefix != what.npos) what.remove_prefix(prefix + 2);
    std::string line(what.substr(0, 200));
    for (char& c : line) c = c == '\n' || c == '\r' ? ' ' : c;
    return take(Error(fmt::format("{}: not valid JSON: {}", reader_.label_, line)));
  }

 private:
  bool take(Status status) {
    if (status.ok()) return true;
    status_ = std::move(status);
    return false;
  }

  bool begin(bool array) {
    if (reader_.depth_ >= static_cast<size_t>(kJsonMaxDepth)) {
      return take(
          Error(fmt::format("{}: JSON is nested deeper than {} levels", reader_.label_, kJsonMaxDepth)));
    }
    if (!take(reader_.on_begin(array))) return false;
    if (++reader_.depth_ > reader_.names_.size()) reader_.names_.emplace_back();
    reader_.names_[reader_.depth_ - 1].clear();
    return true;
  }

  bool end() {
    --reader_.depth_;
    return true;
  }

  JsonReader& reader_;
  Status status_;
};

std::string JsonReader::quoted(std::string_view text) {
  constexpr size_t kLongest = 60;
  const bool cut = text.size() > kLongest;
  return dump_json(Json(std::string(text.substr(0, kLongest)) + (cut ? "..." : "")));
}

Status JsonReader::read(std::string_view text) {
  depth_ = 0;
  Events events(*this);
  try {
    Json::sax_parse(text.begin(), text.end(), &events);
  } catch (const std::exception& e) {
    return Error(fmt::format("{}: cannot read JSON: {}", label_, e.what()));
  }
  return events.status();
}

}  // namespace qnext
