// SPDX-License-Identifier: BSL-1.0
#include "storage/block.hpp"

#include "core/footprint.hpp"

#include <atomic>
#include <cstdlib>
#include <new>

namespace coramfs::detail {

namespace {

// Where an adopted vector stands behind its header.
constexpr std::size_t adopted_size = sizeof(block) + sizeof(bytes);

bytes* adopted(block* b) noexcept { return std::launder(reinterpret_cast<bytes*>(b + 1)); }

}  // namespace

block* block::allocate(std::size_t capacity) noexcept {
  const std::size_t room = usable(capacity);
  void* const memory = std::malloc(sizeof(block) + room);
  return memory != nullptr ? new (memory) block(room) : nullptr;
}

block* block::make_adopter() noexcept {
  void* const memory = std::malloc(adopted_size);
  if (memory == nullptr) return nullptr;
  block* const b = new (memory) block(0);
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

block* block::shrink(block* b, std::size_t capacity) noexcept {
  const std::size_t room = usable(capacity);
  if (b->adopted_ || room >= b->capacity_) return b;
  void* const memory = std::realloc(static_cast<void*>(b), sizeof(block) + room);
  if (memory == nullptr) return b;
  block* const cut = static_cast<block*>(memory);
  cut->capacity_ = room;
  return cut;
}

void block::destroy(block* b) noexcept {
  if (b->adopted_) adopted(b)->~vector();
  std::free(b);
}

block_ref::~block_ref() {
  if (block_ == nullptr) return;
  if (std::atomic_ref(block_->references_).fetch_sub(1, std::memory_order_acq_rel) == 1)
    block::destroy(block_);
}

void block_ref::shrink(std::size_t capacity) noexcept {
  if (std::atomic_ref(block_->references_).load(std::memory_order_acquire) == 1)
    block_ = block::shrink(block_, capacity);
}

}  // namespace coramfs::detail
