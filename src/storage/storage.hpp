// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/piece_list.hpp>
#include <coramfs/options.hpp>
#include <coramfs/result.hpp>

#include "core/lifetime.hpp"
#include "storage/account.hpp"
#include "storage/block_table.hpp"
#include "storage/chain.hpp"
#include "storage/piece.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <variant>

namespace coramfs::detail {

class promotion;

/// Bytes: no file grows beyond this, whatever the quota.
inline constexpr std::uint64_t max_file_size = std::numeric_limits<std::int64_t>::max();

/// The bytes of one file, in whichever layout they are kept.
///
/// Guarded by the file's lock. Whatever fails has changed nothing.
class storage {
 public:
  explicit storage(storage_layout layout) noexcept;
  /// The same content in another place. Precondition: `may_be_moved()`.
  storage(storage&& other) noexcept;
  /// Whether it is in few enough blocks to tell all of them their new place.
  bool may_be_moved() const noexcept;

  std::uint64_t size() const noexcept;
  /// What the file has been charged for.
  extent extent_now() const noexcept;

  /// How many of its bytes the file pays for at least, however little memory it takes: not for
  /// holes, and not for what pins do.
  std::uint64_t stored_bytes() const noexcept;

  /// Bytes read: less than asked for only at the end.
  std::size_t read(std::uint64_t offset, std::span<std::byte> to) const noexcept;

  /// Pins the bytes from `offset` to `offset` + `size`, which the file has: they stay as they
  /// are, and charged, for as long as anybody refers to the list. It keeps `alive`, too. Under
  /// the file's lock of either kind. Errors: `out_of_memory`.
  result<piece_list> pin(std::uint64_t offset, std::uint64_t size, life_hold alive) const;
  /// Likewise, what was listed, of this content and of others that `expect_pins`.
  result<piece_list> pin(const pieces& listed, life_hold alive) const;
  /// The places of the bytes from `begin` to `end`. Throws `std::bad_alloc`.
  void list_pieces(std::uint64_t begin, std::uint64_t end, pieces& to) const;
  void expect_pins() const noexcept { may_have_pins_.store(true, std::memory_order_relaxed); }
  /// Leaves the charge of what is pinned to the pins, before the file is given up: it is no part
  /// of `extent_now()` then.
  void settle_pins() noexcept;

  /// Errors: `too_large` for bytes that would end beyond what any file may have.
  static result<void> require_end(std::uint64_t offset, std::uint64_t size) noexcept;

  /// Does all of a write of `size` bytes at `offset` that may fail: the file has its new size
  /// then, and the bytes may be stored, which they must be before anybody else sees the file,
  /// for what they are before that is unspecified. With `storage_layout::automatic` a write
  /// that leaves a gap turns a chain of no more than `promotion_hard_limit` bytes into a table,
  /// for good. That takes time: with `rest` it is only begun where the chain is longer than a
  /// slice, and all of the above is true when `rest` is done.
  ///
  /// Errors: `too_large`; `not_supported` for a gap that the layout can not have;
  /// `quota_exceeded`; `memory_guard`; `out_of_memory`.
  result<void> make_room(const account& payer, std::uint64_t offset, std::uint64_t size,
                         std::unique_ptr<promotion>* rest = nullptr);
  /// Whether a write at `offset` would make such a rest.
  bool promotes_long(std::uint64_t offset) const noexcept;

  /// Stores bytes over others, where that can not fail and nobody is to be asked: they stand in one
  /// block, and nothing of the file is pinned. Returns whether it was so; else nothing has changed.
  bool overwrite(std::uint64_t offset, std::span<const std::byte> from) noexcept;

  /// Stores bytes that `make_room` has made room for, in one piece or in many.
  void store(std::uint64_t offset, std::span<const std::byte> from) noexcept;

  /// Takes what happens to be in that room for the bytes.
  void mark_stored(std::uint64_t offset, std::uint64_t size) noexcept;
  /// Instead of storing: the places of those bytes, for others to put them there, or not all of
  /// them if the file is cut to the others. Precondition: `to` has room for `most_pieces`.
  void expose(std::uint64_t offset, std::size_t size, pieces& to) noexcept;
  /// How many places `size` bytes can be in that there has just been made room for.
  static std::size_t most_pieces(std::size_t size) noexcept {
    return size / block_table::block_size + 3;
  }

  /// Stores all of `from` at `offset`: both of the above.
  result<void> write(const account& payer, std::uint64_t offset, std::span<const std::byte> from);

  /// As `write`, taking `from` over where the layout can and it pays; on failure it is untouched.
  result<void> write(const account& payer, std::uint64_t offset, bytes&& from);
  /// Takes it over. False: the layout can not, or it does not pay, and nothing has changed.
  /// Errors: as `write`.
  result<bool> adopt(const account& payer, std::uint64_t offset, bytes& from);

  /// Stores zeros there.
  void store_zeros(std::uint64_t begin, std::uint64_t end) noexcept;

  /// Cuts the content to `size` bytes, or extends it with zeros. Returns where those begin that
  /// are yet to be stored, up to `size`; the layout may have a hole instead. Errors, when
  /// growing: `too_large`, `quota_exceeded`, `memory_guard`, `out_of_memory`.
  result<std::uint64_t> make_length(const account& payer, std::uint64_t size);
  /// Both in one.
  result<void> resize(const account& payer, std::uint64_t size);

  /// Makes the whole content `size` bytes, which are to be stored as after `make_room`. Errors:
  /// as `make_room`; none for space when it costs no more than the old content.
  result<void> recreate(const account& payer, std::uint64_t size);
  /// Replaces the whole content: recreates and stores.
  result<void> assign(const account& payer, std::span<const std::byte> from);

  /// What a file of `size` stored bytes amounts to that takes no more than it needs.
  static extent extent_for(storage_layout layout, std::uint64_t size) noexcept;
  /// Likewise, a copy of this one.
  extent clone_extent() const noexcept;
  /// Makes room for a copy of `from`, in the layout that it has now, whose bytes are yet to be
  /// copied. Precondition: this is empty, and `prepaid` is. Errors: `out_of_memory`.
  result<void> clone_room(const account& prepaid, const storage& from);
  /// Copies about `count` of them, from where it left off: `begin`, at first 0. Returns where to
  /// go on, which is the size at last. Holes are skipped.
  std::uint64_t clone_bytes(const storage& from, std::uint64_t begin, std::uint64_t count) noexcept;

  /// Moves one of its blocks, which is not pinned, to other memory of the same size; the caller
  /// gives back the memory that it had. Nobody else looks at the content meanwhile.
  void move(block& b, void* to) noexcept;

  /// Gives slack back.
  void trim(const account& payer) noexcept;
  /// Gives it back where it is more than growth by doubling would have.
  void trim_excess(const account& payer) noexcept;

 private:
  friend class promotion;
  void settle_pins(std::uint64_t begin, std::uint64_t end) noexcept;
  result<void> promote(const account& payer, std::uint64_t begin, std::uint64_t end,
                       std::unique_ptr<promotion>* rest);

  const storage_layout layout_;
  mutable std::atomic<bool> may_have_pins_{false};  // set beside other readers
  std::variant<chain, block_table> content_;
};

}  // namespace coramfs::detail
