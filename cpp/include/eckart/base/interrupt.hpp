// How a long kernel learns that the user wants it to stop. Whoever calls a kernel hands in a poll
// function (the bindings: "has Python a pending signal?"); the thread that called asks it about
// every 50 ms between chunks, and every thread sees the flag.
#pragma once

#include <atomic>
#include <chrono>
#include <exception>

namespace eckart {

class Interrupted : public std::exception {
 public:
  const char* what() const noexcept override { return "interrupted"; }
};

class StopFlag {
 public:
  using Poll = bool (*)();  // true: stop
  explicit StopFlag(Poll poll = nullptr) : poll_(poll), last_(Clock::now()) {}

  bool requested() const { return requested_.load(std::memory_order_relaxed); }

  void poll() {  // only the thread that entered the kernel may call this
    if (!poll_ || requested()) return;
    const auto now = Clock::now();
    if (now - last_ < std::chrono::milliseconds(50)) return;
    last_ = now;
    if (poll_()) requested_.store(true, std::memory_order_relaxed);
  }

 private:
  using Clock = std::chrono::steady_clock;
  Poll poll_;
  Clock::time_point last_;
  std::atomic<bool> requested_{false};
};

// How a kernel is to be run: on how many threads, and who may stop it.
struct Execution {
  int threads = 1;
  StopFlag* stop = nullptr;
};

}  // namespace eckart
