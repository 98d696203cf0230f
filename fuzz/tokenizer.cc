// Tokenizers. An input that starts with "GGUF" is a GGUF file with a vocabulary, any other a tokenizer.json.
// What can be read has to encode and decode: some texts of ours, and the beginning of the input itself.
#include "text/tokenizer.h"

#include <algorithm>

#include "checkpoint/gguf.h"
#include "fuzz.h"
#include "text/detokenizer.h"
#include "text/tokenizer_gguf.h"
#include "text/tokenizer_json.h"

using namespace qnext;

namespace {

Result<TokenizerSpec> read_gguf(const Image& image) {
  QN_TRY(const GgufFile file, parse_gguf(image.bytes(), nullptr, "file"));
  const GgufMetadata& metadata = *file.metadata;
  GgufVocabulary vocabulary;
  QN_TRY(vocabulary.pre, metadata.string("tokenizer.ggml.pre"));
  QN_TRY(vocabulary.tokens, metadata.strings("tokenizer.ggml.tokens"));
  QN_TRY(vocabulary.merges, metadata.strings("tokenizer.ggml.merges"));
  if (metadata.find("tokenizer.ggml.token_type")) {
    QN_TRY(vocabulary.token_types, metadata.integers("tokenizer.ggml.token_type"));
  }
  return tokenizer_spec_from_gguf(std::move(vocabulary), "file");
}

void use(const Tokenizer& tokenizer, std::string_view text) {
  for (const bool special : {true, false}) {
    const std::vector<int32_t> ids = tokenizer.encode(text, {.parse_special = special});
    for (const int32_t id : ids) QN_CHECK(id >= 0 && id < tokenizer.vocab_size(), "an id of no token");
    Detokenizer stream(tokenizer, false);
    std::string pieces;
    for (const int32_t id : ids) pieces += stream.push(id);
    pieces += stream.finish();
    QN_CHECK(pieces == tokenizer.decode(ids), "piece by piece the text differs");
    (void)tokenizer.decode(ids, true);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input = as_text(data, size);
  const Image image(data, size);
  const auto spec = input.starts_with("GGUF") ? read_gguf(image) : tokenizer_spec_from_json(input, "file");
  check_error(spec, "file: ");
  if (!spec.ok()) return 0;
  if (const auto vocabulary = tokenizer_spec_to_gguf(*spec, "file"); vocabulary.ok()) {
    check_error(tokenizer_spec_from_gguf(*vocabulary, "file"), "file: ");
  }
  const auto tokenizer = Tokenizer::create(*spec, "file");
  check_error(tokenizer, "file: ");
  if (!tokenizer.ok()) return 0;
  use(**tokenizer, "");
  use(**tokenizer,
      "Hello  World's 123\r\n\t \xe4\xbd\xa0\xe5\xa5\xbd <|im_start|>e\xcc\x81\xf0\x9f\x99\x82 \xff\xc3");
  use(**tokenizer, input.substr(0, 256));
  const int32_t odd[] = {-1, 0, 1, (*tokenizer)->vocab_size(), INT32_MAX, INT32_MIN};
  (void)(*tokenizer)->decode(odd);
  return 0;
}
