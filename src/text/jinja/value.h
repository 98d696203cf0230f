// What a template computes with: the values of Python that Jinja knows. Texts are shared and immutable;
// lists, dicts and the other objects live in the Runtime (runtime.h) of one rendering, so that cycles and
// deep nesting cost nothing to free. Values must not outlive that Runtime.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

namespace qnext::jinja {

// Holds every integer that JSON can hold, with room for arithmetic; overflow is an error, not a wrap.
__extension__ typedef __int128 Int;

using Text = std::shared_ptr<const std::string>;

// A name or attribute that is not there. It prints as nothing and is false; most other uses are errors that
// give `reason`, for example "'tool' is undefined".
struct Undefined {
  Text reason;
};

struct None {};

struct Object;
struct Arguments;
class Runtime;

enum class Kind { undefined, none, boolean, integer, number, text, object };

class Value {
 public:
  Value() : held_(Undefined{}) {}
  static Value undefined(std::string reason);
  static Value none() { return Value(Held(None{})); }
  static Value boolean(bool b) { return Value(Held(b)); }
  static Value integer(Int i) { return Value(Held(i)); }
  static Value number(double d) { return Value(Held(d)); }
  static Value text(std::string s) { return Value(Held(std::make_shared<const std::string>(std::move(s)))); }
  static Value text(Text s) { return Value(Held(std::move(s))); }
  static Value object(Object* o) { return Value(Held(o)); }

  Kind kind() const { return static_cast<Kind>(held_.index()); }
  bool is_undefined() const { return kind() == Kind::undefined; }
  bool is_none() const { return kind() == Kind::none; }
  bool is_boolean() const { return kind() == Kind::boolean; }
  bool is_integer() const { return kind() == Kind::integer; }
  bool is_float() const { return kind() == Kind::number; }
  bool is_text() const { return kind() == Kind::text; }
  bool is_number() const { return is_boolean() || is_integer() || is_float(); }  // as in Python, True is 1

  // Each of these needs the kind of its name.
  bool boolean() const { return std::get<bool>(held_); }
  Int integer() const { return std::get<Int>(held_); }
  double number() const { return std::get<double>(held_); }
  const std::string& text() const { return *std::get<Text>(held_); }
  const Text& shared_text() const { return std::get<Text>(held_); }

  // "'tool' is undefined"; needs kind undefined.
  std::string reason() const;

  // The object as a T, or null.
  template <class T>
  T* as() const;

 private:
  using Held = std::variant<Undefined, None, bool, Int, double, Text, Object*>;
  explicit Value(Held held) : held_(std::move(held)) {}
  Held held_;
};

struct Object {
  enum class Type { list, dict, name_space, loop, function };
  explicit Object(Type object_type) : type(object_type) {}
  virtual ~Object() = default;
  Object(const Object&) = delete;
  Object& operator=(const Object&) = delete;
  const Type type;
};

struct List : Object {
  static constexpr Type kType = Type::list;
  // A generator is what filters such as `select` give: it is true even when empty, and has no length.
  enum class Form { list, tuple, generator };
  List(std::vector<Value> list_items, Form list_form)
      : Object(kType), items(std::move(list_items)), form(list_form) {}
  std::vector<Value> items;
  Form form;
};

// A mapping in insertion order. Keys are texts, numbers, booleans or none (see is_key).
struct Dict : Object {
  static constexpr Type kType = Type::dict;
  using Entry = std::pair<Value, Value>;
  Dict() : Object(kType) {}

  const std::vector<Entry>& entries() const { return entries_; }
  const Value* find(std::string_view key) const;
  const Value* find(const Value& key) const;  // null too for what cannot be a key
  void set(const Value& key, Value value);    // is_key(key)
  static bool is_key(const Value& key);

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(const Value& key) const;
    size_t operator()(std::string_view key) const { return std::hash<std::string_view>{}(key); }
  };
  struct Same {
    using is_transparent = void;
    bool operator()(const Value& a, const Value& b) const;
    bool operator()(std::string_view a, const Value& b) const { return b.is_text() && b.text() == a; }
    bool operator()(const Value& a, std::string_view b) const { return a.is_text() && a.text() == b; }
  };
  template <class Key>
  const Value* lookup(const Key& key) const;

  std::vector<Entry> entries_;
  std::unordered_map<Value, size_t, Hash, Same> index_;  // filled once there are more than a few entries
};

// What namespace() makes: attributes that `set` may change from inside loops.
struct Namespace : Object {
  static constexpr Type kType = Type::name_space;
  Namespace() : Object(kType) {}
  Dict attributes;
};

// The variable `loop` of a for statement; `index` moves on with each round.
struct Loop : Object {
  static constexpr Type kType = Type::loop;
  Loop() : Object(kType) {}
  size_t index = 0;  // from 0
  int depth = 1;     // of loops around this one, itself included; only recursion would raise it
  List* items = nullptr;
  std::vector<Value> last_changed;  // arguments of the latest loop.changed()
  bool asked_changed = false;
};

// Anything that can be called: globals, methods and macros (call.h, interpreter.cc).
struct Function : Object {
  static constexpr Type kType = Type::function;
  explicit Function(std::string function_name) : Object(kType), name(std::move(function_name)) {}
  virtual Value call(Runtime& runtime, const Arguments& arguments) = 0;
  std::string name;
};

template <class T>
T* Value::as() const {
  const auto* object = std::get_if<Object*>(&held_);
  return object && (*object)->type == T::kType ? static_cast<T*>(*object) : nullptr;
}

bool is_true(const Value& value);
// What it is, for messages: "a string", "a list".
std::string describe(const Value& value);
// The integer or boolean as an integer; needs is_integer() or is_boolean().
Int as_integer(const Value& value);
// Any number as a double; needs is_number().
double as_double(const Value& value);

}  // namespace qnext::jinja
