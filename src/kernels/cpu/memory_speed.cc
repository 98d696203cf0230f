#include "kernels/memory_speed.h"

#include "kernels/cpu/targets.h"
//
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/memory_speed.cc"
#include <hwy/foreach_target.h>
//
#include <hwy/cache_control.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>

#include "kernels/cpu/simd-inl.h"
#include "tensor/tensor.h"

HWY_BEFORE_NAMESPACE();
namespace qnext::cpu::HWY_NAMESPACE {

// The sum of the 64-bit words of `bytes` bytes, a multiple of 64, by the widest loads. Loads of 16 bytes are
// what limits a core before its memory does. As the kernels do, it asks ahead for every line or, where the
// processor brings two at a time, for every second one.
uint64_t sum_of_words(const std::byte* data, int64_t bytes, bool pairs) {
  constexpr int64_t kLine = 64, kAhead = 8192;
  const int64_t skip = pairs ? kLine : 0;
  const hn::CappedTag<uint64_t, kLine / 8> d;
  constexpr int64_t kVector = 8 * static_cast<int64_t>(hn::MaxLanes(d)), kVectors = kLine / kVector;
  // Independent, so that the additions keep up with the loads.
  hn::Vec<decltype(d)> sums[kVectors];
  for (auto& sum : sums) sum = hn::Zero(d);
  for (int64_t at = 0; at < bytes; at += kLine) {
    if ((at & skip) == 0) fetch_line(data + at + kAhead);
    HWY_UNROLL(4)
    for (int64_t i = 0; i < kVectors; ++i) {
      const auto* words = reinterpret_cast<const uint64_t*>(data + at + i * kVector);
      sums[i] = hn::Add(sums[i], hn::LoadU(d, words));
    }
  }
  // One by one: GCC adds the lanes of a register as signed numbers, which may overflow.
  uint64_t sum = 0;
  HWY_ALIGN uint64_t lanes[kLine / 8];
  for (const auto& part : sums) {
    hn::Store(part, d, lanes);
    for (size_t i = 0; i < hn::Lanes(d); ++i) sum += lanes[i];
  }
  return sum;
}

}  // namespace qnext::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace qnext {
namespace cpu {

HWY_EXPORT(sum_of_words);
uint64_t best_sum_of_words(const std::byte* data, int64_t bytes, bool pairs) {
  return HWY_DYNAMIC_DISPATCH(sum_of_words)(data, bytes, pairs);
}

}  // namespace cpu
namespace {

constexpr int64_t kUsualBuffer = int64_t{1} << 30;
constexpr int64_t kSmallestBuffer = int64_t{64} << 20;
constexpr int64_t kPiece = int64_t{2} << 20;
constexpr int kPasses = 6;

// With what holds parts of files now but would be given up, where the system tells.
int64_t available_bytes() {
  std::ifstream memory("/proc/meminfo");
  for (std::string line; std::getline(memory, line);) {
    if (line.starts_with("MemAvailable:")) return std::atoll(line.c_str() + line.find(':') + 1) * 1024;
  }
  return int64_t{::sysconf(_SC_AVPHYS_PAGES)} * ::sysconf(_SC_PAGESIZE);
}

// So much that no cache holds it, but no more than a quarter of what is available.
int64_t buffer_bytes() {
#ifdef _SC_LEVEL3_CACHE_SIZE
  const int64_t caches = 4 * int64_t{::sysconf(_SC_LEVEL3_CACHE_SIZE)};
#else
  const int64_t caches = 0;
#endif
  return std::clamp(available_bytes() / 4, kSmallestBuffer, std::max(kUsualBuffer, caches)) / kPiece * kPiece;
}

}  // namespace

MemorySpeed::MemorySpeed(ThreadPool& pool) : pool_(pool), pieces_(buffer_bytes() / kPiece) {
  const auto buffer = allocate_aligned(pieces_ * kPiece);
  pool_.parallel_for(pieces_, 1, [&](int64_t begin, int64_t end, int) {
    std::memset(buffer.get() + begin * kPiece, 1, static_cast<size_t>((end - begin) * kPiece));
  });
  buffer_ = buffer;
}

double MemorySpeed::read_gb_per_s() {
  double best = 0;
  std::atomic<uint64_t> sum{0};
  for (int pass = 0; pass < kPasses; ++pass) {
    const auto start = std::chrono::steady_clock::now();
    pool_.parallel_for(pieces_, 1, [&](int64_t begin, int64_t end, int) {
      sum += cpu::best_sum_of_words(buffer_.get() + begin * kPiece, (end - begin) * kPiece, pass % 2 == 1);
    });
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    best = std::max(best, static_cast<double>(pieces_ * kPiece) / seconds / 1e9);
  }
  // Uses the sum, so that the reads cannot be left out.
  return sum == 0 ? 0 : best;
}

}  // namespace qnext
#endif
