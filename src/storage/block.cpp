// SPDX-License-Identifier: BSL-1.0
#include "storage/block.hpp"

#include "core/footprint.hpp"

#include <algorithm>
#include <cassert>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <new>

namespace coramfs::detail {

namespace {

// Where an adopted vector stands behind its header.
constexpr std::size_t adopted_size = sizeof(block) + sizeof(bytes);

bytes* adopted(block* b) noexcept { return std::launder(reinterpret_cast<bytes*>(b + 1)); }

}  // namespace

block* block::allocate(block_memory& from, std::size_t capacity) noexcept {
  const std::size_t room = usable(capacity);
  void* const memory = std::malloc(sizeof(block) + room);
  return memory != nullptr ? new (memory) block(from, room) : nullptr;
}

block* block::make_adopter(block_memory& from) noexcept {
  void* const memory = std::malloc(adopted_size);
  if (memory == nullptr) return nullptr;
  block* const b = new (memory) block(from, 0);
  new (b + 1) bytes;
  b->adopted_ = true;
  return b;
}

void block::adopt(bytes&& content) noexcept {
  capacity_ = content.size();
  adopted(this)->swap(content);
}

std::uint64_t block::footprint(std::size_t capacity) noexcept {
  return heap_footprint(sizeof(block) + capacity);
}

std::uint64_t block::adopted_footprint(std::size_t capacity) noexcept {
  return heap_footprint(adopted_size) + heap_footprint(capacity);
}

std::size_t block::usable(std::size_t capacity) noexcept {
  return heap_usable(sizeof(block) + capacity) - sizeof(block);
}

std::byte* block::data() noexcept {
  return adopted_ ? adopted(this)->data() : reinterpret_cast<std::byte*>(this + 1);
}

std::uint64_t block::footprint() const noexcept {
  return adopted_ ? adopted_footprint(adopted(const_cast<block*>(this))->capacity())
                  : footprint(capacity_);
}

// No writer runs beside this, so it does not matter which of the two it would see first.
void block::pin(std::size_t end) noexcept {
  constexpr std::size_t most = std::numeric_limits<std::uint32_t>::max();
  const auto wanted = static_cast<std::uint32_t>(std::min(end, most));
  std::uint32_t now = pinned_end_.load(std::memory_order_relaxed);
  while (now < wanted &&
         !pinned_end_.compare_exchange_weak(now, wanted, std::memory_order_relaxed)) {
  }
  state_.fetch_add(one_pin, std::memory_order_relaxed);
}

void block::unpin() noexcept { drop(one_pin); }

bool block::is_pinned_from(std::size_t begin) noexcept {
  if (state_.load(std::memory_order_acquire) >= one_pin) {
    const std::uint32_t end = pinned_end_.load(std::memory_order_relaxed);
    return begin < end || end == std::numeric_limits<std::uint32_t>::max();
  }
  pinned_end_.store(0, std::memory_order_relaxed);
  return false;
}

std::uint64_t block::charged() const noexcept {
  return (state_.load(std::memory_order_relaxed) & keeps_charge) != 0 ? 0 : footprint();
}

// A last pin that goes meanwhile leaves the block to its file, whatever this finds.
void block::settle_charge() noexcept {
  if (state_.load(std::memory_order_acquire) >= one_pin) {
    state_.fetch_or(keeps_charge, std::memory_order_relaxed);
  } else {
    state_.fetch_and(~keeps_charge, std::memory_order_relaxed);
  }
}

block* block::shrink(block* b, std::size_t capacity) noexcept {
  const std::size_t room = usable(capacity);
  if (b->adopted_ || room >= b->capacity_) return b;
  void* const memory = std::realloc(static_cast<void*>(b), sizeof(block) + room);
  if (memory == nullptr) return b;
  block* const cut = static_cast<block*>(memory);
  cut->capacity_ = room;
  return cut;
}

// A file's share, or a pin's.
void block::drop(std::uint32_t share) noexcept {
  const std::uint32_t rest = state_.fetch_sub(share, std::memory_order_acq_rel) - share;
  if ((rest & ~keeps_charge) != 0) return;
  assert(share == owned || rest == keeps_charge);
  block_memory& home = home_;
  const std::uint64_t freed = rest == keeps_charge ? footprint() : 0;
  destroy(this);
  if (freed != 0) home.give_back(freed);
}

void block::destroy(block* b) noexcept {
  if (b->adopted_) adopted(b)->~vector();
  std::free(b);
}

// Nobody pins while the file's lock is held, so what is not pinned stays so.
void block_ref::shrink(std::size_t capacity) noexcept {
  if (block_->state_.load(std::memory_order_acquire) == block::owned)
    block_ = block::shrink(block_, capacity);
}

}  // namespace coramfs::detail
