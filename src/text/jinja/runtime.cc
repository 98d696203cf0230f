#include "text/jinja/runtime.h"

#include <fmt/format.h>

#include "text/jinja/numbers.h"

namespace qnext::jinja {

void Runtime::out_of_steps() const {
  fail(fmt::format("the template takes more than {} steps", limits_.steps));
}

void Runtime::text_too_long() const {
  fail(fmt::format("the template makes more than {} bytes of text", limits_.text));
}

Value Runtime::from_json(const Json& json) {
  switch (json.type()) {
    case Json::value_t::boolean:
      return Value::boolean(json.get<bool>());
    case Json::value_t::number_integer:
      return Value::integer(json.get<int64_t>());
    case Json::value_t::number_unsigned:
      return Value::integer(json.get<uint64_t>());
    case Json::value_t::number_float: {
      const auto whole = whole_beyond_64_bits(json.get<double>());
      return whole ? Value::integer(*whole) : Value::number(json.get<double>());
    }
    case Json::value_t::string:
      return Value::text(json.get<std::string>());
    case Json::value_t::array: {
      const Nesting level(*this);
      auto* list = make<List>(std::vector<Value>(), List::Form::list);
      list->items.reserve(json.size());
      for (const Json& item : json) list->items.push_back(from_json(item));
      return Value::object(list);
    }
    case Json::value_t::object: {
      const Nesting level(*this);
      auto* dict = make<Dict>();
      for (const auto& [key, value] : json.items()) dict->set(Value::text(key), from_json(value));
      return Value::object(dict);
    }
    default:
      return Value::none();
  }
}

}  // namespace qnext::jinja
