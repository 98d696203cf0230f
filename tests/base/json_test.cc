#include "base/json.h"

#include <gtest/gtest.h>

namespace qnext {
namespace {

TEST(Json, KeepsTheOrderOfKeys) {
  auto json = parse_json(R"({"z": 1, "a": {"y": 2, "b": 3}})", "x");
  ASSERT_TRUE(json.ok());
  EXPECT_EQ(dump_json(*json), R"({"z":1,"a":{"y":2,"b":3}})");
}

TEST(Json, ErrorsAreOneLineAndNameTheSource) {
  for (const char* text : {"", "{", "[1,]", "{\"a\":1}x", "\"\x01\"", "\xff", "nul", "[1e999999"}) {
    auto json = parse_json(text, "file.json");
    ASSERT_FALSE(json.ok()) << text;
    EXPECT_EQ(json.error().message().find("file.json: "), 0u);
    EXPECT_EQ(json.error().message().find('\n'), std::string::npos);
  }
}

TEST(Json, RefusesDeepNesting) {
  EXPECT_TRUE(parse_json(std::string(kJsonMaxDepth, '[') + std::string(kJsonMaxDepth, ']'), "x").ok());
  EXPECT_FALSE(
      parse_json(std::string(kJsonMaxDepth + 1, '[') + std::string(kJsonMaxDepth + 1, ']'), "x").ok());
  EXPECT_FALSE(parse_json(std::string(1000000, '['), "x").ok());
  EXPECT_TRUE(parse_json("\"" + std::string(1000, '[') + "\\\"[\"", "x").ok());
}

TEST(Json, FieldsSayWhatWasExpected) {
  auto json =
      parse_json(R"({"n": 3, "s": "x", "b": true, "f": 1.5, "l": [1, 2], "bad": [1, "x"], "null": null,
                             "big": 18446744073709551615})",
                 "c.json");
  ASSERT_TRUE(json.ok());
  const JsonFields fields(*json, "c.json");
  EXPECT_EQ(*fields.integer("n"), 3);
  EXPECT_EQ(*fields.integer_or("null", 7), 7);
  EXPECT_EQ(*fields.number("n"), 3.0);
  EXPECT_EQ(*fields.boolean_or("b", false), true);
  EXPECT_EQ(*fields.string("s"), "x");
  EXPECT_EQ(fields.integers_or("l", {})->size(), 2u);
  EXPECT_EQ(fields.integer("f").error().message(), "c.json: field f: an integer expected, got 1.5");
  EXPECT_EQ(fields.integer("gone").error().message(), "c.json: field gone is missing (an integer expected)");
  EXPECT_FALSE(fields.integer("big").ok());
  EXPECT_FALSE(fields.integers_or("bad", {}).ok());
  EXPECT_FALSE(fields.boolean_or("s", false).ok());
  EXPECT_FALSE(JsonFields(Json(3), "x").integer("a").ok());
}

}  // namespace
}  // namespace qnext
