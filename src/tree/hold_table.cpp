// SPDX-License-Identifier: BSL-1.0
#include "tree/hold_table.hpp"

#include "tree/node.hpp"

#include <algorithm>
#include <cassert>

namespace coramfs::detail {

hold_table::made hold_table::mark(file_node& f, unsigned mine, std::uint64_t kind) noexcept {
  lane& in = lanes_[mine];
  in.last_ticket += hold_mark::next_ticket;
  const std::uint64_t ticket = in.last_ticket | kind;
  f.note_marks_of(mine);
  for (hold_mark& m : in.marks) {
    if (m.ticket_.load(std::memory_order_acquire) != 0) continue;
    m.file_.store(&f, std::memory_order_relaxed);
    m.ticket_.store(ticket, std::memory_order_release);
    return {&m, ticket};
  }
  // All places are taken, so one is made a count, each in its turn. So uses that last long come to
  // be counted, and the places are left to short ones.
  hold_mark& victim = in.marks[in.next_victim++ % places];
  count_one(victim, *victim.file_.load(std::memory_order_relaxed));
  victim.file_.store(&f, std::memory_order_relaxed);
  victim.ticket_.store(ticket, std::memory_order_release);
  return {&victim, ticket};
}

bool hold_table::holds(const file_node& f) const noexcept {
  const auto is = [&](const hold_mark& m) { return m.file_.load(std::memory_order_relaxed) == &f; };
  const unsigned only = f.lane_of_marks();
  if (only == no_lane) return any_of(is);
  const auto& marks = lanes_[only].marks;
  return std::any_of(marks.begin(), marks.end(), [&](const hold_mark& m) {
    return m.ticket_.load(std::memory_order_acquire) != 0 && is(m);
  });
}

// A mark may be taken away after it was seen, but its file is still there: whoever frees it needs
// the exclusive lock first, to take it out of the tree.
const file_node* hold_table::held_below(const directory_node& d) const noexcept {
  const file_node* found = nullptr;
  any_of([&](const hold_mark& m) {
    const file_node* const marked = m.file_.load(std::memory_order_relaxed);
    if (!is_below(*marked, d)) return false;
    found = marked;
    return true;
  });
  return found;
}

void hold_table::count(file_node& f) noexcept {
  for_each([&](hold_mark& m) {
    if (m.file_.load(std::memory_order_relaxed) == &f) count_one(m, f);
  });
}

void hold_table::count_all() noexcept {
  for_each([&](hold_mark& m) { count_one(m, *m.file_.load(std::memory_order_relaxed)); });
}

std::uint64_t hold_table::handles() const noexcept {
  std::uint64_t sum = 0;
  for (unsigned i = 0, end = lanes_in_use(); i < end; ++i)
    for (const hold_mark& m : lanes_[i].marks)
      sum += m.ticket_.load(std::memory_order_acquire) & hold_mark::is_handle;
  return sum;
}

template <class Action>
void hold_table::for_each(Action action) noexcept {
  for (unsigned i = 0, end = lanes_in_use(); i < end; ++i)
    for (hold_mark& m : lanes_[i].marks)
      if (m.ticket_.load(std::memory_order_acquire) != 0) action(m);
}

template <class Condition>
bool hold_table::any_of(Condition is) const noexcept {
  for (unsigned i = 0, end = lanes_in_use(); i < end; ++i)
    for (const hold_mark& m : lanes_[i].marks)
      if (m.ticket_.load(std::memory_order_acquire) != 0 && is(m)) return true;
  return false;
}

// The count goes up before the mark goes, so that at no time there is neither.
void hold_table::count_one(hold_mark& m, file_node& f) noexcept {
  std::uint64_t ticket = m.ticket_.load(std::memory_order_acquire);
  while (ticket != 0) {
    count(f, ticket);
    const std::uint64_t counted = ticket;
    if (m.ticket_.compare_exchange_strong(ticket, 0, std::memory_order_acq_rel,
                                          std::memory_order_acquire))
      return;
    // The mark was taken away meanwhile, or has become a handle's.
    discount(f, counted);
  }
}

void hold_table::count(file_node& f, std::uint64_t ticket) noexcept {
  count_user(f);
  if ((ticket & hold_mark::is_handle) != 0) whole_.add(lifetime::by::handle, lane_of(f));
  if ((ticket & hold_mark::is_lock) == 0) return;
  [[maybe_unused]] const bool is_shared = f.lock.try_lock(fair_lock::kind::shared);
  assert(is_shared);
}

void hold_table::discount(file_node& f, std::uint64_t ticket) noexcept {
  const std::size_t at = lane_of(f);
  if ((ticket & hold_mark::is_lock) != 0) f.lock.unlock(fair_lock::kind::shared);
  discount_user(f);
  if ((ticket & hold_mark::is_handle) != 0) whole_.drop(lifetime::by::handle, at);
}

}  // namespace coramfs::detail
