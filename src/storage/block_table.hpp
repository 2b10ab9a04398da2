// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/result.hpp>

#include "storage/account.hpp"
#include "storage/block.hpp"
#include "storage/block_map.hpp"
#include "storage/piece.hpp"

#include <boost/container/small_vector.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace coramfs::detail {

/// The random-access layout: blocks of one size, found by their number in constant time.
///
/// A block that nobody has written to does not exist and reads as zeros. One that is written to in
/// part is only as large as its last byte asks for, so that small files are small here too. One
/// that is likely to be filled has room for more at first, which gives way, in all blocks, where
/// the quota would refuse something else for it. As many as are begun and not filled at the same
/// time, `most_with_slack` have such room: each of them has to be shrunk when the file is closed.
///
/// Invariants: what a block has behind its `used` bytes reads as zero, whatever it is, and no block
/// is used beyond the end of the file; `totals_now()` is what the file has been charged, pinned
/// blocks that have been left to their pins excepted. The charge is what the blocks and their map
/// take, or more: where memory was refused after slack had given way, the file stays charged as it
/// was, until the next operation that succeeds.
///
/// Guarded by the file's lock. All that may fail fails before anything has changed.
class block_table {
 public:
  static constexpr std::size_t block_size = 64 * 1024;  // bytes
  /// Blocks: to shrink as many takes about half a millisecond.
  static constexpr std::size_t most_with_slack = 1024;

  block_table() noexcept = default;
  block_table(block_table&& other) noexcept
      : blocks_(std::move(other.blocks_)),
        size_(std::exchange(other.size_, 0)),
        footprint_(std::exchange(other.footprint_, 0)) {}
  block_table& operator=(block_table&&) noexcept = default;

  std::uint64_t size() const noexcept { return size_; }
  totals totals_now() const noexcept { return {size_, footprint_, 0}; }

  /// A lower bound of the bytes that it pays for.
  std::uint64_t stored_bytes() const noexcept {
    return blocks_.footprint() - std::min(blocks_.footprint(), blocks_.slack_bound());
  }

  /// Returns the bytes read: less than asked for only at the end.
  std::size_t read(std::uint64_t offset, std::span<std::byte> to) const noexcept;

  /// Does all of a write, at any offset, that may fail. What the file grows by, and the holes that
  /// are filled, are unspecified until they are stored. Pinned blocks are copied. Errors:
  /// `quota_exceeded`, `memory_guard`, `out_of_memory`.
  result<void> make_room(const account& payer, std::uint64_t offset, std::uint64_t size);
  /// Stores bytes over others that stand in one block, where nothing is to be paid for. Returns
  /// whether it was so; else nothing has changed. Precondition: nothing is pinned.
  bool overwrite(std::uint64_t offset, std::span<const std::byte> from) noexcept;
  /// Stores bytes. Precondition: `make_room` for them.
  void store(std::uint64_t offset, std::span<const std::byte> from) noexcept;

  /// Takes what is in the memory of these bytes for stored. Precondition: as for `store`.
  void mark_stored(std::uint64_t offset, std::uint64_t size) noexcept;

  /// The pieces that hold the bytes from `begin` to `end`, which the file has. Throws
  /// `std::bad_alloc`.
  void list_pieces(std::uint64_t begin, std::uint64_t end, pieces& to) const;

  /// Leaves the charge of what is pinned between `begin` and `end` to the blocks, before any of
  /// them is given up. Returns whether there was any.
  bool settle_pins(std::uint64_t begin, std::uint64_t end) noexcept;

  /// Cuts the file, or extends it with a hole. Errors: when growing, `quota_exceeded` where payload
  /// counts, and `memory_guard`.
  result<void> resize(const account& payer, std::uint64_t size);

  /// Stores zeros, in room that has been made.
  void store_zeros(std::uint64_t begin, std::uint64_t end) noexcept;

  /// Makes a hole of the bytes from `begin` to `end`, which the file has: gives up the blocks that
  /// are in it, and what stands in it of others becomes zeros. Pinned ones of these are copied,
  /// which is all that may fail. Errors: `quota_exceeded`, `memory_guard`, `out_of_memory`.
  result<void> punch(const account& payer, std::uint64_t begin, std::uint64_t end);
  /// The first byte from `offset` on that was stored, or else the size.
  std::uint64_t next_data(std::uint64_t offset) const noexcept;
  /// The first byte from `offset` on that was not, or else the size.
  std::uint64_t next_hole(std::uint64_t offset) const noexcept;

  /// Makes the whole content `size` bytes that are yet to be stored, in the memory of the old ones
  /// as far as that goes. Errors: `quota_exceeded`, `memory_guard`, `out_of_memory`.
  result<void> recreate(const account& payer, std::uint64_t size);

  /// Gives back memory that no byte is in.
  void trim(const account& payer) noexcept;

  bool has_few_blocks() const noexcept { return size_ <= block_size; }
  void set_owner(storage& owner) noexcept {
    blocks_.for_each([&](std::uint64_t, block& b) { b.set_owner(owner); });
  }
  /// Puts another block, which takes as much memory, into the place of one.
  void replace(const block& old, block& fresh) noexcept { blocks_.replace(old, fresh); }

  /// What a copy amounts to that takes no more than it needs.
  totals clone_totals() const noexcept;
  /// Makes room for such a copy, holes and all; the caller has paid. Precondition: this is empty.
  /// Errors: `out_of_memory`.
  result<void> clone_room(const account& prepaid, const block_table& from);
  /// Copies about `count` bytes into that room, from where it left off: `begin`, at first 0.
  /// Returns where to go on, which is the size at last. Holes are skipped.
  std::uint64_t clone_bytes(const block_table& from, std::uint64_t begin,
                            std::uint64_t count) noexcept;

  /// What a copy amounts to that shares all bytes of this.
  totals share_totals() const noexcept;
  /// Makes this such a copy of `from`, holes and all; the caller has paid. Returns whether it has:
  /// if memory is refused, this may only be dropped. Precondition: this is empty.
  bool share(block_memory& memory, const block_table& from, loan_maker& loans) noexcept;
  /// Takes over what was lent for the bytes between `begin` and `end` and nobody else has any more.
  void take_over(storage& owner, std::uint64_t begin, std::uint64_t end) noexcept;
  /// As those of a chain.
  /// @{
  template <class Action>
  void for_each_shared(Action& action) const {
    blocks_.for_each([&](std::uint64_t number, const block& b) {
      if (b.has_others()) action(number, b, std::size_t{b.used});
    });
  }
  void replace_shared(std::uint64_t place, block_ref by, std::size_t size) noexcept;
  void set_paid(const totals& now) noexcept { footprint_ = now.footprint; }
  /// @}
  /// How many blocks there are.
  std::size_t block_count() const noexcept { return blocks_.count(); }

  /// What the table of a promotion amounts to: of a chain of `chain_size` bytes, and of a write
  /// that begins behind them, if it is not empty.
  static totals totals_for(std::uint64_t chain_size, std::uint64_t begin,
                           std::uint64_t end) noexcept;
  static std::uint64_t blocks_for(std::uint64_t size) noexcept;
  /// What this amounts to at most when it has `size` bytes and no holes, all slack has given way
  /// and nothing is pinned but what is now the last block. Precondition: it has no more bytes than
  /// that.
  totals totals_grown_to(std::uint64_t size) const noexcept;

 private:
  friend class promotion;
  struct new_block {
    std::uint64_t number;
    std::size_t capacity;
    block_ref memory;
  };
  using new_blocks = boost::container::small_vector<new_block, 2>;
  /// What is wanted: that the bytes from `begin` to `end` can be stored, in a file that then has
  /// `size` bytes and has given up blocks of `freed` bytes behind them. It is paid for up to
  /// `ahead` bytes.
  struct wish {
    std::uint64_t begin, end, size, freed, ahead;
  };
  /// Says whether new blocks have room to grow. With `tight`, blocks that are larger than needed
  /// are made anew, too.
  enum class growth { generous, exact, tight };

  bool has_room(std::uint64_t begin, std::uint64_t end) const noexcept;
  static bool must_be_copied(block* b, std::size_t from, std::size_t n) noexcept;
  new_blocks plan(const wish& w, growth g) const;
  static std::size_t likely_room(const wish& w, std::uint64_t number, std::size_t from,
                                 std::size_t has) noexcept;
  totals after(const wish& w, const new_blocks& fresh) const noexcept;
  totals without_blocks(const wish& w) const noexcept;
  static block_map::range kept_by(const wish& w) noexcept;
  result<void> make_room(const account& payer, const wish& w);
  CORAMFS_COLD result<void> ask_growing(const account& payer, const wish& w) const;
  result<void> take_blocks(const account& payer, const wish& w);
  result<void> give_way(const account& payer, const wish& w, const new_blocks& fresh,
                        std::uint64_t missing, totals& now, reservation& paid) noexcept;
  result<void> install(block_memory& from, storage* owner, new_blocks& fresh);
  result<void> add_blocks(block_memory& from, storage* owner, std::uint64_t first,
                          std::uint64_t behind, std::uint64_t stop) noexcept;
  std::byte* extend_to(std::uint64_t number, block& b, std::size_t begin, std::size_t n) noexcept;
  void settle(const account& payer) noexcept;
  std::uint64_t settle_slack(block_map::range kept, std::uint64_t enough) noexcept;
  void cut(std::uint64_t size) noexcept;
  /// Bytes of one block.
  struct part {
    std::uint64_t number;
    std::size_t begin, end;
  };
  using parts = boost::container::small_vector<part, 2>;
  static parts parts_at_ends(std::uint64_t begin, std::uint64_t end);
  bool is_pinned_inside(const part& p) const noexcept;
  result<void> copy_blocks(const account& payer, const parts& of);
  void clear(const part& p) noexcept;
  template <class Action>
  void for_each_block(std::uint64_t begin, std::uint64_t end, Action action) const;
  template <class Action>
  void for_each_piece(std::uint64_t begin, std::uint64_t end, Action action) const;

  block_map blocks_;
  std::uint64_t size_ = 0;
  std::uint64_t footprint_ = 0;
};

}  // namespace coramfs::detail
