// SPDX-License-Identifier: BSL-1.0
#include "property/trial.hpp"

#include "property/require.hpp"
#include "support/node_clock.hpp"

#include <algorithm>
#include <sstream>
#include <stdexcept>
#include <utility>

namespace coramfs::tests {

namespace {

constexpr std::size_t most_volumes = 3;

// A write that is refused may have made a block that nobody else has any more the file's own again,
// and given back what stood for it.
void compare_after_failure(const twins& t, const volume_stats& before, volume_stats after) {
  if (t.counts_memory() && t.has_shared() && after.used_bytes < before.used_bytes)
    after.used_bytes = before.used_bytes;
  require_same("after a failure the volume", figures(after), figures(before));
}

// A shared copy takes a node, a name and a few words for each block, and no block: a file of these
// tests has a hundred at most.
void compare_after_sharing(const volume_stats& before, const volume_stats& after) {
  constexpr std::uint64_t few = 16'384;
  require(after.used_bytes <= before.used_bytes + few, "what is shared is charged once");
}

}  // namespace

trial::trial(facade_kind facade, const volume_options& options, tally& t,
             faults_in_commands& faults)
    : tally_(t), faults_(faults) {
  forest_.push_back(std::make_unique<twins>(facade, options, earliest_node_time()));
}

void trial::run(const script& s) {
  for (std::size_t number = 0; number < s.commands.size(); ++number) {
    try {
      step(s.commands[number], number);
    } catch (const std::logic_error& e) {
      std::ostringstream where;
      where << "after command " << number << ", " << s.commands[number] << ": " << e.what();
      throw std::logic_error(where.str());
    }
  }
  finish(s.commands.size() % 2 == 0);
  // Others get a turn after every 4 MiB through one handle, and with all that is compared no
  // command moves as much.
  require(suspensions_ <= s.commands.size() / 2, "operations suspend");
}

std::vector<volume_stats> trial::books() {
  std::vector<volume_stats> all;
  for (const auto& t : forest_) all.push_back(t->stats());
  return all;
}

void trial::step(const command& c, std::size_t number) {
  const std::size_t which = c.tree % forest_.size();
  if (c.what == action::fork && forest_.size() == most_volumes) return;
  if (c.what == action::end_volume) return end_volume(which);
  twins& told = *forest_[which];
  const auto since = earliest_node_time();
  const auto before = books();
  tell(told, c, number);
  compare_others(&told, before);
  if (auto made = told.take_fork(since)) {
    ++tally_.forks;
    const volume_stats of_origin = told.stats(), of_fork = made->stats();
    require_same("the origin", figures(of_origin), figures(before[which]));
    require_same("what a fork holds", of_fork.held_bytes, std::uint64_t{0});
    require(of_fork.used_bytes <= of_origin.used_bytes - of_origin.held_bytes,
            "a fork takes no block");
    forest_.push_back(std::move(made));
  }
  for (const auto& t : forest_) t->compare(since);
  ++tally_.commands;
}

void trial::tell(twins& t, const command& c, std::size_t number) {
  const volume_stats before = t.stats();
  const bool is_new = t.size_of(c.to) == 0;
  faults_.begin_command();
  const outcome real = t.tell_volume(c, number);
  // A layout that is refused its growth asks for less, so a fault may also go unnoticed.
  const bool is_faulty = faults_.end_command() && real.failed();
  const volume_stats after = t.stats();
  if (!is_faulty) t.tell_model(c, number, real, before);
  if (real.failed()) {
    compare_after_failure(t, before, after);
    auto& counted = is_faulty ? tally_.faults : tally_.failures;
    ++counted[real.failure.code().message()];
  } else if (c.what == action::copy && c.content == copy_options::content::share && is_new &&
             t.counts_memory()) {
    compare_after_sharing(before, after);
  }
}

// What is done to one volume is seen by another one only where that was charged for what nobody of
// its own has, and the last of the others has let go of it.
void trial::compare_others(const twins* except, const std::vector<volume_stats>& before) {
  for (std::size_t i = 0; i < forest_.size(); ++i) {
    if (forest_[i].get() == except) continue;
    volume_stats after = forest_[i]->stats();
    const std::uint64_t freed = before[i].held_bytes - after.held_bytes;
    require(after.held_bytes <= before[i].held_bytes, "others make nothing held");
    require_same("used_bytes of another volume", after.used_bytes, before[i].used_bytes - freed);
    after.used_bytes += freed;
    after.held_bytes += freed;
    require_same("another volume", figures(after), figures(before[i]));
  }
  if (forest_.size() == 1 && except == nullptr)
    require_same("what is held for nobody", forest_[0]->stats().held_bytes, std::uint64_t{0});
}

// The last one stays.
void trial::end_volume(std::size_t which) {
  if (forest_.size() == 1) return;
  forest_[which]->close_handles();
  const auto since = earliest_node_time();
  auto before = books();
  before.erase(before.begin() + static_cast<std::ptrdiff_t>(which));
  suspensions_ += forest_[which]->suspensions();
  forest_.erase(forest_.begin() + static_cast<std::ptrdiff_t>(which));
  compare_others(nullptr, before);
  for (const auto& t : forest_) t->compare(since);
}

// With no handle left everything can be removed, and nothing is left but for the others.
void trial::finish(bool from_the_last) {
  while (!forest_.empty()) {
    const std::size_t which = from_the_last ? forest_.size() - 1 : 0;
    twins& t = *forest_[which];
    t.close_handles();
    t.compare(earliest_node_time());
    const auto before = books();
    t.remove_all();
    compare_others(&t, before);
    if (forest_.size() > 1) {
      end_volume(which);
      continue;
    }
    require_same("what is used when all has gone", t.stats().used_bytes, std::uint64_t{0});
    suspensions_ += t.suspensions();
    forest_.clear();
  }
}

}  // namespace coramfs::tests
