// SPDX-License-Identifier: BSL-1.0
#include <coramfs/testing/explore.hpp>

#include <coramfs/testing/detail/failure_count.hpp>
#include <coramfs/testing/detail/quiet_failures.hpp>

#include "integrations/testing/exploration.hpp"
#include "integrations/testing/words.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <optional>

namespace coramfs {

namespace detail {

namespace {

using testing::explore_options;
using testing::report;
using testing::schedule;

std::optional<std::uint64_t> seed_from_environment() {
  const char* const text = std::getenv("CORAMFS_SEED");
  if (text == nullptr || *text == '\0') return std::nullopt;
  std::uint64_t seed = 0;
  const char* const end = text + std::strlen(text);
  if (const auto read = std::from_chars(text, end, seed); read.ec != std::errc() || read.ptr != end)
    throw std::invalid_argument("CORAMFS_SEED is no seed: " + std::string(text));
  return seed;
}

std::string words_of(const testing::choice& c) {
  return "took " + std::to_string(c.taken + 1) + " of " + std::to_string(c.ready) +
         (c.has_jumped ? " after a jump" : "");
}

/// Where two runs of one schedule differ; empty: nowhere.
std::string difference_of(const explored_run& a, const explored_run& b) {
  const std::size_t common = std::min(a.taken.size(), b.taken.size());
  for (std::size_t i = 0; i < common; ++i) {
    const std::string step = "step " + std::to_string(i + 1);
    if (a.taken[i] != b.taken[i])
      return step + ' ' + words_of(a.taken[i]) + ", and then " + words_of(b.taken[i]);
    if (a.marks[i] != b.marks[i]) return step + " was another task, or at another time";
  }
  if (a.taken.size() != b.taken.size())
    return "step " + std::to_string(common + 1) + " was only in " +
           (a.taken.size() > common ? "the first" : "the second");
  if (a.how == b.how && (a.is_like(b) || a.why == b.why)) return {};
  return "all steps were the same, but one " +
         std::string(a.has_failed() ? "failed" : "ended well") + " and the other " +
         (b.has_failed() ? "failed: " + b.why : "ended well");
}

/// One exploration from its first run to its report.
class explorer {
 public:
  explorer(unsigned count, const std::function<void(testing::simulation&)>& body,
           const explore_options& options)
      : count_(count), options_(options), runs_(body, options) {}

  report go() {
    const std::optional<std::uint64_t> only = seed_from_environment();
    const std::optional<schedule>& always = options_.strategy.always();
    const bool is_all = always && always->is_all();
    if ((is_all ? always->limit() : count_) == 0)
      throw std::invalid_argument("coramfs::testing::explore: no run is asked for");
    if (is_all) {
      go_through_all(*always, only);
    } else {
      go_through_seeds(only, always.has_value());
    }
    if (found_.ok()) found_.text = "nothing has failed in " + counted(found_.runs, "run", "runs");
    return std::move(found_);
  }

  /// What the body has thrown that is no `std::exception`.
  const std::exception_ptr& thrown() const noexcept { return thrown_; }

 private:
  using end = explored_run::end;

  schedule schedule_of(std::uint64_t seed) const {
    schedule s = options_.strategy.of(seed, steps_);
    if (!(s.time_pressure > 0)) s.time_pressure = options_.time_pressure;
    return s;
  }

  void go_through_seeds(const std::optional<std::uint64_t>& only, bool is_one) {
    const std::uint64_t first = only.value_or(0);
    const std::uint64_t last = only || is_one ? first + 1 : count_;
    // What the first seed shows of the body, a single one has to know, too.
    if (only && *only != 0 && options_.strategy.is_mix()) {
      const testing::detail::quiet_failures quiet;
      steps_ = std::max(1u, runs_.run(schedule_of(0)).choices());
    }
    for (std::uint64_t seed = first; seed != last && found_.ok(); ++seed) {
      const schedule how = schedule_of(seed);
      const bool is_double = seed % 10 == 0;
      using notes = exploration::notes;
      const explored_run r = runs_.run(how, is_double ? notes::marks : notes::none);
      if (seed == 0) steps_ = std::max(1u, r.choices());
      count(r);
      if (r.has_failed()) {
        fail(seed, how, r);
      } else if (is_double) {
        const std::string d = difference_of(r, runs_.run(how, notes::marks));
        if (!d.empty()) differ(seed, how, r, d);
      }
    }
  }

  // Depth first: the last step that has a place left takes that, and all after it begin anew.
  void go_through_all(const schedule& all, const std::optional<std::uint64_t>& only) {
    testing::trace prefix;
    for (std::uint64_t number = 0; number < all.limit(); ++number) {
      const schedule how = schedule::replay(prefix);
      const bool is_wanted = !only || *only == number;
      std::optional<testing::detail::quiet_failures> quiet;
      if (!is_wanted) quiet.emplace();
      const explored_run r = runs_.run(how);
      count(r);
      if (const std::string d = departure(prefix, r.taken); !d.empty())
        return differ(number, how, r, d);
      if (is_wanted && r.has_failed()) return fail(number, how, r);
      if (only && is_wanted) return;
      prefix = r.taken;
      while (!prefix.empty() && prefix.back().taken + 1 == prefix.back().ready) prefix.pop_back();
      if (prefix.empty()) {
        found_.is_complete = !only;
        return;
      }
      ++prefix.back().taken;
    }
  }

  // Where a run has not gone as another one before, though all was the same.
  static std::string departure(const testing::trace& prefix, const testing::trace& taken) {
    for (std::size_t i = 0; i < prefix.size(); ++i) {
      const std::string step = "step " + std::to_string(i + 1);
      if (i == taken.size()) return step + " was only in the first";
      if (taken[i].ready != prefix[i].ready)
        return step + " had " + std::to_string(prefix[i].ready) + " ready, and then " +
               std::to_string(taken[i].ready);
    }
    return {};
  }

  void count(const explored_run& r) {
    ++found_.runs;
    found_.steps += r.taken.size();
  }

  void note(std::uint64_t seed, const schedule& how, const explored_run& r, std::string why) {
    found_.seed = seed;
    found_.how = how;
    found_.taken = found_.minimised = r.taken;
    found_.why = std::move(why);
    thrown_ = r.thrown;
    found_.text = "seed " + std::to_string(seed) + " fails: " + found_.why + "\n  run " +
                  std::to_string(found_.runs) + ", by schedule::" + to_string(how) + ": " +
                  counted(r.taken.size(), "step", "steps") +
                  "\n  to repeat it: CORAMFS_SEED=" + std::to_string(seed);
  }

  void differ(std::uint64_t seed, const schedule& how, const explored_run& r,
              const std::string& d) {
    note(seed, how, r, "two runs of one schedule differ, so a seed repeats nothing: " + d);
  }

  void fail(std::uint64_t seed, const schedule& how, const explored_run& r) {
    note(seed, how, r, r.why);
    const bool is_told_of = r.how == end::counted || r.how == end::by_foreign_exception;
    if (!options_.minimises) {
      tell_taken("");
    } else if (is_told_of && !testing::detail::can_quiet_failures()) {
      tell_taken(", and not minimised, since each run would fail the test again");
    } else {
      minimise(r, how.seed());
    }
  }

  void minimise(const explored_run& r, std::uint64_t seed) {
    exploration::minimised m;
    {
      const testing::detail::quiet_failures quiet;
      m = runs_.minimise(r, seed);
    }
    found_.minimising_runs = m.runs;
    if (!m.is_repeated) {
      found_.why += "; the same choices again did not fail so, so a seed repeats nothing";
      return tell_taken(", which did not fail in the same way again");
    }
    found_.minimised = std::move(m.least.taken);
    found_.differences = std::move(m.least.differences);
    found_.text += "\n  minimised by " + counted(m.runs, "run", "runs") + ": fifo everywhere";
    if (!found_.differences.empty()) found_.text += ", but";
    for (const std::string& d : found_.differences) found_.text += "\n    " + d;
  }

  void tell_taken(const std::string& how) {
    const std::string t = to_string(found_.taken);
    found_.text += "\n  taken: " + (t.empty() ? "as by fifo" : t) + how;
  }

  const unsigned count_;
  const explore_options& options_;
  exploration runs_;
  std::uint32_t steps_ = 0;  // with a choice, as `fifo` had them; 0: not known
  report found_;
  std::exception_ptr thrown_;
};

}  // namespace

}  // namespace detail

namespace testing {

std::ostream* explore_options::standard_error() noexcept { return &std::cerr; }

std::ostream& operator<<(std::ostream& to, const report& r) { return to << r.text; }

explore_failed::~explore_failed() = default;

report explore(unsigned count, std::function<void(simulation&)> body, explore_options options) {
  coramfs::detail::explorer e(count, body, options);
  report found = e.go();
  if (found.ok()) return found;
  const bool is_foreign = e.thrown() != nullptr;
  if (!is_foreign && !options.returns_failure) throw explore_failed(std::move(found));
  if (options.to != nullptr)
    *options.to << "coramfs::testing::explore: " << found.text << std::endl;
  if (!options.returns_failure) std::rethrow_exception(e.thrown());
  return found;
}

}  // namespace testing

}  // namespace coramfs
