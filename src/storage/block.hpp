// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/result.hpp>

#include "storage/block_memory.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>

namespace coramfs::detail {

class adopted_buffer;
class loan_maker;
class storage;

/// A run of bytes, the unit that files are made of. The bytes of a small one stand behind it, those
/// of a large one are pages from the block memory, and those of an adopted one are a slice of a
/// vector that somebody has moved in.
///
/// A block belongs to one file and may be pinned any number of times; it goes with the last of
/// them. While the file has it, it is in the file's charge. A file that is about to give up a
/// pinned block leaves the charge to the block first, which gives it back when it goes. That moves
/// no byte from one to the other: the sum of charges is the same before and after.
///
/// Another file may have the same bytes by a loan: a block of its own, which takes a few words and
/// pins the lender. So a file that shares has nothing but blocks that it owns, and each has its own
/// end, whatever the lender's file does behind it. A loan counts as pinned as a whole for as long
/// as it is there: whoever writes to it makes a copy first, or takes the lender over where nobody
/// else has it any more (`take_over`). A loan of a loan is one of the first lender: no way from a
/// file to its bytes is longer than one step. The lender may be of another volume, whose `lifetime`
/// is held until the loan goes.
///
/// A block that is not pinned may be moved by whoever knows that nobody uses its file: `move_to`.
///
/// Thread safety: pins and loans may go on any thread, without a lock. Whoever makes a loan of a
/// block, reads bytes that are not pinned, or pins any, unless he has a pin of the same bytes,
/// holds the file's lock, shared or exclusive; all else needs it exclusively. Who makes a loan of a
/// loan holds the lock of the file that has that, and not the lender's.
class block {
 public:
  /// Makes a block with uninitialised room for `capacity` bytes or a little more, for a file's
  /// content. One of whole pages is likely to be extended to `likely` bytes. Null: memory is
  /// refused.
  static block* allocate(block_memory& from, storage* owner, std::size_t capacity,
                         std::size_t likely = 0) noexcept;
  /// Makes a block for `become_slice` to turn into a slice of an adopted vector. Null: memory is
  /// refused.
  static block* make_slice(block_memory& from, storage* owner) noexcept;
  /// Makes it a slice of `size` bytes, for which `taken` are charged beside the block.
  void become_slice(adopted_buffer& of, std::byte* data, std::size_t size,
                    std::uint64_t taken) noexcept;
  /// Bytes that a slice takes beside those of the vector.
  static std::uint64_t slice_footprint() noexcept;

  /// Bytes that a loan takes (`loan_maker`).
  static std::uint64_t loan_footprint() noexcept;
  bool is_loan() const noexcept { return kind_ == kind::loan; }
  /// The block that has the bytes: the lender of a loan, or else this.
  block& source() noexcept;
  /// The memory of the volume that it is from.
  block_memory& home() const noexcept { return small_memory::home_of(this); }

  /// Bytes that `allocate(capacity)` takes from the machine.
  static std::uint64_t footprint(std::size_t capacity) noexcept;
  /// The capacity of what `allocate(capacity)` makes.
  static std::size_t usable(std::size_t capacity) noexcept;

  block(const block&) = delete;
  block& operator=(const block&) = delete;

  std::byte* data() noexcept {
    return kind_ == kind::small ? reinterpret_cast<std::byte*>(this + 1) : data_elsewhere();
  }
  const std::byte* data() const noexcept { return const_cast<block*>(this)->data(); }
  std::size_t capacity() const noexcept { return capacity_; }
  bool is_adopted() const noexcept { return kind_ == kind::adopted; }
  /// Stores `size` bytes, which are a part of a write of `in_all` bytes.
  void store(std::size_t begin, const std::byte* from, std::size_t size,
             std::size_t in_all) noexcept;
  std::uint64_t footprint() const noexcept;
  /// Makes a large block one of `capacity` bytes, which are whole pages and have been paid for,
  /// where these are free behind it. Returns whether it has: not where it is pinned.
  bool extend(std::size_t capacity) noexcept;
  bool is_small() const noexcept { return kind_ == kind::small; }
  bool has_pages() const noexcept { return kind_ == kind::large; }
  /// Whether `block_ref::shrink` would give something back, were the block not pinned.
  bool would_shrink(std::size_t capacity) const noexcept;
  /// Bytes that `block_ref::shrink` to its `used` bytes would give back; 0 where it is pinned.
  std::uint64_t slack() const noexcept;

  /// Pins the bytes from `begin` to `end`. The file's lock is held, shared or exclusive.
  void pin(std::size_t begin, std::size_t end) noexcept;
  void unpin() noexcept;
  /// Returns whether a byte from `begin` to `end` may be pinned: it may if it is between bytes that
  /// are, or were while there have been pins. If none is, that stays so while the file's lock is
  /// held exclusively.
  bool is_pinned_in(std::size_t begin, std::size_t end) noexcept;
  bool is_pinned() noexcept { return is_pinned_in(0, no_end); }
  /// Whether it is pinned, or was when its charge was left to it.
  bool has_pins() const noexcept { return state_.load(std::memory_order_acquire) != owned; }
  /// Whether a write to it needs a copy at any place: of a loan, or of what is pinned or lent.
  bool has_others() const noexcept { return state_.load(std::memory_order_acquire) >= one_pin; }

  /// Whether its charge has been left to it.
  bool has_charge() const noexcept {
    return (state_.load(std::memory_order_acquire) & keeps_charge) != 0;
  }
  /// Bytes of it that are in its file's charge, which are all or none.
  std::uint64_t charged() const noexcept;
  /// Leaves the charge to the block if it is pinned, and takes it back if it is not.
  void settle_charge() noexcept;

  /// Of a loan that is not pinned, in a file whose lock is held exclusively: gives the file the
  /// lender in its place, with its charge, if that is of the same volume and nobody else has any
  /// part in it. Returns it, for the file to put where the loan was, which is freed; its charge is
  /// given back. Null: nothing has changed.
  /// `owner` is the content that has the loan.
  block* take_over(storage* owner) noexcept;

  /// The content that it belongs to. Null: it has none, or pins have a part in it.
  storage* sole_owner() const noexcept {
    return state_.load(std::memory_order_acquire) == owned ? owner_ : nullptr;
  }
  /// Makes a block like this in other memory of the same size, with what this holds. This is then
  /// only good for giving its memory back. Precondition: nobody uses the content.
  block& move_to(void* memory) noexcept;
  /// The next block in a list of those that nobody has and that are freed later.
  block* next() const noexcept {
    return reinterpret_cast<block*>(static_cast<std::uintptr_t>(place));
  }
  void set_next(block* b) noexcept { place = reinterpret_cast<std::uintptr_t>(b); }
  /// Bytes that it takes beside its piece of a slab, of which a small one has none.
  std::uint64_t large_bytes() const noexcept;
  static void free(block& b) noexcept;

  /// The content that it belongs to has moved.
  void set_owner(storage& owner) noexcept {
    if (!is_loan()) owner_ = &owner;
  }

  /// Where its owner finds it: the offset in a chain, the number in a table. Of a block that nobody
  /// has it is the `next()`.
  std::uint64_t place = 0;
  /// In a table: the end of the bytes that were stored. What is behind it reads as zero.
  std::uint32_t used = 0;

 private:
  friend class block_ref;
  friend class loan_maker;
  // The parts of `state_`. Loans in the same volume are counted above the pins, for what a live
  // file of the volume has is not held by others alone; one in another volume is a pin. The highest
  // bit is a loan's own, which so counts as pinned from the start.
  static constexpr std::uint64_t owned = 1, keeps_charge = 2, one_pin = 4,
                                 one_loan = std::uint64_t{1} << 32,
                                 borrows = std::uint64_t{1} << 63;
  static constexpr std::uint64_t in_live_files = owned | (borrows - one_loan);
  static constexpr std::size_t no_end = std::numeric_limits<std::uint32_t>::max();
  static constexpr std::uint64_t nothing_pinned = no_end;

  enum class kind : std::uint8_t { small, large, adopted, loan };

  block(storage* owner, kind what, std::size_t capacity) noexcept
      : kind_(what),
        state_(what == kind::loan ? owned | borrows : owned),
        capacity_(capacity),
        owner_(owner) {}
  block(std::byte* data, std::size_t size, block& lender) noexcept;
  ~block() = default;
  std::byte* data_elsewhere() noexcept;
  static block* make(block_memory& in, storage* owner, kind what, std::size_t capacity,
                     std::size_t bytes) noexcept;
  static block* allocate_large(block_memory& from, storage* owner, std::size_t capacity,
                               std::size_t likely) noexcept;
  std::size_t size_of_piece() const noexcept;
  static block* shrink(block* b, std::size_t capacity) noexcept;
  void drop(std::uint64_t share, bool is_lent = false) noexcept;
  void leave_lender_to_pins() noexcept;
  void end(std::uint64_t last, bool was_live, std::uint64_t at_lender, bool is_lent) noexcept;
  static void give_up(block& b, bool is_lent = false) noexcept;
  std::uint64_t pin(std::size_t begin, std::size_t end, std::uint64_t share) noexcept;
  static void end_loan(block& b, std::uint64_t at_lender) noexcept;
  block& lender() noexcept;
  bool has_own_pins() const noexcept {
    return (state_.load(std::memory_order_acquire) & ~borrows) >= one_pin;
  }

  const kind kind_;
  /// This word alone decides who goes last: it says whether a file has the block, whether the block
  /// keeps its charge, and how many pins and loans there are.
  std::atomic<std::uint64_t> state_;
  // While there are pins: no byte has one in front of the lower half of this, or from the upper one
  // on. Of a loan, which needs no such range, it is the lender's address.
  std::atomic<std::uint64_t> pinned_{nothing_pinned};
  std::size_t capacity_;
  union {
    storage* owner_;
    std::byte* borrowed_;  // of a loan: where the bytes are
  };
};

/// A file's ownership of a block.
class block_ref {
 public:
  block_ref() noexcept = default;
  /// Takes over the ownership that `b` was made with.
  explicit block_ref(block* b) noexcept : block_(b) {}
  block_ref(block_ref&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  block_ref& operator=(block_ref&& other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~block_ref() {
    if (block_ != nullptr) block_->drop(block::owned);
  }

  explicit operator bool() const noexcept { return block_ != nullptr; }
  block* operator->() const noexcept { return block_; }
  block& operator*() const noexcept { return *block_; }
  block* get() const noexcept { return block_; }
  /// Gives the ownership away.
  block* release() noexcept { return std::exchange(block_, nullptr); }

  /// Cuts a block down to `capacity` bytes or a little more. Leaves it as it is where it is pinned
  /// or memory is refused.
  void shrink(std::size_t capacity) noexcept;

 private:
  block* block_ = nullptr;
};

}  // namespace coramfs::detail
