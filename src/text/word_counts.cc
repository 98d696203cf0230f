#include "text/word_counts.h"

#include <algorithm>

#include "text/shown.h"

namespace qnext {
namespace {

// Calls sink(piece) for the pieces of a word that is too long; they end where a character does.
template <class Sink>
void for_each_piece(std::string_view word, Sink&& sink) {
  while (word.size() > WordCounter::kLongestWord) {
    size_t size = WordCounter::kLongestWord;
    while ((static_cast<uint8_t>(word[size]) & 0xC0) == 0x80) --size;
    sink(word.substr(0, size));
    word.remove_prefix(size);
  }
  sink(word);
}

// Where groups of texts begin that are each worth a thread's while; the last entry is the end.
std::vector<size_t> group_by_size(std::span<const std::string> texts) {
  constexpr size_t kGroupBytes = size_t{1} << 18;
  std::vector<size_t> groups{0};
  size_t bytes = 0;
  for (size_t i = 0; i < texts.size(); ++i) {
    bytes += texts[i].size();
    if (bytes < kGroupBytes && i + 1 < texts.size()) continue;
    groups.push_back(i + 1);
    bytes = 0;
  }
  return groups;
}

}  // namespace

Result<WordCounter> WordCounter::create(const TokenizerSpec& spec, int64_t most_words) {
  for (const AddedToken& token : spec.added_tokens) {
    if (token.content.empty()) return Error("an added token without content");
    QN_CHECK(!token.normalized, "added tokens in normalised text are not supported here");
  }
  for (const PreTokenizerStep& step : spec.pre_tokenizer) {
    QN_CHECK(step.kind == PreTokenizerStep::Kind::split, "words must be parts of the text");
  }
  QN_TRY(PreTokenizer pre_tokenizer, PreTokenizer::create(spec.pre_tokenizer));
  return WordCounter(spec.added_tokens, std::move(pre_tokenizer), spec.nfc, most_words);
}

WordCounter::WordCounter(std::vector<AddedToken> added, PreTokenizer pre_tokenizer, bool nfc,
                         int64_t most_words)
    : added_(std::make_unique<const std::vector<AddedToken>>(std::move(added))),
      pre_tokenizer_(std::move(pre_tokenizer)),
      nfc_(nfc ? std::make_unique<const Nfc>() : nullptr),
      most_words_(most_words),
      tables_(kTables) {
  std::vector<AddedTokenMatcher::Pattern> patterns;
  for (const AddedToken& token : *added_) patterns.push_back({token.content, &token});
  matcher_ = std::make_unique<const AddedTokenMatcher>(std::move(patterns));
}

void WordCounter::add(std::span<const std::string> texts, ThreadPool& pool) {
  const std::vector<size_t> groups = group_by_size(texts);
  std::vector<TextWords> words(groups.size() - 1);
  pool.parallel_for(static_cast<int64_t>(words.size()), 1, [&](int64_t begin, int64_t end, int) {
    PreTokenizer::Workspace workspace;
    for (auto g = static_cast<size_t>(begin); g < static_cast<size_t>(end); ++g) {
      for (size_t i = groups[g]; i < groups[g + 1]; ++i) cut(texts[i], workspace, words[g]);
    }
  });
  std::array<int64_t, kTables> totals{};
  pool.parallel_for(kTables, 1, [&](int64_t begin, int64_t end, int) {
    for (auto t = static_cast<size_t>(begin); t < static_cast<size_t>(end); ++t) {
      for (const TextWords& group : words) totals[t] += merge(group.of_table[t], tables_[t]);
      forget_rare(tables_[t]);
    }
  });
  for (const int64_t count : totals) total_ += count;
}

void WordCounter::cut(std::string_view text, PreTokenizer::Workspace& workspace, TextWords& words) const {
  for (const TextPart& part : matcher_->split(text, true)) {
    if (part.token) continue;
    std::string_view plain = text.substr(part.begin, part.end - part.begin);
    if (nfc_) {
      std::string buffer;
      plain = nfc_->normalize(plain, buffer);
      if (plain.data() == buffer.data()) plain = words.normalized.emplace_back(std::move(buffer));
    }
    pre_tokenizer_.for_each_word(plain, workspace, [&](std::string_view word) {
      for_each_piece(word, [&](std::string_view piece) { ++words.of_table[Hash()(piece) % kTables][piece]; });
    });
  }
}

int64_t WordCounter::merge(const std::unordered_map<std::string_view, int64_t>& from, Table& into) {
  int64_t total = 0;
  for (const auto& [word, count] : from) {
    const auto place = into.find(word);
    if (place != into.end()) {
      place->second += count;
    } else {
      into.emplace(word, count);
    }
    total += count;
  }
  return total;
}

void WordCounter::forget_rare(Table& table) const {
  const auto most = static_cast<size_t>(std::max<int64_t>(1, most_words_ / static_cast<int64_t>(kTables)));
  for (int64_t rare = 1; table.size() > most; ++rare) {
    std::erase_if(table, [rare](const auto& entry) { return entry.second <= rare; });
  }
}

std::vector<WordCount> WordCounter::counts() const {
  std::vector<WordCount> all;
  for (const Table& table : tables_) {
    for (const auto& [word, count] : table) all.push_back({word, count});
  }
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.word < b.word; });
  return all;
}

}  // namespace qnext
