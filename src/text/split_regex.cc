#include "text/split_regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <fmt/format.h>
#include <pcre2.h>

#include <array>

#include "text/split_pattern.h"
#include "text/utf8.h"

namespace qnext {
namespace {

constexpr size_t kLongestPattern = 16384;      // bytes, as the file has it
constexpr uint32_t kMatchLimit = 10'000'000;   // steps of one match
constexpr uint32_t kHeapLimitKb = 256 * 1024;  // of one match without JIT
constexpr size_t kJitStackBytes = 32 << 20;    // used only where the first 32 KB do not do

template <auto release>
struct Releaser {
  template <class T>
  void operator()(T* held) const {
    release(held);
  }
};
template <class T, auto release>
using Held = std::unique_ptr<T, Releaser<release>>;

}  // namespace

struct SplitRegex::Code {
  Held<pcre2_code, pcre2_code_free> regex;
  bool jit = false;
};

struct SplitRegex::Workspace::Parts {
  Held<pcre2_match_data, pcre2_match_data_free> data{pcre2_match_data_create(1, nullptr)};
  Held<pcre2_match_context, pcre2_match_context_free> context{pcre2_match_context_create(nullptr)};
  Held<pcre2_jit_stack, pcre2_jit_stack_free> stack;
};

SplitRegex::Workspace::Workspace() : parts_(std::make_unique<Parts>()) {
  QN_CHECK(parts_->data && parts_->context, "out of memory");
  pcre2_set_match_limit(parts_->context.get(), kMatchLimit);
  pcre2_set_heap_limit(parts_->context.get(), kHeapLimitKb);
}
SplitRegex::Workspace::~Workspace() = default;

SplitRegex::SplitRegex(std::unique_ptr<Code> code) : code_(std::move(code)) {}
SplitRegex::SplitRegex(SplitRegex&&) noexcept = default;
SplitRegex& SplitRegex::operator=(SplitRegex&&) noexcept = default;
SplitRegex::~SplitRegex() = default;

Result<SplitRegex> SplitRegex::compile(const std::string& pattern) {
  if (pattern.size() > kLongestPattern) {
    return Error(
        fmt::format("an expression of {} bytes, at most {} are supported", pattern.size(), kLongestPattern));
  }
  QN_TRY(const std::string translated, pcre2_pattern(pattern));
  const Held<pcre2_compile_context, pcre2_compile_context_free> context(
      pcre2_compile_context_create(nullptr));
  QN_CHECK(context != nullptr, "out of memory");
  pcre2_set_newline(context.get(), PCRE2_NEWLINE_LF);
  int error = 0;
  size_t place = 0;
  const auto options = PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C;
  auto code = std::make_unique<Code>();
  code->regex.reset(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(translated.data()), translated.size(), options,
                                  &error, &place, context.get()));
  if (!code->regex) {
    std::array<PCRE2_UCHAR, 200> text{};
    pcre2_get_error_message(error, text.data(), text.size());
    return Error(fmt::format("not a valid expression: {}", reinterpret_cast<const char*>(text.data())));
  }
  code->jit = pcre2_jit_compile(code->regex.get(), PCRE2_JIT_COMPLETE) == 0;
  return SplitRegex(std::move(code));
}

bool SplitRegex::find(std::string_view text, size_t from, Workspace& workspace, size_t* begin,
                      size_t* end) const {
  Workspace::Parts& parts = *workspace.parts_;
  const pcre2_code* regex = code_->regex.get();
  const auto subject = reinterpret_cast<PCRE2_SPTR>(text.data());
  const auto match = [&](auto function, uint32_t options) {
    return function(regex, subject, text.size(), from, options, parts.data.get(), parts.context.get());
  };
  int result =
      code_->jit ? match(pcre2_jit_match, PCRE2_NO_UTF_CHECK) : match(pcre2_match, PCRE2_NO_UTF_CHECK);
  if (result == PCRE2_ERROR_JIT_STACKLIMIT && !parts.stack) {
    parts.stack.reset(pcre2_jit_stack_create(32 << 10, kJitStackBytes, nullptr));
    pcre2_jit_stack_assign(parts.context.get(), nullptr, parts.stack.get());
    result = match(pcre2_jit_match, PCRE2_NO_UTF_CHECK);
  }
  if (result == PCRE2_ERROR_JIT_STACKLIMIT) result = match(pcre2_match, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT);
  if (result < 0) return false;
  const PCRE2_SIZE* offsets = pcre2_get_ovector_pointer(parts.data.get());
  *begin = offsets[0];
  *end = offsets[1];
  return *begin <= *end && *begin >= from;
}

size_t SplitRegex::next_character(std::string_view text, size_t at) {
  return at < text.size() ? at + decode_utf8(text, at).size : at + 1;
}

}  // namespace qnext
