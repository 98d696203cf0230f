#include "train/run/recipe.h"

#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "base/files.h"
#include "train/run/recipe_base.h"
#include "train/run/recipe_model.h"
#include "train/run/toml_fields.h"

namespace qnext::train {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kMostRecipeBytes = int64_t{1} << 20;
constexpr int64_t kMostSteps = int64_t{1} << 40;
constexpr int64_t kMostTokens = int64_t{1} << 32;  // of a batch
constexpr double kMostWeight = 1000;

class Reader {
 public:
  Reader(const toml::table& root, const std::string& path) : root_(root), path_(path) {}

  Result<Recipe> read() {
    recipe_.path = path_;
    QN_RETURN_IF_ERROR(TomlFields::open(root_, path_, "",
                                        {"base", "lora", "model", "tokenizer", "data", "train", "output"}));
    QN_TRY(const toml::table* data, section("data"));
    QN_TRY(const toml::table* train, section("train"));
    QN_TRY(const toml::table* output, section("output"));
    QN_RETURN_IF_ERROR(root_.get("base") ? read_from_base() : read_from_nothing());
    QN_RETURN_IF_ERROR(read_data(*data));
    QN_RETURN_IF_ERROR(read_train(*train));
    QN_RETURN_IF_ERROR(read_output(*output));
    return std::move(recipe_);
  }

 private:
  // A section that is missing is an empty one.
  Result<const toml::table*> section(const char* name) {
    static const toml::table kEmpty;
    const toml::node* node = root_.get(name);
    if (!node) return &kEmpty;
    if (node->is_table()) return node->as_table();
    return Error(fmt::format("{}:{}: field {}: a section [{}] expected, got {}", path_,
                             node->source().begin.line, name, name, shown(*node)));
  }

  // A model with random weights.
  Status read_from_nothing() {
    if (const toml::node* node = root_.get("lora")) {
      return Error(
          fmt::format("{}:{}: field lora: an adapter needs a [base]", path_, node->source().begin.line));
    }
    QN_TRY(const toml::table* model, section("model"));
    QN_TRY(const toml::table* tokenizer, section("tokenizer"));
    QN_RETURN_IF_ERROR(read_model(*model, path_, recipe_));
    return read_tokenizer(*tokenizer);
  }

  // A checkpoint, which has its shape and its tokenizer.
  Status read_from_base() {
    QN_TRY(const toml::table* base, section("base"));
    QN_RETURN_IF_ERROR(read_base(*base, path_, recipe_));
    const bool complete = !recipe_.tokenizer.path.empty();  // a GGUF file has no tokenizer.json
    for (const char* name : {"model", "tokenizer"}) {
      const toml::node* node = root_.get(name);
      if (node && (complete || name == std::string_view("model"))) {
        return Error(
            fmt::format("{}:{}: field {}: the [base] has its own", path_, node->source().begin.line, name));
      }
    }
    if (!complete) QN_RETURN_IF_ERROR(read_tokenizer_of_base());
    if (!root_.get("lora")) return {};
    QN_TRY(const toml::table* lora, section("lora"));
    return read_lora(*lora, path_, recipe_);
  }

  Status read_tokenizer_of_base() {
    QN_TRY(const toml::table* tokenizer, section("tokenizer"));
    if (root_.get("tokenizer")) QN_RETURN_IF_ERROR(read_tokenizer(*tokenizer));
    if (!recipe_.tokenizer.path.empty()) return {};
    return Error(
        fmt::format("{}: field tokenizer.path: the folder of its tokenizer is expected, as {} is GGUF", path_,
                    recipe_.base));
  }

  std::string beside(const std::string& path) const {
    return (fs::path(path_).parent_path() / path).lexically_normal().string();
  }

  Status read_tokenizer(const toml::table& table) {
    QN_TRY(const auto fields, TomlFields::open(table, path_, "tokenizer", {"path", "vocab_size"}));
    if (fields.has("path") == fields.has("vocab_size")) {
      return fields.wrong("path", "one of path (of a tokenizer) and vocab_size (to train one) is expected");
    }
    // 256 bytes and a few special tokens at least.
    QN_TRY(recipe_.tokenizer.vocab_size, fields.integer("vocab_size", 0, 264, 1 << 21));
    if (!fields.has("path")) return {};
    QN_TRY(const std::string path, fields.string("path"));
    recipe_.tokenizer.path = beside(path);
    return {};
  }

  // "PATH", or a table.
  Result<Source> read_source(const toml::node& node, const TomlFields& data, std::string_view list) {
    Source source;
    if (const auto* text = node.as_string()) {
      source.path = text->get();
    } else if (const auto* table = node.as_table()) {
      QN_TRY(const auto fields, TomlFields::open(*table, path_, "data." + std::string(list),
                                                 {"path", "name", "weight", "separator", "learn"}));
      QN_TRY(source.path, fields.string("path"));
      QN_TRY(source.name, fields.string("name", ""));
      QN_TRY(source.weight, fields.number("weight", 1, 0, kMostWeight));
      QN_TRY(source.separator, fields.string("separator", source.separator));
      QN_TRY(const std::string learn, fields.string("learn", "answers"));
      if (learn != "answers" && learn != "all") {
        return fields.wrong("learn", fmt::format("\"{}\" is none of answers, all", learn));
      }
      source.learn = learn == "all" ? Learn::kAll : Learn::kAnswers;
      if (source.weight == 0) return fields.wrong("weight", "0 is not above 0");
      if (source.separator.find_first_of("\r\n") != source.separator.npos) {
        return fields.wrong("separator", "more than one line");
      }
    } else {
      return data.wrong(list, fmt::format("a path or a table with one expected, got {}", shown(node)));
    }
    if (source.path.empty()) return data.wrong(list, "an empty path");
    source.path = beside(source.path);
    if (source.name.empty()) source.name = fs::path(source.path).stem().string();
    return source;
  }

  // One path, or a list.
  Result<std::vector<Source>> read_sources(const TomlFields& data, std::string_view list) {
    std::vector<Source> sources;
    const toml::node& node = *data.find(list);
    if (const auto* array = node.as_array()) {
      for (const toml::node& item : *array) {
        QN_TRY(Source source, read_source(item, data, list));
        sources.push_back(std::move(source));
      }
    } else {
      QN_TRY(Source source, read_source(node, data, list));
      sources.push_back(std::move(source));
    }
    if (sources.empty()) return data.wrong(list, "an empty list");
    std::set<std::string> names;
    for (const Source& source : sources) {
      if (!names.insert(source.name).second) {
        return data.wrong(list, fmt::format("two sources are called {}; give them a name each", source.name));
      }
    }
    return sources;
  }

  Status read_data(const toml::table& table) {
    DataRecipe& data = recipe_.data;
    QN_TRY(const auto fields,
           TomlFields::open(table, path_, "data", {"sources", "held_out", "held_out_tokens"}));
    if (!fields.has("sources")) return fields.missing("sources", "paths of text or JSONL files");
    QN_TRY(data.sources, read_sources(fields, "sources"));
    QN_TRY(data.held_out_tokens, fields.integer("held_out_tokens", 0, 0, kMostTokens));
    const toml::node* held_out = fields.find("held_out");
    if (!held_out) return {};
    if (held_out->is_number()) {
      QN_TRY(data.held_out_share, fields.number("held_out", 0, 0, 0.9));
    } else {
      QN_TRY(data.held_out, read_sources(fields, "held_out"));
    }
    return {};
  }

  Status read_train(const toml::table& table) {
    TrainRecipe& train = recipe_.train;
    QN_TRY(const auto fields,
           TomlFields::open(
               table, path_, "train",
               {"steps",    "tokens",    "batch_tokens", "micro_tokens", "sequence_length", "lr",
                "final_lr", "schedule",  "warmup_steps", "decay_steps",  "weight_decay",    "no_decay",
                "beta1",    "beta2",     "epsilon",      "clip",         "aux_loss",        "z_loss",
                "mtp_loss", "recompute", "seed",         "aux_loss_over"}));
    QN_RETURN_IF_ERROR(read_sizes(fields, train));
    QN_RETURN_IF_ERROR(read_schedule(fields, train));
    QN_TRY(train.weight_decay, fields.number("weight_decay", recipe_.base.empty() ? 0.1 : 0, 0, 10));
    QN_TRY(train.no_decay, fields.strings("no_decay", kNoDecay));
    QN_TRY(train.beta1, fields.number("beta1", 0.9, 0, 0.999999));
    QN_TRY(train.beta2, fields.number("beta2", 0.95, 0, 0.999999999));
    QN_TRY(train.epsilon, fields.number("epsilon", 1e-8, 1e-30, 1));
    QN_TRY(train.clip, fields.number("clip", 1, 0, 1e6));
    QN_TRY(train.recompute, fields.boolean("recompute", false));
    QN_TRY(const int64_t seed, fields.integer("seed", 0, 0, INT64_MAX));
    train.seed = static_cast<uint64_t>(seed);
    return read_losses(fields, train);
  }

  Status read_sizes(const TomlFields& fields, TrainRecipe& train) {
    QN_TRY(train.sequence_length, fields.integer("sequence_length", 1024, 2, 1 << 24));
    QN_TRY(train.batch_tokens, fields.integer("batch_tokens", 16 * train.sequence_length, 1, kMostTokens));
    const int64_t micro = std::min(train.batch_tokens, 4 * train.sequence_length);
    QN_TRY(train.micro_tokens, fields.integer("micro_tokens", micro, 1, kMostTokens));
    if (train.micro_tokens < train.sequence_length) {
      return fields.wrong("micro_tokens",
                          fmt::format("{} is less than a sequence, whose sequence_length is {}",
                                      train.micro_tokens, train.sequence_length));
    }
    if (train.batch_tokens < train.micro_tokens) {
      return fields.wrong("batch_tokens", fmt::format("{} is less than micro_tokens, {}", train.batch_tokens,
                                                      train.micro_tokens));
    }
    const int64_t positions = recipe_.model["max_position_embeddings"].get<int64_t>();
    if (train.sequence_length > positions) {
      return fields.wrong("sequence_length", fmt::format("{} is more than max_position_embeddings, {}",
                                                         train.sequence_length, positions));
    }
    return {};
  }

  Status read_schedule(const TomlFields& fields, TrainRecipe& train) {
    Schedule& s = train.schedule;
    if (fields.has("steps") == fields.has("tokens")) {
      return fields.wrong("steps", "one of steps and tokens is expected");
    }
    QN_TRY(s.steps, fields.integer("steps", 0, 1, kMostSteps));
    QN_TRY(const int64_t tokens, fields.integer("tokens", 0, 1, INT64_MAX / 2));
    if (tokens > 0) s.steps = (tokens + train.batch_tokens - 1) / train.batch_tokens;
    QN_TRY(const std::string kind, fields.string("schedule", "cosine"));
    if (kind != "cosine" && kind != "wsd" && kind != "constant") {
      return fields.wrong("schedule", fmt::format("\"{}\" is none of cosine, wsd, constant", kind));
    }
    s.kind = kind == "cosine" ? Schedule::Kind::kCosine
             : kind == "wsd"  ? Schedule::Kind::kWsd
                              : Schedule::Kind::kConstant;
    const double usual = recipe_.base.empty() ? 1e-3 : recipe_.lora.rank > 0 ? 2e-4 : 2e-5;
    QN_TRY(s.lr, fields.number("lr", usual, 1e-12, 10));
    for (const char* name : {"final_lr", "decay_steps"}) {
      const bool used = s.kind == Schedule::Kind::kWsd ||
                        (s.kind == Schedule::Kind::kCosine && std::string_view(name) == "final_lr");
      if (fields.has(name) && !used) return fields.wrong(name, fmt::format("schedule {} has none", kind));
    }
    QN_TRY(s.final_lr, fields.number("final_lr", s.lr / 10, 0, s.lr));
    QN_TRY(s.warmup, fields.integer("warmup_steps", s.steps / 50, 0, s.steps));
    if (s.kind != Schedule::Kind::kWsd) return {};
    QN_TRY(s.decay, fields.integer("decay_steps", std::min(s.steps / 5, s.steps - s.warmup), 0, s.steps));
    if (s.warmup + s.decay > s.steps) {
      return fields.wrong("decay_steps", fmt::format("{} and warmup_steps {} are more than the {} steps",
                                                     s.decay, s.warmup, s.steps));
    }
    return {};
  }

  Status read_losses(const TomlFields& fields, TrainRecipe& train) {
    const double published = recipe_.model["router_aux_loss_coef"].get<double>();
    QN_TRY(train.aux_loss, fields.number("aux_loss", published, 0, 1000));
    recipe_.model["router_aux_loss_coef"] = train.aux_loss;
    QN_TRY(const std::string over, fields.string("aux_loss_over", "model"));
    if (over != "layer" && over != "model") {
      return fields.wrong("aux_loss_over", fmt::format("\"{}\" is none of layer, model", over));
    }
    train.aux_loss_each_layer = over == "layer";
    QN_TRY(train.z_loss, fields.number("z_loss", 0, 0, 1000));
    const bool mtp = recipe_.model["num_nextn_predict_layers"].get<int64_t>() > 0;
    QN_TRY(train.mtp_loss, fields.number("mtp_loss", mtp ? 0.1 : 0, 0, 1000));
    if (!mtp && train.mtp_loss > 0) {
      return fields.wrong("mtp_loss", fmt::format("{}, but num_nextn_predict_layers is 0", train.mtp_loss));
    }
    return {};
  }

  Status read_output(const toml::table& table) {
    OutputRecipe& output = recipe_.output;
    QN_TRY(const auto fields, TomlFields::open(table, path_, "output",
                                               {"folder", "checkpoint_every", "keep", "evaluate_every"}));
    QN_TRY(const std::string folder, fields.string("folder"));
    output.folder = beside(folder);
    QN_TRY(output.checkpoint_every, fields.integer("checkpoint_every", 500, 0, kMostSteps));
    QN_TRY(output.evaluate_every, fields.integer("evaluate_every", 250, 0, kMostSteps));
    QN_TRY(output.keep, fields.integer("keep", 3, 1, 1 << 20));
    return {};
  }

  const toml::table& root_;
  const std::string& path_;
  Recipe recipe_;
};

}  // namespace

bool TrainRecipe::decays(const std::string& tensor) const {
  return std::none_of(no_decay.begin(), no_decay.end(), [&](const std::string& pattern) {
    return ::fnmatch(pattern.c_str(), tensor.c_str(), FNM_NOESCAPE) == 0;
  });
}

Result<Recipe> parse_recipe(const std::string& text, const std::string& path) {
  try {
    const toml::table root = toml::parse(text, path);
    return Reader(root, path).read();
  } catch (const toml::parse_error& failed) {
    return Error(
        fmt::format("{}:{}: not valid TOML: {}", path, failed.source().begin.line, failed.description()));
  }
}

Result<Recipe> read_recipe(const std::string& path) {
  QN_TRY(const std::string text, read_file(path, kMostRecipeBytes));
  return parse_recipe(text, path);
}

}  // namespace qnext::train
