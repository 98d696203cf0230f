// The side of compare.mjs that runs in each peer: a program that holds a model and answers one line for each
// line that it is told. While it waits it reads its standard input, so it takes no processor time.
//
//   depth N          forgets everything and processes a prompt of N tokens; "ok"
//   prefill N        processes a prompt of N tokens after what is there already; "seconds S"
//   decode N         processes N tokens one by one; "seconds S"
//   mark, rewind     remembers where it is, and goes back there; "ok". Only qnext's does, so that it can run
//                    more often than the others and yet from the same position
//   quit             ends, without an answer
// Anything else goes to the peer. "error TEXT" answers what failed. Both include the logits of the last
// token, and end when these are there. All peers see the same made-up tokens at the same positions.
//
// Header only and without the rest of qnext, so that a peer can be compiled against other headers.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <iostream>
#include <span>
#include <sstream>
#include <string>
#include <vector>

#include "base/random.h"

namespace qnext::peers {

// Functions return what went wrong, "" for nothing.
class Peer {
 public:
  virtual ~Peer() = default;
  virtual int64_t vocab() const = 0;
  // Where the next token of the sequence goes. The server moves it.
  virtual int64_t& position() { return position_; }
  virtual std::string forget() = 0;
  // The next tokens of the sequence, of which the first stands at position(), and the last one's logits.
  virtual std::string process(std::span<const int32_t> tokens) = 0;
  virtual std::string mark() { return "it cannot go back"; }
  virtual std::string rewind() { return "it cannot go back"; }
  // An answer to a line that the server does not know.
  virtual std::string other(const std::string& line) { return "error unknown: " + line; }

 private:
  int64_t position_ = 0;
};

class Server {
 public:
  explicit Server(Peer& peer) : peer_(peer) {}

  void run() {
    std::cout << "ready" << std::endl;
    for (std::string line; std::getline(std::cin, line) && line != "quit";) {
      std::cout << answer(line) << std::endl;
    }
  }

 private:
  std::string answer(const std::string& line) {
    std::istringstream words(line);
    std::string command;
    int64_t count = 0;
    words >> command >> count;
    if (command == "depth") return depth(count);
    if (command == "prefill") return timed(count, count);
    if (command == "decode") return timed(count, 1);
    if (command == "mark" || command == "rewind") return jump(command == "mark");
    return peer_.other(line);
  }

  std::string depth(int64_t count) {
    std::string problem = peer_.forget();
    peer_.position() = 0;
    if (problem.empty() && count > 0) problem = process(made_up(count), count);
    return problem.empty() ? "ok" : "error " + problem;
  }

  std::string timed(int64_t count, int64_t together) {
    const std::vector<int32_t> tokens = made_up(count);
    const auto start = std::chrono::steady_clock::now();
    const std::string problem = process(tokens, together);
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
    if (!problem.empty()) return "error " + problem;
    return "seconds " + std::to_string(time.count());
  }

  std::string process(std::span<const int32_t> tokens, int64_t together) {
    while (!tokens.empty()) {
      const std::string problem = peer_.process(tokens.first(static_cast<size_t>(together)));
      if (!problem.empty()) return problem;
      tokens = tokens.subspan(static_cast<size_t>(together));
      peer_.position() += together;
    }
    return "";
  }

  std::vector<int32_t> made_up(int64_t count) {
    std::vector<int32_t> tokens;
    for (int64_t i = peer_.position(); count > 0; ++i, --count) {
      const uint64_t bits = random_bits(1, 0, static_cast<uint64_t>(i));
      tokens.push_back(static_cast<int32_t>(bits % static_cast<uint64_t>(peer_.vocab())));
    }
    return tokens;
  }

  std::string jump(bool mark) {
    const std::string problem = mark ? peer_.mark() : peer_.rewind();
    if (!problem.empty()) return "error " + problem;
    (mark ? marked_ : peer_.position()) = mark ? peer_.position() : marked_;
    return "ok";
  }

  Peer& peer_;
  int64_t marked_ = 0;
};

}  // namespace qnext::peers
