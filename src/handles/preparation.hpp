// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/piece_list.hpp>
#include <coramfs/result.hpp>

#include "storage/account.hpp"
#include "storage/piece.hpp"
#include "storage/promotion.hpp"
#include "storage/storage.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace coramfs::detail {

/// Room for bytes that somebody else is about to put into a file.
///
/// At the end of the file the room is part of its storage: that has grown already, but the handle,
/// which alone sees it, still tells `shown_size()`. Over zeros of a preallocation the room is the
/// file's memory, which reads as zeros until it is committed. Over all other bytes it stands apart,
/// and the bytes are copied into the file when they are committed.
///
/// Guarded by the file's lock, which the handle holds exclusively. It ends with `commit`, `publish`
/// or `give_back`, of which one is called, unless `make` has failed or its rest was not finished.
class preparation {
 public:
  /// The bytes from `zeros_from` to the end of `content` are zeros that are paid for.
  preparation(storage& content, std::uint64_t offset, std::size_t size,
              std::uint64_t zeros_from) noexcept;
  preparation(const preparation&) = delete;
  preparation& operator=(const preparation&) = delete;

  /// Refuses a size that the quota can not have before anything in proportion to it is allocated,
  /// which `make` does, too. Errors: `quota_exceeded`.
  result<void> require_proportion(const account& payer) const noexcept;
  /// Makes the room. If that leaves a `rest`, the room is there when the rest is done. Errors: as
  /// `storage::make_room`; there is nothing to give back then.
  result<void> make(const account& payer, std::unique_ptr<promotion>& rest) noexcept;
  /// Finds the places of the room that has been made.
  void show() noexcept;

  const piece_list& places() const noexcept { return places_; }
  std::uint64_t offset() const noexcept { return offset_; }
  std::size_t size() const noexcept { return size_; }
  /// The size of the file, as it is until something is committed.
  std::uint64_t shown_size() const noexcept { return shown_size_; }
  /// Puts zeros for bytes, read from `offset` on, that are the room's.
  void hide_room(std::uint64_t offset, std::span<std::byte> read) const noexcept;

  /// Pins bytes of the file. A commit must not need more space for it, so it stores into the blocks
  /// as they are, and bytes that it may store over are pinned as a copy. That copy is all that the
  /// pin is charged. Precondition: the bytes are below `shown_size()`. Errors: as
  /// `storage::make_room`.
  result<piece_list> pin(const account& payer, std::uint64_t offset, std::uint64_t size,
                         life_hold alive) const noexcept;

  /// Makes the first `size` bytes of the room part of the file, and gives back the rest.
  /// Precondition: there are as many.
  void commit(const account& payer, std::size_t size) noexcept;
  /// Gives back all of the room.
  void give_back(const account& payer) noexcept;
  /// Commits room at the end of the file, and leaves the slack that the next room is likely to
  /// need.
  void publish(const account& payer, std::size_t size) noexcept { cut(payer, shown_size_ + size); }

 private:
  bool is_apart() const noexcept { return offset_ < shown_size_ && !is_over_zeros_; }
  void wipe_from(std::uint64_t begin) noexcept;
  result<void> make_apart(const account& payer) noexcept;
  void cut(const account& payer, std::uint64_t size) noexcept;

  storage& content_;
  storage apart_;  // the room, if it is not at the end
  const std::uint64_t offset_;
  const std::size_t size_;
  const std::uint64_t shown_size_;
  const bool is_over_zeros_;
  pieces found_;  // empty, with memory for what `show` finds
  piece_list places_;
};

}  // namespace coramfs::detail
