// SPDX-License-Identifier: BSL-1.0
#include "operations/eviction.hpp"

#include <coramfs/detail/path_argument.hpp>

#include "core/pace.hpp"
#include "core/path.hpp"
#include "tree/descent.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace coramfs::detail {

namespace {

using candidate = eviction_queue::candidate;
using place = eviction_queue::place;

/// Whether files are too old, at one moment.
class expiry {
 public:
  expiry(const volume_state& v, const least_recently_used_options& o) noexcept
      : oldest_(o.max_age ? before(v.clock.node_time(), *o.max_age) : time_point::min()) {}

  bool is_over(const file_node& f) const noexcept { return f.status().modified_at < oldest_; }

 private:
  // Files may have any time, and the options any age.
  static time_point before(time_point now, time_point::duration age) noexcept {
    const auto since = now.time_since_epoch(), none = time_point::duration::zero();
    if (age > none && since < time_point::duration::min() + age) return time_point::min();
    if (age < none && since > time_point::duration::max() + age) return time_point::max();
    return now - age;
  }

  const time_point oldest_;
};

/// Comes by all files below a directory, in slices, between which the tree's lock is let go and the
/// tree may change. What is there all the time is seen, and what moves meanwhile once, twice or not
/// at all. No directory is begun anew, however often it changes.
///
/// One operation's own; `go_on` needs the tree's lock.
class file_walk {
 public:
  explicit file_walk(const path_argument& below) noexcept : below_(below) {}

  /// Goes on for a slice, by `see_directory(directory)` and `see_file(path of the directory,
  /// file)`. Returns whether there is more.
  template <class SeeDirectory, class SeeFile>
  bool go_on(const tree& names, pace& p, SeeDirectory see_directory, SeeFile see_file)
      CORAMFS_REQUIRES_SHARED(names) {
    if (!std::exchange(has_begun_, true)) begin(names);
    while (!rest_.empty()) {
      std::string path = rest_.back().path;
      if (const directory_node* const d = find_directory(names, path)) {
        p.add_way(path);
        if (!rest_.back().behind) see_directory(*d);
        if (scan(*d, path, p, see_file)) return true;
      } else {
        rest_.pop_back();
      }
    }
    return false;
  }

 private:
  struct visit {
    std::string path;                          // empty for the root
    std::optional<std::uint64_t> behind = {};  // where its last entry stood that was seen
    std::string name = {};
  };

  void begin(const tree& names) CORAMFS_REQUIRES_SHARED(names) {
    path_buffer buffer;
    const auto normal = buffer.normalise(below_);
    if (!normal) return;
    const auto at = names.look_up(normal.value());
    if (at && at.value().require_directory()) rest_.push_back({descent_path(normal.value())});
  }

  // Sees the entries of the directory that is last, which goes then; those in it come after it.
  // Returns whether a slice is done before that.
  template <class SeeFile>
  bool scan(const directory_node& d, const std::string& path, pace& p, SeeFile see_file) {
    visit here = std::move(rest_.back());
    rest_.pop_back();
    directory_index::position at{here.behind.value_or(0), here.name};
    for (;;) {
      std::uint64_t steps = 0;
      const node* const n = d.entries.first_behind(at, &steps);
      p.add(0, steps);
      if (n == nullptr) return false;
      at = directory_index::position_of(*n);
      if (n->is_directory) {
        rest_.push_back({join(path, n->name.view())});
        p.add(path.size());
      } else {
        see_file(path, static_cast<const file_node&>(*n));
      }
      if (!p.has_done()) continue;
      here.behind = at.hash;
      here.name = at.name;
      rest_.push_back(std::move(here));
      return true;
    }
  }

  const path_argument& below_;
  bool has_begun_ = false;
  std::vector<visit> rest_;  // last in, first out
};

// What a file gives back at most. Pins may have a part of its charge now, and give it back by then.
std::uint64_t most_bytes_of(const volume_state& v, const file_node& f) noexcept {
  const file_status now = f.status();
  const std::uint64_t pinned = f.content.may_have_pins() ? now.size : 0;
  return v.account.of(totals{now.size, now.allocated + pinned, 0}).bytes +
         v.account.of_metadata(node_footprint(false, f.name.size()));
}

/// A look at all files, for what those that are not in use give back at most.
///
/// One operation's own; `go_on` takes the tree's lock.
class idle_sum {
 public:
  idle_sum(volume_state& v, const least_recently_used_options& o, eviction_queue& queue) noexcept
      : volume_(v), below_(o.below), queue_(queue) {}

  /// Goes on for a slice. Returns whether there is more.
  bool go_on(pace& p) {
    const tree::shared_access access(volume_.tree, tree::in_turn);
    const auto see_directory = [&](const directory_node& d) {
      bytes_ += volume_.account.of_metadata(directory_index::footprint(d.entries.size()));
    };
    const auto see_file = [&](const std::string&, const file_node& f) {
      volume_.tree.require_held();
      ++queue_.seen;
      if (!volume_.tree.is_busy(f)) bytes_ += most_bytes_of(volume_, f);
    };
    return walk_.go_on(volume_.tree, p, see_directory, see_file);
  }
  std::uint64_t bytes() const noexcept { return bytes_; }

 private:
  volume_state& volume_;
  const path_argument below_;
  eviction_queue& queue_;
  file_walk walk_{below_};
  std::uint64_t bytes_ = 0;
};

/// A look at all files, for those that come next behind the hand and have no mark, and for those
/// that are too old. Of the first kind the earliest are kept. A second look then takes the marks of
/// those that stand between them, as the hand does when it passes them. So where all have marks one
/// pass finds that none is to go, and the next one none with a mark.
///
/// One operation's own; `go_on` takes the tree's lock.
class candidate_search {
 public:
  candidate_search(volume_state& v, const least_recently_used_options& o,
                   eviction_queue& queue) noexcept
      : volume_(v),
        below_(o.below),
        queue_(queue),
        too_old_(v, o),
        most_(std::max(eviction_queue::most,
                       v.quota.read().committed.files / eviction_queue::share)) {}

  /// Goes on for a slice. Returns whether there is more.
  bool go_on(pace& p) {
    const tree::shared_access access(volume_.tree, tree::in_turn);
    const auto no_directory = [](const directory_node&) {};
    const auto see = [&](const std::string& in, const file_node& f) { see_file(in, f, p); };
    if (!has_found_ && walk_.go_on(volume_.tree, p, no_directory, see)) return true;
    if (!std::exchange(has_found_, true)) sort();
    if (!has_marks_) return false;
    const auto pass = [&](const std::string&, const file_node& f) {
      ++queue_.seen;
      if (is_passed(f)) const_cast<file_node&>(f).take_use();
    };
    return passing_.go_on(volume_.tree, p, no_directory, pass);
  }

  /// What was found: the first is the last of it.
  std::vector<candidate> take() {
    std::move(expired_.begin(), expired_.end(), std::back_inserter(earliest_));
    return std::move(earliest_);
  }

 private:
  static bool is_earlier(const candidate& a, const candidate& b) noexcept { return a.at < b.at; }

  place place_of(const file_node& f) const noexcept {
    return {f.created_at, volume_.tree.id_of(f)};
  }

  // Those who use a file may go meanwhile: then it comes next time.
  void see_file(const std::string& in, const file_node& f, pace& p) {
    volume_.tree.require_held();
    ++queue_.seen;
    if (volume_.tree.is_busy(f)) return;
    const place at = place_of(f);
    const bool is_expired = too_old_.is_over(f);
    if (!is_expired && at <= queue_.hand) return;
    if (!is_expired && f.was_used()) {
      has_marks_ = true;
      return;
    }
    auto& to = is_expired ? expired_ : earliest_;
    const bool is_full = to.size() >= most_;
    if (is_full && (is_expired || at >= to.front().at)) return;
    p.add(in.size() + f.name.size());
    to.push_back({at, join(in, f.name.view()), most_bytes_of(volume_, f), is_expired});
    if (is_expired) return;
    std::push_heap(to.begin(), to.end(), is_earlier);
    if (!is_full) return;
    std::pop_heap(to.begin(), to.end(), is_earlier);
    to.pop_back();
  }

  // One that was seen twice is dropped.
  void sort() {
    const auto is_same = [](const candidate& a, const candidate& b) { return a.at == b.at; };
    for (auto* const some : {&earliest_, &expired_}) {
      std::sort(some->begin(), some->end(),
                [](const candidate& a, const candidate& b) { return a.at > b.at; });
      some->erase(std::unique(some->begin(), some->end(), is_same), some->end());
    }
  }

  // Whether the hand goes past it on the way to the last of those that were found, or to the end if
  // there are none. A file in use keeps its mark.
  bool is_passed(const file_node& f) const noexcept {
    volume_.tree.require_held();
    const place at = place_of(f);
    return at > queue_.hand && (earliest_.empty() || at < earliest_.front().at) &&
           !volume_.tree.is_busy(f);
  }

  volume_state& volume_;
  const path_argument below_;
  eviction_queue& queue_;
  const expiry too_old_;
  const std::uint64_t most_;
  file_walk walk_{below_}, passing_{below_};
  bool has_found_ = false, has_marks_ = false;
  std::vector<candidate> earliest_;  // a heap with the latest in front, and then sorted likewise
  std::vector<candidate> expired_;
};

// Removes a file whose turn it is, unless it is another by now, is in use, or was opened since the
// last turn. Returns what it was charged.
charge remove_in_turn(volume_state& v, const candidate& c, const expiry& too_old) noexcept {
  detached_node gone;
  std::uint64_t entry_bytes = 0;
  {
    const tree::exclusive_access access(v.tree, tree::in_turn);
    const auto at = v.tree.look_up(normal_path::given_out(c.path));
    if (!at || at.value().found == nullptr || at.value().found->is_directory) return {};
    auto& f = static_cast<file_node&>(*at.value().found);
    if (v.tree.id_of(f) != c.at.id || v.tree.is_busy(f)) return {};
    // One that was too old, and has changed since, is not due yet, and keeps its mark.
    const bool is_over = too_old.is_over(f);
    if (!is_over && (c.is_expired || f.take_use())) return {};
    gone = v.tree.unlink(f);
    entry_bytes = v.account.of_metadata(entry_footprint(*at.value().parent));
  }
  disposal one(std::move(gone));
  charge freed = one.step(v.account);
  freed.bytes += entry_bytes;
  v.quota.release(freed);
  return freed;
}

}  // namespace

std::shared_ptr<eviction_queue> eviction_queues::of(const std::shared_ptr<volume_state>& v) {
  const std::lock_guard lock(mutex_);
  std::erase_if(all_, [](const entry& e) { return e.of.expired(); });
  // Nobody becomes an owner of another volume here, which would end it under the mutex.
  for (const entry& e : all_)
    if (!e.of.owner_before(v) && !v.owner_before(e.of)) return e.queue;
  all_.push_back({v, std::make_shared<eviction_queue>()});
  return all_.back().queue;
}

// The hand may begin in the middle, so it may come to the end twice: before it has been at all of
// them, and when it has.
steps<void> evict(std::shared_ptr<volume_state> v, std::shared_ptr<eviction_queues> all,
                  shortage missing) {
  const auto queue = all->of(v);
  const expiry too_old(*v, all->options);
  pace p;
  charge freed;
  // Where those that are known may be too few it is looked at first whether all that can go would
  // help anybody.
  if (missing.least_bytes > queue->bytes) {
    idle_sum idle(*v, all->options, *queue);
    while (idle.go_on(p)) {
      BOOST_OUTCOME_CO_TRY(co_await turn());
    }
    if (missing.least_bytes > idle.bytes()) co_return boost::outcome_v2::success();
  }
  for (int ends = 0; freed.bytes < missing.bytes || freed.nodes() < missing.nodes;) {
    if (queue->next.empty()) {
      candidate_search search(*v, all->options, *queue);
      while (search.go_on(p)) {
        BOOST_OUTCOME_CO_TRY(co_await turn());
      }
      queue->remember(search.take());
      if (queue->next.empty() || queue->next.front().is_expired) {
        constexpr int most_ends = 3;
        if (++ends == most_ends) break;
        queue->hand = {};
      }
      continue;
    }
    const candidate c = queue->take_next();
    if (!c.is_expired) queue->hand = c.at;
    const charge one = remove_in_turn(*v, c, too_old);
    freed += one;
    p.add_way(c.path);
    if (p.has_done(one.bytes)) {
      BOOST_OUTCOME_CO_TRY(co_await turn());
    }
  }
  co_return boost::outcome_v2::success();
}

}  // namespace coramfs::detail
