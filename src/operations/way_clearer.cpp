// SPDX-License-Identifier: BSL-1.0
#include "operations/way_clearer.hpp"

#include "tree/creation.hpp"

#include <algorithm>
#include <new>
#include <thread>
#include <utility>

namespace coramfs::detail {

/// The wait for one file, as an operation.
class way_clearer::file_wait {
 public:
  explicit file_wait(way_clearer& of) noexcept : of_(of) {}

  progress advance() noexcept {
    if (claim_) {
      claim_.reset();
      of_.awaited_.hold(fair_lock::kind::moving);
    } else if (status_ && !of_.awaited_.is_locked()) {
      claim_.emplace(of_.awaited_->lock, fair_lock::kind::moving);
      return progress::waits;
    }
    return progress::done;
  }
  claim& awaited() noexcept { return *claim_; }
  lock_timeout patience() const noexcept { return of_.patience_; }
  std::atomic<std::uint64_t>* waiting() const noexcept { return &of_.volume_->waiting; }
  void refuse(const error& why) noexcept {
    if (!claim_) return;
    claim_.reset();
    status_ =
        why == errc::timed_out ? of_.refused(errc::timed_out) : about(of_.by_, of_.path_, why);
  }
  error unmet() const noexcept { return of_.unmet(); }
  result<void> outcome() noexcept { return status_; }

 private:
  way_clearer& of_;
  std::optional<lock_claim> claim_;  // while it waits
  result<void> status_ = boost::outcome_v2::success();
};

void way_clearer::begin() noexcept {
  if (awaited_) had_ = std::move(awaited_);
  is_passing_ = is_committed_ = false;
}

// After an attempt that has failed all is as before. Every file is in the tree then, so that none
// is freed by its last user, which would need the lock. Where no file is waited for, as where a
// policy of faults is asked, or where others are yet to take back their counts, the next attempt
// has what was waited for, and does not go to the end of the queue.
void way_clearer::end() noexcept {
  if (is_committed_) return;
  for (cleared& c : cleared_) {
    tree::count_again(*c.use);
    c.use->cleared = file_node::clearance::none;
    if (c.was_awaited && !awaited_) awaited_ = std::move(c.use);
  }
  cleared_.clear();
}

result<void> way_clearer::clear_replaced(node& n, if_open in_use, std::string_view path) noexcept {
  volume_->tree.require_exclusive();
  switch (in_use) {
    case if_open::wait: return clear(n, fate::goes, path);
    case if_open::keep_unnamed: return clear(n, fate::is_kept, path);
    case if_open::fail: break;
  }
  return volume_->tree.require_idle(n);
}

// Since the uses of the file that was waited for were counted, others may have begun to read it and
// have let go of the lock, but not of their marks yet. So they are counted once more.
//
// Below a directory handles and marks are found soon. All entries of directories that are busy are
// looked at only where that was not all: for files of operations that have no handle yet, and where
// there are more handles than are looked at.
result<void> way_clearer::clear(node& n, fate to, std::string_view path) noexcept {
  tree& names = volume_->tree;
  names.require_exclusive();
  path_ = path;
  const bool is_mine =
      had_ && had_->parent != nullptr &&
      (&*had_ == &n || (n.is_directory && is_below(*had_, static_cast<directory_node&>(n))));
  if (is_mine) {
    names.count_uses(*had_);
    BOOST_OUTCOME_TRY(set_aside(std::move(had_), to));
    cleared_.back().was_awaited = true;
  }
  if (!n.is_directory) {
    if (is_mine || !names.is_busy(n)) return boost::outcome_v2::success();
    return take(static_cast<file_node&>(n), to);
  }
  if (!names.is_busy(n)) return boost::outcome_v2::success();
  auto& directory = static_cast<directory_node&>(n);
  result<void> taken = boost::outcome_v2::success();
  names.see_open_below(directory, [&](file_node& f) {
    if (taken && !is_cleared(f)) taken = take(f, to);
  });
  BOOST_OUTCOME_TRY(taken);
  while (file_node* const marked = names.marked_below(directory)) {
    if (is_cleared(*marked)) {
      names.count_uses(*marked);
    } else {
      BOOST_OUTCOME_TRY(take(*marked, to));
    }
  }
  for (file_node* f = nullptr; names.is_busy(n);) {
    f = tree::used_below(directory, f);
    is_passing_ = f == nullptr;
    if (is_passing_) return errc::busy;
    if (is_cleared(*f)) continue;
    BOOST_OUTCOME_TRY(take(*f, to));
  }
  return boost::outcome_v2::success();
}

// Takes a file for the attempt, with its lock unless its handles keep it. Who holds it or stands in
// its queue is waited for.
result<void> way_clearer::take(file_node& f, fate to) noexcept {
  volume_->tree.require_exclusive();
  volume_->tree.count_uses(f);
  node_use use(f, *volume_);
  if (to != fate::is_kept) {
    if (!f.lock.try_lock(fair_lock::kind::moving)) {
      awaited_ = std::move(use);
      return errc::busy;
    }
    use.hold(fair_lock::kind::moving);
  }
  return set_aside(std::move(use), to);
}

result<void> way_clearer::set_aside(node_use use, fate to) noexcept try {
  cleared_.push_back({std::move(use), to, false, nullptr, nullptr});
  file_node& f = *cleared_.back().use;
  tree::set_aside(f);
  f.cleared = file_node::clearance::cleared;
  return boost::outcome_v2::success();
} catch (const std::bad_alloc&) {
  return errc::out_of_memory;
}

// From here on nobody begins to use the files, but those who do may let go. One who is alone with a
// file then keeps it from nothing.
charge way_clearer::prepare() noexcept {
  charge wanted;
  for (cleared& c : cleared_) {
    if (c.to != fate::is_kept && c.use->users.load(std::memory_order_acquire) == 1) continue;
    c.use->cleared = file_node::clearance::has_others;
    if (c.to != fate::moves) continue;
    wanted.bytes += volume_->account.of_metadata(node_footprint(false, std::size_t{0}));
    ++wanted.files;
  }
  return wanted;
}

result<void> way_clearer::make_nodes() noexcept {
  for (cleared& c : cleared_) {
    if (c.to != fate::moves || !has_others(*c.use)) continue;
    c.fresh = new_file(*volume_, {});
    if (c.fresh != nullptr) continue;
    for (cleared& made : cleared_) made.fresh.reset();
    return errc::out_of_memory;
  }
  return boost::outcome_v2::success();
}

std::uint64_t way_clearer::commit() noexcept {
  volume_->tree.require_exclusive();
  std::uint64_t entries = 0;
  is_committed_ = true;
  for (cleared& c : cleared_) {
    file_node& f = *c.use;
    if (std::exchange(f.cleared, file_node::clearance::none) != file_node::clearance::has_others) {
      tree::count_again(f);
      c.use.release();
    } else if (c.to == fate::moves) {
      c.in_tree = &tree::renew_aside(f, std::move(c.fresh));
    } else {
      directory_node& in = *f.parent;
      volume_->tree.take_name_aside(f);
      entries += volume_->account.of_metadata(entry_footprint(in));
    }
  }
  return entries;
}

node& way_clearer::now(node& n) const noexcept {
  const auto found = std::find_if(cleared_.begin(), cleared_.end(), [&](const cleared& c) {
    return c.in_tree != nullptr && c.use && &*c.use == &n;
  });
  return found != cleared_.end() ? *found->in_tree : n;
}

// The content of what goes is nobody else's: those who have waited for the file are yet to see that
// it has gone.
void way_clearer::finish() noexcept {
  for (cleared& c : cleared_) {
    if (c.use && c.to == fate::goes) c.use->content.resize(volume_->account, 0).value();
  }
  cleared_.clear();
  had_.release();
  awaited_.release();
}

// The error of one who is in the queue itself.
error way_clearer::unmet() const noexcept {
  lock_state others = volume_->tree.who_has(*awaited_);
  if (others.waiting > 0) --others.waiting;
  return about(by_, path_, errc::timed_out, others);
}

// The error of one who is not, or has left it.
error way_clearer::refused(errc code) const noexcept {
  return about(by_, path_, code, volume_->tree.who_has(*awaited_));
}

steps<void> wait(way_clearer& c) {
  // Who takes a count back is in the middle of a few instructions, or was stopped there. A thread
  // does not wait between two steps that give others a turn, so it is told to.
  if (c.is_passing_) {
    std::this_thread::yield();
    co_return co_await turn();
  }
  c.had_.release();
  if (c.patience_.is_immediate()) co_return c.refused(errc::would_block);
  if (c.volume_->faults.has_policy()) {
    const auto goes_on = c.volume_->faults.waiting_for_lock(c.path_, c.patience_);
    if (!goes_on) co_return about(c.by_, c.path_, goes_on.error());
  }
  way_clearer::file_wait one(c);
  co_return co_await finished(one);
}

}  // namespace coramfs::detail
