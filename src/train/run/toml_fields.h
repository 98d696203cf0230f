// Typed access to a table of a TOML file whose errors name file, line, field and value; internal to the room.
#pragma once

#include <toml++/toml.h>
#include <cstdint>
#include <initializer_list>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace qnext::train {

class TomlFields {
 public:
  // `name` is the table's own, "" for the whole file. An error for a field that is not among `known`; asking
  // for another one than these is a bug. The table must outlive this.
  static Result<TomlFields> open(const toml::table& table, std::string path, std::string name,
                                 std::initializer_list<std::string_view> known);

  bool has(std::string_view name) const { return find(name) != nullptr; }
  const toml::node* find(std::string_view name) const;

  // The fallback where the field is missing. Numbers are between the two, both included, and finite.
  Result<int64_t> integer(std::string_view name, int64_t fallback, int64_t low, int64_t high) const;
  Result<double> number(std::string_view name, double fallback, double low, double high) const;
  Result<bool> boolean(std::string_view name, bool fallback) const;
  Result<std::string> string(std::string_view name, const std::string& fallback) const;
  Result<std::string> string(std::string_view name) const;  // must be there, and not empty
  Result<std::vector<std::string>> strings(std::string_view name, std::vector<std::string> fallback) const;

  // "PATH:LINE: field NAME: WHAT" of a field, or of the table where the field is missing.
  Error wrong(std::string_view name, const std::string& what) const;
  Error missing(std::string_view name, const std::string& expected) const;

 private:
  TomlFields(const toml::table& table, std::string path, std::string name)
      : table_(table), path_(std::move(path)), name_(std::move(name)) {}
  Error expected(std::string_view name, const char* what) const;

  const toml::table& table_;
  std::string path_, name_;
  std::set<std::string, std::less<>> known_;
};

// A value as JSON. Dates and times, and numbers that JSON has not, become text.
Json to_json(const toml::node& node);

// A value for a message: as JSON, cut after 60 characters.
std::string shown(const toml::node& node);

}  // namespace qnext::train
