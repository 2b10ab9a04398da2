// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/result.hpp>

#include <cstddef>
#include <cstdint>
#include <utility>

namespace coramfs::detail {

/// A reference-counted run of bytes, the unit that files are made of.
///
/// Thread safety: references may come and go on any thread; the bytes are guarded by the lock
/// of the file that holds the block.
class block {
 public:
  /// Uninitialised room for `capacity` bytes or a little more; null if memory is refused.
  static block* allocate(std::size_t capacity) noexcept;
  /// A block to `adopt` with; null if memory is refused.
  static block* make_adopter() noexcept;
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
  std::uint64_t footprint() const noexcept;

  /// Of a block in a table: the bytes up to the last one that was stored; behind them all is
  /// zero.
  std::uint32_t used = 0;

 private:
  friend class block_ref;
  explicit block(std::size_t capacity) noexcept : capacity_(capacity) {}
  ~block() = default;
  static block* shrink(block* b, std::size_t capacity) noexcept;
  static void destroy(block* b) noexcept;

  std::uint32_t references_ = 1;
  bool adopted_ = false;
  std::size_t capacity_;
};

/// Shared ownership of a block.
class block_ref {
 public:
  block_ref() noexcept = default;
  /// Takes over the reference that `b` was made with.
  explicit block_ref(block* b) noexcept : block_(b) {}
  block_ref(block_ref&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  block_ref& operator=(block_ref&& other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~block_ref();

  explicit operator bool() const noexcept { return block_ != nullptr; }
  block* operator->() const noexcept { return block_; }
  block* get() const noexcept { return block_; }
  /// Gives the reference away.
  block* release() noexcept { return std::exchange(block_, nullptr); }

  /// Cuts an allocated block that nobody shares down to `capacity` bytes or a little more, and
  /// leaves it as it is where memory is refused.
  void shrink(std::size_t capacity) noexcept;

 private:
  block* block_ = nullptr;
};

}  // namespace coramfs::detail
