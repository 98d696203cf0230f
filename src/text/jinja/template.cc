#include "text/jinja/template.h"

#include <fmt/format.h>

#include <new>

#include "text/jinja/interpreter.h"
#include "text/jinja/parser.h"
#include "text/jinja/unicode.h"

namespace qnext::jinja {
namespace {

constexpr size_t kLargestSource = size_t{4} << 20;
constexpr size_t kLongestMessage = 500;

// One line, not too long.
std::string tidy(const std::string& message) {
  std::string out = message;
  if (out.size() > kLongestMessage) {
    size_t end = kLongestMessage;
    while (end > 0 && (static_cast<unsigned char>(out[end]) & 0xC0) == 0x80) --end;
    out = out.substr(0, end) + "...";
  }
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  }
  return out;
}

Error located(const std::string& label, std::string_view source, const Failure& failure) {
  if (!failure.offset) return Error(fmt::format("{}: {}", label, tidy(failure.message)));
  const std::string_view before = source.substr(0, std::min<size_t>(*failure.offset, source.size()));
  const size_t line = 1 + static_cast<size_t>(std::count(before.begin(), before.end(), '\n'));
  const size_t newline = before.rfind('\n');
  const size_t column = 1 + length(before.substr(newline == std::string_view::npos ? 0 : newline + 1));
  return Error(fmt::format("{} line {} column {}: {}", label, line, column, tidy(failure.message)));
}

}  // namespace

struct Template::Parts {
  std::string label;
  std::string source;
  Program program;
};

Result<Template> Template::parse(std::string_view source, std::string label) {
  if (source.size() > kLargestSource) {
    return Error(fmt::format("{}: {} bytes long, more than {}", label, source.size(), kLargestSource));
  }
  if (const auto invalid = first_invalid_utf8(source)) {
    return Error(fmt::format("{}: not valid UTF-8 at byte {}", label, *invalid));
  }
  auto parts = std::make_shared<Parts>();
  parts->label = std::move(label);
  parts->source = normalise_newlines(source);
  try {
    parts->program = Parser(tokenize(parts->source)).run();
  } catch (const Failure& failure) {
    return located(parts->label, parts->source, failure);
  } catch (const std::bad_alloc&) {
    return Error(fmt::format("{}: out of memory", parts->label));
  }
  return Template(std::move(parts));
}

Result<std::string> Template::render(const Json& context, const RenderOptions& options) const {
  if (!context.is_object()) return Error(fmt::format("{}: the context is not a JSON object", parts_->label));
  try {
    Runtime runtime(options.limits, options.now ? *options.now : std::time(nullptr));
    return Interpreter(parts_->program, runtime).run(context);
  } catch (const Failure& failure) {
    return located(parts_->label, parts_->source, failure);
  } catch (const std::bad_alloc&) {
    return Error(fmt::format("{}: out of memory", parts_->label));
  }
}

}  // namespace qnext::jinja
