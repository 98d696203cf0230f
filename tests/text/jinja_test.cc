// What the template language refuses, and the limits that it holds templates to.
#include <gtest/gtest.h>

#include "text/jinja/template.h"

namespace qnext::jinja {
namespace {

std::string render(std::string_view source, const Json& context = Json::object(),
                   const RenderOptions& options = {}) {
  const auto parsed = Template::parse(source, "t");
  if (!parsed.ok()) return parsed.error().message();
  const auto text = parsed->render(context, options);
  return text.ok() ? *text : text.error().message();
}

std::string repeated(std::string_view text, size_t times) {
  std::string out;
  for (size_t i = 0; i < times; ++i) out += text;
  return out;
}

TEST(Jinja, ErrorsNameLineColumnAndWhat) {
  const std::pair<const char*, const char*> cases[] = {
      {"a\nb {{ x | zap }}", "t line 2 column 10: filter 'zap' is not supported"},
      {"{{ 1 is zap }}", "t line 1 column 9: test 'zap' is not supported"},
      {"{% include 'x' %}", "t line 1 column 4: tag 'include' is not supported"},
      {"{% import 'x' as y %}", "t line 1 column 4: tag 'import' is not supported"},
      {"{% extends 'x' %}", "t line 1 column 4: tag 'extends' is not supported"},
      {"{% block x %}{% endblock %}", "t line 1 column 4: tag 'block' is not supported"},
      {"{% autoescape true %}{% endautoescape %}", "t line 1 column 4: tag 'autoescape' is not supported"},
      {"{% for x in [] recursive %}{% endfor %}", "t line 1 column 16: recursive loops are not supported"},
      {"{{ 'a'.swapcase() }}",
       "t line 1 column 16: a string has no attribute 'swapcase', and cannot be called"},
      {"{{ x.y.z }}", "t line 1 column 5: 'x' is undefined"},
      {"{{ messages[0].role + 1 }}", "t line 1 column 12: 'messages' is undefined"},
      {"{{ 1 + 'a' }}", "t line 1 column 6: operator '+' does not take an integer and a string"},
      {"{% if %}", "t line 1 column 7: expected an expression, got '%}'"},
      {"{% if 1 %}", "t line 1 column 4: tag 'if' is not closed: '{% endif %}' is missing"},
      {"{{ raise_exception('no\\nway') }}", "t line 1 column 19: the template says: no way"},
      {"\u010d {{ 1 + }}", "t line 1 column 10: expected an expression, got '}}'"},
      {"{{ \"open }}", "t line 1 column 4: string is not closed"},
      {"{# open", "t line 1 column 1: comment is not closed: '#}' is missing"},
  };
  for (const auto& [source, message] : cases) EXPECT_EQ(render(source), message) << source;
}

TEST(Jinja, SourcesThatCannotBeTemplates) {
  EXPECT_EQ(render("a\xff"), "t: not valid UTF-8 at byte 1");
  EXPECT_EQ(render(std::string((4 << 20) + 1, 'a')), "t: 4194305 bytes long, more than 4194304");
  EXPECT_EQ(Template::parse("x", "t")->render(Json::array()).error().message(),
            "t: the context is not a JSON object");
  EXPECT_EQ(render(""), "");
  EXPECT_EQ(render("plain"), "plain");
}

TEST(Jinja, LongMessagesAreShortened) {
  const std::string message = render("{{ raise_exception('" + repeated("\u4f60", 5000) + "') }}");
  EXPECT_LT(message.size(), 600u);
  EXPECT_EQ(message.substr(message.size() - 6), "\u4f60...");
}

// Sources may come from strangers: they must not run the stack over, whatever nests.
TEST(Jinja, DeepNestingIsAnError) {
  constexpr size_t kDeep = 100000;
  const std::string sources[] = {
      "{{ " + repeated("(", kDeep) + "1" + repeated(")", kDeep) + " }}",
      "{{ " + repeated("[", kDeep) + repeated("]", kDeep) + " }}",
      "{{ " + repeated("{'a':", kDeep) + "1" + repeated("}", kDeep) + " }}",
      "{{ " + repeated("not ", kDeep) + "1 }}",
      "{{ " + repeated("-", kDeep) + "1 }}",
      "{{ " + repeated("2 ** ", kDeep) + "1 }}",
      "{{ " + repeated("a[", kDeep) + "0" + repeated("]", kDeep) + " }}",
      "{{ " + repeated("f(", kDeep) + repeated(")", kDeep) + " }}",
      "{{ " + repeated("1 if 1 else ", kDeep) + "1 }}",
      "{{ x" + repeated(".x", kDeep) + " }}",
      "{{ 1" + repeated(" + 1", kDeep) + " }}",
      "{{ 1" + repeated(" ~ 1", kDeep) + " }}",
      "{{ 1" + repeated(" and 1", kDeep) + " }}",
      "{{ 1" + repeated(" | string", kDeep) + " }}",
      repeated("{% if 1 %}", kDeep) + repeated("{% endif %}", kDeep),
      "{% if 0 %}" + repeated("{% elif 0 %}", kDeep) + "{% endif %}",
      repeated("{% for x in y %}", kDeep) + repeated("{% endfor %}", kDeep),
      repeated("{% macro m() %}", kDeep) + repeated("{% endmacro %}", kDeep),
      repeated("{% set x %}", kDeep) + repeated("{% endset %}", kDeep),
      repeated("{% filter upper %}", kDeep) + repeated("{% endfilter %}", kDeep),
  };
  for (const std::string& source : sources) {
    const auto parsed = Template::parse(source, "t");
    if (parsed.ok()) {  // long, not deep
      (void)parsed->render(Json::object());
      continue;
    }
    const std::string& message = parsed.error().message();
    EXPECT_TRUE(message.find("nested deeper than 250 levels") != std::string::npos ||
                message.find("expression of more than 500 operators in a row") != std::string::npos)
        << source.substr(0, 30) << message;
  }
}

TEST(Jinja, DeepRecursionAndDeepValuesAreErrors) {
  EXPECT_NE(render("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}").find("nested too deeply"),
            std::string::npos);
  EXPECT_NE(render("{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}{{ a() }}{% endmacro %}{{ a() }}")
                .find("nested too deeply"),
            std::string::npos);
  // A value that holds itself: printing, comparing and dumping it end.
  const std::string cycle = "{% set n = namespace() %}{% set n.n = [n] %}";
  EXPECT_NE(render(cycle + "{{ n.n | tojson }}"), "");
  EXPECT_NE(render(cycle + "{{ n }}"), "");
  EXPECT_NE(render(cycle + "{{ n.n == n.n }}"), "");
  const std::string deep =
      "{% set n = namespace(x=[]) %}{% for i in range(5000) %}{% set n.x = [n.x] %}{% endfor %}";
  EXPECT_NE(render(deep + "{{ n.x }}").find("nested too deeply"), std::string::npos);
  EXPECT_NE(render(deep + "{{ n.x | tojson }}").find("nested too deeply"), std::string::npos);
  EXPECT_NE(render(deep + "{% set m = namespace(x=[]) %}{% for i in range(5000) %}{% set m.x = [m.x] %}{% "
                          "endfor %}{{ n.x == m.x }}")
                .find("nested too deeply"),
            std::string::npos);
}

TEST(Jinja, EndlessWorkIsAnError) {
  const std::string steps = "the template takes more than 10000000 steps";
  const auto stops = [](const std::string& source, std::string_view why) {
    const std::string message = render(source);
    EXPECT_NE(message.find(why), std::string::npos) << source << ": " << message.substr(0, 200);
  };
  stops("{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}", steps);
  stops("{% for a in range(100000) %}{% for b in range(1000) %}{{ 'x' }}{% endfor %}{% endfor %}", steps);
  // Doubling: texts and lists.
  const std::string forty = "{% for i in range(40) %}";
  stops("{% set n = namespace(s='x') %}" + forty + "{% set n.s = n.s ~ n.s %}{% endfor %}", "bytes of text");
  stops("{% set n = namespace(s='x') %}" + forty + "{% set n.s = n.s + n.s %}{% endfor %}", "bytes of text");
  stops("{% set n = namespace(l=[1]) %}" + forty + "{% set n.l = n.l + n.l %}{% endfor %}", steps);
  stops("{{ 'x' * 1000000000000 }}", "bytes of text");
  stops("{{ [1] * 1000000000000 }}", steps);
  stops("{{ 'x'.ljust(100000000000) }}", "bytes of text");
  stops("{{ '%99999999999d' % 1 }}", "not supported");
  stops("{{ '{:99999999999}'.format(1) }}", "not supported");
  stops("{{ ('a' * 60000000).replace('a', 'bbbbbbbbbb') }}", steps);
  stops("{{ ('a' * 60000000) | list }}", steps);
  stops("{{ ('a ' * 30000000).split() }}", steps);
  stops("{{ 10 ** 100 }}", "overflow");
  stops("{{ 2 ** 100000000000 }}", "overflow");
  stops("{{ range(1000000) }}", "range() of more than 100000 numbers");
  stops("{{ [1] | tojson(indent=100000000000) }}", "at most 1000 expected");
  stops("{% for i in range(100000) %}{{ 'x' * 1000 }}{% endfor %}", "bytes of text");
}

TEST(Jinja, LimitsMayBeSet) {
  RenderOptions options;
  options.limits = {.steps = 100, .text = 50, .range = 10};
  EXPECT_EQ(render("{{ 'x' * 50 }}", Json::object(), options), std::string(50, 'x'));
  EXPECT_NE(render("{{ 'x' * 51 }}", Json::object(), options).find("more than 50 bytes of text"),
            std::string::npos);
  EXPECT_NE(
      render("{{ 'x' * 30 }}{{ 'x' * 30 }}", Json::object(), options).find("more than 50 bytes of text"),
      std::string::npos);
  EXPECT_NE(render("{{ range(11) }}", Json::object(), options).find("range() of more than 10"),
            std::string::npos);
  EXPECT_NE(render("{% for a in range(9) %}{% for b in range(9) %}{{ b }}{% endfor %}{% endfor %}",
                   Json::object(), options)
                .find("more than 100 steps"),
            std::string::npos);
}

TEST(Jinja, TheClockMayBeSet) {
  RenderOptions options;
  options.now = 86400;
  setenv("TZ", "UTC", 1);
  tzset();
  EXPECT_EQ(render("{{ strftime_now('%Y-%m-%d %H:%M') }}", Json::object(), options), "1970-01-02 00:00");
  EXPECT_EQ(render("{{ strftime_now('') }}"), "");
}

TEST(Jinja, ATemplateRendersManyTimes) {
  const auto t = Template::parse(
      "{% set n = namespace(c=0) %}{% for m in messages %}{% set n.c = n.c + 1 %}{% endfor %}{{ n.c }}");
  ASSERT_TRUE(t.ok());
  for (int i = 0; i < 3; ++i) EXPECT_EQ(*t->render({{"messages", {1, 2, 3}}}), "3");
  EXPECT_FALSE(t->render({{"messages", 3}}).ok());
  EXPECT_EQ(*t->render({{"messages", {1}}}), "1");
}

}  // namespace
}  // namespace qnext::jinja
