#include "base/json.h"

#include <fmt/format.h>

#include <fstream>

#include "base/files.h"

namespace qnext {
namespace {

// Rejects nesting beyond kJsonMaxDepth before the document is built, so that recursive readers stay safe.
Status check_depth(std::string_view text, const std::string& label) {
  int depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\')
        ++i;
      else if (c == '"')
        in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      if (++depth > kJsonMaxDepth) {
        return Error(
            fmt::format("{}: JSON at byte {} is nested deeper than {} levels", label, i, kJsonMaxDepth));
      }
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return {};
}

std::string one_line(std::string text) {
  for (char& c : text) {
    if (c == '\n' || c == '\r') c = ' ';
  }
  return text;
}

}  // namespace

Result<Json> parse_json(std::string_view text, const std::string& label) {
  return parse_json(text, label, nullptr);
}

Result<Json> parse_json(std::string_view text, const std::string& label, const JsonVisitor& visitor) {
  QN_RETURN_IF_ERROR(check_depth(text, label));
  try {
    return Json::parse(text.begin(), text.end(), visitor);
  } catch (const nlohmann::json::exception& e) {
    std::string what = e.what();  // "[json.exception.parse_error.101] parse error at line 1, ..."
    if (auto end = what.find("] "); end != std::string::npos) what = what.substr(end + 2);
    return Error(fmt::format("{}: not valid JSON: {}", label, one_line(what)));
  }
}

Result<Json> read_json_file(const std::string& path, int64_t max_bytes) {
  QN_TRY(const std::string text, read_file(path, max_bytes));
  return parse_json(text, path);
}

std::string dump_json(const Json& json, int indent) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

const Json* JsonFields::find(const std::string& name) const {
  if (!object_.is_object()) return nullptr;
  auto it = object_.find(name);
  return it == object_.end() || it->is_null() ? nullptr : &*it;
}

bool JsonFields::has(const std::string& name) const { return find(name) != nullptr; }

Error JsonFields::wrong(const std::string& name, const std::string& expected) const {
  const Json* value = find(name);
  if (!value) return Error(fmt::format("{}: field {} is missing ({} expected)", label_, name, expected));
  std::string shown = dump_json(*value);
  if (shown.size() > 80) shown = shown.substr(0, 77) + "...";
  return Error(fmt::format("{}: field {}: {} expected, got {}", label_, name, expected, shown));
}

Result<int64_t> JsonFields::integer(const std::string& name) const {
  const Json* value = find(name);
  if (!value || !value->is_number_integer()) return wrong(name, "an integer");
  if (value->is_number_unsigned() && value->get<uint64_t>() > static_cast<uint64_t>(INT64_MAX)) {
    return wrong(name, "an integer below 2^63");
  }
  return value->get<int64_t>();
}

Result<int64_t> JsonFields::integer_or(const std::string& name, int64_t fallback) const {
  return has(name) ? integer(name) : Result<int64_t>(fallback);
}

Result<double> JsonFields::number(const std::string& name) const {
  const Json* value = find(name);
  if (!value || !value->is_number()) return wrong(name, "a number");
  return value->get<double>();
}

Result<double> JsonFields::number_or(const std::string& name, double fallback) const {
  return has(name) ? number(name) : Result<double>(fallback);
}

Result<bool> JsonFields::boolean_or(const std::string& name, bool fallback) const {
  const Json* value = find(name);
  if (!value) return fallback;
  if (!value->is_boolean()) return wrong(name, "true or false");
  return value->get<bool>();
}

Result<std::string> JsonFields::string(const std::string& name) const {
  const Json* value = find(name);
  if (!value || !value->is_string()) return wrong(name, "a string");
  return value->get<std::string>();
}

Result<std::string> JsonFields::string_or(const std::string& name, const std::string& fallback) const {
  return has(name) ? string(name) : Result<std::string>(fallback);
}

Result<std::vector<int64_t>> JsonFields::integers_or(const std::string& name,
                                                     std::vector<int64_t> fallback) const {
  const Json* value = find(name);
  if (!value) return fallback;
  if (!value->is_array()) return wrong(name, "a list of integers");
  std::vector<int64_t> out;
  for (const Json& item : *value) {
    if (!item.is_number_integer()) return wrong(name, "a list of integers");
    out.push_back(item.get<int64_t>());
  }
  return out;
}

}  // namespace qnext
