// SPDX-License-Identifier: BSL-1.0
#include "operations/removal.hpp"

#include "core/error_note.hpp"
#include "core/path.hpp"
#include "operations/long_operations.hpp"
#include "operations/operations.hpp"
#include "operations/way_clearer.hpp"

#include <utility>

namespace coramfs::detail {

namespace {

/// A part of the tree that was taken out, and the charge of its entry in the directory it was in.
struct removed {
  detached_node top;
  std::uint64_t entry_bytes;
};

result<detached_node> take_idle(tree& names, node& n) noexcept CORAMFS_REQUIRES(names) {
  BOOST_OUTCOME_TRY(names.require_idle(n));
  return names.unlink(n);
}

// Takes what is at a path out of the tree, if `require` allows it, by `take`.
template <class Require, class Take>
result<removed> take_out_at(volume_state& v, const path_argument& path, Require require,
                            Take take) noexcept {
  path_buffer buffer;
  BOOST_OUTCOME_TRY(const auto normal, buffer.normalise(path));
  const tree::exclusive_access access(v.tree);
  BOOST_OUTCOME_TRY(const auto at, v.tree.look_up(normal));
  BOOST_OUTCOME_TRY(require(at));
  const directory_node& in = *at.parent;
  BOOST_OUTCOME_TRY(auto top, take(v.tree, *at.found));
  return removed{std::move(top), v.account.of_metadata(entry_footprint(in))};
}

// Takes out one node with nothing below it, and frees it outside of the lock, in one go. There is
// none to be freed where others use it.
template <class Require, class Take>
result<void> remove_one(volume_state& v, const path_argument& path, Require require,
                        Take take) noexcept {
  BOOST_OUTCOME_TRY(auto gone, take_out_at(v, path, require, take));
  disposal one(std::move(gone.top));
  charge freed = one.step(v.account);
  freed.bytes += gone.entry_bytes;
  v.quota.release(freed);
  return boost::outcome_v2::success();
}

result<void> require_file(const entry& at) noexcept {
  BOOST_OUTCOME_TRY(at.require_file());
  return boost::outcome_v2::success();
}

// The root is no such directory.
result<directory_node*> require_removable_directory(const entry& at) noexcept {
  BOOST_OUTCOME_TRY(auto* const directory, at.require_directory());
  if (at.parent == nullptr) return errc::invalid_argument;
  return directory;
}

}  // namespace

result<void> remove(volume_state& v, const path_argument& path, if_open in_use) noexcept {
  return noting(call::remove, path, [&]() -> result<void> {
    if (in_use == if_open::fail) return remove_one(v, path, require_file, take_idle);
    if (in_use != if_open::keep_unnamed) return errc::invalid_argument;
    return remove_one(v, path, require_file, [](tree& names, node& n) -> result<detached_node> {
      names.require_exclusive();
      return names.take_name(static_cast<file_node&>(n));
    });
  });
}

// What creates something in it does so under the same lock, before or after.
result<void> remove_directory(volume_state& v, const path_argument& path) noexcept {
  const auto require = [](const entry& at) -> result<void> {
    BOOST_OUTCOME_TRY(const auto* directory, require_removable_directory(at));
    if (directory->entries.size() != 0) return errc::directory_not_empty;
    return boost::outcome_v2::success();
  };
  return noting(call::remove_directory, path,
                [&] { return remove_one(v, path, require, take_idle); });
}

bool taken_tree::free_slice() noexcept {
  charge freed = rest_.step(volume_.account);
  freed.bytes += std::exchange(entry_bytes_, 0);
  volume_.quota.release(freed);
  return !rest_.is_done();
}

progress remove_tree_operation::advance() noexcept {
  if (!rest_) {
    if (const auto taken = take_out(); !taken) {
      status_ = about(call::remove_tree, path_.view(), taken.error());
      return progress::done;
    }
  }
  return rest_->free_slice() ? progress::yields : progress::done;
}

result<void> remove_tree_operation::take_out() noexcept {
  BOOST_OUTCOME_TRY(auto gone,
                    take_out_at(*volume_, path_, require_removable_directory, take_idle));
  rest_.emplace(*volume_, std::move(gone.top), gone.entry_bytes);
  return boost::outcome_v2::success();
}

namespace {

// Takes a directory out of the tree with all below it, if the way is free of those who use files
// there.
result<removed> take_out_in_use(volume_state& v, const path_argument& path, way_clearer& way,
                                way_clearer::fate to) noexcept {
  path_buffer buffer;
  BOOST_OUTCOME_TRY(const auto normal, buffer.normalise(path));
  const tree::exclusive_access access(v.tree);
  const way_clearer::attempt attempt(&way);
  BOOST_OUTCOME_TRY(const auto at, v.tree.look_up(normal));
  BOOST_OUTCOME_TRY(auto* const directory, require_removable_directory(at));
  BOOST_OUTCOME_TRY(way.clear(*directory, to, path.view()));
  way.prepare();
  std::uint64_t entry_bytes = way.commit();
  detached_node top = v.tree.unlink(*directory);
  entry_bytes += v.account.of_metadata(entry_footprint(*at.parent));
  return removed{std::move(top), entry_bytes};
}

}  // namespace

steps<void> remove_tree_in_use(std::shared_ptr<volume_state> v, path_argument path,
                               remove_options options) {
  co_await concerns(call::remove_tree, path);
  const bool waits = options.open == if_open::wait;
  if (!waits && options.open != if_open::keep_unnamed) co_return errc::invalid_argument;
  way_clearer way(*v, call::remove_tree, options.timeout);
  for (;;) {
    auto taken = take_out_in_use(*v, path, way,
                                 waits ? way_clearer::fate::goes : way_clearer::fate::is_kept);
    if (!way.is_blocked()) {
      way.finish();
      if (!taken) co_return taken.error();
      taken_tree rest(*v, std::move(taken.value().top), taken.value().entry_bytes);
      while (rest.free_slice()) co_await turn_in_any_case();
      co_return boost::outcome_v2::success();
    }
    auto waiting = wait(way);
    BOOST_OUTCOME_CO_TRY(co_await finished(waiting));
  }
}

removal_in_turn::removal_in_turn(const std::shared_ptr<volume_state>& v, path_argument path,
                                 const std::optional<lock_timeout>& patience) noexcept
    : volume_(v),
      path_(std::move(path)),
      patience_(patience.value_or(v->options.default_lock_timeout)) {}

progress removal_in_turn::advance() noexcept {
  if (claim_) {
    claim_.reset();
    use_.hold(fair_lock::kind::exclusive);
  }
  while (status_) {
    if (!use_) status_ = find();
    if (!status_ || !use_) break;
    if (!use_.is_locked()) {
      if (begin_wait()) return progress::waits;
    } else if (take_out()) {
      break;
    }
  }
  return progress::done;
}

void removal_in_turn::refuse(const error& why) noexcept {
  if (!claim_) return;
  claim_.reset();
  end_with(why);
}

error removal_in_turn::unmet() const noexcept {
  lock_state others = volume_->tree.who_has(*use_);
  if (others.waiting > 0) --others.waiting;
  return about(call::remove, path_.view(), errc::timed_out, others);
}

// Removes a file that nobody uses, or begins to use it, perhaps with its lock.
result<void> removal_in_turn::find() noexcept {
  const auto take = [&](tree& names, node& n) -> result<detached_node> {
    names.require_exclusive();
    auto& file = static_cast<file_node&>(n);
    if (!names.is_busy(file)) return names.unlink(file);
    names.cool(file);
    use_ = names.use(file, fair_lock::kind::exclusive, opening::unnoted);
    return errc::busy;
  };
  const auto removed = remove_one(*volume_, path_, require_file, take);
  if (removed || use_) return boost::outcome_v2::success();
  return about(call::remove, path_.view(), removed.error());
}

// Returns whether there is a wait. If not, it has ended.
bool removal_in_turn::begin_wait() noexcept {
  const auto goes_on = ask();
  if (!goes_on) {
    end_with(goes_on.error());
    return false;
  }
  claim_.emplace(use_->lock, fair_lock::kind::exclusive);
  return true;
}

result<void> removal_in_turn::ask() const noexcept {
  if (patience_.is_immediate()) return errc::would_block;
  if (!volume_->faults.has_policy()) return boost::outcome_v2::success();
  return volume_->faults.waiting_for_lock(path_.view(), patience_);
}

// Takes the file out, with its lock in hand, and frees its content, which nobody else looks at any
// more. The node is freed by its last user: those who have waited behind this one are yet to see
// that the file has gone. Returns false if it had lost its name before.
bool removal_in_turn::take_out() noexcept {
  std::uint64_t entry_bytes = 0;
  const bool has_name = [&] {
    const tree::exclusive_access access(volume_->tree);
    if (use_->parent == nullptr) return false;
    const directory_node& in = *use_->parent;
    static_cast<void>(volume_->tree.take_name(*use_));
    entry_bytes = volume_->account.of_metadata(entry_footprint(in));
    return true;
  }();
  if (has_name) {
    use_->content.resize(volume_->account, 0).value();
    volume_->quota.release({.bytes = entry_bytes});
  }
  use_.release();
  return has_name;
}

void removal_in_turn::end_with(const error& e) noexcept {
  const bool lacks_lock = e == errc::would_block || e == errc::timed_out;
  status_ = lacks_lock ? about(call::remove, path_.view(), e, volume_->tree.who_has(*use_))
                       : about(call::remove, path_.view(), e);
  use_.release();
}

}  // namespace coramfs::detail
