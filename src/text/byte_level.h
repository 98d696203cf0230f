// The byte-level alphabet of GPT-2: every byte is written as one printable character, so that vocabularies of
// bytes can be stored as text. Printable Latin-1 bytes stand for themselves; the others, in rising order, are
// U+0100, U+0101, ... (the space is U+0120).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace qnext {

// "a b" becomes "aĠb".
std::string to_byte_level(std::string_view bytes);

// The reverse; nothing when the text has a character that is not in the alphabet.
std::optional<std::string> from_byte_level(std::string_view text);

}  // namespace qnext
