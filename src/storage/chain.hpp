// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/result.hpp>

#include "storage/account.hpp"
#include "storage/chunk_list.hpp"
#include "storage/piece.hpp"

#include <boost/container/small_vector.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <utility>

namespace coramfs::detail {

/// The sequential layout: a chain of chunks, found by binary search.
///
/// An append fills the last chunk, then starts one that grows with the file up to `max_chunk`, so
/// that small files stay small and appending takes amortised constant time. Little is ever copied
/// to make room.
///
/// A file may be opened, appended to and closed again and again, and each close cuts it to what is
/// in it. So the first growth after that takes no room for more, which the next close would only
/// give back. A last chunk of whole pages becomes longer in its place if the pages behind it are
/// free, so its bytes are not copied; a piece of a slab that stands behind it goes into it.
///
/// Otherwise a chunk that is not much larger than what comes behind it is merged with that, or else
/// there would be one for each such append. So the last chunks become smaller by a third at least
/// from each to the next, but for neighbours that are more than `max_chunk` together. Where there
/// is no room for both copies at once, nothing is merged.
///
/// At the edge of the quota the last chunks are gathered into as few as possible of exactly the
/// size needed, because slack must not be the reason for a refusal. No more than `most_gathered`
/// bytes are: they are there twice meanwhile.
///
/// Where the file is known to grow to a size that is paid for ahead, chunks are as large as they
/// would be had it grown to that size at once, and so is the list of them: so it never takes more
/// than was paid.
///
/// Invariants: chunks stand in the order of their offsets and none is empty; all but the last are
/// full up to where the next one begins; `totals_now()` is what the file has been charged, pinned
/// chunks that have been left to their pins excepted. The charge is what the chain takes, but for a
/// chain that was put together again after a promotion failed: it stays charged as it was until the
/// next operation that succeeds, and beyond that for as long as the difference can not be had.
///
/// Guarded by the file's lock. All that may fail fails before anything has changed.
class chain {
 public:
  /// The most bytes of a chunk that growth makes. Two fill a region of the block memory.
  static constexpr std::size_t max_chunk = 1024 * 1024;
  static constexpr std::size_t most_gathered = 3 * max_chunk;  // bytes

  chain() noexcept = default;
  chain(chain&& other) noexcept
      : size_(std::exchange(other.size_, 0)),
        footprint_(std::exchange(other.footprint_, 0)),
        charged_(std::move(other.charged_)),
        is_trimmed_(other.is_trimmed_),
        was_refused_(other.was_refused_),
        slack_count_(other.slack_count_),
        slack_first_(other.slack_first_) {
    chunks_.swap(other.chunks_);
  }

  std::uint64_t size() const noexcept { return size_; }
  totals totals_now() const noexcept {
    return charged_ != nullptr ? totals{size_, charged_->footprint, charged_->chunks} : taken();
  }

  /// A lower bound of the bytes that it pays for.
  std::uint64_t stored_bytes() const noexcept { return std::min(size_, footprint_); }

  /// Returns the bytes read: less than asked for only at the end.
  std::size_t read(std::uint64_t offset, std::span<std::byte> to) const noexcept;

  /// Does all of a write that may fail: to store bytes between `offset`, which is at most `size()`,
  /// and `offset` + `size` can not fail afterwards. What the file grows by is unspecified until
  /// then. Pinned chunks are copied.
  ///
  /// Errors: `quota_exceeded`, `memory_guard`, `out_of_memory`.
  result<void> make_room(const account& payer, std::uint64_t offset, std::uint64_t size);

  /// Stores bytes over others that stand in one chunk, where nothing is to be paid for. Returns
  /// whether it was so; else nothing has changed. Precondition: nothing is pinned.
  bool overwrite(std::uint64_t offset, std::span<const std::byte> from) noexcept;

  /// Stores bytes. Precondition: `make_room` for them.
  void store(std::uint64_t offset, std::span<const std::byte> from) noexcept;

  /// The pieces that hold the bytes from `begin` to `end`, which the chain has.
  /// Throws `std::bad_alloc`.
  void list_pieces(std::uint64_t begin, std::uint64_t end, pieces& to) const;

  /// Leaves the charge of what is pinned between `begin` and `end` to the blocks, before any of
  /// them is given up. Returns whether there was any.
  bool settle_pins(std::uint64_t begin, std::uint64_t end) noexcept;

  /// Appends `from` as chunks of its own, without a copy; `from` is then empty.
  ///
  /// Errors: `quota_exceeded`, `memory_guard`, `out_of_memory`; `from` is untouched then.
  result<void> adopt(const account& payer, bytes& from);
  /// Asks the policy of faults about so many bytes more at the end, as `make_room` would. Errors:
  /// `quota_exceeded`.
  CORAMFS_COLD result<void> ask_appending(const account& payer, std::uint64_t size) const noexcept;

  /// Stores zeros, in room that has been made.
  void store_zeros(std::uint64_t begin, std::uint64_t end) noexcept;

  /// Cuts the content down to `size` bytes.
  void cut(const account& payer, std::uint64_t size) noexcept;

  /// Makes the whole content `size` bytes that are yet to be stored, in the memory of the old ones
  /// as far as that goes.
  ///
  /// Errors: `quota_exceeded`, `memory_guard`, `out_of_memory`.
  result<void> recreate(const account& payer, std::uint64_t size);

  /// What a chain of `size` bytes amounts to if it takes no more than it needs.
  static totals totals_for(std::uint64_t size) noexcept;
  /// What this one amounts to at most when it has grown to `size` bytes that are paid for ahead,
  /// and nothing is pinned.
  totals totals_grown_to(std::uint64_t size) const noexcept;
  /// Makes room for a copy of `from` that takes no more than it needs; the caller has paid.
  /// Precondition: this is empty. Errors: `out_of_memory`.
  result<void> clone_room(const account& prepaid, const chain& from);
  /// Copies at most `count` bytes into that room, from where it left off: `begin`, at first 0.
  /// Returns where to go on, which is the size at last.
  std::uint64_t clone_bytes(const chain& from, std::uint64_t begin, std::uint64_t count) noexcept;

  /// What a copy amounts to that shares all bytes of this.
  totals share_totals() const noexcept;
  /// Makes this such a copy of `from`; the caller has paid. Returns whether it has: if memory is
  /// refused, this may only be dropped. Precondition: this is empty.
  bool share(block_memory& memory, const chain& from, loan_maker& loans) noexcept;
  /// Takes over what was lent for the bytes between `begin` and `end` and nobody else has any more.
  void take_over(storage& owner, std::uint64_t begin, std::uint64_t end) noexcept;
  /// What `unsharer` does: it looks for the chunks of which others have a part, puts copies into
  /// their places, and says what has been charged then.
  /// @{
  template <class Action>
  void for_each_shared(Action& action) const {
    for (std::size_t i = 0; i < chunks_.size(); ++i)
      if (const chunk& c = chunks_[i]; c.memory->has_others())
        action(c.begin, *c.memory, static_cast<std::size_t>(totals_of(i)));
  }
  void replace_shared(std::uint64_t place, block_ref by, std::size_t size) noexcept;
  void set_paid(const totals& now) noexcept;
  /// @}
  /// How many chunks there are.
  std::size_t block_count() const noexcept { return chunks_.size(); }

  /// Gives back memory that no byte is in. In front of the last chunk it looks at few of those that
  /// may have some. Precondition: `settle_pins` for the last byte.
  void trim(const account& payer) noexcept;

  bool has_few_blocks() const noexcept { return chunks_.size() <= 16; }
  void set_owner(storage& owner) noexcept {
    for (chunk& c : chunks_) c.memory->set_owner(owner);
  }
  /// The place of a block of this chain.
  block_ref& place_of(const block& b) noexcept { return chunks_[find(b.place)].memory; }

  /// Takes a chain apart from the front, and changes nothing that its account knows of.
  class dismantling;

 private:
  /// What is wanted: that the bytes from `begin` to `end` can be stored, in a chain that then
  /// has `size` bytes.
  struct wish {
    std::uint64_t begin, end, size;
    /// The chunks of these bytes that are pinned, but for the last chunk of all; and whether that
    /// one is. They are found once, for pins go at any time.
    boost::container::small_vector<std::size_t, 4> pinned = {};
    bool last_is_pinned = false;
  };
  /// One way to fulfil a wish: of the first `kept` chunks the pinned ones are copied and the others
  /// stay; what is behind them is gathered into new chunks with `room` bytes in all.
  struct growth {
    std::size_t kept;
    std::uint64_t room;
    std::size_t table;           // entries
    std::uint64_t extended = 0;  // bytes that the last kept chunk then has; 0: as many as before

    std::uint64_t new_chunks() const noexcept;
  };

  /// Chunks that stand together.
  struct stretch {
    std::size_t first, behind;
  };

  std::size_t find(std::uint64_t offset) const noexcept;
  bool is_in_one(std::size_t index, std::uint64_t end) const noexcept {
    return end <= begin_of(index + 1);
  }
  std::uint64_t end_of_room() const noexcept;
  std::uint64_t begin_of(std::size_t index) const noexcept;
  std::uint64_t totals_of(std::size_t index) const noexcept;
  bool find_pinned(wish& w) const;
  growth exact(const wish& w) const noexcept;
  static bool is_mergeable(const chunk& c, std::uint64_t own, std::uint64_t behind) noexcept;
  growth merging(const wish& w, growth g, std::uint64_t most) const noexcept;
  growth roomy(const wish& w, growth g) const noexcept;
  std::optional<growth> extending(const wish& w) const noexcept;
  result<bool> extend(const account& payer, const wish& w);
  growth planned(const wish& w, growth g, std::uint64_t size_ahead) const noexcept;
  totals after_plan(const wish& w, growth g, std::uint64_t size_ahead) const noexcept;
  growth gathering(const wish& w, std::uint64_t reach) const noexcept;
  CORAMFS_COLD result<void> ask_growing(const account& payer, const wish& w) const noexcept;
  std::uint64_t end_of_kept(std::size_t kept) const noexcept;
  totals after(const wish& w, const growth& g) const noexcept;
  totals after_adopting(const bytes& from, std::size_t table) const noexcept;
  result<void> grant(const account& payer, wish w);
  result<void> apply(const account& payer, const wish& w, const growth& g, const totals& now,
                     reservation paid);
  void note_growth(const wish& w, const totals& now, reservation& paid) noexcept;
  void replace_table(chunk_list& fresh) noexcept;
  totals taken() const noexcept { return {size_, footprint_, chunks_.size()}; }
  void settle(const account& payer, const totals& before) noexcept;
  bool is_snug() const noexcept;
  bool may_be_cut_later() const noexcept;
  std::size_t kept_entries() const noexcept;
  std::uint64_t kept_of_last() const noexcept;
  bool is_refused_trimming() const noexcept;
  void note_change() noexcept { is_trimmed_ = was_refused_ = false; }
  stretch inner_slack() const noexcept;
  void set_inner_slack(const stretch& s) noexcept;
  void note_inner_slack(std::size_t index) noexcept;
  stretch settle_inner() noexcept;
  void shrink_inner(const stretch& looked_at) noexcept;
  void trim_table(block_memory& memory) noexcept;
  std::uint64_t shrink_last() noexcept;
  void split_last(const account& payer) noexcept;
  static std::uint64_t first_of(std::uint64_t room) noexcept;
  template <class Action>
  void for_each_piece(std::uint64_t offset, std::uint64_t size, Action action) const noexcept;

  chunk_list chunks_;
  std::uint64_t size_ = 0;
  std::uint64_t footprint_ = 0;  // bytes that it takes
  // What it was charged for, where that is not what it takes; otherwise null.
  using charged_totals = std::unique_ptr<totals, small_memory::giver>;
  charged_totals charged_;
  // Whether it was trimmed since it changed last, and there is nothing to trim again.
  bool is_trimmed_ = false;
  // Whether since then a trim could not do all for want of memory.
  bool was_refused_ = false;
  // Chunks in front of the last one that may have room that no byte is in: so many from the first
  // one on, or all behind it where there are more than can be counted. Some may have gone.
  static constexpr std::uint16_t uncounted = std::numeric_limits<std::uint16_t>::max();
  std::uint16_t slack_count_ = 0;
  std::uint32_t slack_first_ = 0;
};

class chain::dismantling {
 public:
  explicit dismantling(chain& of) noexcept : of_(of) {}

  /// Makes sure that `count` pieces can be put back, in front of what is left. Returns whether it
  /// could: memory may be refused.
  bool prepare(block_memory& memory, std::size_t count) noexcept;

  /// Frees the chunks that end at `offset` or before. The others can still be read.
  void drop_before(std::uint64_t offset) noexcept;
  /// Where the first chunk begins that is still there.
  std::uint64_t rest_begins_at() const noexcept { return of_.begin_of(dropped_); }
  /// Puts a piece of what was dropped back, in order, from 0 up to where the rest begins.
  void put_back(block_ref piece, std::uint64_t begin) noexcept;
  /// Makes what was put back and the rest a chain again, charged as before. It takes more than that
  /// where loans have become blocks: this is charged, too, as far as `paid` bytes go. Returns
  /// how many of these, which the caller has to commit.
  std::uint64_t restore(std::uint64_t paid) noexcept;

 private:
  chain& of_;
  chunk_list put_back_;
  charged_totals charged_;  // for the chain, if it is restored
  std::size_t dropped_ = 0;
  bool had_loans_ = false;  // among those that were dropped
};

}  // namespace coramfs::detail
