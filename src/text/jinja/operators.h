// What the operators of an expression do, by Python's rules.
#pragma once

#include <string_view>
#include <vector>

#include "text/jinja/ast.h"
#include "text/jinja/runtime.h"
#include "text/jinja/value.h"

namespace qnext::jinja {

Value binary(Runtime& runtime, BinaryOp op, const Value& left, const Value& right);
Value negative(const Value& value);
Value positive(const Value& value);

bool compare(Runtime& runtime, CompareOp op, const Value& left, const Value& right);
bool equal(Runtime& runtime, const Value& left, const Value& right);
// Below zero, zero or above as left is less, equal or greater. Fails when the two have no order.
int order(Runtime& runtime, const Value& left, const Value& right);
bool contains(Runtime& runtime, const Value& container, const Value& item);

// The elements that a for loop goes through: of lists themselves, of dicts the keys, of texts the characters,
// of undefined none. Fails for what cannot be iterated. A list is returned as it is, not copied.
List* iterate(Runtime& runtime, const Value& value);

// object.name; what is not there is undefined, and of an undefined object an error.
Value attribute(Runtime& runtime, const Value& object, const std::string& name);
// object[key], likewise.
Value item(Runtime& runtime, const Value& object, const Value& key);
// object[start:stop:step]; a null pointer or none stands for a bound that was left out.
Value slice(Runtime& runtime, const Value& object, const Value* start, const Value* stop, const Value* step);

}  // namespace qnext::jinja
