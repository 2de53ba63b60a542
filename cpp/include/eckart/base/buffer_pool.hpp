// Memory that is used again: training asks for the same arrays in every step, and fresh memory costs a page
// fault every 4 KB, more than most layers compute in that time.
//
// Blocks come in size classes, four to a power of two (at most a quarter is wasted); a block given back waits
// in the list of its class. Blocks are aligned to a cache line, large ones to a huge page. What waits is
// bounded: beyond kMostCached, blocks go back to the system.
#pragma once

#include <cstddef>
#include <map>
#include <mutex>
#include <vector>

#include "eckart/base/types.hpp"

namespace eckart {

class BufferPool {
 public:
  static constexpr std::size_t kMostCached = std::size_t{1} << 30;

  struct Statistics {
    std::size_t in_use = 0;     // bytes handed out
    std::size_t cached = 0;     // bytes that wait
    std::size_t requests = 0;   // blocks asked for so far
    std::size_t allocated = 0;  // of these, how many the system had to give
  };

  // One for the process. It is never destroyed: arrays may outlive all static objects.
  static BufferPool& shared();

  // Uninitialised memory; std::bad_alloc where there is none. Any thread may call.
  void* take(std::size_t bytes);
  void give_back(void* block, std::size_t bytes) noexcept;  // `bytes` as asked for

  Statistics statistics();
  void release();  // hands what waits back to the system

 private:
  std::mutex mutex_;
  std::map<std::size_t, std::vector<void*>> waiting_;  // by size of the class
  Statistics statistics_;
};

// Uninitialised scratch from the pool.
template <class T>
class PooledBuffer {
 public:
  explicit PooledBuffer(Offset n)
      : bytes_(static_cast<std::size_t>(n) * sizeof(T)),
        data_(static_cast<T*>(BufferPool::shared().take(bytes_))) {}
  PooledBuffer(PooledBuffer&& other) noexcept : bytes_(other.bytes_), data_(other.data_) {
    other.data_ = nullptr;
  }
  PooledBuffer(const PooledBuffer&) = delete;
  PooledBuffer& operator=(const PooledBuffer&) = delete;
  PooledBuffer& operator=(PooledBuffer&&) = delete;
  ~PooledBuffer() {
    if (data_) BufferPool::shared().give_back(data_, bytes_);
  }
  T* data() { return data_; }
  const T* data() const { return data_; }

 private:
  std::size_t bytes_;
  T* data_;
};

}  // namespace eckart
