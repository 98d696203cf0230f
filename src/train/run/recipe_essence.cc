// What of a recipe a resumed run must agree with.
#include <fmt/format.h>

#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "train/run/recipe.h"

namespace qnext::train {
namespace {

const char* name_of(Schedule::Kind kind) {
  switch (kind) {
    case Schedule::Kind::kConstant:
      return "constant";
    case Schedule::Kind::kCosine:
      return "cosine";
    case Schedule::Kind::kWsd:
      return "wsd";
  }
  return "";
}

Schedule::Kind kind_of(const std::string& name) {
  return name == "wsd"      ? Schedule::Kind::kWsd
         : name == "cosine" ? Schedule::Kind::kCosine
                            : Schedule::Kind::kConstant;
}

bool is_of_schedule(std::string_view field) {
  for (const char* name : {"steps", "schedule", "lr", "final_lr", "warmup_steps", "decay_steps"}) {
    if (field == name) return true;
  }
  return false;
}

// Of an essence's section train; nothing where it is damaged.
std::optional<Schedule> schedule_of(const Json& train) {
  try {
    return Schedule{.kind = kind_of(train.at("schedule").get<std::string>()),
                    .steps = train.at("steps").get<int64_t>(),
                    .warmup = train.at("warmup_steps").get<int64_t>(),
                    .decay = train.at("decay_steps").get<int64_t>(),
                    .lr = train.at("lr").get<double>(),
                    .final_lr = train.at("final_lr").get<double>()};
  } catch (const Json::exception&) {
    return std::nullopt;
  }
}

// Whether two recipes have the same learning rates in the steps that are done: then one may be longer.
bool same_rates(const Json& recipe, const Json& other, int64_t steps) {
  const auto mine = schedule_of(recipe), theirs = schedule_of(other);
  if (!mine || !theirs || steps > mine->steps || steps > theirs->steps) return false;
  for (int64_t step = 0; step < steps; ++step) {
    if (learning_rate(*mine, step) != learning_rate(*theirs, step)) return false;
  }
  return true;
}

}  // namespace

Json Recipe::essence() const {
  const Schedule& s = train.schedule;
  Json trained = {{"steps", s.steps},
                  {"batch_tokens", train.batch_tokens},
                  {"micro_tokens", train.micro_tokens},
                  {"sequence_length", train.sequence_length},
                  {"schedule", name_of(s.kind)},
                  {"lr", s.lr},
                  {"final_lr", s.final_lr},
                  {"warmup_steps", s.warmup},
                  {"decay_steps", s.decay},
                  {"weight_decay", train.weight_decay},
                  {"no_decay", train.no_decay},
                  {"beta1", train.beta1},
                  {"beta2", train.beta2},
                  {"epsilon", train.epsilon},
                  {"clip", train.clip},
                  {"aux_loss", train.aux_loss},
                  {"aux_loss_over", train.aux_loss_each_layer ? "layer" : "model"},
                  {"z_loss", train.z_loss},
                  {"mtp_loss", train.mtp_loss},
                  {"recompute", train.recompute},
                  {"seed", train.seed}};
  Json shape = model;
  shape["initializer_range"] = initializer_range;
  Json adapter = Json::object();
  if (lora.rank > 0) {
    adapter = {{"rank", lora.rank}, {"alpha", lora.alpha}, {"target_modules", lora.target_modules}};
  }
  return {
      {"model", std::move(shape)},
      {"lora", std::move(adapter)},
      {"tokenizer", {{"vocab_size", tokenizer.vocab_size}}},  // a folder's may lie elsewhere: the data tells
      {"train", std::move(trained)}};
}

Status same_essence(const Json& recipe, const Json& other, int64_t steps, const std::string& where) {
  for (const char* section : {"model", "lora", "tokenizer", "train"}) {
    const Json here = recipe.value(section, Json::object());
    const Json there = other.is_object() ? other.value(section, Json::object()) : Json();
    if (!there.is_object()) return Error(fmt::format("{}: field {}: an object is expected", where, section));
    const bool rates = section == std::string_view("train") && same_rates(here, there, steps);
    std::set<std::string> names;
    for (const auto& [name, value] : here.items()) names.insert(name);
    for (const auto& [name, value] : there.items()) names.insert(name);
    for (const std::string& name : names) {
      const Json mine = here.value(name, Json()), theirs = there.value(name, Json());
      if (mine == theirs || (rates && is_of_schedule(name))) continue;
      return Error(fmt::format("field {}.{}: {}, and {} in {}", section, name, dump_json(mine),
                               dump_json(theirs), where));
    }
  }
  return {};
}

}  // namespace qnext::train
