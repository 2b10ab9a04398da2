// SPDX-License-Identifier: BSL-1.0
#include <coramfs/volume.hpp>

#include "storage/backlog.hpp"
#include "tree/volume_state.hpp"

#include <algorithm>
#include <chrono>
#include <new>
#include <string>
#include <utility>

namespace coramfs {

namespace {

result<void> check(const volume_options& o) {
  const bool known_layout = o.default_storage == storage_layout::automatic ||
                            o.default_storage == storage_layout::sequential ||
                            o.default_storage == storage_layout::random_access;
  const bool known_accounting =
      o.accounting == accounting::memory || o.accounting == accounting::payload;
  const guard_mode mode = o.memory_guard.mode;
  const bool known_mode =
      mode == guard_mode::none || mode == guard_mode::init || mode == guard_mode::per_write;
  const guard_action action = o.memory_guard.action;
  const bool known_action = action == guard_action::warn || action == guard_action::reject;
  if (!known_layout || !known_accounting || !known_mode || !known_action)
    return errc::invalid_argument;
  // The root is there from the start.
  if (o.max_nodes && *o.max_nodes == 0) return error(errc::node_limit_exceeded, 1, 0);
  return boost::outcome_v2::success();
}

}  // namespace

result<volume> volume::create(volume_options options) try {
  BOOST_OUTCOME_TRY(auto state, detail::volume_state::make(std::move(options)));
  return volume(std::move(state));
} catch (const std::bad_alloc&) {
  return errc::out_of_memory;
}

volume_stats volume::stats() const { return state_->stats(); }

result<std::vector<open_handle>> volume::open_handles() const { return state_->open_handles(); }

result<void> volume::set_quota(std::uint64_t size) try {
  const detail::memory_guard::usage now = state_->account.usage();
  if (size > std::max(state_->quota.max_bytes(), now.promised)) {
    if (state_->faults.has_policy()) {
      BOOST_OUTCOME_TRY(state_->faults.guarding_quota(size - now.promised));
    }
    BOOST_OUTCOME_TRY(state_->guard.check_quota(size, now));
  }
  // What threads have at hand gives way, too.
  if (size < state_->quota.max_bytes()) state_->blocks.small().remove_empty_slabs();
  state_->quota.set_max_bytes(size);
  return boost::outcome_v2::success();
} catch (const std::bad_alloc&) {
  return errc::out_of_memory;
}

const volume_options& volume::options() const noexcept { return state_->options; }

namespace detail {

result<std::shared_ptr<volume_state>> volume_state::make(volume_options chosen,
                                                         const volume_state* origin) {
  BOOST_OUTCOME_TRY(check(chosen));
  auto state = create(std::move(chosen), origin);
  if (state->faults.has_policy()) {
    BOOST_OUTCOME_TRY(state->faults.guarding_quota(state->options.max_quota));
  }
  BOOST_OUTCOME_TRY(
      state->guard.check_quota(state->options.max_quota, {.charged = 0, .promised = 0}));
  return state;
}

result<std::shared_ptr<volume_state>> volume_state::fork_of(const volume_state& origin,
                                                            fork_options chosen) noexcept try {
  volume_options all = origin.options;
  all.max_quota = chosen.max_quota.value_or(origin.quota.max_bytes());
  const auto take = [](auto& to, auto& from) {
    if (from) to = std::move(*from);
  };
  take(all.max_nodes, chosen.max_nodes);
  take(all.default_storage, chosen.default_storage);
  take(all.promotion_hard_limit, chosen.promotion_hard_limit);
  take(all.accounting, chosen.accounting);
  take(all.max_recycled, chosen.max_recycled);
  take(all.default_lock_timeout, chosen.default_lock_timeout);
  take(all.memory_guard, chosen.memory_guard);
  take(all.clock, chosen.clock);
  take(all.reclaim, chosen.reclaim);
  take(all.faults, chosen.faults);
  return make(std::move(all), &origin);
} catch (const std::bad_alloc&) {
  return errc::out_of_memory;
}

std::shared_ptr<volume_state> volume_state::create(volume_options chosen,
                                                   const volume_state* origin) {
  // Marks of open files do not hold the volume by themselves, so when the last owner goes they are
  // made counts, which do.
  const auto let_go = [](volume_state* v) noexcept {
    {
      // The lock is needed although no owner is left: those who still write through handles may
      // move files.
      const tree::exclusive_access access(v->tree);
      v->tree.holds().count_all();
    }
    v->lose_owner();
    v->drop_owner();
  };
  std::shared_ptr<volume_state> made(new volume_state(std::move(chosen), origin), let_go);
  if (made->options.reclaim) made->asked_.begin(made);
  return made;
}

void volume_state::callback::begin(const std::shared_ptr<volume_state>& of) noexcept {
  owned_ = of;
  of->quota.set_reclaimer(this);
}

// Without an owner there is no path that would lead to anything.
void volume_state::callback::start(reclaim_task task) noexcept {
  const auto v = owned_.lock();
  if (v == nullptr) return;
  const volume over = volume_access::volume_of(v);
  if (!reclaim_access::answer(v->options.reclaim, over, std::move(task))) note_failure();
}

// Where others have blocks of it, the volume stays for them. All else that nobody can come to any
// more goes now: the files that are not open, and directories without such.
void volume_state::lose_owner() noexcept {
  if (!has_loans()) return;
  disposal gone;
  {
    const tree::exclusive_access access(tree);
    const directory_index& entries = tree.root().entries;
    // In the order of positions, which does not change with what is taken out.
    for (node* n = entries.first_behind({}); n != nullptr;) {
      const directory_index::position at = directory_index::position_of(*n);
      if (!tree.is_busy(*n)) gone.add(tree.unlink(*n));
      n = entries.first_behind(at);
    }
  }
  backlog given_up;
  {
    const backlog::collecting collected(given_up);
    while (!gone.is_done()) quota.release(gone.step(account));
  }
  while (given_up.free_some()) continue;
  blocks.retire();
}

// The memory of a volume goes as a whole, so its files are freed one by one only where they may
// have something of others. Somebody may be collecting what he gives up when he lets go of the last
// block of this volume: his backlog must not come to know of it, which does not keep it alive. What
// is collected here goes with the memory.
// A lender may end with what it has lent. So this recurs for each of several volumes that are forks
// of one another, and that only the last of them has kept.
void volume_state::end() noexcept {
  if (is_fork_) {
    backlog given_up;
    {
      const backlog::collecting collected(given_up);
      tree.free_all();
    }
    while (given_up.free_some_lent()) continue;
  }
  delete this;
}

file_status volume_state::status_of(const node& n) const noexcept {
  file_status s = n.is_directory ? static_cast<const directory_node&>(n).status()
                                 : static_cast<const file_node&>(n).status();
  s.id = tree.id_of(n);
  if (!account.counts_memory()) s.allocated = s.size;
  return s;
}

// The lock is let go now and then, and no record moves meanwhile.
result<std::vector<open_handle>> volume_state::open_handles() noexcept try {
  std::vector<open_handle> all;
  handle_table::cursor at;
  for (bool has_more = true; has_more;) {
    const tree::shared_access access(tree, tree::in_turn);
    has_more = tree.handles().see_some(at, [&](const handle_entry& h) {
      all.push_back({path_of(*h.file), h.mode, std::string(h.label.view()),
                     std::chrono::steady_clock::time_point(h.since), h.file->lock.waiters()});
    });
  }
  return all;
} catch (const std::bad_alloc&) {
  return errc::out_of_memory;
}

// The tree's lock keeps nodes and their charges in step, since both change under it. Under the
// shared one a mark could become a count meanwhile, and its handle be counted twice.
volume_stats volume_state::stats() noexcept {
  const tree::exclusive_access access(tree);
  const auto [charged, peak, most] = quota.read();
  volume_stats s{};
  s.quota_bytes = most;
  s.used_bytes = charged.bytes;
  s.free_bytes = most > charged.bytes ? most - charged.bytes : 0;
  s.peak_bytes = peak;
  s.file_count = charged.files;
  s.directory_count = charged.directories + 1;
  s.chunk_count = charged.chunks;
  s.open_handles = tree.holds().handles() + handles();
  s.waiting = waiting.load();
  // What was freed a moment ago may be kept already though its charge is yet to be given back.
  s.recycled_bytes = std::min(blocks.kept_bytes(), s.free_bytes);
  s.pins = pins();
  s.held_bytes = std::min(blocks.held_bytes(), s.used_bytes);
  s.failed_reclaims = asked_.failures();
  return s;
}

}  // namespace detail

}  // namespace coramfs
