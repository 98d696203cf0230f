#include "checkpoint/hf_folder.h"

#include "checkpoint/reading_support.h"

namespace qnext {
namespace {

using namespace reading;

std::string one_tensor(const std::string& name, char fill) {
  return safetensors(R"({")" + name + R"(":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}})",
                     std::string(4, fill));
}

std::string two_tensors(const std::string& first, const std::string& second, char fill) {
  return safetensors(R"({")" + first + R"(":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},")" + second +
                         R"(":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}})",
                     std::string(8, fill));
}

std::string index_of(const std::string& map) {
  return R"({"metadata":{"total_size":8},"weight_map":)" + map + "}";
}

constexpr const char* kIndex = "model.safetensors.index.json";

TEST(HfFolder, JoinsShardsInOrder) {
  const TempFolder folder;
  folder.write("s2.safetensors", one_tensor("a", 2));
  folder.write("s1.safetensors", two_tensors("c", "b", 1));
  folder.write(kIndex, index_of(R"({"a":"s2.safetensors","b":"s1.safetensors","c":"s1.safetensors"})"));
  const auto source = must(open_hf_folder(folder.path()));
  ASSERT_EQ(source->entries().size(), 3u);
  EXPECT_EQ(source->entries()[0].name, "c");
  EXPECT_EQ(source->entries()[1].name, "b");
  EXPECT_EQ(source->entries()[2].name, "a");
  EXPECT_EQ(source->naming(), Naming::kPublished);
  EXPECT_EQ(static_cast<int>(must(source->load("a")).data[3]), 2);
}

TEST(HfFolder, ATensorOutlivesItsSource) {
  const TempFolder folder;
  folder.write("model.safetensors", one_tensor("a", 9));
  Tensor tensor;
  {
    const auto source = must(open_hf_folder(folder.path()));
    tensor = must(source->load("a"));
  }
  EXPECT_EQ(static_cast<int>(tensor.data[0]), 9);
}

TEST(HfFolder, TheIndexDecidesBetweenCopiesAndKeepsWhatItOmits) {
  const TempFolder folder;
  folder.write("s1.safetensors", two_tensors("a", "extra", 1));
  folder.write("s2.safetensors", two_tensors("a", "b", 2));
  folder.write(kIndex, index_of(R"({"a":"s2.safetensors","b":"s2.safetensors","extra":"s1.safetensors"})"));
  EXPECT_EQ(static_cast<int>(must(must(open_hf_folder(folder.path()))->load("a")).data[0]), 2);
  folder.write(kIndex, index_of(R"({"a":"s1.safetensors"})"));
  EXPECT_NE(must(open_hf_folder(folder.path()))->find("extra"), nullptr);
}

TEST(HfFolder, WithoutIndexReadsTheSingleFileOrAll) {
  const TempFolder folder;
  folder.write("x.safetensors", one_tensor("x", 1));
  folder.write("y.safetensors", one_tensor("y", 1));
  EXPECT_EQ(must(open_hf_folder(folder.path()))->entries().size(), 2u);
  folder.write("model.safetensors", one_tensor("m", 1));
  const auto source = must(open_hf_folder(folder.path()));
  ASSERT_EQ(source->entries().size(), 1u);
  EXPECT_EQ(source->entries()[0].name, "m");
}

TEST(HfFolder, Errors) {
  const TempFolder folder;
  EXPECT_ERROR_HAS(open_hf_folder(folder.path()), "holds neither model.safetensors.index.json nor any");
  EXPECT_ERROR_HAS(open_hf_folder(folder / "absent"), "absent: cannot list the folder");
  folder.write("a.safetensors", one_tensor("x", 1));
  folder.write("b.safetensors", one_tensor("x", 1));
  EXPECT_ERROR_HAS(open_hf_folder(folder.path()), "tensor x occurs twice");

  const std::vector<std::pair<std::string, std::string>> cases{
      {index_of(R"({"x":"gone.safetensors"})"), "gone.safetensors: cannot open"},
      {index_of(R"({"x":"a.safetensors","y":"a.safetensors"})"),
       "a.safetensors: tensor y is missing, although "},
      {index_of(R"({"x":"../a.safetensors"})"),
       "weight_map.x: \"../a.safetensors\" is not the name of a file"},
      {index_of(R"({"x":"/etc/passwd"})"), "is not the name of a file in this folder"},
      {index_of(R"({"x":".."})"), "is not the name of a file in this folder"},
      {index_of(R"({"x":""})"), "is not the name of a file in this folder"},
      {index_of(R"({"x":"a\u0000b"})"), "is not the name of a file in this folder"},
      {index_of(R"({"x":3})"), "field weight_map.x: unexpected 3"},
      {index_of(R"({"x":{}})"), "field weight_map.x: unexpected a list or object"},
      {index_of(R"([])"), "field weight_map: unexpected"},
      {index_of(R"(null)"), "field weight_map: unexpected null"},
      {index_of(R"({})"), "field weight_map is empty"},
      {index_of(R"({"x":"a.safetensors","x":"b.safetensors"})"), "tensor x occurs twice"},
      {R"({"metadata":{}})", "field weight_map is missing"},
      {R"([])", "a JSON object is expected"},
      {R"("x")", "a JSON object is expected"},
      {R"({"weight_map":)", "not valid JSON"},
      {std::string(5000, '['), "a JSON object is expected"},
      {R"({"m":)" + std::string(5000, '['), "nested deeper"},
      {"", "not valid JSON"},
  };
  for (const auto& [text, message] : cases) {
    folder.write(kIndex, text);
    EXPECT_ERROR_HAS(open_hf_folder(folder.path()), message) << text.substr(0, 100);
  }
}

TEST(HfFolder, ReadsTheGoldenFolders) {
  EXPECT_EQ(must(open_hf_folder(kGolden + "tiny"))->entries().size(), 315u);
  const auto fp8 = must(open_hf_folder(kGolden + "tiny-fp8"));
  const TensorEntry* scale = fp8->find("model.layers.0.linear_attn.in_proj_qkvz.weight_scale_inv");
  ASSERT_NE(scale, nullptr);
  EXPECT_EQ(scale->dtype, DType::kF32);
  EXPECT_EQ(scale->shape, (Shape{3, 2}));
  EXPECT_GT(touch_all(*fp8), 0u);
}

}  // namespace
}  // namespace qnext
