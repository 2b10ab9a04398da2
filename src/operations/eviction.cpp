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
      : now_(v.clock.node_time()), max_age_(o.max_age) {}

  bool is_over(const file_node& f) const noexcept {
    return max_age_ && now_ - f.status().modified_at > *max_age_;
  }

 private:
  const std::chrono::system_clock::time_point now_;
  const std::optional<std::chrono::system_clock::duration> max_age_;
};

/// A look at all files, for those that come next behind the hand, and for those that are too old.
/// Of the first kind the earliest are kept. One that is seen twice, since its directory was begun
/// anew, is dropped at the end.
///
/// One operation's own; `go_on` takes the tree's lock.
class candidate_search {
 public:
  candidate_search(volume_state& v, const least_recently_used_options& o, place hand) noexcept
      : volume_(v), below_(o.below), hand_(hand), too_old_(v, o) {}

  /// Goes on for a slice. Returns whether there is more.
  bool go_on(pace& p) {
    const tree::shared_access access(volume_.tree, tree::in_turn);
    rest_.begin_hold();
    if (!std::exchange(has_begun_, true)) begin();
    const auto see = [&](const search::visit& at, const node& n) {
      if (n.is_directory) {
        std::string path = join(at.path, n.name.view());
        p.add(path.size());
        return rest_.push(static_cast<const directory_node&>(n), std::move(path), {});
      }
      see_file(at.path, static_cast<const file_node&>(n));
    };
    while (rest_.current(volume_.tree) != nullptr)
      if (rest_.scan(p, see) && !rest_.empty()) return true;
    return false;
  }

  /// What was found: the first is the last of it.
  std::vector<candidate> take() {
    std::vector<candidate> found = std::move(earliest_);
    const auto is_same = [](const candidate& a, const candidate& b) { return a.at == b.at; };
    for (auto* const some : {&found, &expired_}) {
      std::sort(some->begin(), some->end(),
                [](const candidate& a, const candidate& b) { return a.at > b.at; });
      some->erase(std::unique(some->begin(), some->end(), is_same), some->end());
    }
    std::move(expired_.begin(), expired_.end(), std::back_inserter(found));
    return found;
  }

 private:
  struct nothing {};
  using search = descent<nothing>;

  void begin() CORAMFS_REQUIRES_SHARED(volume_.tree) {
    path_buffer buffer;
    const auto normal = buffer.normalise(below_);
    if (!normal) return;
    const auto at = volume_.tree.look_up(normal.value());
    if (!at) return;
    if (const auto top = at.value().require_directory())
      rest_.push(*top.value(), descent_path(normal.value()), {});
  }

  static bool is_earlier(const candidate& a, const candidate& b) noexcept { return a.at < b.at; }

  void see_file(const std::string& in, const file_node& f) {
    const place at{f.created_at, volume_.tree.id_of(f)};
    if (too_old_.is_over(f)) {
      if (expired_.size() < eviction_queue::most)
        expired_.push_back({at, join(in, f.name.view()), true});
      return;
    }
    if (at <= hand_) return;
    const bool is_full = earliest_.size() == eviction_queue::most;
    if (is_full && at >= earliest_.front().at) return;
    earliest_.push_back({at, join(in, f.name.view()), false});
    std::push_heap(earliest_.begin(), earliest_.end(), is_earlier);
    if (!is_full) return;
    std::pop_heap(earliest_.begin(), earliest_.end(), is_earlier);
    earliest_.pop_back();
  }

  volume_state& volume_;
  const path_argument below_;
  const place hand_;
  const expiry too_old_;
  search rest_;
  bool has_begun_ = false;
  std::vector<candidate> earliest_;  // a heap with the latest in front
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
    const bool was_used = f.take_use() || f.is_hot;
    v.tree.cool(f);
    if (was_used && !too_old.is_over(f)) return {};
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
  for (const entry& e : all_)
    if (e.of.lock() == v) return e.queue;
  all_.push_back({v, std::make_shared<eviction_queue>()});
  return all_.back().queue;
}

// The first time around may take marks only, and may have begun in the middle.
steps<void> evict(std::shared_ptr<volume_state> v, std::shared_ptr<eviction_queues> all,
                  shortage missing) {
  const auto queue = all->of(v);
  const expiry too_old(*v, all->options);
  pace p;
  charge freed;
  for (int beginnings = 0; freed.bytes < missing.bytes || freed.nodes() < missing.nodes;) {
    if (queue->next.empty()) {
      candidate_search search(*v, all->options, queue->hand);
      while (search.go_on(p)) {
        BOOST_OUTCOME_CO_TRY(co_await turn());
      }
      queue->next = search.take();
      if (queue->next.empty() || queue->next.front().is_expired) {
        constexpr int most_beginnings = 3;
        if (++beginnings == most_beginnings) break;
        queue->hand = {};
      }
      continue;
    }
    const candidate c = std::move(queue->next.back());
    queue->next.pop_back();
    if (!c.is_expired) queue->hand = c.at;
    freed += remove_in_turn(*v, c, too_old);
    p.add_way(c.path);
    if (p.has_done()) {
      BOOST_OUTCOME_CO_TRY(co_await turn());
    }
  }
  co_return boost::outcome_v2::success();
}

}  // namespace coramfs::detail
