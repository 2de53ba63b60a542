#include "eckart/base/buffer_pool.hpp"

#include <cstdlib>
#include <new>

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace eckart {

namespace {

constexpr std::size_t kSmallest = 64, kHugePage = std::size_t{2} << 20;

// The size of the class: the next of 4, 5, 6, 7 times a power of two, whole huge pages above one.
std::size_t class_size(std::size_t bytes) {
  if (bytes <= kSmallest * 4) return (bytes + kSmallest - (bytes > 0)) / kSmallest * kSmallest;
  std::size_t step = kSmallest;
  while (step * 8 < bytes) step *= 2;
  const std::size_t size = (bytes + step - 1) / step * step;
  return size < kHugePage ? size : (size + kHugePage - 1) / kHugePage * kHugePage;
}

void* allocate(std::size_t size) {
  const std::size_t alignment = size < kHugePage ? kSmallest : kHugePage;
  void* block = std::aligned_alloc(alignment, size);
  if (!block) throw std::bad_alloc();
#ifdef MADV_HUGEPAGE
  if (alignment == kHugePage) madvise(block, size, MADV_HUGEPAGE);
#endif
  return block;
}

}  // namespace

BufferPool& BufferPool::shared() {
  static BufferPool* pool = new BufferPool;
  return *pool;
}

void* BufferPool::take(std::size_t bytes) {
  const std::size_t size = class_size(bytes);
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    ++statistics_.requests;
    auto& list = waiting_[size];
    if (!list.empty()) {
      void* block = list.back();
      list.pop_back();
      statistics_.cached -= size;
      statistics_.in_use += size;
      return block;
    }
    ++statistics_.allocated;
  }
  void* block = allocate(size);
  const std::lock_guard<std::mutex> lock(mutex_);
  statistics_.in_use += size;
  return block;
}

void BufferPool::give_back(void* block, std::size_t bytes) noexcept {
  const std::size_t size = class_size(bytes);
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    statistics_.in_use -= size;
    if (statistics_.cached + size <= kMostCached) {
      try {
        waiting_[size].push_back(block);
        statistics_.cached += size;
        return;
      } catch (const std::bad_alloc&) {  // no room for the note: the block itself is free again
      }
    }
  }
  std::free(block);
}

BufferPool::Statistics BufferPool::statistics() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return statistics_;
}

void BufferPool::release() {
  const std::lock_guard<std::mutex> lock(mutex_);
  for (auto& [size, list] : waiting_) {
    for (void* block : list) std::free(block);
    list.clear();
  }
  statistics_.cached = 0;
}

}  // namespace eckart
