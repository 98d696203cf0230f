#include "cli/support.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>

#include "base/files.h"

namespace qnext {
namespace {

using Clock = std::chrono::steady_clock;

struct Pipe {
  int read_end = -1, write_end = -1;
  Pipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) == 0) {
      read_end = ends[0];
      write_end = ends[1];
    }
  }
  ~Pipe() {
    close_read();
    close_write();
  }
  void close_read() { close_one(read_end); }
  void close_write() { close_one(write_end); }

 private:
  static void close_one(int& fd) {
    if (fd >= 0) ::close(fd);
    fd = -1;
  }
};

bool exists_beginning(const std::string& start) {
  const std::filesystem::path path(start);
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(path.parent_path(), ignored)) {
    if (entry.path().filename().string().starts_with(path.filename().string())) return true;
  }
  return false;
}

// Adds "TEST | ERROR" to the table of the documentation, without the names of scratch folders.
void note_error(std::string line) {
  const char* table = std::getenv("QNEXT_ERROR_TABLE");
  if (!table) return;
  const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
  for (const std::string& prefix : {(std::filesystem::temp_directory_path() / "qnext-cli-").string(),
                                    std::string(QNEXT_TEST_DATA) + "/golden/"}) {
    for (size_t at; (at = line.find(prefix)) != std::string::npos;) {
      const bool scratch = prefix.ends_with('-');
      line.erase(at, prefix.size() + (scratch ? sizeof "XXXXXX" : 0));
    }
  }
  std::ofstream(table, std::ios::app) << test->test_suite_name() << "." << test->name() << "\t" << line;
}

[[noreturn]] void become_program(const std::vector<std::string>& arguments, int in, int out, int err) {
  ::dup2(in, STDIN_FILENO);
  ::dup2(out, STDOUT_FILENO);
  ::dup2(err, STDERR_FILENO);
  std::vector<char*> argv{const_cast<char*>("qnext")};
  for (const std::string& a : arguments) argv.push_back(const_cast<char*>(a.c_str()));
  argv.push_back(nullptr);
  ::execv(QNEXT_PROGRAM, argv.data());
  ::_exit(127);
}

// Moves bytes until both outputs are closed. Returns false on a timeout.
bool exchange(pid_t child, Pipe& in, Pipe& out, Pipe& err, const RunOptions& options, Ran& ran) {
  const auto end = Clock::now() + std::chrono::duration<double>(options.timeout_seconds);
  size_t sent = 0;
  bool signalled = options.signal == 0;
  if (options.input.empty()) in.close_write();
  while (out.read_end >= 0 || err.read_end >= 0) {
    if (Clock::now() > end) return false;
    if (!signalled && exists_beginning(options.signal_when_file)) {
      ::kill(child, options.signal);
      signalled = true;
    }
    pollfd fds[3] = {{in.write_end, POLLOUT, 0}, {out.read_end, POLLIN, 0}, {err.read_end, POLLIN, 0}};
    ::poll(fds, 3, 5);
    if (fds[0].revents & (POLLERR | POLLHUP)) in.close_write();
    if (in.write_end >= 0 && (fds[0].revents & POLLOUT)) {
      const ssize_t put = ::write(in.write_end, options.input.data() + sent,
                                  std::min<size_t>(4096, options.input.size() - sent));
      sent += put > 0 ? static_cast<size_t>(put) : 0;
      if (put < 0 || sent == options.input.size()) in.close_write();
    }
    char buffer[65536];
    for (int i = 1; i < 3; ++i) {
      if (!(fds[i].revents & (POLLIN | POLLHUP))) continue;
      const ssize_t got = ::read(fds[i].fd, buffer, sizeof buffer);
      if (got > 0) (i == 1 ? ran.out : ran.err).append(buffer, static_cast<size_t>(got));
      if (got <= 0) (i == 1 ? out : err).close_read();
    }
  }
  return true;
}

}  // namespace

Json Ran::json() const {
  auto parsed = parse_json(out, "standard output");
  EXPECT_TRUE(parsed.ok()) << out << err;
  return parsed.ok() ? *parsed : Json();
}

Ran qnext(const std::vector<std::string>& arguments, const RunOptions& options) {
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGINT, SIG_DFL);  // ignored where tests run in a shell's background, and so lost before main()
  Pipe in, out, err;
  int other_out = -1;
  if (!options.stdout_path.empty()) other_out = ::open(options.stdout_path.c_str(), O_WRONLY | O_CLOEXEC);
  const pid_t child = ::fork();
  if (child == 0) {
    ::signal(SIGPIPE, SIG_DFL);
    become_program(arguments, in.read_end, other_out >= 0 ? other_out : out.write_end, err.write_end);
  }
  in.close_read();
  out.close_write();
  err.close_write();
  if (other_out >= 0) ::close(other_out);
  Ran ran;
  if (!exchange(child, in, out, err, options, ran)) {
    ::kill(child, SIGKILL);
    ADD_FAILURE() << "the program did not end in time";
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ran.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return ran;
}

Scratch::Scratch() {
  std::string name = (std::filesystem::temp_directory_path() / "qnext-cli-XXXXXX").string();
  folder_ = ::mkdtemp(name.data()) ? name : "";
  EXPECT_FALSE(folder_.empty());
}

Scratch::~Scratch() {
  std::error_code ignored;
  if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
}

std::string Scratch::file(const std::string& name, const std::string& contents) const {
  std::ofstream(path(name), std::ios::binary) << contents;
  return path(name);
}

std::vector<std::string> Scratch::names() const {
  std::vector<std::string> all;
  for (const auto& entry : std::filesystem::directory_iterator(folder_))
    all.push_back(entry.path().filename());
  std::sort(all.begin(), all.end());
  return all;
}

std::string tiny() { return std::string(QNEXT_TEST_DATA) + "/golden/tiny"; }

Json tiny_golden() {
  auto json = read_json_file(tiny() + "/golden.json");
  EXPECT_TRUE(json.ok());
  return json.ok() ? *json : Json();
}

void expect_error(const Ran& ran, int code, const std::vector<std::string>& parts) {
  EXPECT_EQ(ran.code, code) << ran.err;
  EXPECT_EQ(ran.out, "");
  EXPECT_EQ(ran.err.rfind("qnext: error: ", 0), 0u) << ran.err;
  EXPECT_EQ(std::count(ran.err.begin(), ran.err.end(), '\n'), 1) << ran.err;
  if (ran.err.starts_with("qnext: error: ")) note_error(ran.err.substr(sizeof "qnext: error: " - 1));
  for (const std::string& part : parts)
    EXPECT_NE(ran.err.find(part), std::string::npos) << part << " in " << ran.err;
}

void expect_error_or_success(const Ran& ran) {
  if (ran.code == 0) return;
  EXPECT_EQ(ran.code, 1) << ran.err;
  EXPECT_EQ(ran.out, "");
  EXPECT_EQ(ran.err.rfind("qnext: error: ", 0), 0u) << ran.err;
  EXPECT_EQ(std::count(ran.err.begin(), ran.err.end(), '\n'), 1) << ran.err;
}

}  // namespace qnext
