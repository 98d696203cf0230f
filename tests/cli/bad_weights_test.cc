// safetensors folders: damaged files, weights that do not fit the configuration, numbers that are none.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "cli/models.h"

namespace qnext {
namespace {

namespace fs = std::filesystem;

// A model's folder that each test may damage, and a command that reads all of it.
class BadWeights : public ::testing::Test {
 protected:
  BadWeights() : model_(small_model(scratch_, "model", false)), file_(weights_of(model_)) {
    ids_ = scratch_.file("ids.json", "[1, 2, 3]");
    original_ = read_all(file_);
  }
  // The index would report a tensor that is gone before the reader of the file does.
  void without_index() { fs::remove(model_ + "/model.safetensors.index.json"); }
  Ran generate() { return qnext({"generate-ids", model_, "--tokens", ids_, "-n", "1", "--backend", "ref"}); }
  Ran convert() { return qnext({"convert", model_, "-o", scratch_.path("out.gguf"), "--type", "q8_0"}); }
  void expect_both(const std::vector<std::string>& parts) {
    expect_error(generate(), 1, parts);
    expect_error(convert(), 1, parts);
    EXPECT_FALSE(fs::exists(scratch_.path("out.gguf")));
  }
  void edit(const std::string& tensor, const std::function<void(Json&)>& change) {
    write_all(file_, original_);
    edit_header(file_, [&](Json& header) { change(header[tensor]); });
  }
  // Overwrites the beginning of a tensor's data.
  void put_data(const std::string& tensor, const std::string& bytes) {
    std::string file = original_;
    uint64_t size = 0;
    std::memcpy(&size, file.data(), sizeof size);
    const auto header = parse_json(std::string_view(file).substr(8, size), file_);
    ASSERT_TRUE(header.ok());
    const auto at = header->at(tensor)["data_offsets"][0].get<size_t>();
    write_all(file_, file.replace(8 + size + at, bytes.size(), bytes));
  }

  Scratch scratch_;
  std::string model_, file_, ids_, original_;
};

constexpr const char* kNorm = "model.norm.weight";

TEST_F(BadWeights, CutShort) {
  const uint64_t header = original_.size() > 8 ? static_cast<unsigned char>(original_[0]) +
                                                     256 * static_cast<unsigned char>(original_[1])
                                               : 0;
  for (const size_t size :
       {size_t{0}, size_t{7}, size_t{8}, size_t{100}, size_t{8 + header}, original_.size() - 1}) {
    write_all(file_, original_.substr(0, size));
    expect_both({"model-00001-of-00001.safetensors: "});
  }
}

TEST_F(BadWeights, HeaderLength) {
  for (const uint64_t length :
       {uint64_t{0}, uint64_t{1}, uint64_t{200} << 20, UINT64_MAX, uint64_t{1} << 63}) {
    std::string file = original_;
    put(file, 0, length);
    write_all(file_, file);
    expect_error(generate(), 1, {"model-00001-of-00001.safetensors: "});
  }
}

TEST_F(BadWeights, HeaderJson) {
  const auto with_header = [&](const std::string& text) {
    std::string file(8, '\0');
    put<uint64_t>(file, 0, text.size());
    write_all(file_, file + text + std::string(64, '\0'));
    return generate();
  };
  const std::string name = "model-00001-of-00001.safetensors: ";
  expect_error(with_header("[]"), 1, {name + "the header is not a JSON object"});
  expect_error(with_header("{\"a\":1}"), 1, {name + "tensor a"});
  expect_error(with_header(std::string(5000, '[')), 1, {name});
  expect_error(with_header("{\"a\":" + std::string(5000, '{')), 1, {name});
  expect_error(with_header(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},
                               "a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})"),
               1, {"tensor a occurs twice"});
  expect_error(with_header(R"({"":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})"), 1, {"name"});
  expect_error(with_header(R"({"a\nb":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})"), 1, {"name"});
}

TEST_F(BadWeights, OffsetsAndShapes) {
  without_index();
  const auto bad = [&](const char* field, const Json& value, const std::vector<std::string>& parts) {
    edit(kNorm, [&](Json& tensor) { tensor[field] = value; });
    expect_error(generate(), 1, parts);
  };
  bad("data_offsets", {0, 64}, {"overlap"});
  bad("data_offsets", {64, 0}, {"tensor model.norm.weight", "[64, 0]"});
  bad("data_offsets", {0, 1}, {"tensor model.norm.weight"});
  bad("data_offsets", Json::array({0}), {"tensor model.norm.weight", "data_offsets"});
  bad("data_offsets", {int64_t{1} << 62, (int64_t{1} << 62) + 64}, {"tensor model.norm.weight"});
  bad("data_offsets", {0, 18446744073709551615u}, {"tensor model.norm.weight", "18446744073709551615"});
  bad("shape", Json::array({-1}), {"tensor model.norm.weight"});
  bad("shape", {int64_t{1} << 40, int64_t{1} << 40}, {"tensor model.norm.weight"});
  bad("shape", {1, 1, 1, 1, 1, 1, 1, 1, 32}, {"tensor model.norm.weight", "shape"});
  bad("shape", "32", {"tensor model.norm.weight", "shape"});
  bad("dtype", "F31", {"tensor model.norm.weight", "F31"});
  bad("dtype", nullptr, {"tensor model.norm.weight", "dtype"});
}

TEST_F(BadWeights, DoNotFitTheConfiguration) {
  edit(kNorm, [](Json& tensor) { tensor["shape"] = {2, 16}; });
  EXPECT_EQ(generate().code, 0);  // the same 32 values
  edit(kNorm, [](Json& tensor) { tensor["dtype"] = "I16"; });
  expect_both({"tensor model.norm.weight"});
  const char* matrix = "model.layers.1.mlp.gate_proj.weight";
  edit(matrix, [](Json& tensor) { tensor["shape"] = {16, 64}; });
  expect_both({std::string("tensor ") + matrix, "[16, 64]", "[32, 32]"});
  edit(matrix, [](Json& tensor) { tensor["dtype"] = "I16"; });
  expect_both({std::string("tensor ") + matrix});
  without_index();
  write_all(file_, original_);
  edit_header(file_, [&](Json& header) { header.erase(matrix); });
  expect_both({std::string("tensor ") + matrix, "missing"});
}

TEST_F(BadWeights, NotFinite) {
  const std::string nan("\xc0\x7f", 2), infinity("\x80\xff", 2);
  put_data(kNorm, nan);
  expect_both({"model.norm.weight"});
  for (const std::string& value : {nan, infinity}) {
    put_data("model.layers.1.mlp.gate_proj.weight", value);
    for (const char* type : {"f32", "bf16", "q8_0", "q4_0", "iq4_nl"}) {
      expect_error(qnext({"convert", model_, "-o", scratch_.path("out.gguf"), "--type", type}), 1,
                   {"model.layers.1.mlp.gate_proj.weight has a value that is not finite"});
    }
  }
  EXPECT_FALSE(fs::exists(scratch_.path("out.gguf")));
  put_data("model.layers.1.mlp.gate_proj.weight", nan);
  expect_error(qnext({"perplexity", model_, "--tokens", ids_}), 1, {"not finite"});
  expect_error(generate(), 1, {"logit", "nan, not a finite number"});
}

TEST_F(BadWeights, Index) {
  const std::string index = model_ + "/model.safetensors.index.json";
  const auto with_index = [&](const std::string& text) {
    write_all(index, text);
    return generate();
  };
  const std::string name = "model.safetensors.index.json: ";
  expect_error(with_index("nope"), 1, {name + "not valid JSON"});
  expect_error(with_index("[]"), 1, {name + "a JSON object is expected"});
  expect_error(with_index("{}"), 1, {name + "field weight_map is missing"});
  expect_error(with_index(R"({"weight_map":{}})"), 1, {name + "field weight_map is empty"});
  expect_error(with_index(R"({"weight_map":{"a":5}})"), 1, {name + "field weight_map.a", "5"});
  expect_error(with_index(R"({"weight_map":{"a":"../x"}})"), 1, {name + "field weight_map.a", "../x"});
  expect_error(with_index(R"({"weight_map":{"a":"none.safetensors"}})"), 1,
               {"none.safetensors: cannot open"});
  expect_error(with_index(R"({"weight_map":{"a":"model-00001-of-00001.safetensors"}})"), 1,
               {"model-00001-of-00001.safetensors: tensor a is missing"});
}

TEST_F(BadWeights, FlippedBits) {
  without_index();
  uint32_t random = 7;
  uint64_t header = 0;
  std::memcpy(&header, original_.data(), sizeof header);
  for (int i = 0; i < 120; ++i) {
    random = random * 1664525 + 1013904223;
    std::string file = original_;
    const size_t at = (random >> 8) % (i % 4 == 0 ? file.size() : 8 + header);
    file[at] = static_cast<char>(file[at] ^ (1 << (random & 7)));
    write_all(file_, file);
    expect_error_or_success(i % 2 ? generate() : convert());
  }
}

// FP8 weights come with scales, which have to be positive numbers.
TEST(BadScales, Fp8) {
  const Scratch scratch;
  const std::string model = scratch.path("fp8"), ids = scratch.file("ids.json", "[1, 2, 3]");
  fs::copy(std::string(QNEXT_TEST_DATA) + "/golden/tiny-fp8", model);
  const std::string file = weights_of(model), original = read_all(file);
  uint64_t size = 0;
  std::memcpy(&size, original.data(), sizeof size);
  const auto header = parse_json(std::string_view(original).substr(8, size), file);
  ASSERT_TRUE(header.ok());
  std::string scales;
  for (const auto& [name, value] : header->items()) {
    if (name.starts_with("model.") && name.ends_with("down_proj.weight_scale_inv")) scales = name;
  }
  ASSERT_NE(scales, "");
  const bool bf16 = header->at(scales)["dtype"] == "BF16";
  const auto at = header->at(scales)["data_offsets"][0].get<size_t>();
  for (const float value : {0.0f, -1.0f, NAN, INFINITY}) {
    std::string changed = original;
    uint32_t bits = 0;
    std::memcpy(&bits, &value, sizeof bits);
    if (bf16)
      put(changed, 8 + size + at, static_cast<uint16_t>(bits >> 16));
    else
      put(changed, 8 + size + at, bits);
    write_all(file, changed);
    expect_error(qnext({"generate-ids", model, "--tokens", ids, "-n", "1"}), 1, {scales});
    expect_error(qnext({"convert", model, "-o", scratch.path("o.gguf")}), 1,
                 {scales, "not a positive number"});
  }
  write_all(file, original);
  fs::remove(model + "/model.safetensors.index.json");
  edit_header(file, [&](Json& changed) { changed.erase(scales); });
  expect_error(qnext({"generate-ids", model, "--tokens", ids, "-n", "1"}), 1, {scales, "missing"});
}

}  // namespace
}  // namespace qnext
