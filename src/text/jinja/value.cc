#include "text/jinja/value.h"

#include <cmath>

namespace qnext::jinja {
namespace {

// Below this, going through the entries is as quick as hashing.
constexpr size_t kIndexFrom = 12;

bool scalar_numbers_equal(const Value& a, const Value& b) {
  if (!a.is_float() && !b.is_float()) return as_integer(a) == as_integer(b);
  return as_double(a) == as_double(b);
}

}  // namespace

Value Value::undefined(std::string reason) {
  return Value(Held(Undefined{std::make_shared<const std::string>(std::move(reason))}));
}

std::string Value::reason() const {
  const Text& reason = std::get<Undefined>(held_).reason;
  return reason ? *reason : "the value is undefined";
}

size_t Dict::Hash::operator()(const Value& key) const {
  if (key.is_text()) return std::hash<std::string_view>{}(key.text());
  if (key.is_number()) return std::hash<double>{}(as_double(key) + 0.0);  // 1, 1.0 and true are one key
  return 0;
}

bool Dict::Same::operator()(const Value& a, const Value& b) const {
  if (a.is_text() || b.is_text()) return a.is_text() && b.is_text() && a.text() == b.text();
  if (a.is_none() || b.is_none()) return a.is_none() && b.is_none();
  return scalar_numbers_equal(a, b);
}

bool Dict::is_key(const Value& key) { return key.is_text() || key.is_number() || key.is_none(); }

template <class Key>
const Value* Dict::lookup(const Key& key) const {
  if (index_.empty()) {
    const Same same;
    for (const Entry& entry : entries_) {
      if (same(key, entry.first)) return &entry.second;
    }
    return nullptr;
  }
  const auto it = index_.find(key);
  return it == index_.end() ? nullptr : &entries_[it->second].second;
}

const Value* Dict::find(std::string_view key) const { return lookup(key); }
const Value* Dict::find(const Value& key) const { return is_key(key) ? lookup(key) : nullptr; }

void Dict::set(const Value& key, Value value) {
  if (const Value* present = find(key)) {
    *const_cast<Value*>(present) = std::move(value);  // of entries_, which is ours
    return;
  }
  entries_.emplace_back(key, std::move(value));
  if (!index_.empty()) {
    index_.emplace(key, entries_.size() - 1);
  } else if (entries_.size() > kIndexFrom) {
    for (size_t i = 0; i < entries_.size(); ++i) index_.emplace(entries_[i].first, i);
  }
}

bool is_true(const Value& value) {
  switch (value.kind()) {
    case Kind::undefined:
    case Kind::none:
      return false;
    case Kind::boolean:
      return value.boolean();
    case Kind::integer:
      return value.integer() != 0;
    case Kind::number:
      return value.number() != 0.0;
    case Kind::text:
      return !value.text().empty();
    case Kind::object:
      break;
  }
  if (const auto* list = value.as<List>()) return list->form == List::Form::generator || !list->items.empty();
  if (const auto* dict = value.as<Dict>()) return !dict->entries().empty();
  return true;
}

std::string describe(const Value& value) {
  switch (value.kind()) {
    case Kind::undefined:
      return "an undefined value";
    case Kind::none:
      return "none";
    case Kind::boolean:
      return "a boolean";
    case Kind::integer:
      return "an integer";
    case Kind::number:
      return "a float";
    case Kind::text:
      return "a string";
    case Kind::object:
      break;
  }
  if (const auto* list = value.as<List>()) {
    return list->form == List::Form::list    ? "a list"
           : list->form == List::Form::tuple ? "a tuple"
                                             : "a generator";
  }
  if (value.as<Dict>()) return "a dict";
  if (value.as<Namespace>()) return "a namespace";
  if (value.as<Loop>()) return "a loop variable";
  return "a function";
}

Int as_integer(const Value& value) {
  return value.is_boolean() ? static_cast<Int>(value.boolean()) : value.integer();
}

double as_double(const Value& value) {
  return value.is_float() ? value.number() : static_cast<double>(as_integer(value));
}

}  // namespace qnext::jinja
