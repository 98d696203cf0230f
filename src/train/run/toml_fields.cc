#include "train/run/toml_fields.h"

#include <fmt/format.h>

#include <cmath>
#include <sstream>

namespace qnext::train {

Json to_json(const toml::node& node) {
  if (const auto* table = node.as_table()) {
    Json json = Json::object();
    for (const auto& [key, value] : *table) json[std::string(key.str())] = to_json(value);
    return json;
  }
  if (const auto* array = node.as_array()) {
    Json json = Json::array();
    for (const toml::node& value : *array) json.push_back(to_json(value));
    return json;
  }
  if (const auto* text = node.as_string()) return Json(text->get());
  if (const auto* flag = node.as_boolean()) return Json(flag->get());
  if (const auto* integer = node.as_integer()) return Json(integer->get());
  const auto* number = node.as_floating_point();
  if (number && std::isfinite(number->get())) return Json(number->get());
  std::ostringstream text;
  node.visit([&](const auto& value) { text << value; });
  return Json(text.str());
}

std::string shown(const toml::node& node) {
  constexpr size_t kMost = 60;
  std::string text = dump_json(to_json(node));
  if (text.size() > kMost) text = text.substr(0, kMost - 3) + "...";
  return text;
}

Result<TomlFields> TomlFields::open(const toml::table& table, std::string path, std::string name,
                                    std::initializer_list<std::string_view> known) {
  TomlFields fields(table, std::move(path), std::move(name));
  for (const std::string_view field : known) fields.known_.emplace(field);
  for (const auto& [key, value] : table) {
    if (fields.known_.contains(key.str())) continue;
    return Error(fmt::format("{}:{}: field {}{}: unknown; known here: {}", fields.path_,
                             key.source().begin.line, fields.name_.empty() ? "" : fields.name_ + ".",
                             key.str(), fmt::join(fields.known_, ", ")));
  }
  return fields;
}

const toml::node* TomlFields::find(std::string_view name) const {
  QN_CHECK(known_.contains(name), "a field that is not in the list: " + std::string(name));
  return table_.get(name);
}

Error TomlFields::wrong(std::string_view name, const std::string& what) const {
  const toml::node* node = table_.get(name);
  const auto line = node ? node->source().begin.line : table_.source().begin.line;
  const std::string place = line > 0 ? fmt::format("{}:{}", path_, line) : path_;
  return Error(fmt::format("{}: field {}{}: {}", place, name_.empty() ? "" : name_ + ".", name, what));
}

Error TomlFields::missing(std::string_view name, const std::string& expected) const {
  return wrong(name, fmt::format("missing ({} expected)", expected));
}

Error TomlFields::expected(std::string_view name, const char* what) const {
  return wrong(name, fmt::format("{} expected, got {}", what, shown(*find(name))));
}

Result<int64_t> TomlFields::integer(std::string_view name, int64_t fallback, int64_t low,
                                    int64_t high) const {
  const toml::node* node = find(name);
  if (!node) return fallback;
  const auto* value = node->as_integer();
  if (!value) return expected(name, "an integer");
  if (value->get() < low || value->get() > high) {
    return wrong(name, fmt::format("{} is not between {} and {}", value->get(), low, high));
  }
  return value->get();
}

Result<double> TomlFields::number(std::string_view name, double fallback, double low, double high) const {
  const toml::node* node = find(name);
  if (!node) return fallback;
  if (!node->is_number()) return expected(name, "a number");
  const double value = node->value<double>().value_or(NAN);
  if (!(value >= low && value <= high)) {
    return wrong(name, fmt::format("{} is not between {} and {}", value, low, high));
  }
  return value;
}

Result<bool> TomlFields::boolean(std::string_view name, bool fallback) const {
  const toml::node* node = find(name);
  if (!node) return fallback;
  if (!node->is_boolean()) return expected(name, "true or false");
  return node->as_boolean()->get();
}

Result<std::string> TomlFields::string(std::string_view name, const std::string& fallback) const {
  const toml::node* node = find(name);
  if (!node) return fallback;
  if (!node->is_string()) return expected(name, "a text");
  return node->as_string()->get();
}

Result<std::string> TomlFields::string(std::string_view name) const {
  if (!has(name)) return missing(name, "a text");
  QN_TRY(std::string text, string(name, ""));
  if (text.empty()) return wrong(name, "is empty");
  return text;
}

Result<std::vector<std::string>> TomlFields::strings(std::string_view name,
                                                     std::vector<std::string> fallback) const {
  const toml::node* node = find(name);
  if (!node) return fallback;
  const auto* array = node->as_array();
  if (!array) return expected(name, "a list of texts");
  std::vector<std::string> texts;
  for (const toml::node& item : *array) {
    if (!item.is_string()) return expected(name, "a list of texts");
    texts.push_back(item.as_string()->get());
  }
  return texts;
}

}  // namespace qnext::train
