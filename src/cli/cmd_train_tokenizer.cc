// `qnext train-tokenizer`: a byte-level BPE vocabulary from text.
#include <memory>

#include "cli/definitions.h"
#include "cli/train_tokenizer.h"
#include "text/tokenizer_spec.h"

namespace qnext {

void add_train_tokenizer(const Program& program) {
  Command command = add_command(
      program, "train-tokenizer", "Learn a byte-level BPE tokenizer from text",
      "Text is normalised and cut into words as the tokenizers of Qwen3-Next do. FOLDER gets tokenizer.json "
      "and "
      "tokenizer_config.json, with the ChatML template and its tokens: <|endoftext|>, <|im_start|>, "
      "<|im_end|>, "
      "<tool_call>, </tool_call>, <tool_response>, </tool_response>. Where these are spelt out in the text, "
      "nothing is learnt from them.\n\n"
      "A FILE that ends in .jsonl has one JSON object per line: {\"text\": ...}, or {\"messages\": [...]} "
      "with or "
      "without \"tools\", of which the text that the template makes counts. Any other FILE is text. The same "
      "files "
      "give the same tokenizer, whatever the number of threads.",
      {"# 4096 tokens from two files\nqnext train-tokenizer stories.txt chats.jsonl -o ./tokenizer "
       "--vocab-size "
       "4096"});
  auto o = std::make_shared<TrainTokenizerOptions>();
  command.add_option("FILE", o->files, "UTF-8 text, or JSONL").required();
  command.add_option("-o,--output", o->out, "The folder to write").named("FOLDER").required();
  command
      .add_option("--vocab-size", o->vocab_size,
                  "Tokens in all: the 256 bytes, what is learnt, and the added tokens")
      .named("N")
      .within(1, kMostTokens)
      .required();
  command.add_option("--special", o->special, "Another special token; may be repeated")
      .named("TEXT")
      .repeated();
  command.add_option("-t,--threads", o->threads, "Threads; default one per processor")
      .named("N")
      .within(1, 1024);
  command.does([o]() -> Result<int> {
    QN_RETURN_IF_ERROR(train_tokenizer(*o));
    return 0;
  });
}

}  // namespace qnext
