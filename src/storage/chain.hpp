// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/result.hpp>

#include "storage/account.hpp"
#include "storage/block.hpp"

#include <boost/container/small_vector.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

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

  /// Replaces the whole content by `from`, paid for by what is there now as far as that goes.
  ///
  /// Errors: `quota_exceeded`, `out_of_memory`.
  result<void> assign(const account& payer, std::span<const std::byte> from);

  /// Gives back memory that no byte is in.
  void trim(const account& payer) noexcept;

 private:
  struct chunk {
    block_ref memory;
    std::uint64_t begin;
  };
  using chunk_list = boost::container::small_vector<chunk, 1>;
  struct growth;

  std::size_t find(std::uint64_t offset) const noexcept;
  std::uint64_t capacity() const noexcept;
  std::size_t generous(std::uint64_t missing) const noexcept;
  growth plan(std::size_t kept, std::uint64_t from, std::uint64_t needed, std::size_t table) const;
  growth plan_gathering(std::uint64_t needed) const;
  result<void> grow(const account& payer, std::uint64_t size);
  result<void> apply(const growth& g, reservation paid);
  void copy_in(std::uint64_t offset, std::span<const std::byte> from) noexcept;
  void zero(std::uint64_t begin, std::uint64_t end) noexcept;
  void cut(const account& payer, std::uint64_t size) noexcept;
  void settle(const account& payer, const extent& after) noexcept;
  static std::uint64_t table_footprint(std::size_t capacity) noexcept;

  chunk_list chunks_;
  std::uint64_t size_ = 0;
  std::uint64_t footprint_ = 0;
};

}  // namespace coramfs::detail
