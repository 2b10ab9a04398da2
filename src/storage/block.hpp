// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/result.hpp>

#include "storage/block_memory.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace coramfs::detail {

/// A run of bytes, the unit that files are made of. The bytes of a small one stand behind it,
/// those of a large one are pages from the block memory, and those of an adopted one a vector's.
///
/// A block belongs to one file and may be pinned any number of times; it goes with the last of
/// them. While the file has it, it is in the file's charge. A file that is about to give up a
/// pinned block leaves the charge to the block first, which gives it back when it goes. That
/// moves no byte from one to the other: the sum of charges is the same before and after.
///
/// Thread safety: pins may go on any thread, without a lock. All else is guarded by the lock of
/// the file, held exclusively, but for `pin`, which may run beside others of its kind.
class block {
 public:
  /// Uninitialised room for `capacity` bytes or a little more; null if memory is refused.
  static block* allocate(block_memory& from, std::size_t capacity) noexcept;
  /// A block to `adopt` with; null if memory is refused.
  static block* make_adopter(block_memory& from) noexcept;
  /// Becomes `content`, which is then empty. Precondition: made by `make_adopter`.
  void adopt(bytes&& content) noexcept;

  /// Bytes that `allocate(capacity)` takes from the machine.
  static std::uint64_t footprint(std::size_t capacity) noexcept;
  /// Bytes that a block takes which adopted a vector of `capacity`.
  static std::uint64_t adopted_footprint(std::size_t capacity) noexcept;
  /// What `allocate(capacity)` really gives.
  static std::size_t usable(std::size_t capacity) noexcept;

  block(const block&) = delete;
  block& operator=(const block&) = delete;

  std::byte* data() noexcept;
  const std::byte* data() const noexcept { return const_cast<block*>(this)->data(); }
  std::size_t capacity() const noexcept { return capacity_; }
  bool is_adopted() const noexcept { return kind_ == kind::adopted; }
  /// Stores bytes, which are a part of a write of `in_all` bytes.
  void store(std::size_t begin, const std::byte* from, std::size_t size,
             std::size_t in_all) noexcept;
  std::uint64_t footprint() const noexcept;
  /// Bytes that `block_ref::shrink` to what is used of it gives back.
  std::uint64_t slack() const noexcept;

  /// Pins the bytes before `end`. Under the file's lock, of either kind.
  void pin(std::size_t end) noexcept;
  void unpin() noexcept;
  /// Whether a byte from `begin` on is pinned. A no is final for who holds the file's lock.
  bool is_pinned_from(std::size_t begin) noexcept;

  /// Bytes of it that are in its file's charge: all or none.
  std::uint64_t charged() const noexcept;
  /// Leaves the charge to the block if it is pinned, and takes it back if it is not.
  void settle_charge() noexcept;

  /// Of a block in a table: the bytes up to the last one that was stored. What is behind them
  /// reads as zero.
  std::uint32_t used = 0;

 private:
  friend class block_ref;
  // What `state_` is made of.
  static constexpr std::uint32_t owned = 1, keeps_charge = 2, one_pin = 4;

  enum class kind : std::uint8_t { small, large, adopted };

  block(block_memory& home, kind what, std::size_t capacity) noexcept
      : kind_(what), capacity_(capacity), home_(home) {}
  ~block() = default;
  static block* allocate_large(block_memory& from, std::size_t capacity) noexcept;
  static block* shrink(block* b, std::size_t capacity) noexcept;
  static block* shrink_small(block* b, std::size_t room) noexcept;
  static block* shrink_large(block* b, std::size_t capacity) noexcept;
  void drop(std::uint32_t share) noexcept;
  static void destroy(block* b) noexcept;

  /// Who goes last is decided by this word alone: whether a file has it, who has the charge,
  /// and the number of pins.
  std::atomic<std::uint32_t> state_{owned};
  std::atomic<std::uint32_t> pinned_end_{0};  // while there are pins: no byte behind it has any
  const kind kind_;
  std::size_t capacity_;
  block_memory& home_;
};

/// A file's ownership of a block.
class block_ref {
 public:
  block_ref() noexcept = default;
  /// Takes over the ownership that `b` was made with.
  explicit block_ref(block* b) noexcept : block_(b) {}
  block_ref(block_ref&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  block_ref& operator=(block_ref&& other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~block_ref() {
    if (block_ != nullptr) block_->drop(block::owned);
  }

  explicit operator bool() const noexcept { return block_ != nullptr; }
  block* operator->() const noexcept { return block_; }
  block& operator*() const noexcept { return *block_; }
  block* get() const noexcept { return block_; }
  /// Gives the ownership away.
  block* release() noexcept { return std::exchange(block_, nullptr); }

  /// Cuts an allocated block down to `capacity` bytes or a little more. Leaves it as it is where
  /// it is pinned or memory is refused.
  void shrink(std::size_t capacity) noexcept;

 private:
  block* block_ = nullptr;
};

}  // namespace coramfs::detail
