// SPDX-License-Identifier: BSL-1.0
#include "integrations/testing/chooser.hpp"

#include "integrations/testing/virtual_clock.hpp"

#include <algorithm>

namespace coramfs::detail {

namespace {

/// Priorities at random are above, those of who was demoted are below.
constexpr std::uint64_t at_random = std::uint64_t{1} << 63;

/// Up to here `pct` goes by priorities: two to the power of this.
constexpr unsigned magnitudes = 16;

}  // namespace

chooser::chooser(testing::schedule how) : how_(std::move(how)), dice_(how_.seed()) {
  if (how_.kind_ == kind::pct) set_changes();
}

// Where the number of steps is not known each magnitude is as likely as any other.
void chooser::set_changes() {
  for (unsigned i = 1; i < how_.depth_; ++i) {
    std::uint64_t first = 1, last = how_.steps_;
    if (last == 0) {
      first = std::uint64_t{1} << dice_.roll() % magnitudes;
      last = 2 * first - 1;
    }
    changes_.push_back(first + dice_.roll() % (last - first + 1));
  }
  std::sort(changes_.begin(), changes_.end());
  demoted_.reserve(changes_.size());
}

void chooser::reserve_one() {
  if (how_.kind_ == kind::pct && candidates_.size() == candidates_.capacity())
    candidates_.reserve(2 * candidates_.size() + 64);
}

void chooser::add(std::uint64_t number, std::uint64_t coroutine) noexcept {
  if (how_.kind_ != kind::pct || is_over()) return;
  candidates_.push_back({priority_of(number, coroutine), number, coroutine});
  std::push_heap(candidates_.begin(), candidates_.end());
}

bool chooser::jumps(std::size_t step) noexcept {
  if (how_.kind_ == kind::replay)
    return step < how_.taken_->size() && (*how_.taken_)[step].has_jumped;
  return how_.kind_ != kind::all && dice_.falls(how_.time_pressure);
}

std::size_t chooser::choose(const ready_set& ready, std::size_t step) noexcept {
  const std::size_t last = ready.size() - 1;
  switch (how_.kind_) {
    case kind::fifo:
    case kind::all: return 0;
    case kind::uniform:
      return last == 0 ? 0 : static_cast<std::size_t>(dice_.roll() % ready.size());
    case kind::pct: return choose_by_priority(ready);
    case kind::one_apart: return step < how_.steps_ ? 0 : choose_apart(ready);
    case kind::replay:
      if (step >= how_.taken_->size()) return 0;
      return std::min<std::size_t>((*how_.taken_)[step].taken, last);
  }
  return 0;
}

testing::schedule chooser::one_apart(std::uint64_t coroutine, std::size_t step, bool is_first,
                                     std::uint64_t seed) {
  testing::schedule s(kind::one_apart, seed);
  s.coroutine_ = static_cast<std::uint32_t>(coroutine);
  s.steps_ = static_cast<std::uint32_t>(step);
  s.is_first_ = is_first;
  return s;
}

std::size_t chooser::choose_apart(const ready_set& ready) const noexcept {
  for (std::size_t place = 0; place < ready.size(); ++place)
    if ((ready.at(place).coroutine == how_.coroutine_) == how_.is_first_) return place;
  return 0;
}

std::size_t chooser::choose_by_priority(const ready_set& ready) noexcept {
  if (ready.size() > 1) ++choices_;
  if (is_over()) return static_cast<std::size_t>(dice_.roll() % ready.size());
  settle_first();
  while (!changes_.empty() && changes_.front() <= choices_) {
    changes_.erase(changes_.begin());
    demote_first();
    settle_first();
  }
  const std::size_t place = ready.place_of(candidates_.front().number);
  std::pop_heap(candidates_.begin(), candidates_.end());
  candidates_.pop_back();
  return place;
}

// Who is demoted later goes behind those who were before.
void chooser::demote_first() noexcept {
  const candidate& c = candidates_.front();
  demoted_.push_back({c.number, c.coroutine, changes_.size()});
}

std::uint64_t chooser::priority_of(std::uint64_t number, std::uint64_t coroutine) const noexcept {
  for (auto d = demoted_.rbegin(); d != demoted_.rend(); ++d)
    if (coroutine != 0 ? d->coroutine == coroutine : d->number == number) return d->priority;
  const std::uint64_t whose = coroutine != 0 ? 2 * coroutine : 2 * number + 1;
  return at_random | mixed(how_.seed() ^ mixed(whose));
}

// A demotion leaves in the heap what else is ready of the same coroutine, where it was: too high,
// so it comes to the top before its turn.
void chooser::settle_first() noexcept {
  for (;;) {
    candidate& first = candidates_.front();
    const std::uint64_t now = priority_of(first.number, first.coroutine);
    if (first.priority == now) return;
    std::pop_heap(candidates_.begin(), candidates_.end());
    candidates_.back().priority = now;
    std::push_heap(candidates_.begin(), candidates_.end());
  }
}

// From then on it is uniform, and nobody looks at the candidates.
bool chooser::is_over() const noexcept { return choices_ >> magnitudes != 0; }

}  // namespace coramfs::detail
