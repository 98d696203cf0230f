// Text counted, merges learnt, files written.
#include "cli/train_tokenizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "base/progress.h"
#include "cli/output.h"
#include "text/bpe_trainer.h"
#include "text/chat_template.h"
#include "text/text_reader.h"
#include "text/tokenizer_files.h"
#include "text/utf8.h"
#include "text/word_counts.h"
#include "train/data/records.h"

namespace qnext {
namespace {

constexpr int kPiecesPerThread = 4;

// The text of one line of a JSONL file: its "text", or its "messages" as the chat template renders them.
Result<std::string> text_of_line(std::string_view line, const ChatTemplate& chat, const std::string& label) {
  QN_TRY(const Json json, parse_json(line, label));
  if (!json.is_object()) return Error(label + ": an object expected");
  const JsonFields fields(json, label);
  if (!fields.has("messages")) return fields.string("text");
  const Json tools = json.value("tools", Json());
  for (const Status& form : {check_messages(json["messages"]), check_tools(tools)}) {
    if (!form.ok()) return form.error().in(label);
  }
  auto text = chat.render(json["messages"], tools, false);
  return text.ok() ? text : text.error().in(label);
}

// The documents of some whole lines, the first of which is line `first_line`.
Result<std::vector<std::string>> documents_of(std::string_view lines, const ChatTemplate& chat,
                                              const std::string& path, int64_t first_line) {
  std::vector<std::string> documents;
  for (int64_t number = first_line; !lines.empty(); ++number) {
    const std::string_view line = lines.substr(0, lines.find('\n'));
    lines.remove_prefix(std::min(line.size() + 1, lines.size()));
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    QN_TRY(std::string text, text_of_line(line, chat, fmt::format("{}: line {}", path, number)));
    documents.push_back(std::move(text));
  }
  return documents;
}

// Reads files and counts their words.
class Counting {
 public:
  Counting(WordCounter& counter, ThreadPool& pool)
      : counter_(counter), pool_(pool), chat_(ChatTemplate::built_in()) {}

  Status add_file(const std::string& path) {
    const bool lines = train::holds_json_lines(path);
    QN_TRY(const auto reader,
           TextReader::open(path, lines ? TextReader::Cut::lines : TextReader::Cut::words));
    constexpr int64_t kMega = 1000000;
    Progress progress("counting words", reader->file_bytes() / kMega, "MB", true);
    int64_t line = 1;
    for (;;) {
      std::vector<std::string> pieces;
      while (pieces.size() < static_cast<size_t>(pool_.size() * kPiecesPerThread)) {
        QN_TRY(auto piece, reader->next());
        if (!piece) break;
        pieces.push_back(std::move(*piece));
      }
      if (pieces.empty()) return {};
      if (lines) QN_RETURN_IF_ERROR(to_documents(pieces, path, line));
      counter_.add(pieces, pool_);
      progress.update(reader->bytes_read() / kMega);
    }
  }

 private:
  // Puts the documents of pieces of a JSONL file in their place.
  Status to_documents(std::vector<std::string>& pieces, const std::string& path, int64_t& line) {
    std::vector<int64_t> first_line;
    for (const std::string& piece : pieces) {
      first_line.push_back(line);
      line += std::count(piece.begin(), piece.end(), '\n');
    }
    std::vector<Result<std::vector<std::string>>> read(pieces.size(), std::vector<std::string>());
    pool_.parallel_for(static_cast<int64_t>(pieces.size()), 1, [&](int64_t begin, int64_t end, int) {
      for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i) {
        read[i] = documents_of(pieces[i], chat_, path, first_line[i]);
      }
    });
    pieces.clear();
    for (auto& documents : read) {
      if (!documents.ok()) return documents.error();
      std::move(documents->begin(), documents->end(), std::back_inserter(pieces));
    }
    return {};
  }

  WordCounter& counter_;
  ThreadPool& pool_;
  const ChatTemplate chat_;
};

// The tokens of the chat template and those that were asked for.
Result<std::vector<AddedToken>> added_tokens(const std::vector<std::string>& special) {
  std::vector<AddedToken> tokens = chatml_tokens();
  for (const std::string& content : special) {
    const auto wrong = [&](const char* what) {
      return Error(fmt::format("--special: '{}' {}", content, what));
    };
    if (content.empty()) return wrong("is empty");
    if (valid_utf8_prefix(content) < content.size()) return wrong("is not valid UTF-8");
    if (content.find_first_of(" \t\r\n") != std::string::npos) return wrong("has white space in it");
    const auto known = std::find_if(tokens.begin(), tokens.end(),
                                    [&](const AddedToken& token) { return token.content == content; });
    if (known != tokens.end()) return wrong("is there already");
    tokens.push_back({.content = content, .special = true});
  }
  return tokens;
}

}  // namespace

Status train_tokenizer(const TrainTokenizerOptions& options, const std::string& option) {
  QN_TRY(std::vector<AddedToken> added, added_tokens(options.special));
  const auto least = static_cast<int64_t>(256 + added.size());
  if (options.vocab_size < least) {
    return Error(fmt::format("{}: {} is too small: 256 bytes and {} added tokens need {}", option,
                             options.vocab_size, added.size(), least));
  }
  TokenizerSpec words = qwen_words_spec();
  words.added_tokens = added;
  QN_TRY(WordCounter counter, WordCounter::create(words));
  ThreadPool pool(static_cast<int>(options.threads));
  Counting counting(counter, pool);
  for (const std::string& path : options.files) QN_RETURN_IF_ERROR(counting.add_file(path));
  if (counter.total() == 0) {
    return Error(fmt::format("{}: no text to learn from", fmt::join(options.files, ", ")));
  }
  const auto tokens = options.vocab_size - static_cast<int64_t>(added.size());
  BpeTraining trained;
  {
    Progress progress("learning tokens", tokens, "tokens", true);
    BpeTrainerOptions training;
    training.tokens = static_cast<int32_t>(tokens);
    training.progress = [&progress](int64_t done) { progress.update(done); };
    trained = train_bpe(counter.counts(), training);
  }
  const auto found = static_cast<int64_t>(trained.tokens.size());
  QN_TRY(const TokenizerSpec spec, trained_tokenizer(trained, std::move(added)));
  QN_RETURN_IF_ERROR(write_tokenizer_folder(options.out, spec));
  if (found < tokens) {
    note(fmt::format("qnext: the text gives {} tokens, not {}: no other pair occurs twice",
                     found + static_cast<int64_t>(spec.added_tokens.size()), options.vocab_size));
  }
  return {};
}

}  // namespace qnext
