#include "base/files.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

namespace qnext {
namespace {

namespace fs = std::filesystem;

class FilesTest : public testing::Test {
 protected:
  FilesTest() : folder_(fs::temp_directory_path() / ("qnext_files_" + std::to_string(::getpid()))) {
    fs::create_directories(folder_);
  }
  ~FilesTest() override { fs::remove_all(folder_); }
  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  int files() const { return static_cast<int>(std::distance(fs::directory_iterator(folder_), {})); }
  fs::path folder_;
};

TEST_F(FilesTest, AppearsUnderItsNameOnlyWhenWhole) {
  auto file = AtomicFile::create(path("out"));
  ASSERT_TRUE(file.ok());
  (*file)->write("hello ");
  (*file)->write("world");
  EXPECT_FALSE(fs::exists(path("out")));
  EXPECT_EQ((*file)->size(), 11);
  ASSERT_TRUE((*file)->commit().ok());
  EXPECT_EQ(*read_file(path("out")), "hello world");
  EXPECT_EQ(files(), 1);
}

TEST_F(FilesTest, ReplacesWhatALinkPointsTo) {
  fs::create_directories(folder_ / "there");
  std::ofstream(path("there/real")) << "old";
  fs::create_symlink("there/real", path("link"));
  auto file = AtomicFile::create(path("link"));
  ASSERT_TRUE(file.ok());
  (*file)->write("new");
  ASSERT_TRUE((*file)->commit().ok());
  EXPECT_TRUE(fs::is_symlink(path("link")));
  EXPECT_EQ(*read_file(path("there/real")), "new");
}

TEST_F(FilesTest, WritesAndReadsPipesAndDevicesAsTheyAre) {
  ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
  std::thread writer([&] {
    auto file = AtomicFile::create(path("pipe"));
    ASSERT_TRUE(file.ok());
    (*file)->write("through");
    EXPECT_TRUE((*file)->commit().ok());
  });
  EXPECT_EQ(*read_file(path("pipe")), "through");
  writer.join();
  EXPECT_TRUE(fs::is_fifo(path("pipe")));
  EXPECT_EQ(files(), 1);
  auto full = AtomicFile::create("/dev/full");
  ASSERT_TRUE(full.ok());
  (*full)->write("x");
  const Status written = (*full)->commit();
  ASSERT_FALSE(written.ok());
  EXPECT_NE(written.error().message().find("/dev/full: cannot write: No space left"), std::string::npos);
  EXPECT_TRUE(fs::is_character_file("/dev/full"));
  EXPECT_FALSE(read_file("/dev/zero", 1 << 20).ok());
}

TEST_F(FilesTest, LeavesNothingWithoutCommit) {
  {
    auto file = AtomicFile::create(path("out"));
    ASSERT_TRUE(file.ok());
    (*file)->write(std::string(3 << 20, 'x'));
    EXPECT_EQ(files(), 1);  // the temporary one
  }
  EXPECT_EQ(files(), 0);
}

TEST_F(FilesTest, KeepsTheOldFileWhenWritingFails) {
  auto old = AtomicFile::create(path("out"));
  ASSERT_TRUE(old.ok());
  (*old)->write("old");
  ASSERT_TRUE((*old)->commit().ok());

  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const rlimit tight{1 << 20, before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &tight);
  auto file = AtomicFile::create(path("out"));
  ASSERT_TRUE(file.ok());
  (*file)->write(std::string(4 << 20, 'x'));
  const Status status = (*file)->commit();
  setrlimit(RLIMIT_FSIZE, &before);

  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.error().message().find("cannot write"), std::string::npos);
  file->reset();
  EXPECT_EQ(*read_file(path("out")), "old");
  EXPECT_EQ(files(), 1);
}

TEST_F(FilesTest, ASignalHandlerCanRemoveUnfinishedFiles) {
  auto file = AtomicFile::create(path("out"));
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(files(), 1);
  AtomicFile::remove_unfinished_files();
  EXPECT_EQ(files(), 0);
}

TEST_F(FilesTest, ErrorsNameThePath) {
  EXPECT_NE(read_file(path("none")).error().message().find(path("none")), std::string::npos);
  EXPECT_FALSE(read_file(folder_.string()).ok());
  EXPECT_FALSE(MappedFile::open(folder_.string()).ok());
  EXPECT_FALSE(MappedFile::open("/dev/null").ok());
  EXPECT_FALSE(AtomicFile::create(path("no/such/folder/out")).ok());
  EXPECT_FALSE(AtomicFile::create(folder_.string()).ok());
}

TEST_F(FilesTest, MapsAnEmptyFile) {
  auto file = AtomicFile::create(path("empty"));
  ASSERT_TRUE((*file)->commit().ok());
  auto mapped = MappedFile::open(path("empty"));
  ASSERT_TRUE(mapped.ok());
  EXPECT_TRUE((*mapped)->bytes().empty());
  EXPECT_EQ(*read_file(path("empty"), 0), "");
}

TEST_F(FilesTest, CopiesMappedBytes) {
  std::string text;
  for (int i = 0; i < 100000; ++i) text += std::to_string(i);
  std::ofstream(path("big"), std::ios::binary) << text;
  auto mapped = MappedFile::open(path("big"));
  ASSERT_TRUE(mapped.ok());
  const std::byte* begin = (*mapped)->bytes().data();
  for (auto [offset, size] : std::vector<std::pair<size_t, size_t>>{
           {0, text.size()}, {4097, 70001}, {text.size() - 1, 1}, {5, 0}}) {
    std::string copy(size, '?');
    ASSERT_TRUE((*mapped)->copy(begin + offset, size, reinterpret_cast<std::byte*>(copy.data())));
    EXPECT_EQ(copy, text.substr(offset, size));
  }
  fs::resize_file(path("big"), 1000);
  std::vector<std::byte> copy(2);
  EXPECT_TRUE((*mapped)->copy(begin + 998, 2, copy.data()));
  EXPECT_FALSE((*mapped)->copy(begin + 999, 2, copy.data()));
}

TEST_F(FilesTest, RefusesFilesOverTheLimit) {
  auto file = AtomicFile::create(path("big"));
  (*file)->write("12345");
  ASSERT_TRUE((*file)->commit().ok());
  EXPECT_TRUE(read_file(path("big"), 5).ok());
  EXPECT_FALSE(read_file(path("big"), 4).ok());
}

}  // namespace
}  // namespace qnext
