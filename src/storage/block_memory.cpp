// SPDX-License-Identifier: BSL-1.0
#include "storage/block_memory.hpp"

#include "storage/block.hpp"
#include "storage/fault_point.hpp"
#include "storage/page_set.hpp"
#include "storage/pages.hpp"

#include <algorithm>
#include <bit>
#include <cassert>
#include <limits>
#include <new>
#include <utility>

namespace coramfs::detail {

namespace {

/// The header of memory that is too large for a piece of a slab.
struct alignas(std::max_align_t) long_piece final : block_memory::outside {
  long_piece(block_memory& from, const block_memory::run& r, std::size_t all) noexcept
      : home(from), run(r), bytes(all) {}
  // Called only where it has pages of its own.
  void end() noexcept override { unmap_pages(run.data, bytes); }

  block_memory& home;
  const block_memory::run run;  // in no region: pages of its own
  const std::size_t bytes;
};

constexpr std::size_t with_header(std::size_t bytes) noexcept {
  return block_memory::whole_pages(bytes + sizeof(long_piece));
}

}  // namespace

/// Invariant: what is free and not released is resident, and counts as kept. Pages that are at
/// hand, single ones and those behind runs, are used here, and `kept` does not count them.
struct block_memory::region {
  std::byte* data;
  page_set<pages_in_region> used;      // taken by runs
  page_set<pages_in_region> warm;      // have been in a run, and are resident
  page_set<pages_in_region> released;  // not resident
  std::size_t kept = 0;                // pages
  region* next = nullptr;              // of its class
  region* previous = nullptr;
  region* next_keeping = nullptr;
  region* previous_keeping = nullptr;
  region* next_of_all = nullptr;
  region* previous_of_all = nullptr;

  std::size_t longest() const noexcept {
    std::size_t most = 0;
    for (auto free = used.next(0, false); free.count > 0;
         free = used.next(free.first + free.count, false))
      most = std::max(most, free.count);
    return most;
  }
  // Returns the first of so many free pages, or `pages_in_region` if there are none.
  std::size_t find(std::size_t pages, std::size_t alignment) const noexcept {
    for (auto free = used.next(0, false); free.count > 0;
         free = used.next(free.first + free.count, false)) {
      const std::size_t first = (free.first + alignment - 1) / alignment * alignment;
      if (first + pages <= free.first + free.count) return first;
    }
    return pages_in_region;
  }
  bool is_empty() const noexcept { return used.count(0, pages_in_region) == 0; }
};
static_assert(sizeof(block_memory::region) <= block_memory::page_size);

// The book of a region has a page of its own, so that it is not in the process's heap.
constexpr std::size_t book_size = block_memory::page_size;

block_memory::block_memory(quota& limits, accounting counting, std::uint64_t max_recycled) noexcept
    : quota_(limits), counting_(counting), max_recycled_(max_recycled), small_(*this) {
  quota_.set_spare(this);
}

// What is still in a region goes with it.
block_memory::~block_memory() {
  quota_.set_spare(nullptr);
  while (!outside_.empty()) {
    outside& o = outside_.front();
    outside_.pop_front();
    o.end();
  }
  while (all_ != nullptr) unmap(*all_);
}

std::uint64_t block_memory::most_resident() const noexcept {
  constexpr std::uint64_t all = std::numeric_limits<std::uint64_t>::max();
  constexpr std::uint64_t constant = 4 * 1024 * 1024;
  const std::uint64_t limit = quota_.may_be_taken();
  if (counting_ == accounting::payload || !can_release_pages()) return all;
  const std::uint64_t more = limit / 256 + constant;
  return limit < all - more ? limit + more : all;
}

block_memory::run block_memory::take(std::size_t bytes, std::size_t likely) noexcept {
  if (memory_is_refused()) return {};
  free_collected(bytes);
  run r = try_take(bytes, page_size, likely);
  while (r.data == nullptr && relieve()) r = try_take(bytes, page_size, likely);
  return r;
}

block_memory::run block_memory::try_take(std::size_t bytes, std::size_t alignment,
                                         std::size_t likely) noexcept {
  assert(bytes % page_size == 0 && bytes <= region_size);
  const std::size_t pages = bytes / page_size;
  const std::lock_guard lock(mutex_);
  if (pages == 1 && likely <= bytes && single_page_count_ > 0) {
    kept_ -= page_size;
    return single_pages_[--single_page_count_];
  }
  for (bool has_trimmed = false;; has_trimmed = true) {
    free_run at{};
    if (likely > bytes) at = find_free_run(likely / page_size, alignment / page_size);
    if (at.in == nullptr) at = find_free_run(pages, alignment / page_size);
    if (at.in == nullptr && put_back_pages_at_hand())
      at = find_free_run(pages, alignment / page_size);
    if (at.in == nullptr) at = {add_region(bytes), 0};
    if (at.in == nullptr) return {};
    const std::uint64_t fresh = at.in->released.count(at.first, pages) * page_size;
    if (fits(fresh)) return take_from(at, pages);
    if (has_trimmed) {
      if (at.in->is_empty()) remove(*at.in);
      return {};
    }
    make_fit(bytes);
  }
}

void block_memory::put_tail(const run& r, std::size_t bytes, std::size_t kept) noexcept {
  const std::lock_guard lock(mutex_);
  // No run ends there any more.
  if (pages_ahead* const behind = find_ahead(r.data + bytes)) put_back(*behind);
  const run rest{r.data + kept, r.in, true};
  if (bytes - kept == page_size && single_page_count_ < most_single_pages) {
    single_pages_[single_page_count_++] = rest;
    kept_ += page_size;
  } else {
    put_run(rest, (bytes - kept) / page_size);
  }
  trim(most_recycled());
}

// Nothing else is given up for it: whoever asks can take another run. A run that is extended a
// second time is likely to be a third time.
bool block_memory::extend(run& r, std::size_t bytes, std::size_t wanted) noexcept {
  assert(bytes % page_size == 0 && wanted % page_size == 0 && bytes < wanted);
  free_collected(wanted - bytes);
  std::byte* const begin = r.data + bytes;
  const std::size_t first = static_cast<std::size_t>(begin - r.in->data) / page_size;
  const std::size_t more = wanted - bytes, pages = more / page_size;
  const std::lock_guard lock(mutex_);
  pages_ahead* behind = find_ahead(begin);
  if (behind != nullptr && behind->bytes >= more) {
    behind->begin += more;
    behind->bytes -= more;
    kept_ -= more;
    r.is_warm = r.is_warm && behind->is_warm;
    return true;
  }
  if (pages > pages_in_region - first) return false;
  if (behind != nullptr) put_back(*behind);
  put_back_single_pages(begin, begin + more);
  if (r.in->used.has_any(first, pages)) return false;
  if (!fits(r.in->released.count(first, pages) * page_size)) return false;
  r.is_warm = take_from({r.in, first}, pages).is_warm && r.is_warm;
  if (behind == nullptr) {
    behind = &ahead_[next_ahead_++ % most_runs_ahead];
    put_back(*behind);
    *behind = {begin + more, r.in};
  } else {
    *behind = {begin + more, r.in};
    look_ahead(*behind, first + pages);
  }
  return true;
}

bool block_memory::add_foreign(std::uint64_t bytes) noexcept {
  do {
    const std::lock_guard lock(mutex_);
    if (!make_fit(bytes)) continue;
    foreign_ += bytes;
    return true;
  } while (relieve());
  return false;
}

bool block_memory::relieve() noexcept {
  if (collected_bytes_.load(std::memory_order_relaxed) != 0) {
    free_collected(freed_at_once);
    return true;
  }
  return small_.remove_empty_slabs() || (relief_ != nullptr && relief_->free_a_slab());
}

void block_memory::add_outside(outside& o) noexcept {
  const std::lock_guard lock(mutex_);
  outside_.push_back(o);
}

void block_memory::remove_outside(outside& o) noexcept {
  const std::lock_guard lock(mutex_);
  outside_.erase(outside_.iterator_to(o));
}

// Blocks are freed in the order in which they were collected: files are given up from their ends,
// and an allocator gives back what is at the end of its heap.
void block_memory::collect(block& b) noexcept {
  const std::lock_guard lock(mutex_);
  b.set_next(nullptr);
  if (collected_ == nullptr) {
    collected_ = &b;
  } else {
    last_collected_->set_next(&b);
  }
  last_collected_ = &b;
  collected_bytes_ += b.large_bytes();
}

bool block_memory::free_collected(std::uint64_t bytes) noexcept {
  for (std::uint64_t freed = 0; collected_bytes_.load(std::memory_order_relaxed) != 0;) {
    if (freed >= bytes) return true;
    block* b = nullptr;
    {
      const std::lock_guard lock(mutex_);
      b = collected_;
      if (b == nullptr) return false;
      collected_ = b->next();
      collected_bytes_ -= b->large_bytes();
    }
    freed += b->large_bytes();
    block::free(*b);
  }
  return false;
}

// What somebody collects who has seen it before this is freed here.
void block_memory::retire() noexcept {
  {
    const std::lock_guard lock(mutex_);
    is_retired_ = true;
    trim(0);
  }
  while (free_collected()) continue;
}

void* block_memory::take_bytes(std::size_t bytes) noexcept {
  if (small_memory::fits(bytes)) return small_.take(bytes, small_memory::use::fixed);
  const std::size_t all = with_header(bytes);
  run r;
  if (all <= region_size) {
    r = take(all);
  } else {
    if (!add_foreign(all)) return nullptr;
    r.data = map_pages(all);
    if (r.data == nullptr) drop_foreign(all);
  }
  if (r.data == nullptr) return nullptr;
  auto* const piece = new (r.data) long_piece(*this, r, all);
  if (r.in == nullptr) add_outside(*piece);
  return piece + 1;
}

void block_memory::give_bytes(void* memory, std::size_t bytes) noexcept {
  if (small_memory::fits(bytes)) return small_memory::give(memory);
  const std::size_t all = with_header(bytes);
  auto& piece = static_cast<long_piece*>(memory)[-1];
  block_memory& home = piece.home;
  if (piece.run.in != nullptr) return home.put(run(piece.run), all);
  home.remove_outside(piece);
  piece.end();
  home.drop_foreign(all);
}

std::uint64_t block_memory::footprint(std::size_t bytes) noexcept {
  if (bytes == 0) return 0;
  return small_memory::fits(bytes) ? small_memory::footprint(bytes) : with_header(bytes);
}

void block_memory::keep_at_most(std::uint64_t bytes) noexcept {
  const std::uint64_t in_slabs = small_.spare_bytes();
  const std::uint64_t in_runs = bytes > in_slabs ? bytes - in_slabs : 0;
  const auto excess = [&] {
    const std::uint64_t kept =
        kept_.load(std::memory_order_relaxed) + collected_bytes_.load(std::memory_order_relaxed);
    return kept - std::min(kept, in_runs);
  };
  for (std::uint64_t more = excess(); more != 0; more = excess()) {
    {
      const std::lock_guard lock(mutex_);
      trim(kept_ - std::min(kept_.load(), more));
    }
    if (more = excess(); more == 0 || collected_bytes_.load(std::memory_order_relaxed) == 0) return;
    free_collected(more);
  }
}

// All members below are called under the mutex.

// Looks in the class that fits best first. Each region of the higher ones has a run that is long
// enough; in classes whose regions may have one, only a few are looked at.
block_memory::free_run block_memory::find_free_run(std::size_t pages,
                                                   std::size_t alignment) noexcept {
  const std::size_t surely = pages + alignment - 1;
  for (std::size_t c = std::bit_width(pages) - 1; c < classes; ++c) {
    int looks = (std::size_t{1} << c) >= surely ? 1 : 4;
    for (region* r = by_longest_[c]; r != nullptr && looks > 0; r = r->next, --looks)
      if (const std::size_t first = r->find(pages, alignment); first != pages_in_region)
        return {r, first};
  }
  return {nullptr, 0};
}

// Releases free pages for `bytes` that come. Returns whether these fit then.
bool block_memory::make_fit(std::uint64_t bytes) noexcept {
  const std::uint64_t sum = resident_bytes() + bytes, most = most_resident();
  if (sum > most) trim(kept_ - std::min(kept_.load(), sum - most));
  return fits(bytes);
}

// Makes a region, with huge pages where all of it may be kept.
block_memory::region* block_memory::add_region(std::size_t wanted) noexcept {
  std::byte* const memory = map_pages(book_size);
  if (memory == nullptr) return nullptr;
  auto* const fresh = new (memory) region{};
  const std::uint64_t kept = kept_bytes() + region_size - wanted;
  const bool is_whole = !can_release_pages() ||
                        (kept <= std::min(most_recycled(), quota_.left()) && fits(region_size));
  fresh->data = map_region(region_size, is_whole);
  if (fresh->data == nullptr) {
    unmap_pages(memory, book_size);
    return nullptr;
  }
  fresh->next_of_all = all_;
  if (all_ != nullptr) all_->previous_of_all = fresh;
  all_ = fresh;
  if (is_whole) {
    change_kept(*fresh, pages_in_region);
    resident_ += region_size;
  } else {
    fresh->released.set(0, pages_in_region, true);
  }
  file_away(*fresh);
  return fresh;
}

block_memory::run block_memory::take_from(const free_run& from, std::size_t pages) noexcept {
  region& r = *from.in;
  take_out(r);
  const std::size_t fresh = r.released.count(from.first, pages);
  change_kept(r, static_cast<std::ptrdiff_t>(fresh) - static_cast<std::ptrdiff_t>(pages));
  resident_ += fresh * page_size;
  const bool warm = r.warm.has_all(from.first, pages);
  r.used.set(from.first, pages, true);
  r.warm.set(from.first, pages, true);
  r.released.set(from.first, pages, false);
  file_away(r);
  return {r.data + from.first * page_size, &r, warm};
}

void block_memory::put_pages(region& to, std::size_t first, std::size_t pages) noexcept {
  take_out(to);
  to.used.set(first, pages, false);
  change_kept(to, static_cast<std::ptrdiff_t>(pages));
  file_away(to);
}

void block_memory::put_run(const run& r, std::size_t pages) noexcept {
  put_pages(*r.in, static_cast<std::size_t>(r.data - r.in->data) / page_size, pages);
}

// Returns whether there were any.
bool block_memory::put_back_pages_at_hand() noexcept {
  bool any = single_page_count_ > 0;
  while (single_page_count_ > 0) {
    put_run(single_pages_[--single_page_count_], 1);
    kept_ -= page_size;  // not before, for others look at it meanwhile
  }
  for (pages_ahead& a : ahead_) {
    any = any || a.bytes != 0;
    put_back(a);
  }
  return any;
}

block_memory::pages_ahead* block_memory::find_ahead(const std::byte* begin) noexcept {
  for (pages_ahead& a : ahead_)
    if (a.begin == begin) return &a;
  return nullptr;
}

// Its place stays known.
void block_memory::put_back(pages_ahead& a) noexcept {
  if (a.bytes == 0) return;
  const std::size_t bytes = std::exchange(a.bytes, 0);
  put_run({a.begin, a.in, a.is_warm}, bytes / page_size);
  kept_ -= bytes;  // not before, for others look at it meanwhile
}

// Only what is kept already: so it takes nothing from anybody.
void block_memory::look_ahead(pages_ahead& a, std::size_t first) noexcept {
  const auto free = a.in->used.next(first, false), kept = a.in->released.next(first, false);
  if (free.first != first || kept.first != first) return;
  const std::size_t pages = std::min({free.count, kept.count, most_ahead});
  if (pages == 0) return;
  a.bytes = pages * page_size;
  kept_ += a.bytes;  // before they are taken, for others look at it meanwhile
  a.is_warm = take_from({a.in, first}, pages).is_warm;
}

// Puts back those of them that stand between `begin` and `end`.
void block_memory::put_back_single_pages(const std::byte* begin, const std::byte* end) noexcept {
  for (std::size_t i = single_page_count_; i-- > 0;) {
    const run page = single_pages_[i];
    if (page.data < begin || page.data >= end) continue;
    single_pages_[i] = single_pages_[--single_page_count_];
    put_run(page, 1);
    kept_ -= page_size;  // not before, for others look at it meanwhile
  }
}

void block_memory::change_kept(region& r, std::ptrdiff_t pages) noexcept {
  if (pages == 0) return;
  const bool was_keeping = r.kept != 0;
  r.kept += static_cast<std::size_t>(pages);
  kept_ += static_cast<std::uint64_t>(pages) * page_size;
  if (was_keeping == (r.kept != 0)) return;
  if (was_keeping) {
    (r.previous_keeping != nullptr ? r.previous_keeping->next_keeping : keeping_) = r.next_keeping;
    if (r.next_keeping != nullptr) r.next_keeping->previous_keeping = r.previous_keeping;
  } else {
    r.previous_keeping = nullptr;
    r.next_keeping = keeping_;
    if (keeping_ != nullptr) keeping_->previous_keeping = &r;
    keeping_ = &r;
  }
}

void block_memory::file_away(region& r) noexcept {
  r.next = r.previous = nullptr;
  const std::size_t longest = r.longest();
  if (longest == 0) return;
  region*& first = by_longest_[std::bit_width(longest) - 1];
  r.next = first;
  if (first != nullptr) first->previous = &r;
  first = &r;
}

// A full region is in no class, and the first of none: it has no neighbours to change.
void block_memory::take_out(region& r) noexcept {
  if (r.next != nullptr) r.next->previous = r.previous;
  if (r.previous != nullptr) {
    r.previous->next = r.next;
    return;
  }
  for (region*& first : by_longest_)
    if (first == &r) first = r.next;
}

void block_memory::trim(std::uint64_t bytes) noexcept {
  if (kept_ > bytes) put_back_pages_at_hand();
  while (kept_ > bytes && keeping_ != nullptr) {
    region& r = *keeping_;
    if (r.is_empty()) {
      remove(r);
    } else if (can_release_pages()) {
      release_free_pages(r);
    } else {
      return;
    }
  }
}

void block_memory::release_free_pages(region& r) noexcept {
  for (auto free = r.used.next(0, false); free.count > 0;
       free = r.used.next(free.first + free.count, false)) {
    const std::size_t kept = free.count - r.released.count(free.first, free.count);
    if (kept == 0) continue;
    release_pages(r.data, region_size, r.data + free.first * page_size, free.count * page_size);
    change_kept(r, -static_cast<std::ptrdiff_t>(kept));
    resident_ -= kept * page_size;
    r.warm.set(free.first, free.count, false);
    r.released.set(free.first, free.count, true);
  }
}

void block_memory::remove(region& r) noexcept {
  take_out(r);
  resident_ -= r.kept * page_size;
  change_kept(r, -static_cast<std::ptrdiff_t>(r.kept));
  unmap(r);
}

void block_memory::unmap(region& r) noexcept {
  if (r.next_of_all != nullptr) r.next_of_all->previous_of_all = r.previous_of_all;
  (r.previous_of_all != nullptr ? r.previous_of_all->next_of_all : all_) = r.next_of_all;
  unmap_region(r.data, region_size);
  unmap_pages(reinterpret_cast<std::byte*>(&r), book_size);
}

}  // namespace coramfs::detail
