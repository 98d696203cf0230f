// What defines a byte-level BPE tokenizer, as plain data. It is read from a tokenizer.json (tokenizer_json.h)
// or from the metadata of a GGUF file (tokenizer_gguf.h); Tokenizer::create checks it and makes it fast.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace qnext {

// Limits on untrusted files; the largest published vocabularies have 260 thousand tokens.
inline constexpr int32_t kMostTokens = 1 << 21;
inline constexpr size_t kMostMerges = 1 << 22;

// A token that is looked for in the text itself, before anything else is done to the text.
struct AddedToken {
  int32_t id = 0;
  std::string content;       // as it stands in the text
  bool special = false;      // skipped when decoding for people; only parsed where the caller asks for it
  bool lstrip = false;       // takes the white space before it
  bool rstrip = false;       // takes the white space after it
  bool single_word = false;  // only where no word character touches it
  bool normalized = false;   // looked for in the normalised text
  bool operator==(const AddedToken&) const = default;
};

// One step of cutting text into words; each works on the pieces that the step before it left.
struct PreTokenizerStep {
  enum class Kind {
    split,        // cut where `regex` matches
    prefix_space  // put a space before each piece that has none in front
  };
  // What becomes of a match, by the names of the Rust library.
  enum class Behavior { isolated, removed, merged_with_previous, merged_with_next, contiguous };

  Kind kind = Kind::split;
  std::string regex{};  // Oniguruma syntax
  Behavior behavior = Behavior::isolated;
  bool invert = false;  // matches and the stretches between them change places
  bool operator==(const PreTokenizerStep&) const = default;
};

struct TokenizerSpec {
  struct Token {
    std::string text;  // written in the byte-level alphabet (byte_level.h)
    int32_t id = 0;
    bool operator==(const Token&) const = default;
  };

  std::vector<Token> vocab;                                 // of the BPE model, in any order
  std::vector<std::pair<std::string, std::string>> merges;  // byte-level; the first is done first
  std::vector<AddedToken> added_tokens;
  bool nfc = false;                             // text is brought into NFC first
  std::vector<PreTokenizerStep> pre_tokenizer;  // before the words go to the model
  bool ignore_merges = false;  // a word that is a token is that token, whatever the merges say
  std::string unk_token;       // of the model; only for vocabularies that lack a byte
  // Rows of the model's embedding, when more than there are tokens: the ids above are padding without text.
  int32_t vocab_size = 0;
};

}  // namespace qnext
