// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "storage/block.hpp"

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <utility>

namespace coramfs::detail {

/// A block, and the offset in the file where its bytes begin.
struct chunk {
  block_ref memory;
  std::uint64_t begin = 0;
};

/// The chunks of a chain in order. The capacity changes only where it is said to, for it is
/// charged; one chunk stands in the list itself, for most files have no more. Empty files are many,
/// and each has such a list, so it is small: there are never more than 2^32 - 1 chunks. Each block
/// is told its place.
///
/// Guarded by the file's lock, like the chain that has it.
class chunk_list {
 public:
  chunk_list() noexcept = default;
  chunk_list(const chunk_list&) = delete;
  chunk_list& operator=(const chunk_list&) = delete;
  ~chunk_list() {
    while (!empty()) pop_back();
    if (has_table()) block_memory::give_bytes(table(), capacity_ * sizeof(chunk));
  }

  std::size_t size() const noexcept { return size_; }
  std::size_t capacity() const noexcept { return capacity_; }
  bool empty() const noexcept { return size_ == 0; }

  chunk* begin() noexcept { return has_table() ? table() : &inline_; }
  chunk* end() noexcept { return begin() + size_; }
  const chunk* begin() const noexcept { return has_table() ? table() : &inline_; }
  const chunk* end() const noexcept { return begin() + size_; }
  chunk& operator[](std::size_t i) noexcept { return begin()[i]; }
  const chunk& operator[](std::size_t i) const noexcept { return begin()[i]; }
  chunk& back() noexcept { return begin()[size_ - 1]; }
  const chunk& back() const noexcept { return begin()[size_ - 1]; }

  /// Appends a chunk. Precondition: there is capacity.
  void push_back(chunk&& c) noexcept {
    assert(size_ < capacity_);
    c.memory->place = c.begin;
    begin()[size_++] = std::move(c);
  }
  void pop_back() noexcept { begin()[--size_] = chunk(); }

  /// Makes room for `entries` chunks. Returns whether it has: memory may be refused, and they may
  /// be too many. Precondition: the list is empty, and has no table yet.
  bool set_capacity(block_memory& from, std::size_t entries) noexcept {
    assert(empty() && !has_table());
    if (entries > std::numeric_limits<std::uint32_t>::max()) return false;
    if (entries > 1) {
      void* const memory = from.take_bytes(entries * sizeof(chunk));
      if (memory == nullptr) return false;
      auto* const made = static_cast<chunk*>(memory);
      std::uninitialized_value_construct_n(made, entries);
      inline_.begin = reinterpret_cast<std::uintptr_t>(made);
    }
    capacity_ = entries > 1 ? static_cast<std::uint32_t>(entries) : 1;
    return true;
  }
  void swap(chunk_list& other) noexcept {
    std::swap(inline_, other.inline_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
  }

  /// Bytes that the list takes beside itself.
  static std::uint64_t footprint(std::size_t entries) noexcept {
    return entries > 1 ? block_memory::footprint(entries * sizeof(chunk)) : 0;
  }

 private:
  bool has_table() const noexcept { return capacity_ > 1; }
  chunk* table() const noexcept {
    return reinterpret_cast<chunk*>(static_cast<std::uintptr_t>(inline_.begin));
  }

  chunk inline_;  // where there is a table, `begin` is its address
  std::uint32_t size_ = 0;
  std::uint32_t capacity_ = 1;
};

}  // namespace coramfs::detail
