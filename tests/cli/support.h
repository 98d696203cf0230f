// Runs the built program as a user would, and looks at what it says.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"

namespace qnext {

struct Ran {
  int code = -1;  // exit code; 128 + signal when a signal ended it
  std::string out, err;
  // Standard output as JSON; null (and a failed expectation) when it is not.
  Json json() const;
};

struct RunOptions {
  std::string input;        // standard input
  std::string stdout_path;  // instead of a pipe, such as /dev/full
  int signal = 0;           // sent once there is a file whose path starts with `signal_when_file`
  std::string signal_when_file;
  double timeout_seconds = 120;
};

// `arguments` follow the program's name. A run that takes too long is killed and reported as a failure.
Ran qnext(const std::vector<std::string>& arguments, const RunOptions& options = {});

// A folder of its own for each test, removed at the end.
class Scratch {
 public:
  Scratch();
  ~Scratch();
  std::string path(const std::string& name) const { return folder_ + "/" + name; }
  // Writes a file and returns its path.
  std::string file(const std::string& name, const std::string& contents) const;
  std::vector<std::string> names() const;

 private:
  std::string folder_;
};

// The checkpoint of tests/data/golden/tiny: no tokenizer.
std::string tiny();
// Its small configuration and expectations.
Json tiny_golden();

// That a run failed as it should: the exit code, nothing on standard output, and one line
// "qnext: error: ..." on standard error that has all of `parts`. With QNEXT_ERROR_TABLE in the environment,
// the line is added to that file, from which docs/robustness.md has its table.
void expect_error(const Ran& ran, int code, const std::vector<std::string>& parts);

// That a run with a damaged file succeeded or failed as it should, and nothing in between.
void expect_error_or_success(const Ran& ran);

}  // namespace qnext
