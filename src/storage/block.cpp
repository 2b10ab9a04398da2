// SPDX-License-Identifier: BSL-1.0
#include "storage/block.hpp"

#include "core/lifetime.hpp"
#include "storage/adopted_buffer.hpp"
#include "storage/backlog.hpp"
#include "storage/long_copy.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <limits>
#include <new>
#include <utility>

namespace coramfs::detail {

namespace {

// What stands behind the header of a block that is not small.
using page_run = block_memory::run;
struct slice {
  std::byte* data;
  adopted_buffer* of;
  std::uint64_t taken;
};
constexpr std::size_t large_size = sizeof(block) + sizeof(page_run);
constexpr std::size_t adopted_size = sizeof(block) + sizeof(slice);
constexpr std::size_t loan_size = sizeof(block);
static_assert(sizeof(block) == 48, "each small content is charged for it");
constexpr auto content = small_memory::use::content;

// Returns whether pages beside a header take less than a piece of a slab with header and bytes, or
// the block is too large for a piece.
bool is_large(std::size_t capacity) noexcept {
  return !small_memory::fits(sizeof(block) + capacity) ||
         small_memory::footprint(large_size) + block_memory::whole_pages(capacity) <
             small_memory::footprint(sizeof(block) + capacity);
}

page_run& run_of(block* b) noexcept { return *std::launder(reinterpret_cast<page_run*>(b + 1)); }
slice& slice_of(block* b) noexcept { return *std::launder(reinterpret_cast<slice*>(b + 1)); }
// What stands behind the header of both begins with a pointer to the data.
std::byte* data_behind(block* b) noexcept {
  static_assert(offsetof(slice, data) == 0 && offsetof(page_run, data) == 0);
  return *std::launder(reinterpret_cast<std::byte**>(b + 1));
}

}  // namespace

block* block::make(block_memory& in, storage* owner, kind what, std::size_t capacity,
                   std::size_t bytes) noexcept {
  block* made = nullptr;
  in.small().take(bytes, content,
                  [&](void* memory) { made = new (memory) block(owner, what, capacity); });
  return made;
}

block* block::allocate(block_memory& from, storage* owner, std::size_t capacity,
                       std::size_t likely) noexcept {
  if (is_large(capacity)) return allocate_large(from, owner, capacity, likely);
  const std::size_t room = usable(capacity);
  return make(from, owner, kind::small, room, sizeof(block) + room);
}

// A search for memory that can be moved may find this block before its run is there. It leaves it
// alone, because its file is in use or not in the tree yet.
block* block::allocate_large(block_memory& from, storage* owner, std::size_t capacity,
                             std::size_t likely) noexcept {
  const std::size_t room = usable(capacity);
  block* const b = make(from, owner, kind::large, room, large_size);
  if (b == nullptr) return nullptr;
  const page_run taken = from.take(room, likely);
  if (taken.data == nullptr) {
    small_memory::give(b);
    return nullptr;
  }
  new (b + 1) page_run(taken);
  return b;
}

block* block::make_slice(block_memory& from, storage* owner) noexcept {
  block* const b = make(from, owner, kind::adopted, 0, adopted_size);
  if (b != nullptr) new (b + 1) slice{nullptr, nullptr, 0};
  return b;
}

void block::become_slice(adopted_buffer& of, std::byte* data, std::size_t size,
                         std::uint64_t taken) noexcept {
  slice_of(this) = {data, &of, taken};
  capacity_ = size;
}

std::uint64_t block::slice_footprint() noexcept { return small_memory::footprint(adopted_size); }

std::uint64_t block::footprint(std::size_t capacity) noexcept {
  return is_large(capacity)
             ? small_memory::footprint(large_size) + block_memory::whole_pages(capacity)
             : small_memory::footprint(sizeof(block) + capacity);
}

std::size_t block::usable(std::size_t capacity) noexcept {
  return is_large(capacity) ? block_memory::whole_pages(capacity)
                            : small_memory::usable(sizeof(block) + capacity) - sizeof(block);
}

std::uint64_t block::loan_footprint() noexcept { return small_memory::footprint(loan_size); }

block::block(std::byte* data, std::size_t size, block& lender) noexcept
    : block(nullptr, kind::loan, size) {
  borrowed_ = data;
  pinned_.store(reinterpret_cast<std::uintptr_t>(&lender), std::memory_order_relaxed);
}

block& block::lender() noexcept {
  const std::uint64_t address = pinned_.load(std::memory_order_relaxed);
  return *reinterpret_cast<block*>(static_cast<std::uintptr_t>(address));
}

block& block::source() noexcept { return is_loan() ? lender() : *this; }

std::byte* block::data_elsewhere() noexcept { return is_loan() ? borrowed_ : data_behind(this); }

std::uint64_t block::footprint() const noexcept {
  auto* const b = const_cast<block*>(this);
  if (kind_ == kind::small) return small_memory::footprint(sizeof(block) + capacity_);
  if (kind_ == kind::large) return small_memory::footprint(large_size) + capacity_;
  return is_loan() ? loan_footprint() : slice_footprint() + slice_of(b).taken;
}

std::uint64_t block::slack() const noexcept {
  if (state_.load(std::memory_order_acquire) != owned) return 0;
  const std::uint64_t all = footprint();
  return all - std::min(all, footprint(used));
}

// What is written to is no loan.
void block::store(std::size_t begin, const std::byte* from, std::size_t size,
                  std::size_t in_all) noexcept {
  std::byte* const to = is_small() ? reinterpret_cast<std::byte*>(this + 1) : data_behind(this);
  if (in_all >= long_copy_from && kind_ == kind::large && run_of(this).is_warm) {
    long_copy(to + begin, from, size);
  } else {
    std::memcpy(to + begin, from, size);
  }
}

// No writer runs beside this, so it does not matter in which order the words change.
void block::pin(std::size_t begin, std::size_t end) noexcept { pin(begin, end, one_pin); }

std::uint64_t block::pin(std::size_t begin, std::size_t end, std::uint64_t share) noexcept {
  if (is_loan()) return state_.fetch_add(share, std::memory_order_relaxed);
  const std::uint64_t first = std::min(begin, no_end), behind = std::min(end, no_end);
  std::uint64_t now = pinned_.load(std::memory_order_relaxed);
  while (first < (now & no_end) || behind > now >> 32) {
    const std::uint64_t wider =
        std::max(behind, now >> 32) << 32 | std::min<std::uint64_t>(first, now & no_end);
    if (pinned_.compare_exchange_weak(now, wider, std::memory_order_relaxed)) break;
  }
  return state_.fetch_add(share, std::memory_order_relaxed);
}

void block::unpin() noexcept { drop(one_pin); }

bool block::is_pinned_in(std::size_t begin, std::size_t end) noexcept {
  if (const std::uint64_t now = state_.load(std::memory_order_acquire); now >= one_pin) {
    if ((now & borrows) != 0) return true;
    const std::uint64_t pinned = pinned_.load(std::memory_order_relaxed);
    const std::uint64_t first = pinned & no_end, behind = pinned >> 32;
    return (begin < behind || behind == no_end) && end > first;
  }
  pinned_.store(nothing_pinned, std::memory_order_relaxed);
  return false;
}

std::uint64_t block::charged() const noexcept {
  return (state_.load(std::memory_order_relaxed) & keeps_charge) != 0 ? 0 : footprint();
}

// If the last pin goes at the same time the block stays its file's, whichever of the two is found
// here.
void block::settle_charge() noexcept {
  if (has_own_pins()) {
    state_.fetch_or(keeps_charge, std::memory_order_relaxed);
  } else {
    state_.fetch_and(~keeps_charge, std::memory_order_relaxed);
  }
}

// The pages of a slice that is still used for the most part stay where they are.
bool block::would_shrink(std::size_t capacity) const noexcept {
  const std::uint64_t before = footprint(), after = footprint(capacity);
  return after < before && (kind_ != kind::adopted || after <= before / 2);
}

// Gives back pages at the end of a large block that stays large. Otherwise what is left moves to a
// new block, if that takes less.
block* block::shrink(block* b, std::size_t capacity) noexcept {
  if (!b->would_shrink(capacity)) return b;
  if (b->kind_ == kind::large && is_large(capacity)) {
    const std::size_t kept = block_memory::whole_pages(capacity);
    b->home().put_tail(run_of(b), b->capacity_, kept);
    b->capacity_ = kept;
    return b;
  }
  block* const moved = allocate(b->home(), b->owner_, capacity);
  if (moved == nullptr) return b;
  std::memcpy(moved->data(), b->data(), std::min(capacity, b->capacity_));
  moved->used = b->used;
  moved->place = b->place;
  give_up(*b);
  return moved;
}

// A pin that goes gives back as much as the block is then, so one that is pinned stays as it is.
bool block::extend(std::size_t capacity) noexcept {
  if (state_.load(std::memory_order_acquire) != owned) return false;
  if (!home().extend(run_of(this), capacity_, capacity)) return false;
  capacity_ = capacity;
  return true;
}

std::size_t block::size_of_piece() const noexcept {
  switch (kind_) {
    case kind::large: return large_size;
    case kind::adopted: return adopted_size;
    case kind::loan: return loan_size;
    default: return sizeof(block) + capacity_;
  }
}

block& block::move_to(void* memory) noexcept {
  block* const moved = new (memory) block(owner_, kind_, capacity_);
  moved->used = used;
  moved->place = place;
  std::memcpy(static_cast<void*>(moved + 1), this + 1, size_of_piece() - sizeof(block));
  return *moved;
}

// Drops a file's share, a loan's or a pin's. Whoever drops the last one frees the block, and gives
// its charge back if that had been left to the block. One that no live file of the volume has any
// more is held by others from then on. Who has a share that is not the last may look at the block
// until it is dropped, and not afterwards.
void block::drop(std::uint64_t share, bool is_lent) noexcept {
  const std::uint64_t now = state_.load(std::memory_order_acquire);
  if (now == owned && share == owned) return give_up(*this, is_lent);  // as most
  const bool is_live = (share & in_live_files) != 0;
  if ((now & ~(keeps_charge | borrows)) == share)
    return end(now, is_live, is_live ? one_loan : one_pin, is_lent);
  if (!is_live) {
    const std::uint64_t rest = state_.fetch_sub(share, std::memory_order_acq_rel) - share;
    if ((rest & ~(keeps_charge | borrows)) == 0) end(rest, false, one_pin, is_lent);
    return;
  }
  block_memory& memory = home();
  const std::uint64_t bytes = footprint();
  if (is_loan()) leave_lender_to_pins();
  const std::uint64_t rest = state_.fetch_sub(share, std::memory_order_acq_rel) - share;
  if ((rest & ~(keeps_charge | borrows)) == 0) return end(rest, true, one_pin, is_lent);
  if ((rest & in_live_files) == 0 && (rest & keeps_charge) != 0)
    memory.change_held(static_cast<std::int64_t>(bytes));
}

// A loan that its file gives up while it is pinned is no live file's any more, and so is a pin of
// the lender from then on, whoever ends it.
void block::leave_lender_to_pins() noexcept {
  block& from = lender();
  if (&from.home() != &home()) return;
  const std::uint64_t by = one_pin - one_loan;
  const std::uint64_t rest = from.state_.fetch_add(by, std::memory_order_acq_rel) + by;
  if ((rest & in_live_files) == 0 && (rest & keeps_charge) != 0)
    from.home().change_held(static_cast<std::int64_t>(from.footprint()));
}

// Nobody has it any more, and nobody can come. `was_live`: a file had it until now. `at_lender` is
// what a loan is for the lender, if that is of the same volume.
void block::end(std::uint64_t last, bool was_live, std::uint64_t at_lender, bool is_lent) noexcept {
  block_memory& memory = home();
  const std::uint64_t freed = (last & keeps_charge) != 0 ? footprint() : 0;
  is_loan() ? end_loan(*this, at_lender) : give_up(*this, is_lent);
  if (freed == 0) return;
  if (!was_live) memory.change_held(-static_cast<std::int64_t>(freed));
  memory.give_back(freed);
}

std::uint64_t block::large_bytes() const noexcept {
  switch (kind_) {
    case kind::large: return capacity_;
    case kind::adopted: return slice_of(const_cast<block*>(this)).taken;
    default: return 0;
  }
}

// `is_lent`: to a file of another volume, which was the last that had it.
void block::give_up(block& b, bool is_lent) noexcept {
  using collecting = backlog::collecting;
  const std::uint64_t bytes = b.large_bytes();
  const auto note = is_lent ? &collecting::note_lent : &collecting::note;
  if (bytes != 0 && note(b.home(), bytes)) {
    b.home().collect(b);
  } else {
    free(b);
  }
}

void block::free(block& b) noexcept {
  if (b.kind_ == kind::large) b.home().put(run_of(&b), b.capacity_);
  if (const slice* const s = b.kind_ == kind::adopted ? &slice_of(&b) : nullptr)
    if (s->of != nullptr) s->of->drop_slice(s->data, s->taken);
  small_memory::give(&b);
}

// The lender's volume may end with its hold, so that goes last.
void block::end_loan(block& b, std::uint64_t at_lender) noexcept {
  block& from = b.lender();
  block_memory& memory = from.home();
  const bool is_foreign = &memory != &b.home();
  small_memory::give(&b);
  if (!is_foreign) return from.drop(at_lender);
  from.drop(one_pin, true);
  memory.whole().drop_loan();
}

// Nobody but this file can make another loan of the lender, and its lock is held, so what is seen
// to be the last one stays the last. Whoever moves memory looks at the owner as soon as the lender
// is owned, and takes no lock of this file's: so all else of it is written before. The loan may
// have been left its charge by pins that have gone since.
block* block::take_over(storage* owner) noexcept {
  constexpr std::uint64_t unpinned = owned | borrows, alone = one_loan | keeps_charge;
  if (kind_ != kind::loan || (state_.load(std::memory_order_acquire) & ~keeps_charge) != unpinned)
    return nullptr;
  block& lender = this->lender();
  block_memory& memory = home();
  if (&lender.home() != &memory) return nullptr;
  if (lender.state_.load(std::memory_order_acquire) != alone) return nullptr;
  lender.owner_ = owner;
  lender.place = place;
  lender.used = used;
  lender.state_.store(owned, std::memory_order_release);
  small_memory::give(this);
  memory.give_back(loan_footprint());
  return &lender;
}

// Nobody pins while the file's lock is held exclusively, so what is not pinned stays so.
void block_ref::shrink(std::size_t capacity) noexcept {
  if (block_->state_.load(std::memory_order_acquire) == block::owned)
    block_ = block::shrink(block_, capacity);
}

}  // namespace coramfs::detail
