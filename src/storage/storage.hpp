// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/piece_list.hpp>
#include <coramfs/options.hpp>
#include <coramfs/result.hpp>

#include "core/lifetime.hpp"
#include "storage/account.hpp"
#include "storage/block_table.hpp"
#include "storage/chain.hpp"
#include "storage/loan_maker.hpp"
#include "storage/piece.hpp"
#include "storage/unsharer.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <variant>

namespace coramfs::detail {

class promotion;
class unsharer;

/// Bytes: no file grows beyond this, whatever the quota.
inline constexpr std::uint64_t max_file_size = std::numeric_limits<std::int64_t>::max();

/// The bytes of one file, in whichever layout they are kept.
///
/// Guarded by the file's lock, which is held exclusively for all that changes something, but for
/// `move`. Whatever fails has changed nothing.
class storage {
 public:
  explicit storage(storage_layout layout) noexcept;
  /// Moves the content to another place, and tells its blocks: `may_be_moved()` says whether that
  /// takes little time. The other is empty, and charged nothing, from then on.
  storage(storage&& other) noexcept;
  /// Returns whether it is in few enough blocks to tell all of them their new place.
  bool may_be_moved() const noexcept;

  std::uint64_t size() const noexcept;
  /// What the file has been charged for.
  totals totals_now() const noexcept;

  /// A lower bound of the bytes that the file pays for, however little memory they take: not for
  /// holes, and not for what pins do.
  std::uint64_t stored_bytes() const noexcept;

  /// Returns the bytes read: less than asked for only at the end.
  std::size_t read(std::uint64_t offset, std::span<std::byte> to) const noexcept;

  /// Pins the bytes from `offset` to `offset` + `size`, which the file has: they stay as they are,
  /// and charged, for as long as anybody refers to the list. It keeps `alive`, too. The file's lock
  /// is held, shared or exclusive. Errors: `out_of_memory`.
  result<piece_list> pin(std::uint64_t offset, std::uint64_t size, life_hold alive) const;
  /// Pins pieces that were listed, in the same way. They may be of other contents, too, on which
  /// `expect_pins` has been called.
  result<piece_list> pin(const pieces& listed, life_hold alive) const;
  /// Lists the places of the bytes from `begin` to `end`. Throws `std::bad_alloc`.
  void list_pieces(std::uint64_t begin, std::uint64_t end, pieces& to) const;
  /// Whether blocks of this may be pinned, or shared with others.
  bool may_have_pins() const noexcept { return may_have_pins_.load(std::memory_order_relaxed); }
  /// Says that blocks of this may be pinned from now on.
  void expect_pins() const noexcept { may_have_pins_.store(true, std::memory_order_relaxed); }
  /// Leaves the charge of what is pinned to the pins, before the file is given up: it is no part
  /// of `totals_now()` then.
  void settle_pins() noexcept;

  /// Checks that bytes would not end beyond what any file may have. Errors: `too_large`.
  static result<void> require_end(std::uint64_t offset, std::uint64_t size) noexcept;

  /// Does all of a write of `size` bytes at `offset` that may fail. The file has its new size then,
  /// and the bytes can be stored. They must be before anybody else sees the file: what they are
  /// until then is unspecified. With `storage_layout::automatic` a write that leaves a gap turns a
  /// chain of no more than `promotion_hard_limit` bytes into a table, for good. That takes time:
  /// with `rest` it is only begun where the chain is longer than a slice, and all of the above is
  /// true when `rest` is done.
  ///
  /// Errors: `too_large`; `not_supported` for a gap that the layout can not have; `quota_exceeded`;
  /// `memory_guard`; `out_of_memory`.
  result<void> make_room(const account& payer, std::uint64_t offset, std::uint64_t size,
                         std::unique_ptr<promotion>* rest = nullptr);
  /// Returns whether `make_room` at `offset` would give out a `rest`.
  bool promotes_long(std::uint64_t offset) const noexcept;

  /// Stores bytes over others, where that can not fail and nobody is to be asked: they stand in one
  /// block, and nothing of the file is pinned. Returns whether it was so; else nothing has changed.
  bool overwrite(std::uint64_t offset, std::span<const std::byte> from) noexcept;

  /// Stores bytes that `make_room` has made room for, in one piece or in many.
  void store(std::uint64_t offset, std::span<const std::byte> from) noexcept;

  /// Takes what is in that room for the bytes, as if it had been stored.
  void mark_stored(std::uint64_t offset, std::uint64_t size) noexcept;
  /// Lists the places of those bytes, for others to put them there instead of `store`. If they put
  /// only the first of them there, the file has to be cut to these. Precondition: `to` has room for
  /// `most_pieces`.
  void expose(std::uint64_t offset, std::size_t size, pieces& to) noexcept;
  /// The most places that `size` bytes can be in for which there has just been made room.
  static std::size_t most_pieces(std::size_t size) noexcept {
    return size / block_table::block_size + 3;
  }

  /// Stores all of `from` at `offset`: makes room, and stores.
  result<void> write(const account& payer, std::uint64_t offset, std::span<const std::byte> from);

  /// Stores all of `from` at `offset` as `write` does, but takes it over where the layout can and
  /// it pays. On failure `from` is untouched.
  result<void> write(const account& payer, std::uint64_t offset, bytes&& from);
  /// Takes `from` over as the bytes at `offset`. Returns whether it did: if the layout can not, if
  /// it does not pay, or if the quota has no room for all that comes with it, nothing has changed.
  /// Errors: as `write`.
  result<bool> adopt(const account& payer, std::uint64_t offset, bytes& from);

  /// Stores zeros from `begin` to `end`, in room that has been made.
  void store_zeros(std::uint64_t begin, std::uint64_t end) noexcept;

  /// Cuts the content to `size` bytes, or extends it with zeros. Returns where those begin that
  /// are yet to be stored, up to `size`; the layout may have a hole instead. Errors, when
  /// growing: `too_large`, `quota_exceeded`, `memory_guard`, `out_of_memory`.
  result<std::uint64_t> make_length(const account& payer, std::uint64_t size);
  /// Does `make_length`, and stores the zeros.
  result<void> resize(const account& payer, std::uint64_t size);

  /// Makes a hole of the bytes from `begin` to `end`, which the file has. Errors: `not_supported`
  /// for a chain; `quota_exceeded`, `memory_guard` and `out_of_memory` for the copy of a pinned
  /// block of which a part is in the hole.
  result<void> punch(const account& payer, std::uint64_t begin, std::uint64_t end);
  /// The first byte from `offset` on that was stored, or that is in a hole, or else the size.
  /// @{
  std::uint64_t next_data(std::uint64_t offset) const noexcept;
  std::uint64_t next_hole(std::uint64_t offset) const noexcept;
  /// @}

  /// Makes the whole content `size` bytes, which are to be stored as after `make_room`. Errors:
  /// as `make_room`; none for space when it costs no more than the old content.
  result<void> recreate(const account& payer, std::uint64_t size);
  /// Replaces the whole content: recreates and stores.
  result<void> assign(const account& payer, std::span<const std::byte> from);

  /// What a file of `size` stored bytes amounts to if it takes no more than it needs.
  static totals totals_for(storage_layout layout, std::uint64_t size) noexcept;
  /// What this content amounts to at most when it has grown to `size` bytes that are paid for
  /// ahead: without a hole, if no gap makes a table of a chain, and nothing is pinned.
  /// Precondition: it has no more bytes than that.
  totals totals_grown_to(std::uint64_t size) const noexcept;
  /// What a copy of this content amounts to if it takes no more than it needs.
  totals clone_totals() const noexcept;
  /// Makes room for a copy of `from`, in the layout that it has now, whose bytes are yet to be
  /// copied. Precondition: this is empty, and `prepaid` is. Errors: `out_of_memory`.
  result<void> clone_room(const account& prepaid, const storage& from);
  /// Copies about `count` bytes of `from` into that room, from where the last call left off:
  /// `begin`, at first 0. Returns where to go on, which is the size at last. Holes are skipped.
  std::uint64_t clone_bytes(const storage& from, std::uint64_t begin, std::uint64_t count) noexcept;

  /// What a copy of this content amounts to that shares all of its bytes.
  totals share_totals() const noexcept;
  /// Makes this a copy of `from` that shares all of its bytes, in the layout that it has now and
  /// with the one that it was made for; it may be of another volume. The lock of the file that has
  /// `from` is held, shared or exclusive. Precondition: this is empty, and `prepaid` is. Errors:
  /// `out_of_memory`.
  result<void> share(const account& prepaid, const storage& from) noexcept {
    loan_maker loans(prepaid.blocks(), from.block_count());
    return share(prepaid, from, loans);
  }
  /// The same where many files share at once: `loans` makes those of all.
  result<void> share(const account& prepaid, const storage& from, loan_maker& loans) noexcept;
  /// Begins to give this content blocks of its own in the place of all that are shared or pinned.
  /// Null: there are none. Errors: `quota_exceeded`, `memory_guard`, `out_of_memory`.
  result<std::unique_ptr<unsharer>> unshare(const account& payer) noexcept;
  /// In how many blocks it is. For a table it takes time with their number.
  std::size_t block_count() const noexcept;

  /// Moves one of its blocks, which is not pinned, to other memory of the same size; the caller
  /// gives back the memory that it had. The tree is held exclusively, and nobody uses the file.
  void move(block& b, void* to) noexcept;

  /// Whether whoever wrote the content has given it up in the middle. Copies and loans of it are
  /// as incomplete as it is, and new content in its place is not.
  bool is_incomplete() const noexcept { return is_incomplete_; }
  void set_incomplete(bool to) noexcept { is_incomplete_ = to; }

  /// Gives slack back, but not while bytes beyond the end are paid for ahead.
  void trim(const account& payer) noexcept;
  /// Gives slack back if there is more of it than growth by doubling would leave.
  void trim_excess(const account& payer) noexcept;

 private:
  friend class promotion;
  friend class unsharer;
  template <class Action>
  void for_each_shared(Action action) const;
  void replace_shared(std::uint64_t place, block_ref by, std::size_t size) noexcept;
  void set_paid(const totals& now) noexcept;
  void settle_pins(std::uint64_t begin, std::uint64_t end) noexcept;
  void settle_for_change(std::uint64_t begin, std::uint64_t end) noexcept;
  result<void> promote(const account& payer, std::uint64_t begin, std::uint64_t end,
                       std::unique_ptr<promotion>* rest);

  // The small members are the last, so that others may stand beside them.
  std::variant<chain, block_table> content_;
  storage_layout layout_ : 7;  // changes only where `share` makes it the source's
  bool is_incomplete_ : 1 = false;
  mutable std::atomic<bool> may_have_pins_{false};  // readers set it at the same time
};

// Calls `action(place, block, bytes of it)` for each block of which others have a part.
template <class Action>
void storage::for_each_shared(Action action) const {
  std::visit([&](const auto& c) { c.for_each_shared(action); }, content_);
}

}  // namespace coramfs::detail
