#include "checkpoint/gguf.h"

#include <fmt/format.h>

#include <chrono>

#include "checkpoint/reading_support.h"

namespace qnext {
namespace {

using namespace reading;

Result<GgufFile> parsed(const std::string& image) { return parse_gguf(bytes_of(image), nullptr, "m.gguf"); }

template <class T>
std::string raw(std::initializer_list<T> values) {
  std::string out;
  for (T v : values) put(out, v);
  return out;
}

GgufImage sample() {
  GgufImage image;
  image.string("general.architecture", "qwen3next")
      .u32("n", 7)
      .f32("eps", 0.5f)
      .boolean("yes", 1)
      .list("words", 8, 2, GgufImage::text("ab") + GgufImage::text(""))
      .list("ids", 5, 3, raw<int32_t>({1, -2, 3}))
      .list("scores", 6, 1, raw<float>({0.25f}))
      .list("flags", 7, 2, raw<uint8_t>({1, 0}))
      .key("small", 1, raw<int8_t>({-3}))
      .key("wide", 10, raw<uint64_t>({~uint64_t{0}}))
      .tensor("a", {3, 2}, 0, 0)
      .tensor("q", {32, 2}, 8, 32);
  image.data = std::string(32 + 68, '\1');
  return image;
}

TEST(Gguf, ReadsMetadata) {
  const GgufFile file = must(parsed(sample().build()));
  const GgufMetadata& m = *file.metadata;
  EXPECT_EQ(m.items().size(), 10u);
  EXPECT_EQ(must(m.string("general.architecture")), "qwen3next");
  EXPECT_EQ(must(m.integer("n")), 7);
  EXPECT_EQ(must(m.integer("small")), -3);
  EXPECT_EQ(must(m.number_or("eps", 0)), 0.5);
  EXPECT_EQ(must(m.number_or("n", 0)), 7);
  EXPECT_EQ(must(m.number_or("absent", 3)), 3);
  EXPECT_TRUE(must(m.boolean_or("yes", false)));
  EXPECT_EQ(must(m.strings("words")), (std::vector<std::string>{"ab", ""}));
  EXPECT_EQ(must(m.integers("ids")), (std::vector<int64_t>{1, -2, 3}));
  EXPECT_EQ(must(m.integers("flags")), (std::vector<int64_t>{1, 0}));

  EXPECT_ERROR_HAS(m.integer("wide"), "m.gguf: key wide: 18446744073709551615 is too large");
  EXPECT_ERROR_HAS(m.integer("eps"), "m.gguf: key eps: an integer is expected, got 0.5");
  EXPECT_ERROR_HAS(m.integer("absent"), "m.gguf: key absent: is missing");
  EXPECT_ERROR_HAS(m.string("n"), "a string is expected, got 7");
  EXPECT_ERROR_HAS(m.string("words"), "a string is expected, got a list");
  EXPECT_ERROR_HAS(m.strings("ids"), "a list of strings is expected, got another list");
  EXPECT_ERROR_HAS(m.integers("scores"), "a list of integers is expected, got another list");
  EXPECT_ERROR_HAS(m.boolean_or("n", true), "true or false is expected, got 7");
}

TEST(Gguf, ReadsTensorsSlowestExtentFirst) {
  const std::string image = sample().build();
  const GgufFile file = must(parsed(image));
  ASSERT_EQ(file.tensors->entries().size(), 2u);
  EXPECT_EQ(file.tensors->naming(), Naming::kGguf);
  EXPECT_EQ(file.tensors->find("a")->shape, (Shape{2, 3}));
  EXPECT_EQ(file.tensors->find("q")->dtype, DType::kQ8_0);
  EXPECT_EQ(must(file.tensors->load("q")).bytes(), 68);
  EXPECT_EQ(must(file.tensors->load("q")).data, bytes_of(image).data() + image.size() - 68);
  EXPECT_EQ(touch_all(*file.tensors), 24u + 68u);
}

TEST(Gguf, HonoursVersionTwoAndAlignment) {
  GgufImage image = sample();
  image.version = 2;
  EXPECT_TRUE(parsed(image.build()).ok());
  GgufImage wide;
  wide.alignment = 256;
  wide.u32("general.alignment", 256).tensor("a", {4}, 0, 0).tensor("b", {4}, 0, 256);
  wide.data = std::string(256 + 16, '\2');
  EXPECT_EQ(touch_all(*must(parsed(wide.build())).tensors), 64u);
  GgufImage packed;  // alignment 1: load() copies what is not aligned
  packed.alignment = 1;
  packed.u32("general.alignment", 1).string("pad", "x").tensor("a", {1}, 0, 1).tensor("b", {1}, 24, 0);
  packed.data = std::string("\7") + std::string(4, '\1');
  const GgufFile file = must(parsed(packed.build()));
  EXPECT_EQ(reinterpret_cast<uintptr_t>(must(file.tensors->load("a")).data) % 4, 0u);
}

TEST(Gguf, RejectsWrongFiles) {
  auto start = [](auto change) {
    GgufImage image = sample();
    change(image);
    return image.build();
  };
  auto only = [](auto change) {
    GgufImage image;
    image.data = std::string(64, '\0');
    change(image);
    return image.build();
  };
  using G = GgufImage;
  const std::vector<std::pair<std::string, std::string>> cases{
      {"", "m.gguf: not a GGUF file"},
      {"GG", "not a GGUF file"},
      {"GGUF", "cut short"},
      {start([](G& g) { g.magic = "GGML"; }), "not a GGUF file"},
      {start([](G& g) { g.version = 1; }), "GGUF version 1 is not supported"},
      {start([](G& g) { g.version = 4; }), "GGUF version 4 is not supported"},
      {start([](G& g) { g.version = 3 << 24; }), "big-endian"},
      {start([](G& g) { g.u32("n", 8); }), "key n: occurs twice"},
      {start([](G& g) { g.u32("a\nb", 8); }), "the name of a key is not printable"},
      {start([](G& g) { g.boolean("no", 2); }), "key no: 2 is not a boolean"},
      {start([](G& g) { g.list("no", 7, 1, "\5"); }), "key no: 5 is not a boolean"},
      {start([](G& g) { g.list("no", 9, 1, std::string(12, '\0')); }),
       "key no: a list of lists is not supported"},
      {start([](G& g) { g.list("no", 77, 1, "x"); }), "key no: value type 77 is not known"},
      {start([](G& g) { g.key("no", 13, "x"); }), "key no: value type 13 is not known"},
      {start([](G& g) { g.list("no", 4, 1000, "x"); }), "cut short"},
      {start([](G& g) { g.list("no", 8, 1000, "x"); }), "cut short"},
      {start([](G& g) { g.list("no", 0, ~uint64_t{0}, "x"); }), "items is too long"},
      {start([](G& g) { g.key("no", 8, raw<uint64_t>({~uint64_t{0}})); }), "cut short"},
      {only([](G& g) { g.zeros("a", {1}).zeros("a", {1}); }), "tensor a occurs twice"},
      {only([](G& g) { g.u32("general.alignment", 0); }), "key general.alignment: 0 is not a power of two"},
      {only([](G& g) { g.u32("general.alignment", 24); }), "key general.alignment: 24 is not a power of two"},
      {only([](G& g) { g.string("general.alignment", "x"); }),
       "key general.alignment: an integer is expected"},
      {only([](G& g) { g.tensor("t", {32}, 99, 0); }), "m.gguf: tensor t: ggml type 99 is not known"},
      {only([](G& g) {
         g.tensor("t", {32, 16}, 1099, 0);
       }),
       "m.gguf: tensor t: ggml type 1099 is not known"},
      {only([](G& g) { g.tensor("t", {32}, 1008, 0); }),
       "tensor t: type 1008 is q8_0 in panels, which shape [32] does not fit"},
      {only([](G& g) {
         g.tensor("t", {32, 16}, 1000, 0);
       }),
       "tensor t: type 1000 is f32 in panels, which shape [16, 32] does not fit"},
      {only([](G& g) { g.tensor("t", {4}, 0, 4); }),
       "tensor t: offset 4 is not a multiple of the alignment 32"},
      {only([](G& g) { g.tensor("t", {17}, 0, 0); }), "tensor t: 68 bytes at offset 0 reach beyond the file"},
      {only([](G& g) { g.tensor("t", {4}, 0, 64); }),
       "tensor t: 16 bytes at offset 64 reach beyond the file"},
      {only([](G& g) { g.tensor("t", {4}, 0, ~uint64_t{31}); }), "reach beyond the file"},
      {only([](G& g) {
         g.tensor("t", {uint64_t{1} << 62, 8}, 0, 0);
       }),
       "is too large"},
      {only([](G& g) { g.tensor("t", {~uint64_t{0}}, 0, 0); }), "has a negative extent"},
      {only([](G& g) {
         g.tensor("t", {1, 1, 1, 1, 1}, 0, 0);
       }),
       "tensor t: 5 dimensions, more than 4"},
      {only([](G& g) { g.tensor("t", {48}, 8, 0); }),
       "rows of 48 elements, not a multiple of q8_0's blocks of 32"},
      {only([](G& g) { g.tensor("t", {16}, 0, 0).tensor("u", {4}, 0, 32); }), "overlap those of t"},
      {only([](G& g) { g.tensor("", {4}, 0, 0); }), "the name of a tensor is empty"},
      {only([](G& g) { g.u32("split.count", 3); }), "key split.count: a part of a split file"},
  };
  for (const auto& [image, message] : cases) EXPECT_ERROR_HAS(parsed(image), message) << message;
}

TEST(Gguf, HugeCountsAreErrorsNotAllocations) {
  for (size_t at : {8, 16}) {
    for (uint64_t count : {uint64_t{1000}, uint64_t{1} << 40, ~uint64_t{0}}) {
      std::string image = sample().build();
      std::memcpy(image.data() + at, &count, sizeof count);
      EXPECT_FALSE(parsed(image).ok()) << at << " " << count;
    }
  }
}

TEST(Gguf, TruncatedAnywhereIsAnError) {
  const std::string image = sample().build();
  for (size_t n = 0; n < image.size(); ++n) EXPECT_FALSE(parsed(image.substr(0, n)).ok()) << n;
}

TEST(Gguf, FlippedHeaderBytesGiveErrorsOrConsistentTensors) {
  const std::string image = sample().build();
  int read = 0;
  for (size_t at = 0; at < image.size() - 100; ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string flipped = image;
      flipped[at] = static_cast<char>(flipped[at] ^ (1 << bit));
      const auto file = parsed(flipped);
      if (!file.ok()) continue;
      ++read;
      touch_all(*file->tensors);
    }
  }
  EXPECT_GT(read, 0);
}

GgufImage part(uint16_t number, uint16_t count, const std::string& tensor) {
  GgufImage image;
  if (number == 0) image.string("general.architecture", "qwen3next");
  image.key("split.no", 2, raw<uint16_t>({number})).key("split.count", 2, raw<uint16_t>({count}));
  image.key("split.tensors.count", 5, raw<int32_t>({3}));
  image.zeros(tensor, {8});
  return image;
}

TEST(Gguf, OpensSplitFilesTogether) {
  const TempFolder folder;
  const std::string first = folder.write("m-00001-of-00003.gguf", part(0, 3, "a").build());
  const std::string second = folder.write("m-00002-of-00003.gguf", part(1, 3, "b").build());
  EXPECT_ERROR_HAS(open_gguf(first), "m-00003-of-00003.gguf: cannot open");
  folder.write("m-00003-of-00003.gguf", part(2, 3, "c").build());
  const GgufFile file = must(open_gguf(first));
  EXPECT_EQ(file.tensors->entries().size(), 3u);
  EXPECT_EQ(file.tensors->entries()[2].name, "c");
  EXPECT_EQ(must(file.metadata->string("general.architecture")), "qwen3next");
  touch_all(*file.tensors);

  EXPECT_ERROR_HAS(open_gguf(second), "key split.no: this is part 2 of 3: give the first part");
  const std::string renamed = folder.write("m.gguf", part(0, 3, "a").build());
  EXPECT_ERROR_HAS(open_gguf(renamed), "must have a name that ends in -00001-of-00003.gguf");
  folder.write("m-00003-of-00003.gguf", part(2, 4, "c").build());
  EXPECT_ERROR_HAS(open_gguf(first), "key split.count: 4, but the first part says 3");
  folder.write("m-00003-of-00003.gguf", part(1, 3, "c").build());
  EXPECT_ERROR_HAS(open_gguf(first), "key split.no: 1 where 2 is due");
  folder.write("m-00003-of-00003.gguf", part(2, 3, "a").build());
  EXPECT_ERROR_HAS(open_gguf(first), "tensor a occurs twice");
  GgufImage two = part(2, 3, "c");
  two.zeros("d", {8});
  folder.write("m-00003-of-00003.gguf", two.build());
  EXPECT_ERROR_HAS(open_gguf(first), "key split.tensors.count: 3, but the parts hold 4");
}

TEST(Gguf, ReadsVocabularySizedListsQuickly) {
  GgufImage image;
  std::string items;
  for (int i = 0; i < 152000; ++i) items += GgufImage::text(fmt::format("token number {}", i));
  image.list("tokenizer.ggml.tokens", 8, 152000, items).list("tokenizer.ggml.merges", 8, 152000, items);
  const std::string bytes = image.build();
  const auto begin = std::chrono::steady_clock::now();
  const GgufFile file = must(parsed(bytes));
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  RecordProperty("seconds", std::to_string(seconds));
  EXPECT_LT(seconds, 2);  // 0.02 in Release
  EXPECT_EQ(must(file.metadata->strings("tokenizer.ggml.merges")).at(151999), "token number 151999");
}

TEST(Gguf, MissingFileFolderAndEmptyFileAreErrors) {
  const TempFolder folder;
  EXPECT_ERROR_HAS(open_gguf(folder / "no.gguf"), "no.gguf: cannot open: No such file");
  EXPECT_ERROR_HAS(open_gguf(folder.path()), "is a folder");
  EXPECT_ERROR_HAS(open_gguf(folder.write("empty.gguf", "")), "empty.gguf: not a GGUF file");
}

}  // namespace
}  // namespace qnext
