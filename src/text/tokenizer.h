// Text to token ids and back: byte-level BPE with the ids that the Rust library `tokenizers` gives for the
// same file. docs/tokenizer.md says what is exact and where the two may part.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/tokenizer_spec.h"

namespace qnext {

struct EncodeOptions {
  // Whether special tokens that are spelt out in the text become those tokens. Off for text of strangers,
  // whose
  // "<|im_end|>" must stay text. Added tokens that are not special ("<think>") are found either way.
  bool parse_special = true;
};

// Immutable after creation, so any number of threads may use one at once.
class Tokenizer {
 public:
  // `label` starts the messages of errors: two tokens of one id, a merge of unknown tokens, an expression
  // that does not compile, an added token whose id the vocabulary contradicts, ...
  static Result<std::shared_ptr<const Tokenizer>> create(const TokenizerSpec& spec, const std::string& label);
  ~Tokenizer();
  Tokenizer(const Tokenizer&) = delete;
  Tokenizer& operator=(const Tokenizer&) = delete;

  // Ids of the text; no begin or end token is put around them. Bytes that are not valid UTF-8 are taken as
  // U+FFFD, one per maximal invalid subpart.
  std::vector<int32_t> encode(std::string_view text, const EncodeOptions& options = {}) const;

  // Text of the ids. Valid UTF-8: bytes that make no character become U+FFFD. Ids without a token (padding,
  // negative, too large) give nothing. Detokenizer gives the same text piece by piece.
  std::string decode(std::span<const int32_t> ids, bool skip_special = false) const;

  // The bytes of one token, which need not be whole characters; empty for ids without a token.
  std::string_view token_bytes(int32_t id) const;
  // The id of a token by its content: as written in the text ("<|im_end|>") for added tokens, in the
  // byte-level alphabet ("Ġworld") for the others.
  std::optional<int32_t> find_token(std::string_view content) const;

  // One past the largest id; at least as many as the model's embedding has rows, when the spec says how many.
  int32_t vocab_size() const;
  bool is_special(int32_t id) const;  // an added token that is skipped when decoding for people
  bool is_padding(int32_t id) const;  // below vocab_size() without a token: never to be sampled
  std::span<const AddedToken> added_tokens() const;

 private:
  class Encoder;
  struct Parts;
  explicit Tokenizer(std::unique_ptr<const Parts> parts);
  std::unique_ptr<const Parts> parts_;
};

}  // namespace qnext
