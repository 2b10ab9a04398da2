// SPDX-License-Identifier: BSL-1.0
#include "storage/block.hpp"

#include "core/footprint.hpp"
#include "storage/long_copy.hpp"
#include "storage/pages.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <new>

namespace coramfs::detail {

namespace {

// What stands behind the header of a block that is not small.
using page_run = block_memory::run;
constexpr std::size_t large_size = sizeof(block) + sizeof(page_run);
constexpr std::size_t adopted_size = sizeof(block) + sizeof(bytes);

bool is_large(std::size_t capacity) noexcept {
  return capacity >= block_memory::smallest_run && capacity <= block_memory::region_size;
}

page_run& run_of(block* b) noexcept { return *std::launder(reinterpret_cast<page_run*>(b + 1)); }
bytes& adopted(block* b) noexcept { return *std::launder(reinterpret_cast<bytes*>(b + 1)); }

}  // namespace

block* block::allocate(block_memory& from, std::size_t capacity) noexcept {
  if (is_large(capacity)) return allocate_large(from, capacity);
  const std::size_t room = usable(capacity);
  void* const memory = std::malloc(sizeof(block) + room);
  return memory != nullptr ? new (memory) block(from, kind::small, room) : nullptr;
}

block* block::allocate_large(block_memory& from, std::size_t capacity) noexcept {
  void* const memory = std::malloc(large_size);
  if (memory == nullptr) return nullptr;
  const std::size_t room = usable(capacity);
  const page_run taken = from.take(room);
  if (taken.data == nullptr) {
    std::free(memory);
    return nullptr;
  }
  block* const b = new (memory) block(from, kind::large, room);
  new (b + 1) page_run(taken);
  return b;
}

block* block::make_adopter(block_memory& from) noexcept {
  void* const memory = std::malloc(adopted_size);
  if (memory == nullptr) return nullptr;
  block* const b = new (memory) block(from, kind::adopted, 0);
  new (b + 1) bytes;
  return b;
}

void block::adopt(bytes&& content) noexcept {
  capacity_ = content.size();
  adopted(this).swap(content);
}

std::uint64_t block::footprint(std::size_t capacity) noexcept {
  return is_large(capacity)
             ? heap_footprint(large_size) + block_memory::whole_pages(capacity)
             : heap_footprint(sizeof(block) + capacity);
}

std::uint64_t block::adopted_footprint(std::size_t capacity) noexcept {
  return heap_footprint(adopted_size) + heap_footprint(capacity);
}

// A small block may have more than asked for, but stays small.
std::size_t block::usable(std::size_t capacity) noexcept {
  return is_large(capacity) ? block_memory::whole_pages(capacity)
                            : heap_usable(sizeof(block) + capacity) - sizeof(block);
}

std::byte* block::data() noexcept {
  switch (kind_) {
    case kind::large: return run_of(this).data;
    case kind::adopted: return adopted(this).data();
    default: return reinterpret_cast<std::byte*>(this + 1);
  }
}

std::uint64_t block::footprint() const noexcept {
  auto* const b = const_cast<block*>(this);
  switch (kind_) {
    case kind::large: return heap_footprint(large_size) + capacity_;
    case kind::adopted: return adopted_footprint(adopted(b).capacity());
    default: return heap_footprint(sizeof(block) + capacity_);
  }
}

std::uint64_t block::slack() const noexcept {
  if (state_.load(std::memory_order_acquire) != owned || kind_ == kind::adopted) return 0;
  const std::uint64_t all = footprint();
  return all - std::min(all, footprint(used));
}

void block::store(std::size_t begin, const std::byte* from, std::size_t size,
                  std::size_t in_all) noexcept {
  if (in_all >= long_copy_from && kind_ == kind::large && run_of(this).is_warm) {
    long_copy(data() + begin, from, size);
  } else {
    std::memcpy(data() + begin, from, size);
  }
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
  if (b->kind_ == kind::adopted || room >= b->capacity_) return b;
  return b->kind_ == kind::large ? shrink_large(b, capacity) : shrink_small(b, room);
}

block* block::shrink_small(block* b, std::size_t room) noexcept {
  void* const memory = std::realloc(static_cast<void*>(b), sizeof(block) + room);
  if (memory == nullptr) return b;
  block* const cut = static_cast<block*>(memory);
  cut->capacity_ = room;
  return cut;
}

// What is left may be small, and moves then.
block* block::shrink_large(block* b, std::size_t capacity) noexcept {
  block* const moved = is_large(capacity) ? nullptr : allocate(b->home_, capacity);
  if (moved != nullptr) {
    std::memcpy(moved->data(), b->data(), capacity);
    moved->used = b->used;
    destroy(b);
    return moved;
  }
  const std::size_t kept = block_memory::whole_pages(std::max<std::size_t>(capacity, 1));
  if (kept >= b->capacity_ || (run_of(b).in == nullptr && !can_unmap_parts())) return b;
  b->home_.put_tail(run_of(b), b->capacity_, kept);
  b->capacity_ = kept;
  return b;
}

// A file's share, or a pin's. A pin that goes last has no charge to give back where the file had
// not been charged for the block.
void block::drop(std::uint32_t share) noexcept {
  const std::uint32_t rest = state_.fetch_sub(share, std::memory_order_acq_rel) - share;
  if ((rest & ~keeps_charge) != 0) return;
  block_memory& home = home_;
  const std::uint64_t freed = rest == keeps_charge ? footprint() : 0;
  destroy(this);
  if (freed != 0) home.give_back(freed);
}

void block::destroy(block* b) noexcept {
  if (b->kind_ == kind::large) b->home_.put(run_of(b), b->capacity_);
  if (b->kind_ == kind::adopted) adopted(b).~vector();
  std::free(b);
}

// Nobody pins while the file's lock is held, so what is not pinned stays so.
void block_ref::shrink(std::size_t capacity) noexcept {
  if (block_->state_.load(std::memory_order_acquire) == block::owned)
    block_ = block::shrink(block_, capacity);
}

}  // namespace coramfs::detail
