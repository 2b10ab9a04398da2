// SPDX-License-Identifier: BSL-1.0
#include "integrations/testing/exploration.hpp"

#include <coramfs/testing/detail/failure_count.hpp>

#include "integrations/testing/minimising.hpp"
#include "integrations/testing/words.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace coramfs::detail {

namespace {

/// Thrown out of a step that is one too many.
struct too_many_steps : std::runtime_error {
  using std::runtime_error::runtime_error;
};

std::string without_numbers(const std::string& text) {
  std::string kept;
  for (const char c : text)
    if (c < '0' || c > '9') kept += c;
  return kept;
}

}  // namespace

bool explored_run::is_like(const explored_run& other) const {
  if (how != other.how) return false;
  // What is stuck is told with all that was chosen, and what has been counted without a text.
  if (how != end::by_exception) return true;
  return why == other.why || without_numbers(why) == without_numbers(other.why);
}

std::uint32_t explored_run::choices() const noexcept {
  return static_cast<std::uint32_t>(std::count_if(
      taken.begin(), taken.end(), [](const testing::choice& c) { return c.ready > 1; }));
}

/// Counts steps, and notes what was asked for.
class exploration::watch final : public step_observer {
 public:
  watch(explored_run& to, std::size_t most, notes wanted) : to_(to), most_(most), wanted_(wanted) {}

  void chosen(const simulation_core& in, const ready_set& others, std::uint64_t task,
              std::uint64_t coroutine) override {
    const testing::choice& c = in.taken.back();
    if (in.taken.size() > most_)
      throw too_many_steps("it has not ended after " + std::to_string(most_) + " steps");
    if (wanted_ == notes::marks) to_.marks.push_back(in.fingerprint);
    if (wanted_ == notes::differences && (c.taken != 0 || c.has_jumped))
      note(words(in, others, task, coroutine), in.taken.size());
  }

  /// Tells what was noted of the run. What is the same in steps in a row is told once.
  void tell() {
    for (const difference& d : differences_) {
      const bool is_one = d.steps.size() == 1 && d.steps[0].first == d.steps[0].second;
      std::string text = is_one ? "at step" : "at steps";
      for (const auto& [first, last] : d.steps) {
        text += (&first != &d.steps[0].first ? ", " : " ") + std::to_string(first);
        if (last > first) text += " to " + std::to_string(last);
      }
      to_.differences.push_back(text + ' ' + d.words);
    }
  }

 private:
  struct difference {
    std::string words;
    std::vector<std::pair<std::size_t, std::size_t>> steps;  // from the first to the last
  };

  void note(std::string words, std::size_t step) {
    if (differences_.empty() || differences_.back().words != words)
      differences_.push_back({std::move(words), {}});
    auto& steps = differences_.back().steps;
    if (!steps.empty() && steps.back().second + 1 == step) {
      steps.back().second = step;
    } else {
      steps.push_back({step, step});
    }
  }
  static std::string name_of(const simulation_core& in, std::uint64_t task,
                             std::uint64_t coroutine) {
    if (coroutine == 0) return "task " + std::to_string(task);
    const testing::pending_coroutine* const c = in.coroutine(coroutine);
    if (c == nullptr || c->name.empty()) return "coroutine " + std::to_string(coroutine);
    return in_quotes(c->name);
  }
  static std::string words(const simulation_core& in, const ready_set& others, std::uint64_t task,
                           std::uint64_t coroutine) {
    constexpr std::size_t most = 3;
    const testing::choice& c = in.taken.back();
    std::string text;
    if (c.has_jumped) text = "time jumps, and ";
    text += name_of(in, task, coroutine);
    if (c.taken == 0) return text + " goes on";
    text += " goes before ";
    const std::size_t passed = c.taken, named = passed > most + 1 ? most : passed;
    for (std::size_t i = 0; i < named; ++i) {
      if (i > 0) text += i + 1 == passed ? " and " : ", ";
      text += name_of(in, others.at(i).number, others.at(i).coroutine);
    }
    if (passed > named) text += " and " + std::to_string(passed - named) + " others";
    return text;
  }

  explored_run& to_;
  const std::size_t most_;
  const notes wanted_;
  std::vector<difference> differences_;
};

explored_run exploration::run(const testing::schedule& how, notes wanted) {
  explored_run r;
  watch looks(r, options_.most_steps, wanted);
  testing::simulation sim(how);
  sim.core_->observer = &looks;
  const unsigned long failures_before = testing::detail::failure_count();
  run_body(sim, r);
  looks.tell();
  judge(sim, r, failures_before);
  r.taken = sim.taken();
  r.coroutines = sim.core_->coroutines_begun();
  return r;
}

// What is no `std::exception` is kept, and thrown again when all is told.
void exploration::run_body(testing::simulation& sim, explored_run& r) {
  using end = explored_run::end;
  const auto failed = [&r](end how, std::string why) {
    r.how = how;
    r.why = why.empty() ? "an exception that says nothing" : std::move(why);
  };
  try {
    body_(sim);
  } catch (const testing::stuck_error& e) {
    const auto& waits = e.how().waits;
    const bool is_blocked =
        std::any_of(waits.begin(), waits.end(), [](const auto& w) { return w.is_blocking; });
    failed(is_blocked ? end::blocked : end::stuck, e.what());
  } catch (const too_many_steps& e) {
    failed(end::too_long, e.what());
  } catch (const std::exception& e) {
    failed(end::by_exception, e.what());
  } catch (...) {
    r.thrown = std::current_exception();
    failed(end::by_foreign_exception, "an exception that is no std::exception");
  }
}

void exploration::judge(testing::simulation& sim, explored_run& r,
                        unsigned long failures_before) const {
  using end = explored_run::end;
  const simulation_core& core = *sim.core_;
  if (const unsigned long counted = testing::detail::failure_count() - failures_before;
      counted > 0) {
    const std::string text = "the test framework has counted " + std::to_string(counted) +
                             (counted == 1 ? " failure" : " failures");
    if (r.how == end::well) r.how = end::counted;
    if (r.how == end::counted || r.how == end::by_foreign_exception) r.why = text;
  }
  if (r.has_failed()) return;
  if (!core.stuck_end.empty() && !options_.may_be_stuck) {
    r.how = end::stuck;
    r.why = core.stuck_end;
  } else if (core.taken.empty() && !sim.is_idle()) {
    r.how = end::unrun;
    r.why = "the body has begun something and run nothing: simulation::run is for it to call";
  }
}

exploration::minimised exploration::minimise(const explored_run& failed, std::uint64_t seed) {
  minimised m;
  ++m.runs;
  m.least = run(testing::schedule::replay(failed.taken, seed), notes::differences);
  m.is_repeated = m.least.is_like(failed);
  if (!m.is_repeated) return m;
  m.least = minimise_trace(failed, m.least.taken, seed, m.runs);
  if (m.least.differences.size() > 1) {
    std::optional<explored_run> other = set_one_apart(failed, seed, m.runs);
    if (other && other->differences.size() < m.least.differences.size()) {
      m.least = std::move(*other);
    } else {
      // What the last run leaves behind is that of the least.
      ++m.runs;
      run(testing::schedule::replay(m.least.taken, seed));
    }
  }
  return m;
}

explored_run exploration::minimise_trace(const explored_run& failed, const testing::trace& from,
                                         std::uint64_t seed, unsigned& runs) {
  const testing::trace least =
      coramfs::detail::minimised(from, [&](const testing::trace& t) -> std::optional<tried_trace> {
        if (runs >= options_.most_minimising_runs) return std::nullopt;
        ++runs;
        explored_run r = run(testing::schedule::replay(t, seed));
        const bool fails = r.is_like(failed);
        return tried_trace{std::move(r.taken), fails};
      });
  ++runs;
  explored_run r = run(testing::schedule::replay(least, seed), notes::differences);
  r.taken.resize(std::min(r.taken.size(), least.size()));
  return r;
}

// What differs in many steps, here and there, says little. Often the same comes about if a single
// coroutine is before or behind all others for a while, which a person can follow.
std::optional<explored_run> exploration::set_one_apart(const explored_run& failed,
                                                       std::uint64_t seed, unsigned& runs) {
  ++runs;
  const explored_run fifo = run(testing::schedule::replay({}, seed));
  for (const bool is_first : {true, false}) {
    for (std::size_t step = fifo.taken.size(); step-- > 0;) {
      if (fifo.taken[step].ready == 1) continue;
      for (std::uint64_t coroutine = 1; coroutine <= fifo.coroutines; ++coroutine) {
        if (runs >= options_.most_minimising_runs) return std::nullopt;
        ++runs;
        const explored_run r = run(chooser::one_apart(coroutine, step, is_first, seed));
        if (r.is_like(failed)) return minimise_trace(failed, r.taken, seed, runs);
      }
    }
  }
  return std::nullopt;
}

}  // namespace coramfs::detail
