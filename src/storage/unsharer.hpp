// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/result.hpp>

#include "storage/account.hpp"
#include "storage/block.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace coramfs::detail {

class storage;

/// A content on its way to have all of its blocks alone: those that are shared or pinned are
/// copied, slice by slice, and take their places in one step when all are there.
///
/// What may fail has been done when it is made. Until it is done nothing else may be done with the
/// file; if it is dropped before that, nothing has changed.
///
/// Guarded by the file's lock, held exclusively.
class unsharer {
 public:
  /// Pays for the copies and takes memory for them. Null: there is nothing to copy. Errors:
  /// `quota_exceeded`, `memory_guard`, `out_of_memory`.
  static result<std::unique_ptr<unsharer>> begin(storage& of, const account& payer) noexcept;

  /// Copies the next `bytes`, or a little more. Returns whether it is done.
  bool advance(std::uint64_t bytes) noexcept;

 private:
  friend class storage;
  struct copy {
    std::uint64_t place;  // as its block knows it
    const block* from;
    std::size_t size;
    block_ref memory;
  };

  explicit unsharer(storage& of) noexcept : of_(of) {}

  storage& of_;
  std::vector<copy> copies_;
  totals after_;
  reservation paid_;
  std::size_t copied_ = 0;  // blocks
};

}  // namespace coramfs::detail
