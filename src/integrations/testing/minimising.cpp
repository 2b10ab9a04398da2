// SPDX-License-Identifier: BSL-1.0
#include "integrations/testing/minimising.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

namespace coramfs::detail {

namespace {

bool differs(const testing::choice& c) noexcept { return c.taken != 0 || c.has_jumped; }

std::vector<std::size_t> differences_of(const testing::trace& t) {
  std::vector<std::size_t> steps;
  for (std::size_t i = 0; i < t.size(); ++i)
    if (differs(t[i])) steps.push_back(i);
  return steps;
}

/// Without what says nothing: from the last difference on it is `fifo`.
testing::trace cut(testing::trace t) {
  while (!t.empty() && !differs(t.back())) t.pop_back();
  return t;
}

void make_fifo(testing::choice& c) noexcept {
  c.taken = 0;
  c.has_jumped = false;
}

/// Whether `a` is better than `b`: with fewer differences, or with as many, each of which passes
/// fewer others.
bool is_less(const testing::trace& a, const testing::trace& b) {
  const auto weight = [](const testing::trace& t) {
    std::pair<std::size_t, std::size_t> w{0, 0};
    for (const testing::choice& c : t) {
      w.first += differs(c);
      w.second += c.taken + c.has_jumped;
    }
    return w;
  };
  return weight(a) < weight(b);
}

class search {
 public:
  search(testing::trace failing, const try_trace& run)
      : least_(cut(std::move(failing))), run_(run) {}

  testing::trace go() {
    const std::optional<tried_trace> fifo = run_({});
    if (!fifo || fifo->fails) return fifo ? testing::trace() : least_;
    while (leave_out() || pass_fewer()) continue;
    if (differences_of(least_).size() > 1) differ_once(fifo->taken);
    return least_;
  }

 private:
  // Whether the trace fails and is better than the one that is known.
  bool attempt(const testing::trace& t) {
    std::optional<tried_trace> tried = run_(t);
    if (!tried || !tried->fails) return false;
    testing::trace failing = cut(std::move(tried->taken));
    if (!is_less(failing, least_)) return false;
    least_ = std::move(failing);
    return true;
  }

  // Those first that pass few others.
  void differ_once(testing::trace fifo) {
    std::uint32_t most = 0;
    for (const testing::choice& c : fifo) most = std::max(most, c.ready);
    for (std::uint32_t place = 1; place < most; ++place) {
      for (std::size_t i = 0; i < fifo.size(); ++i) {
        if (place >= fifo[i].ready) continue;
        testing::trace t(fifo.begin(), fifo.begin() + static_cast<std::ptrdiff_t>(i) + 1);
        t.back().taken = place;
        if (attempt(t)) return;
      }
    }
  }

  bool attempt_without(const std::vector<std::size_t>& steps, std::size_t first, std::size_t last) {
    testing::trace t = least_;
    for (std::size_t i = first; i < last; ++i) make_fifo(t[steps[i]]);
    return attempt(cut(std::move(t)));
  }

  // Returns whether anything could go.
  bool leave_out() {
    bool has_changed = false;
    std::vector<std::size_t> steps = differences_of(least_);
    for (std::size_t part = (steps.size() + 1) / 2; part > 0;) {
      bool has_shrunk = false;
      for (std::size_t last = steps.size(); last > 0;) {
        const std::size_t first = last - std::min(part, last);
        if (attempt_without(steps, first, last)) {
          has_shrunk = has_changed = true;
          steps = differences_of(least_);
          last = std::min(first, steps.size());
        } else {
          last = first;
        }
      }
      if (!has_shrunk) part /= 2;
      part = std::min(part, steps.size());
    }
    return has_changed;
  }

  bool pass_fewer() {
    for (const std::size_t step : differences_of(least_)) {
      for (std::uint32_t fewer = 1; fewer < least_[step].taken; ++fewer) {
        testing::trace t = least_;
        t[step].taken = fewer;
        if (attempt(t)) return true;
      }
    }
    return false;
  }

  testing::trace least_;
  const try_trace& run_;
};

}  // namespace

testing::trace minimised(testing::trace failing, const try_trace& run) {
  return search(std::move(failing), run).go();
}

}  // namespace coramfs::detail
