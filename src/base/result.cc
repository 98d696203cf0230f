#include "base/result.h"

namespace qnext {
namespace {

// Two paths and two names of tensors fit many times over; a template may raise megabytes.
constexpr size_t kLongestMessage = 16384;

}  // namespace

Error::Error(std::string message) : message_(std::move(message)) {
  if (message_.size() > kLongestMessage) message_.replace(kLongestMessage, std::string::npos, "...");
  for (char& c : message_) {
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') c = ' ';
  }
}

}  // namespace qnext
