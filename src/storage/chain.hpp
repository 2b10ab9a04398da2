// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/result.hpp>

#include "storage/account.hpp"
#include "storage/block.hpp"

#include <boost/container/small_vector.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace coramfs::detail {

/// The sequential layout: a chain of chunks, found by binary search.
///
/// An append fills the last chunk, then starts one that grows with the file up to `max_chunk`,
/// so that small files stay small and appending takes amortised constant time. Nothing is ever
/// copied to make room, with one exception: at the edge of the quota the last chunks are
/// gathered into one of exactly the size needed, because slack must not be the reason for a
/// refusal.
///
/// Invariants: chunks stand in the order of their offsets and none is empty; all but the last
/// are full up to where the next one begins; `extent_now()` is what the file has been charged.
///
/// Guarded by the file's lock. All that may fail fails before anything has changed.
class chain {
 public:
  /// Bytes: the largest chunk that growth makes, its block's header and malloc's included.
  static constexpr std::size_t max_chunk = 1024 * 1024 - 64;

  std::uint64_t size() const noexcept { return size_; }
  extent extent_now() const noexcept { return {size_, footprint_, chunks_.size()}; }

  /// Bytes read: less than asked for only at the end.
  std::size_t read(std::uint64_t offset, std::span<std::byte> to) const noexcept;

  /// Stores all of `from` at `offset`, which is at most `size()`.
  ///
  /// Errors: `quota_exceeded`, `out_of_memory`.
  result<void> write(const account& payer, std::uint64_t offset, std::span<const std::byte> from);

  /// Appends `from` as a chunk of its own, without a copy; `from` is then empty.
  ///
  /// Errors: `quota_exceeded`, `out_of_memory`; `from` is untouched then.
  result<void> adopt(const account& payer, bytes& from);

  /// Cuts, or extends with zeros that are stored and charged.
  ///
  /// Errors: when growing, `quota_exceeded`, `out_of_memory`.
  result<void> resize(const account& payer, std::uint64_t size);

  /// Replaces the whole content by `from`, in the memory of the old one as far as that goes.
  ///
  /// Errors: `quota_exceeded`, `out_of_memory`.
  result<void> assign(const account& payer, std::span<const std::byte> from);

  /// As `assign`, with `size` zeros.
  result<void> assign_zeros(const account& payer, std::uint64_t size);

  /// Gives back memory that no byte is in.
  void trim(const account& payer) noexcept;

 private:
  struct chunk {
    block_ref memory;
    std::uint64_t begin;
  };
  using chunk_list = boost::container::small_vector<chunk, 1>;

  /// One way to have room up to `size`: the first `kept` chunks stay, what is behind them is
  /// gathered into the first of new chunks with `room` bytes in all.
  struct growth {
    std::uint64_t size;
    std::size_t kept;
    std::uint64_t room;
    std::size_t table;  // entries

    std::uint64_t new_chunks() const noexcept { return (room + max_chunk - 1) / max_chunk; }
  };

  std::size_t find(std::uint64_t offset) const noexcept;
  std::uint64_t end_of_room() const noexcept;
  std::uint64_t begin_of(std::size_t index) const noexcept;
  growth generous(std::uint64_t size) const noexcept;
  growth exact(std::uint64_t size) const noexcept;
  growth gathering(std::uint64_t size) const noexcept;
  extent after(const growth& g) const noexcept;
  result<void> grow(const account& payer, std::uint64_t size);
  result<void> apply(const growth& g, reservation paid);
  void pay(const account& payer, const extent& now) noexcept;
  void cut(const account& payer, std::uint64_t size) noexcept;
  template <class Action>
  void for_each_piece(std::uint64_t offset, std::uint64_t size, Action action) const noexcept;
  void copy_in(std::uint64_t offset, std::span<const std::byte> from) noexcept;
  static std::uint64_t table_footprint(std::size_t entries) noexcept;

  chunk_list chunks_;
  std::uint64_t size_ = 0;
  std::uint64_t footprint_ = 0;
};

}  // namespace coramfs::detail
