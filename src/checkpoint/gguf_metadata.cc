#include <fmt/format.h>

#include "checkpoint/gguf.h"

namespace qnext {
namespace {

std::string describe(const GgufValue& value) {
  if (const auto* v = std::get_if<uint64_t>(&value)) return std::to_string(*v);
  if (const auto* v = std::get_if<int64_t>(&value)) return std::to_string(*v);
  if (const auto* v = std::get_if<double>(&value)) return fmt::format("{}", *v);
  if (const auto* v = std::get_if<bool>(&value)) return *v ? "true" : "false";
  if (std::holds_alternative<std::string>(value)) return "a string";
  return "a list";
}

}  // namespace

Error GgufMetadata::wrong(std::string_view key, std::string_view what) const {
  return Error(fmt::format("{}: key {}: {}", label_, key, what));
}

const GgufMetadata::Item* GgufMetadata::find(std::string_view key) const {
  for (const Item& item : items_) {
    if (item.key == key) return &item;
  }
  return nullptr;
}

Result<int64_t> GgufMetadata::integer(std::string_view key) const {
  const Item* item = find(key);
  if (!item) return wrong(key, "is missing (an integer is expected)");
  if (const auto* v = std::get_if<int64_t>(&item->value)) return *v;
  const auto* v = std::get_if<uint64_t>(&item->value);
  if (!v) return wrong(key, "an integer is expected, got " + describe(item->value));
  if (*v > static_cast<uint64_t>(INT64_MAX)) return wrong(key, fmt::format("{} is too large", *v));
  return static_cast<int64_t>(*v);
}

Result<int64_t> GgufMetadata::integer_or(std::string_view key, int64_t fallback) const {
  return find(key) ? integer(key) : Result<int64_t>(fallback);
}

Result<double> GgufMetadata::number_or(std::string_view key, double fallback) const {
  const Item* item = find(key);
  if (!item) return fallback;
  if (const auto* v = std::get_if<double>(&item->value)) return *v;
  if (const auto* v = std::get_if<int64_t>(&item->value)) return static_cast<double>(*v);
  if (const auto* v = std::get_if<uint64_t>(&item->value)) return static_cast<double>(*v);
  return wrong(key, "a number is expected, got " + describe(item->value));
}

Result<bool> GgufMetadata::boolean_or(std::string_view key, bool fallback) const {
  const Item* item = find(key);
  if (!item) return fallback;
  if (const auto* v = std::get_if<bool>(&item->value)) return *v;
  return wrong(key, "true or false is expected, got " + describe(item->value));
}

Result<std::string> GgufMetadata::string(std::string_view key) const {
  const Item* item = find(key);
  if (!item) return wrong(key, "is missing (a string is expected)");
  if (const auto* v = std::get_if<std::string>(&item->value)) return *v;
  return wrong(key, "a string is expected, got " + describe(item->value));
}

Result<std::string> GgufMetadata::string_or(std::string_view key, const std::string& fallback) const {
  return find(key) ? string(key) : Result<std::string>(fallback);
}

Result<std::vector<std::string>> GgufMetadata::strings(std::string_view key) const {
  const Item* item = find(key);
  if (!item) return wrong(key, "is missing (a list of strings is expected)");
  const auto* array = std::get_if<std::shared_ptr<const GgufArray>>(&item->value);
  if (array && (*array)->element_type == static_cast<uint32_t>(GgufType::kString)) return (*array)->strings;
  return wrong(key, "a list of strings is expected, got " + (array ? "another list" : describe(item->value)));
}

Result<std::vector<int64_t>> GgufMetadata::integers(std::string_view key) const {
  const Item* item = find(key);
  if (!item) return wrong(key, "is missing (a list of integers is expected)");
  const auto* array = std::get_if<std::shared_ptr<const GgufArray>>(&item->value);
  if (!array) return wrong(key, "a list of integers is expected, got " + describe(item->value));
  const auto type = static_cast<GgufType>((*array)->element_type);
  if (type == GgufType::kString || type == GgufType::kF32 || type == GgufType::kF64) {
    return wrong(key, "a list of integers is expected, got another list");
  }
  return (*array)->integers;
}

}  // namespace qnext
