// Wrong usage: exit code 2 and one line that names the option; numbers that cannot be.
#include <gtest/gtest.h>

#include "cli/models.h"

namespace qnext {
namespace {

TEST(Usage, NothingToDo) {
  EXPECT_EQ(qnext({}).code, 2);
  expect_error(qnext({"frobnicate"}), 2, {"unknown command 'frobnicate'"});
  expect_error(qnext({"inspct", "x"}), 2, {"did you mean 'inspect'"});
  expect_error(qnext({"inspect", "--frob"}), 2, {"unknown option '--frob'"});
  expect_error(qnext({"convert", tiny()}), 2, {"--output is required"});
  expect_error(qnext({"logits", tiny()}), 2, {"--tokens is required"});
  expect_error(qnext({"perplexity", tiny()}), 2, {"either -f FILE or --tokens"});
  expect_error(qnext({"run", tiny(), "-p", "a", "-f", "b"}), 2, {"either -p or -f"});
  expect_error(qnext({"convert", tiny(), "-o", "x.gguf", "--type", "q9"}), 2, {"--type: 'q9' is none of"});
}

TEST(Usage, HelpAndVersionAreResults) {
  for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{
           {"--help"}, {"--version"}, {"run", "--help"}, {"convert", "--help"}}) {
    const Ran ran = qnext(arguments);
    EXPECT_EQ(ran.code, 0);
    EXPECT_NE(ran.out, "");
    EXPECT_EQ(ran.err, "");
  }
}

TEST(Usage, ImpossibleNumbers) {
  const Scratch scratch;
  const std::string ids = scratch.file("ids.json", "[1, 2, 3]");
  const std::vector<std::vector<std::string>> given = {{"-n", "-2"},
                                                       {"-n", "1.5"},
                                                       {"-n", "x"},
                                                       {"--top-p", "2"},
                                                       {"--top-p", "-0.1"},
                                                       {"--top-p", "nan"},
                                                       {"--min-p", "1.1"},
                                                       {"--temp", "-1"},
                                                       {"--temp", "nan"},
                                                       {"--top-k", "-1"},
                                                       {"--threads", "0"},
                                                       {"--threads", "-4"},
                                                       {"--threads", "9999"},
                                                       {"--ctx", "0"},
                                                       {"--ctx", "-1"},
                                                       {"--seed", "-1"},
                                                       {"--seed", "x"},
                                                       {"--kv-type", "q4"},
                                                       {"--device", "tpu"},
                                                       {"--backend", "x"},
                                                       {"-n", "99999999999999999999"},
                                                       {"--repeat-last-n", "-2"}};
  for (const auto& option : given) {
    expect_error(qnext({"generate-ids", tiny(), "--tokens", ids, option[0], option[1]}), 2, {"--"});
  }
  for (const char* chunk : {"0", "-1", "99999999999999999999"}) {
    expect_error(qnext({"logits", tiny(), "--tokens", ids, "-o", scratch.path("o"), "--chunk", chunk}), 2,
                 {"--chunk", chunk});
  }
  for (const char* option : {"--batch", "--repeat", "--piece"}) {
    expect_error(qnext({"bench", tiny(), option, "0"}), 2, {option});
  }
  expect_error(qnext({"bench", tiny(), "--prompt", "-1"}), 2, {"--prompt"});
  expect_error(qnext({"bench", tiny(), "--prompt", "0", "--generate", "0"}), 2, {"nothing to measure"});
}

// Numbers that only the model makes impossible.
TEST(Usage, NumbersBeyondTheModel) {
  const Scratch scratch;
  const std::string ids = scratch.file("ids.json", "[1, 2, 3]");
  const auto generate = [&](std::vector<std::string> more) {
    more.insert(more.begin(), {"generate-ids", tiny(), "--tokens", ids, "-n", "1"});
    return qnext(more);
  };
  expect_error(generate({"--ctx", "5000"}), 1, {"--ctx 5000", "4096"});
  expect_error(generate({"--logit-bias", "320=1"}), 1, {"logit_bias", "320"});
  expect_error(generate({"--logit-bias", "1=nan"}), 1, {"logit_bias", "nan"});
  expect_error(generate({"--repeat-penalty", "0"}), 1, {"repeat_penalty", "got 0"});
  expect_error(generate({"--repeat-penalty", "nan"}), 1, {"repeat_penalty", "nan"});
  expect_error(generate({"--presence-penalty", "inf"}), 1, {"presence_penalty", "inf"});
  expect_error(generate({"--isa", "none"}), 1, {"--isa none"});
  expect_error(generate({"--device", "cuda"}), 1, {"--device cuda"});
  expect_error(qnext({"logits", tiny(), "--tokens", ids, "-o", scratch.path("o"), "--ctx", "2"}), 1,
               {ids, "--ctx 2"});
  expect_error(qnext({"perplexity", tiny(), "--tokens", ids, "--ctx", "1"}), 1, {"--ctx 1"});
  expect_error(qnext({"bench", tiny(), "--prompt", "9223372036854775807"}), 2, {"--prompt"});
  expect_error(qnext({"bench", tiny(), "--prompt", "9223372036854774784", "--depth", "9223372036854774784"}),
               1, {"--depth 9223372036854774784"});
}

}  // namespace
}  // namespace qnext
