// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/options.hpp>
#include <coramfs/result.hpp>

#include "storage/account.hpp"
#include "storage/chain.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

namespace coramfs::detail {

/// Bytes: no file grows beyond this, whatever the quota.
inline constexpr std::uint64_t max_file_size = std::numeric_limits<std::int64_t>::max();

/// The bytes of one file, in whichever layout they are kept.
///
/// Guarded by the file's lock. Whatever fails has changed nothing.
class storage {
 public:
  explicit storage(storage_layout layout) noexcept : layout_(layout) {}

  std::uint64_t size() const noexcept { return chain_.size(); }
  /// What the file has been charged for.
  extent extent_now() const noexcept { return chain_.extent_now(); }

  /// Bytes read: less than asked for only at the end.
  std::size_t read(std::uint64_t offset, std::span<std::byte> to) const noexcept {
    return chain_.read(offset, to);
  }

  /// Stores all of `from` at `offset`.
  ///
  /// Errors: `too_large`; `not_supported` for a gap that the layout can not have;
  /// `quota_exceeded`; `out_of_memory`.
  result<void> write(const account& payer, std::uint64_t offset, std::span<const std::byte> from);

  /// As `write`, taking `from` over where the layout can; on failure it is untouched.
  result<void> write(const account& payer, std::uint64_t offset, bytes&& from);

  /// Cuts, or extends with zeros. Errors, when growing: `too_large`, `quota_exceeded`,
  /// `out_of_memory`.
  result<void> resize(const account& payer, std::uint64_t size);

  /// Replaces the whole content. Errors: `quota_exceeded`, `out_of_memory`; never when it
  /// costs no more than the old content.
  result<void> assign(const account& payer, std::span<const std::byte> from) {
    return chain_.assign(payer, from);
  }
  result<void> assign_zeros(const account& payer, std::uint64_t size);

  /// Gives slack back.
  void trim(const account& payer) noexcept { chain_.trim(payer); }

 private:
  result<void> require_writable(std::uint64_t offset, std::size_t size) const noexcept;

  storage_layout layout_;
  chain chain_;
};

}  // namespace coramfs::detail
