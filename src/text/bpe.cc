#include "text/bpe.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "text/shown.h"

namespace qnext {
namespace {

// Up to this many bytes a word is merged in arrays that are searched from end to end, which is faster than a
// queue while they are in the first cache.
constexpr size_t kShortWord = 96;
// Positions in a queue have 32 bits; a longer word, which no text has, is cut.
constexpr size_t kLongestWord = size_t{1} << 30;
constexpr uint32_t kNone = UINT32_MAX;

static_assert(kMostTokens <= 1 << 21 && kMostMerges <= 1 << 22, "a merge has 64 bits");

}  // namespace

Result<MergeTable> MergeTable::build(const std::vector<std::pair<std::string, std::string>>& merges,
                                     const Vocabulary& vocabulary) {
  if (merges.size() >= kMostMerges) {
    return Error(fmt::format("{} merges, at most {} are supported", merges.size(), kMostMerges - 1));
  }
  MergeTable table;
  const size_t slots = std::bit_ceil(std::max<size_t>(merges.size() * 2, 16));
  table.slots_.resize(slots, kFree);
  table.shift_ = 64 - std::countr_zero(slots);
  std::string whole;
  for (size_t rank = 0; rank < merges.size(); ++rank) {
    const auto& [left, right] = merges[rank];
    const int32_t left_id = vocabulary.find_text(left), right_id = vocabulary.find_text(right);
    int32_t whole_id = -1;
    if (left_id >= 0 && right_id >= 0) {
      whole.assign(vocabulary.bytes(left_id)).append(vocabulary.bytes(right_id));
      whole_id = vocabulary.find(whole);
      if (whole_id < 0) whole_id = vocabulary.find_text(left + right);  // outside the alphabet
    }
    if (whole_id < 0) {
      const std::string& missing = left_id < 0 ? left : right_id < 0 ? right : left + right;
      return Error(fmt::format("merge {} ({} and {}): {} is not in the vocabulary", rank, in_quotes(left),
                               in_quotes(right), in_quotes(missing, 120)));
    }
    table.results_.push_back(whole_id);
    table.insert(left_id, right_id, static_cast<uint32_t>(rank));
  }
  table.byte_ranks_.resize(256 * 256, kNoMerge);
  for (int left = 0; left < 256; ++left) {
    for (int right = 0; right < 256; ++right) {
      const int32_t left_id = vocabulary.of_byte(static_cast<uint8_t>(left));
      const int32_t right_id = vocabulary.of_byte(static_cast<uint8_t>(right));
      if (left_id >= 0 && right_id >= 0) table.byte_ranks_[left << 8 | right] = table.rank(left_id, right_id);
    }
  }
  return table;
}

void MergeTable::insert(int32_t left, int32_t right, uint32_t rank) {
  const uint64_t pair = static_cast<uint64_t>(left) << 21 | static_cast<uint64_t>(right);
  const size_t mask = slots_.size() - 1;
  size_t slot = slot_of(pair);
  while (slots_[slot] != kFree && slots_[slot] >> kRankBits != pair) slot = (slot + 1) & mask;
  slots_[slot] = pair << kRankBits | rank;
}

uint32_t MergeTable::rank(int32_t left, int32_t right) const {
  const uint64_t pair = static_cast<uint64_t>(left) << 21 | static_cast<uint64_t>(right);
  const size_t mask = slots_.size() - 1;
  for (size_t slot = slot_of(pair); slots_[slot] != kFree; slot = (slot + 1) & mask) {
    if (slots_[slot] >> kRankBits == pair) {
      return static_cast<uint32_t>(slots_[slot] & ((uint64_t{1} << kRankBits) - 1));
    }
  }
  return kNoMerge;
}

BpeModel::BpeModel(Vocabulary vocabulary, MergeTable merges, bool ignore_merges)
    : vocabulary_(std::move(vocabulary)),
      merges_(std::move(merges)),
      ignore_merges_(ignore_merges),
      has_all_bytes_(vocabulary_.has_all_bytes()),
      whole_(static_cast<size_t>(vocabulary_.id_end())) {}

Result<std::unique_ptr<const BpeModel>> BpeModel::build(const TokenizerSpec& spec) {
  QN_TRY(Vocabulary vocabulary, Vocabulary::build(spec.vocab));
  if (!spec.unk_token.empty() && !vocabulary.has_all_bytes()) {
    return Error(
        fmt::format("unk_token {} together with a vocabulary that lacks single bytes is not supported",
                    in_quotes(spec.unk_token)));
  }
  QN_TRY(MergeTable merges, MergeTable::build(spec.merges, vocabulary));
  return std::unique_ptr<const BpeModel>(
      new BpeModel(std::move(vocabulary), std::move(merges), spec.ignore_merges));
}

void BpeModel::encode(std::string_view word, Workspace& workspace, std::vector<int32_t>& out) const {
  const int32_t id = vocabulary_.find(word);
  if (id < 0) return merge(word, workspace, out);
  std::atomic<Whole>& whole = whole_[static_cast<size_t>(id)];
  const Whole known = ignore_merges_ ? Whole::yes : whole.load(std::memory_order_relaxed);
  if (known == Whole::yes) {
    out.push_back(id);
    return;
  }
  const size_t before = out.size();
  merge(word, workspace, out);
  if (known == Whole::untried) {
    const bool one = out.size() == before + 1 && out.back() == id;
    whole.store(one ? Whole::yes : Whole::no, std::memory_order_relaxed);
  }
}

void BpeModel::merge(std::string_view word, Workspace& workspace, std::vector<int32_t>& out) const {
  if (!has_all_bytes_) {
    workspace.bytes.clear();
    for (const char byte : word) {
      if (vocabulary_.of_byte(static_cast<uint8_t>(byte)) >= 0) workspace.bytes += byte;
    }
    word = workspace.bytes;
  }
  for (; word.size() > kLongestWord; word.remove_prefix(kLongestWord)) {
    merge_long(word.substr(0, kLongestWord), workspace, out);
  }
  if (word.size() <= kShortWord) {
    merge_short(word, out);
  } else {
    merge_long(word, workspace, out);
  }
}

// ids[i] is the i-th symbol, ranks[i] the merge of symbols i and i + 1.
void BpeModel::merge_short(std::string_view word, std::vector<int32_t>& out) const {
  int32_t ids[kShortWord];
  uint32_t ranks[kShortWord];
  size_t count = word.size();
  for (size_t i = 0; i < count; ++i) {
    const auto byte = static_cast<uint8_t>(word[i]);
    ids[i] = vocabulary_.of_byte(byte);
    ranks[i] = i + 1 < count ? merges_.rank_of_bytes(byte, static_cast<uint8_t>(word[i + 1])) : kNone;
  }
  while (count > 1) {
    uint32_t lowest = kNone;
    for (size_t i = 0; i + 1 < count; ++i) lowest = std::min(lowest, ranks[i]);
    if (lowest == MergeTable::kNoMerge) break;
    size_t at = 0;
    while (ranks[at] != lowest) ++at;
    ids[at] = merges_.result(lowest);
    --count;
    std::memmove(ids + at + 1, ids + at + 2, (count - at - 1) * sizeof ids[0]);
    std::memmove(ranks + at + 1, ranks + at + 2, (count - at - 1) * sizeof ranks[0]);
    ranks[at] = at + 1 < count ? merges_.rank(ids[at], ids[at + 1]) : kNone;
    if (at > 0) ranks[at - 1] = merges_.rank(ids[at - 1], ids[at]);
  }
  out.insert(out.end(), ids, ids + count);
}

// Symbols in a linked list, merges in a queue by rank and then position. An entry whose pair has changed
// since is passed over when it comes up.
void BpeModel::merge_long(std::string_view word, Workspace& workspace, std::vector<int32_t>& out) const {
  auto& symbols = workspace.symbols;
  auto& queue = workspace.queue;
  const auto count = static_cast<uint32_t>(word.size());
  symbols.resize(count);
  queue.clear();
  const auto entry = [](uint32_t rank, uint32_t at) { return static_cast<uint64_t>(rank) << 32 | at; };
  for (uint32_t i = 0; i < count; ++i) {
    const auto byte = static_cast<uint8_t>(word[i]);
    symbols[i] = {vocabulary_.of_byte(byte), i == 0 ? kNone : i - 1, i + 1 < count ? i + 1 : kNone};
    const uint32_t rank =
        i + 1 < count ? merges_.rank_of_bytes(byte, static_cast<uint8_t>(word[i + 1])) : kNone;
    if (rank != MergeTable::kNoMerge) queue.push_back(entry(rank, i));
  }
  const auto later = std::greater<uint64_t>();
  std::make_heap(queue.begin(), queue.end(), later);
  const auto offer = [&](uint32_t at) {
    const uint32_t rank = merges_.rank(symbols[at].id, symbols[symbols[at].next].id);
    if (rank == MergeTable::kNoMerge) return;
    queue.push_back(entry(rank, at));
    std::push_heap(queue.begin(), queue.end(), later);
  };
  while (!queue.empty()) {
    std::pop_heap(queue.begin(), queue.end(), later);
    const auto rank = static_cast<uint32_t>(queue.back() >> 32), at = static_cast<uint32_t>(queue.back());
    queue.pop_back();
    auto& left = symbols[at];
    if (left.id < 0 || left.next == kNone || merges_.rank(left.id, symbols[left.next].id) != rank) continue;
    auto& right = symbols[left.next];
    left.id = merges_.result(rank);
    left.next = right.next;
    right.id = -1;  // gone
    if (left.next != kNone) {
      symbols[left.next].previous = at;
      offer(at);
    }
    if (left.previous != kNone) offer(left.previous);
  }
  for (const auto& symbol : symbols) {
    if (symbol.id >= 0) out.push_back(symbol.id);
  }
}

}  // namespace qnext
