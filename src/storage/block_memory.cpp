// SPDX-License-Identifier: BSL-1.0
#include "storage/block_memory.hpp"

#include "storage/page_set.hpp"
#include "storage/pages.hpp"

#include <algorithm>
#include <bit>
#include <cassert>
#include <new>

namespace coramfs::detail {

/// Invariant: what is free and not released counts as kept.
struct block_memory::region {
  std::byte* data;
  page_set<pages_in_region> used;      // taken by runs
  page_set<pages_in_region> warm;      // have been in a run, and are resident
  page_set<pages_in_region> released;  // not resident
  region* next = nullptr;              // of its class
  region* previous = nullptr;

  std::size_t longest() const noexcept {
    std::size_t most = 0;
    for (auto free = used.next(0, false); free.count > 0;
         free = used.next(free.first + free.count, false))
      most = std::max(most, free.count);
    return most;
  }
  std::size_t kept_in(std::size_t first, std::size_t pages) const noexcept {
    return pages - released.count(first, pages);
  }
  bool is_empty() const noexcept { return used.count(0, pages_in_region) == 0; }
};

block_memory::block_memory(quota& limits, accounting counting,
                           std::uint64_t max_recycled) noexcept
    : quota_(limits), counting_(counting), max_recycled_(max_recycled) {
  quota_.set_spare(this);
}

block_memory::~block_memory() {
  quota_.set_spare(nullptr);
  trim(0);
}

block_memory::run block_memory::take(std::size_t bytes) noexcept {
  assert(bytes % page_size == 0 && bytes <= region_size);
  {
    const std::lock_guard lock(mutex_);
    if (const run found = take_kept(bytes / page_size); found.data != nullptr) return found;
    const std::uint64_t kept = kept_bytes() + region_size - bytes;
    if (kept <= std::min(max_recycled_, quota_.left()))
      if (region* const fresh = add_region(); fresh != nullptr)
        return take_from(*fresh, bytes / page_size);
  }
  return {map_pages(bytes), nullptr, false};
}

void block_memory::put(const run& r, std::size_t bytes) noexcept { put_tail(r, bytes, 0); }

void block_memory::put_tail(const run& r, std::size_t bytes, std::size_t kept) noexcept {
  if (r.in == nullptr) {
    unmap_pages(r.data + kept, bytes - kept);
    return;
  }
  const std::lock_guard lock(mutex_);
  const std::size_t first = static_cast<std::size_t>(r.data - r.in->data) / page_size;
  put_pages(*r.in, first + kept / page_size, (bytes - kept) / page_size);
  trim(max_recycled_);
}

void block_memory::keep_at_most(std::uint64_t bytes) noexcept {
  if (kept_bytes() <= bytes) return;
  const std::lock_guard lock(mutex_);
  trim(bytes);
}

// All below is called under the mutex.

// From the class that fits best. Each region of the higher ones has a run that is long enough;
// in the lowest that may have one, only a few are looked at.
block_memory::run block_memory::take_kept(std::size_t pages) noexcept {
  const std::size_t lowest = std::bit_width(pages) - 1;
  int looks = 4;
  for (region* r = by_longest_[lowest]; r != nullptr && looks > 0; r = r->next, --looks)
    if (r->longest() >= pages) return take_from(*r, pages);
  for (std::size_t c = lowest + 1; c < classes; ++c)
    if (by_longest_[c] != nullptr) return take_from(*by_longest_[c], pages);
  return {};
}

block_memory::region* block_memory::add_region() noexcept {
  auto* const fresh = new (std::nothrow) region{};
  if (fresh == nullptr) return nullptr;
  fresh->data = map_region(region_size);
  if (fresh->data == nullptr) {
    delete fresh;
    return nullptr;
  }
  kept_ += region_size;
  file_away(*fresh);
  return fresh;
}

block_memory::run block_memory::take_from(region& from, std::size_t pages) noexcept {
  auto free = from.used.next(0, false);
  while (free.count < pages) free = from.used.next(free.first + free.count, false);
  take_out(from);
  kept_ -= from.kept_in(free.first, pages) * page_size;
  const bool warm = from.warm.count(free.first, pages) == pages;
  from.used.set(free.first, pages, true);
  from.warm.set(free.first, pages, true);
  from.released.set(free.first, pages, false);
  file_away(from);
  return {from.data + free.first * page_size, &from, warm};
}

void block_memory::put_pages(region& to, std::size_t first, std::size_t pages) noexcept {
  take_out(to);
  to.used.set(first, pages, false);
  kept_ += pages * page_size;
  file_away(to);
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

// A region that is in no class is full, and the first of none.
void block_memory::take_out(region& r) noexcept {
  if (r.next != nullptr) r.next->previous = r.previous;
  if (r.previous != nullptr) {
    r.previous->next = r.next;
    return;
  }
  for (region*& first : by_longest_)
    if (first == &r) first = r.next;
}

// Empty regions go first.
void block_memory::trim(std::uint64_t bytes) noexcept {
  for (std::size_t c = classes; c-- > 0 && kept_bytes() > bytes;)
    for (region* r = by_longest_[c]; r != nullptr && kept_bytes() > bytes;) {
      region* const next = r->next;
      if (r->is_empty()) {
        remove(*r);
      } else {
        release_free_pages(*r);
      }
      r = next;
    }
}

void block_memory::release_free_pages(region& r) noexcept {
  for (auto free = r.used.next(0, false); free.count > 0;
       free = r.used.next(free.first + free.count, false)) {
    const std::size_t kept = r.kept_in(free.first, free.count);
    if (kept == 0) continue;
    release_pages(r.data, region_size, r.data + free.first * page_size, free.count * page_size);
    kept_ -= kept * page_size;
    r.warm.set(free.first, free.count, false);
    r.released.set(free.first, free.count, true);
  }
}

void block_memory::remove(region& r) noexcept {
  take_out(r);
  kept_ -= r.kept_in(0, pages_in_region) * page_size;
  unmap_pages(r.data, region_size);
  delete &r;
}

}  // namespace coramfs::detail
