#include "checkpoint/safetensors.h"

#include <fmt/format.h>

#include <chrono>

#include "checkpoint/reading_support.h"

namespace qnext {
namespace {

using namespace reading;

Result<std::vector<StoredTensor>> tensors_of(const std::string& image) {
  return parse_safetensors(bytes_of(image), nullptr, "f.safetensors");
}

const std::string kTwo =
    R"({"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},)"
    R"("b":{"dtype":"BF16","shape":[4],"data_offsets":[24,32]}})";

TEST(Safetensors, ReadsNamesTypesShapesAndData) {
  std::string data;
  for (int i = 0; i < 6; ++i) put(data, static_cast<float>(i));
  data += std::string(8, '\x7f');
  const std::string image = safetensors(kTwo, data);
  const auto tensors = must(tensors_of(image));
  ASSERT_EQ(tensors.size(), 2u);
  EXPECT_EQ(tensors[0].entry.name, "a");
  EXPECT_EQ(tensors[0].entry.dtype, DType::kF32);
  EXPECT_EQ(tensors[0].entry.shape, (Shape{2, 3}));
  EXPECT_EQ(tensors[1].entry.dtype, DType::kBF16);
  EXPECT_EQ(tensors[1].data - tensors[0].data, 24);

  const auto source = must(make_mapped_source("x", Naming::kPublished, tensors));
  const Tensor a = must(source->load("a"));
  // The header's length leaves the data at an odd address: load() gives elements that may be read in place.
  EXPECT_EQ(reinterpret_cast<uintptr_t>(a.data) % 4, 0u);
  float last = 0;
  std::memcpy(&last, a.data + 20, 4);
  EXPECT_EQ(last, 5.0f);
  EXPECT_EQ(source->find("c"), nullptr);
  EXPECT_ERROR_HAS(source->load("c"), "x: tensor c is missing");
}

// Parts of tensors come from the file; copies that load() or its caller made have to be read where they are.
TEST(Safetensors, ReadsBytesOnceFromTheFile) {
  std::string data;
  for (int i = 0; i < 32; ++i) data += static_cast<char>(i);
  std::string header = kTwo;
  header.resize((header.size() + 7) / 8 * 8, ' ');  // so that load() makes no copy
  const TempFolder folder;
  const auto source = must(open_safetensors(folder.write("f.safetensors", safetensors(header, data))));
  for (auto [name, first] : {std::pair{"a", 0}, std::pair{"b", 24}}) {
    const Tensor tensor = must(source->load(name));
    for (int64_t begin = 0; begin < tensor.bytes(); ++begin) {
      for (int64_t end = begin + 1; end <= tensor.bytes(); ++end) {
        std::vector<std::byte> buffer(static_cast<size_t>(end - begin));
        ASSERT_EQ(source->read_once(tensor.data + begin, end - begin, buffer.data()), buffer.data());
        EXPECT_EQ(std::memcmp(buffer.data(), data.data() + first + begin, buffer.size()), 0);
      }
    }
  }
  const std::vector<std::byte> elsewhere(8);
  std::byte buffer[8];
  EXPECT_EQ(source->read_once(elsewhere.data(), 8, buffer), elsewhere.data());
}

TEST(Safetensors, AllowsScalarsEmptyTensorsGapsAndPadding) {
  const std::string header =
      R"({"s":{"dtype":"F32","shape":[],"data_offsets":[4,8]},"e":{"dtype":"F32","shape":[0,5],)"
      R"("data_offsets":[6,6]},"t":{"shape":[1],"data_offsets":[12,14],"dtype":"F16"}}     )";
  const auto tensors = must(tensors_of(safetensors(header, std::string(16, '\0'))));
  ASSERT_EQ(tensors.size(), 3u);
  EXPECT_EQ(tensors[0].entry.shape.elements(), 1);
  EXPECT_EQ(tensors[1].entry.shape.elements(), 0);
  EXPECT_TRUE(must(tensors_of(safetensors("{}", ""))).empty());
}

struct BadHeader {
  const char* header;
  const char* message;
};

TEST(Safetensors, RejectsWrongHeadersByName) {
  const std::vector<BadHeader> cases{
      {R"([1])", "the header is not a JSON object"},
      {R"(17)", "the header is not a JSON object"},
      {R"({"a":)", "not valid JSON"},
      {R"({} {})", "not valid JSON"},
      {R"({"a":3})", "tensor a: 3 where an object is expected"},
      {R"({"a":[]})", "tensor a: an object is expected"},
      {R"({"a":{"shape":[1],"data_offsets":[0,4]}})", "tensor a: field dtype is missing"},
      {R"({"a":{"dtype":"F32","data_offsets":[0,4]}})", "tensor a: field shape is missing"},
      {R"({"a":{"dtype":"F32","shape":[1]}})", "tensor a: field data_offsets"},
      {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}})", "tensor a: field data_offsets"},
      {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,8]}})", "tensor a: field data_offsets"},
      {R"({"a":{"dtype":"Q7","shape":[1],"data_offsets":[0,4]}})", "tensor a: dtype \"Q7\" is not known"},
      {R"({"a":{"dtype":"F\n2","shape":[1],"data_offsets":[0,4]}})",
       "tensor a: dtype \"F\\n2\" is not known"},
      {R"({"a":{"dtype":4,"shape":[1],"data_offsets":[0,4]}})", "tensor a: field dtype: unexpected 4"},
      {R"({"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})",
       "tensor a: field shape: unexpected negative"},
      {R"({"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}})",
       "tensor a: field shape: unexpected fraction"},
      {R"({"a":{"dtype":"F32","shape":[[1]],"data_offsets":[0,4]}})", "tensor a: field shape"},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})",
       "takes 8 bytes, but data_offsets [0, 4] span 4"},
      {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}})", "data_offsets [4, 0] are out of order"},
      {R"({"a":{"dtype":"F32","shape":[5],"data_offsets":[0,20]}})",
       "f.safetensors: tensor a: data_offsets [0, 20] reach beyond the file ("},
      {R"({"a":{"dtype":"F32","shape":[4294967296,4294967296,4],"data_offsets":[0,0]}})", "is too large"},
      {R"({"a":{"dtype":"F32","shape":[0,4294967296,4294967296],"data_offsets":[0,0]}})", "is too large"},
      {R"({"a":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,4]}})", "more than 8 numbers"},
      {R"({"a":{"dtype":"F32","shape":[18446744073709551615],"data_offsets":[0,4]}})",
       "tensor a: field shape"},
      {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"dtype":"F32"}})", "a second value"},
      {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
       "tensor a occurs twice"},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})",
       "tensor b: its bytes [4, 12] overlap those of a [0, 8]"},
      {R"({"a\nb":{}})", "the name of a tensor is not printable"},
      {R"({"":{}})", "the name of a tensor is empty"},
  };
  for (const BadHeader& c : cases) {
    EXPECT_ERROR_HAS(tensors_of(safetensors(c.header, std::string(16, '\0'))), c.message) << c.header;
  }
}

TEST(Safetensors, RejectsDeepJson) {
  const std::string deep = R"({"__metadata__":)" + std::string(100000, '[');
  EXPECT_ERROR_HAS(tensors_of(safetensors(deep, "")), "nested deeper");
}

TEST(Safetensors, RejectsWrongLengths) {
  EXPECT_ERROR_HAS(tensors_of(""), "0 bytes are too few");
  EXPECT_ERROR_HAS(tensors_of("1234567"), "7 bytes are too few");
  for (uint64_t length : {uint64_t{3}, uint64_t{100}, uint64_t{1} << 40, ~uint64_t{0}, ~uint64_t{0} - 7}) {
    std::string image;
    put(image, length);
    EXPECT_ERROR_HAS(tensors_of(image + "{}"), "not a safetensors file, or cut short") << length;
  }
}

TEST(Safetensors, TruncatedAnywhereIsAnError) {
  const std::string image = safetensors(kTwo, std::string(32, '\1'));
  for (size_t n = 0; n < image.size(); ++n) {
    EXPECT_FALSE(tensors_of(image.substr(0, n)).ok()) << n;
  }
  EXPECT_TRUE(tensors_of(image).ok());
}

TEST(Safetensors, FlippedHeaderBytesGiveErrorsOrConsistentTensors) {
  const std::string image = safetensors(kTwo, std::string(32, '\1'));
  int read = 0;
  for (size_t at = 0; at < image.size() - 32; ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string flipped = image;
      flipped[at] = static_cast<char>(flipped[at] ^ (1 << bit));
      auto tensors = tensors_of(flipped);
      if (!tensors.ok()) continue;
      ++read;
      touch_all(*must(make_mapped_source("x", Naming::kPublished, std::move(*tensors))));
    }
  }
  EXPECT_GT(read, 0);  // a flipped bit in a name changes nothing else
}

TEST(Safetensors, MissingFileFolderAndEmptyFileAreErrors) {
  const TempFolder folder;
  EXPECT_ERROR_HAS(open_safetensors(folder / "no.safetensors"), "no.safetensors: cannot open: No such file");
  EXPECT_ERROR_HAS(open_safetensors(folder.path()), "is a folder");
  EXPECT_ERROR_HAS(open_safetensors(folder.write("empty", "")), "empty: 0 bytes are too few");
}

TEST(Safetensors, OpensManyNamesQuickly) {
  // As many tensors as a shard set of the largest published model has in all.
  std::string header = "{";
  for (int i = 0; i < 75000; ++i) {
    header += fmt::format(
        R"({}"model.layers.{}.mlp.experts.{}.gate_proj.weight":{{"dtype":"BF16","shape":[1,1],"data_offsets":[{},{}]}})",
        i ? "," : "", i / 1536, i % 1536, 2 * i, 2 * i + 2);
  }
  const std::string image = safetensors(header + "}", std::string(150000, '\0'));
  const auto begin = std::chrono::steady_clock::now();
  const auto source = must(make_mapped_source("x", Naming::kPublished, must(tensors_of(image))));
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  EXPECT_EQ(source->entries().size(), 75000u);
  EXPECT_NE(source->find("model.layers.48.mlp.experts.1000.gate_proj.weight"), nullptr);
  EXPECT_LT(seconds, 10);  // a quarter of a second in Release; quadratic time would take minutes
  RecordProperty("seconds", std::to_string(seconds));
}

}  // namespace
}  // namespace qnext
