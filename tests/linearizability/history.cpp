// SPDX-License-Identifier: BSL-1.0
#include "linearizability/history.hpp"

#include <algorithm>
#include <bit>
#include <limits>
#include <unordered_set>

namespace coramfs::tests {

namespace {

bool apply_rename(contents& now, const call& c) {
  auto& from = now[c.path];
  if (from == 0) return c.came_of_it == call::not_found;
  if (c.came_of_it == call::busy) return true;
  now[c.other_path] = from;
  from = 0;
  return c.came_of_it == call::done;
}

bool apply_import(contents& now, const call& c) {
  if (c.came_of_it == call::busy) return now[c.path] != 0 || now[c.other_path] != 0;
  now[c.path] = static_cast<unsigned char>(c.content);
  now[c.other_path] = static_cast<unsigned char>(c.other_content);
  return c.came_of_it == call::done;
}

/// A search for an order, after Wing and Gong: which calls have had their effect, and what that
/// made of the contents. No such place is looked at twice.
class search {
 public:
  explicit search(const std::vector<call>& calls) : calls_(calls) {}

  bool finds(std::uint64_t applied, const contents& now) {
    if (std::popcount(applied) == static_cast<int>(calls_.size())) return true;
    if (!seen_.insert(key(applied, now)).second) return false;
    const std::uint64_t limit = first_end(applied);
    for (std::size_t i = 0; i < calls_.size(); ++i) {
      if (has(applied, i) || calls_[i].begin > limit) continue;
      contents next = now;
      if (apply(next, calls_[i]) && finds(applied | std::uint64_t{1} << i, next)) return true;
    }
    return false;
  }

 private:
  static bool has(std::uint64_t applied, std::size_t i) { return (applied >> i & 1) != 0; }
  // Of the calls that are left, none may come behind the one that ends first and begin after it.
  std::uint64_t first_end(std::uint64_t applied) const {
    std::uint64_t first = std::numeric_limits<std::uint64_t>::max();
    for (std::size_t i = 0; i < calls_.size(); ++i)
      if (!has(applied, i)) first = std::min(first, calls_[i].end);
    return first;
  }
  // Exact for up to 40 calls; above that a collision could only hide an order.
  static std::uint64_t key(std::uint64_t applied, const contents& now) {
    std::uint64_t k = applied;
    for (const unsigned char c : now) k = (k << 8 | k >> 56) ^ c;
    return k;
  }

  const std::vector<call>& calls_;
  std::unordered_set<std::uint64_t> seen_;
};

bool overlap(const call& a, const call& b) { return a.begin < b.end && b.begin < a.end; }

bool holds(const call& c, const call& busy) {
  const bool locks = c.what == call::kind::read || c.what == call::kind::write;
  return locks && (c.path == busy.path || c.path == busy.other_path);
}

}  // namespace

bool apply(contents& now, const call& c) {
  const int there = now[c.path];
  switch (c.what) {
    case call::kind::exists: return c.came_of_it == (there != 0 ? call::yes : call::no);
    case call::kind::read: return c.came_of_it == (there != 0 ? there : call::not_found);
    case call::kind::write:
      now[c.path] = static_cast<unsigned char>(c.content);
      return c.came_of_it == call::done;
    case call::kind::rename: return apply_rename(now, c);
    case call::kind::import: return apply_import(now, c);
  }
  return false;
}

bool is_linearizable(const std::vector<call>& calls) { return search(calls).finds(0, {}); }

bool is_busy_for_a_reason(const std::vector<call>& calls) {
  return std::all_of(calls.begin(), calls.end(), [&](const call& c) {
    return c.came_of_it != call::busy ||
           std::any_of(calls.begin(), calls.end(),
                       [&](const call& other) { return overlap(c, other) && holds(other, c); });
  });
}

}  // namespace coramfs::tests
