// SPDX-License-Identifier: BSL-1.0
#include "storage/adopted_buffer.hpp"

#include "core/footprint.hpp"
#include "storage/block.hpp"
#include "storage/pages.hpp"

#include <algorithm>
#include <new>
#include <utility>

namespace coramfs::detail {

std::size_t adopted_buffer::end_of_slice(const bytes& content, std::size_t begin) noexcept {
  const auto address = reinterpret_cast<std::uintptr_t>(content.data()) + begin;
  const std::size_t size = slice_size - address % block_memory::page_size;
  return begin + std::min(size, content.size() - begin);
}

std::size_t adopted_buffer::count_slices(const bytes& content) noexcept {
  std::size_t count = 0;
  for (std::size_t at = 0; at < content.size(); at = end_of_slice(content, at)) ++count;
  return count;
}

std::uint64_t adopted_buffer::footprint(const bytes& content) noexcept {
  return foreign_bytes(content) + count_slices(content) * block::slice_footprint();
}

// The last slice is charged for what is behind the content, and for the buffer object, too.
std::uint64_t adopted_buffer::taken_by_slice(const bytes& content, std::size_t begin) noexcept {
  const std::size_t end = end_of_slice(content, begin);
  if (end < content.size()) return end - begin;
  return foreign_bytes(content) - begin;
}

adopted_buffer* adopted_buffer::make(block_memory& from, std::size_t slices) noexcept {
  void* const memory = from.small().take(sizeof(adopted_buffer), small_memory::use::fixed);
  return memory != nullptr ? new (memory) adopted_buffer(slices) : nullptr;
}

void adopted_buffer::adopt(bytes&& content) noexcept {
  content_.swap(content);
  small_memory::home_of(this).add_outside(*this);
}

std::uint64_t adopted_buffer::foreign_bytes(const bytes& content) noexcept {
  return small_memory::footprint(sizeof(adopted_buffer)) + heap_footprint(content.capacity());
}

// The allocator may keep the memory of a vector that is freed, so its pages are given back to the
// system before.
void adopted_buffer::drop_slice(std::byte* data, std::uint64_t taken) noexcept {
  if (data != nullptr) {
    const std::byte* const end = content_.data() + content_.capacity();
    release_inner_pages(data, std::min<std::uint64_t>(taken, static_cast<std::size_t>(end - data)));
    small_memory::home_of(this).drop_foreign(taken);
  }
  if (slices_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  small_memory::home_of(this).remove_outside(*this);
  this->~adopted_buffer();
  small_memory::give(this);
}

}  // namespace coramfs::detail
