#include "text/vocabulary.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "text/byte_level.h"
#include "text/shown.h"

namespace qnext {
namespace {

// Multiplies and folds eight bytes at a time; words are short.
uint64_t hash_bytes(std::string_view bytes) {
  constexpr uint64_t kMultiplier = 0x9E3779B97F4A7C15u;
  uint64_t hash = bytes.size();
  const char* at = bytes.data();
  size_t left = bytes.size();
  for (; left >= 8; at += 8, left -= 8) {
    uint64_t chunk;
    std::memcpy(&chunk, at, 8);
    hash = (hash ^ chunk) * kMultiplier;
    hash ^= hash >> 32;
  }
  uint64_t rest = 0;
  std::memcpy(&rest, at, left);
  hash = (hash ^ rest) * kMultiplier;
  return hash ^ hash >> 29;
}

Status check_ids(const std::vector<TokenizerSpec::Token>& tokens) {
  if (tokens.empty()) return Error("no tokens");
  for (const auto& token : tokens) {
    if (token.id < 0 || token.id >= kMostTokens) {
      return Error(
          fmt::format("token {}: id {} is outside 0..{}", in_quotes(token.text), token.id, kMostTokens - 1));
    }
  }
  return {};
}

}  // namespace

Result<Vocabulary> Vocabulary::build(const std::vector<TokenizerSpec::Token>& tokens) {
  QN_RETURN_IF_ERROR(check_ids(tokens));
  const auto largest = std::max_element(tokens.begin(), tokens.end(),
                                        [](const auto& a, const auto& b) { return a.id < b.id; });
  std::vector<const TokenizerSpec::Token*> by_id(static_cast<size_t>(largest->id) + 1);
  for (const auto& token : tokens) {
    auto& place = by_id[static_cast<size_t>(token.id)];
    if (place) {
      return Error(fmt::format("tokens {} and {} have the same id {}", in_quotes(place->text),
                               in_quotes(token.text), token.id));
    }
    place = &token;
  }
  Vocabulary made;
  made.count_ = tokens.size();
  made.slots_.resize(std::bit_ceil(tokens.size() * 2), Slot{0, -1});
  made.of_byte_.fill(-1);
  made.begin_ = {0};
  for (const TokenizerSpec::Token* token : by_id) {
    made.present_.push_back(token != nullptr);
    const auto bytes = token ? from_byte_level(token->text) : std::nullopt;
    if (token) made.block_ += bytes ? *bytes : token->text;
    made.begin_.push_back(made.block_.size());
    if (token && !made.insert(*token, bytes.has_value())) {
      return Error(fmt::format("token {} is there twice", in_quotes(token->text)));
    }
  }
  return made;
}

// Makes a token findable, whose bytes are in the block already; false when its text is there before.
bool Vocabulary::insert(const TokenizerSpec::Token& token, bool in_alphabet) {
  if (!in_alphabet) return outside_alphabet_.emplace(token.text, token.id).second;
  const std::string_view its_bytes = bytes(token.id);
  if (find(its_bytes) >= 0) return false;
  const uint64_t hash = hash_bytes(its_bytes);
  const size_t mask = slots_.size() - 1;
  size_t slot = hash & mask;
  while (slots_[slot].id >= 0) slot = (slot + 1) & mask;
  slots_[slot] = {static_cast<uint32_t>(hash >> 32), token.id};
  if (its_bytes.size() == 1) of_byte_[static_cast<uint8_t>(its_bytes[0])] = token.id;
  return true;
}

int32_t Vocabulary::find(std::string_view wanted) const {
  const uint64_t hash = hash_bytes(wanted);
  const size_t mask = slots_.size() - 1;
  for (size_t slot = hash & mask; slots_[slot].id >= 0; slot = (slot + 1) & mask) {
    if (slots_[slot].hash == static_cast<uint32_t>(hash >> 32) && bytes(slots_[slot].id) == wanted) {
      return slots_[slot].id;
    }
  }
  return -1;
}

int32_t Vocabulary::find_text(const std::string& text) const {
  if (const auto bytes = from_byte_level(text)) return find(*bytes);
  const auto place = outside_alphabet_.find(text);
  return place == outside_alphabet_.end() ? -1 : place->second;
}

bool Vocabulary::has_all_bytes() const {
  return std::all_of(of_byte_.begin(), of_byte_.end(), [](int32_t id) { return id >= 0; });
}

std::string_view Vocabulary::bytes(int32_t id) const {
  const auto at = static_cast<size_t>(id);
  return std::string_view(block_).substr(begin_[at], begin_[at + 1] - begin_[at]);
}

}  // namespace qnext
