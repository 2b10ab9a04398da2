// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/result.hpp>

#include "storage/account.hpp"
#include "storage/block_table.hpp"
#include "storage/chain.hpp"

#include <cstdint>

namespace coramfs::detail {

class storage;

/// A chain on its way to a table, slice by slice. Blocks are made and chunks are dropped in turn,
/// so that no more than a few blocks are there twice.
///
/// Until it is done nothing else may be done with the file. If it is dropped before that, the chain
/// is put together again, with its content and its charge as they were; but what was shared and has
/// been copied is the file's own then, and charged.
///
/// Guarded by the file's lock, held exclusively.
class promotion {
 public:
  /// Promotes the chain in `of` to a table with room from `begin` to `end`, which is behind the
  /// chain. `paid` is the reservation that turns the charge of the one into that of the other.
  promotion(storage& of, const account& payer, reservation paid, std::uint64_t begin,
            std::uint64_t end) noexcept;
  promotion(const promotion&) = delete;
  promotion& operator=(const promotion&) = delete;
  ~promotion();

  /// Moves the next `bytes`, or a little more. Returns whether it is done and the room is there.
  /// Errors: `out_of_memory`; then there is nothing left but to drop it.
  result<bool> advance(std::uint64_t bytes) noexcept;

 private:
  result<void> begin() noexcept;
  result<void> move_up_to(std::uint64_t block) noexcept;
  void end() noexcept;

  storage& of_;
  chain& from_;
  const account payer_;
  block_memory& memory_;
  quota& limits_;
  reservation paid_;
  const std::uint64_t begin_, end_;  // of the room
  const std::uint64_t blocks_;       // that the chain's bytes fill
  block_table table_;
  chain::dismantling source_;
  std::uint64_t moved_ = 0;  // blocks
  bool has_begun_ = false;
  bool is_done_ = false;
};

}  // namespace coramfs::detail
