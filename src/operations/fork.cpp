// SPDX-License-Identifier: BSL-1.0
#include <coramfs/volume.hpp>

#include "core/pace.hpp"
#include "core/path.hpp"
#include "core/quota.hpp"
#include "handles/open_operation.hpp"
#include "operations/long_operations.hpp"
#include "tree/creation.hpp"
#include "tree/descent.hpp"
#include "tree/directory_scan.hpp"

#include <algorithm>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace coramfs::detail {

namespace {

/// A volume on its way to have what another one has. Nobody else sees it.
///
/// The files of a directory are taken part by part: under the origin's tree lock they are locked
/// shared and noted, and when that is free copies of them are made, a slice at once. So each slice
/// is paid for as one request, and no policy is asked under the lock.
class forker {
 public:
  /// A directory that is yet to be looked at, and the copy of it.
  struct directory {
    std::string path;  // as `descent_path` gives it
    directory_node* copy;
  };

  forker(volume_state& origin, std::shared_ptr<volume_state> fork) noexcept
      : from_(origin), to_(std::move(fork)) {}

  result<void> begin(bool waits);
  bool take_directory() noexcept;
  result<bool> look_on();
  bool drop_made() noexcept;
  bool has_files() const noexcept { return made_ < part_.size(); }
  result<void> make_files() noexcept;
  result<void> make_file(const file_node& source, const std::string& name) noexcept;
  result<bool> leave_directory() noexcept;
  bool is_time_for_others() noexcept { return done_.has_done(); }
  bool drop_gone() noexcept;
  bool drop_some() noexcept;

  const std::string& path() const noexcept { return now_.path; }
  std::vector<std::string>& busy_files() noexcept { return busy_; }
  std::shared_ptr<volume_state> give() noexcept { return std::move(to_); }

 private:
  static constexpr std::size_t in_part = 256;  // files: they are held until they are made

  /// A file that is held. Its name is copied, for a long one may be moved as soon as the tree's
  /// lock is free.
  struct held_file {
    node_use use;
    std::size_t name;  // where it begins in `names_`
    totals shared;     // of the copy
  };

  result<void> see(const node& n, pace& p) CORAMFS_REQUIRES_SHARED(from_.tree);
  result<void> pay(const charge& wanted, bool has_content, std::string_view path,
                   reservation& paid) noexcept;
  charge charge_of(const directory_node& in, std::size_t entries) const noexcept;
  charge charge_of(const file_node& source, const totals& shared) const noexcept;
  // About as many as it has.
  static std::uint64_t blocks_of(const storage& s) noexcept {
    return s.size() / block_table::block_size;
  }
  result<void> put(const file_node& source, std::string_view name, const totals& shared,
                   loan_maker& loans, charge& wanted) noexcept;
  void forget_seen() noexcept;
  // Of the fork, which nobody else sees, so that its lock is not needed.
  detached_node unlink(node& n) noexcept CORAMFS_UNCHECKED { return to_->tree.unlink(n); }
  std::string_view path_or_root() const noexcept {
    return now_.path.empty() ? std::string_view("/") : std::string_view(now_.path);
  }

  volume_state& from_;
  std::shared_ptr<volume_state> to_;
  bool waits_ = false;
  std::vector<directory> rest_;
  directory now_{};
  directory_scan scan_;
  pace done_;
  std::vector<held_file> part_;
  std::string names_;               // of the files in the part
  std::size_t made_ = 0;            // of them
  std::vector<std::string> below_;  // names of directories in the current one
  std::vector<std::string> busy_;   // names of files in it whose locks were not to be had
  bool is_void_ = false;            // whether what was made of it goes, for it has changed
  bool has_gone_ = false;           // whether its copy goes, for it has gone
  disposal gone_;
};

result<void> forker::begin(bool waits) {
  waits_ = waits;
  part_.reserve(in_part);
  rest_.push_back({{}, &to_->tree.root()});
  return boost::outcome_v2::success();
}

// Returns whether there is another one.
bool forker::take_directory() noexcept {
  if (rest_.empty()) return false;
  now_ = std::move(rest_.back());
  rest_.pop_back();
  scan_ = {};
  return true;
}

// Takes a part of the current directory's files, in one hold of the tree's lock. Returns whether
// there is more. What is found to be void is for `drop_made` to free, without the lock.
result<bool> forker::look_on() {
  const tree::shared_access access(from_.tree, tree::in_turn);
  const directory_node* const at = find_directory(from_.tree, now_.path);
  if (at == nullptr) {
    forget_seen();
    has_gone_ = true;
    return false;
  }
  if (scan_.resume(*at)) {
    forget_seen();
    is_void_ = now_.copy->entries.size() > 0;
    if (is_void_) return true;
  }
  result<void> seen = boost::outcome_v2::success();
  pace p;
  p.add_nodes(pace::nodes_in_slice() - std::min(pace::nodes_in_slice(), in_part));
  scan_.advance(p, [&](const node& n) {
    from_.tree.require_held();
    if (seen) seen = see(n, p);
  });
  BOOST_OUTCOME_TRY(std::move(seen));
  return !scan_.is_complete();
}

void forker::forget_seen() noexcept {
  below_.clear();
  busy_.clear();
}

// A file with many blocks ends its part.
result<void> forker::see(const node& n, pace& p) {
  done_.add_nodes(1);
  if (n.is_directory) {
    below_.emplace_back(n.name.view());
    return boost::outcome_v2::success();
  }
  auto& file = const_cast<file_node&>(static_cast<const file_node&>(n));
  node_use used = from_.tree.use(file, fair_lock::kind::shared, opening::unnoted);
  if (used.is_locked()) {
    p.add_nodes(blocks_of(file.content));
    const std::size_t name = names_.size();
    names_ += n.name.view();
    part_.push_back({std::move(used), name, {}});
    return boost::outcome_v2::success();
  }
  if (!waits_) return about(call::fork, path_of(n), from_.tree.why_busy(n));
  busy_.emplace_back(n.name.view());
  return boost::outcome_v2::success();
}

// Drops a slice of what was made of a directory that has changed while it was looked at, or has
// gone. Returns whether there is more.
bool forker::drop_made() noexcept {
  if (std::exchange(has_gone_, false)) {
    if (directory_node* const above = now_.copy->parent) {
      const std::size_t before = above->entries.size();
      gone_.add(unlink(*now_.copy));
      to_->quota.release(
          {.bytes = to_->account.of_metadata(directory_index::footprint(before) -
                                             directory_index::footprint(before - 1))});
    }
  }
  if (is_void_) {
    directory_index& entries = now_.copy->entries;
    const std::size_t before = entries.size();
    pace p;
    for (node* n = entries.first(); n != nullptr; n = entries.first()) {
      gone_.add(unlink(*n));
      if (p.has_done()) break;
    }
    is_void_ = entries.size() > 0;
    to_->quota.release(
        {.bytes = to_->account.of_metadata(directory_index::footprint(before) -
                                           directory_index::footprint(entries.size()))});
  }
  return drop_gone() || is_void_;
}

charge forker::charge_of(const directory_node& in, std::size_t entries) const noexcept {
  return {.bytes = to_->account.of_metadata(entry_footprint(in, entries))};
}

charge forker::charge_of(const file_node& source, const totals& shared) const noexcept {
  charge c = to_->account.of(shared);
  c.bytes += to_->account.of_metadata(node_footprint(false, source.name.size()));
  c.files = 1;
  return c;
}

// The guard is asked where there is content, as for a copy of a tree.
result<void> forker::pay(const charge& wanted, bool has_content, std::string_view path,
                         reservation& paid) noexcept {
  const fault_seam& faults = to_->faults;
  if (faults.has_policy()) {
    BOOST_OUTCOME_TRY(faults.reserving(path, wanted));
  }
  BOOST_OUTCOME_TRY(paid, to_->quota.reserve(wanted));
  if (has_content) {
    if (faults.has_policy()) {
      BOOST_OUTCOME_TRY(faults.guarding(path, wanted.bytes));
    }
    BOOST_OUTCOME_TRY(to_->account.approve(wanted.bytes, 0));
  }
  if (faults.has_policy()) {
    BOOST_OUTCOME_TRY(faults.allocating(path, wanted.bytes));
  }
  return boost::outcome_v2::success();
}

// Copies a slice of the files that are held, and lets go of them. A part is no more than a slice,
// so nobody has a turn while files of it are held; but a directory may have been taken as a whole.
result<void> forker::make_files() noexcept {
  charge wanted{};
  bool has_content = false, is_slice = false;
  std::size_t end = made_, blocks = 0;
  for (pace p; end < part_.size() && !is_slice; is_slice = p.has_done()) {
    held_file& h = part_[end++];
    h.shared = h.use->content.share_totals();
    blocks += h.shared.footprint / block::loan_footprint();  // or some more
    wanted += charge_of(*h.use, h.shared);
    has_content = has_content || h.shared.size > 0;
    p.add_nodes(blocks_of(h.use->content));
    done_.add_nodes(1 + blocks_of(h.use->content));
  }
  wanted += charge_of(*now_.copy, end - made_);
  reservation paid;
  BOOST_OUTCOME_TRY(pay(wanted, has_content, path_or_root(), paid));
  directory_index& entries = now_.copy->entries;
  if (!entries.reserve(entries.size() + (end - made_))) return errc::out_of_memory;
  loan_maker loans(to_->account.blocks(), blocks);
  for (; made_ < end; ++made_) {
    held_file& h = part_[made_];
    const std::string_view name(names_.data() + h.name, h.use->name.size());
    BOOST_OUTCOME_TRY(put(*h.use, name, h.shared, loans, wanted));
    h.use.release();
  }
  BOOST_OUTCOME_TRY(to_->quota.adjust(paid, wanted, {}));
  paid.commit();
  if (!has_files()) {
    part_.clear();
    names_.clear();
    made_ = 0;
  }
  return boost::outcome_v2::success();
}

// Copies a file that has been waited for.
result<void> forker::make_file(const file_node& source, const std::string& name) noexcept try {
  directory_index& entries = now_.copy->entries;
  const totals shared = source.content.share_totals();
  charge wanted = charge_of(*now_.copy, 1);
  wanted += charge_of(source, shared);
  reservation paid;
  BOOST_OUTCOME_TRY(pay(wanted, shared.size > 0, join(now_.path, name), paid));
  if (!entries.reserve(entries.size() + 1)) return errc::out_of_memory;
  loan_maker loans(to_->account.blocks(), source.content.block_count());
  BOOST_OUTCOME_TRY(put(source, name, shared, loans, wanted));
  BOOST_OUTCOME_TRY(to_->quota.adjust(paid, wanted, {}));
  paid.commit();
  done_.add_nodes(blocks_of(source.content));
  return boost::outcome_v2::success();
} catch (const std::bad_alloc&) {
  return errc::out_of_memory;
}

// The key of both volumes is the same, and so are the hashes of their names. A table may have pages
// that are of no use any more, which its copy does not have and is not charged for.
result<void> forker::put(const file_node& source, std::string_view name, const totals& shared,
                         loan_maker& loans, charge& wanted) noexcept {
  auto file = new_file(*to_, name);
  if (file == nullptr) return errc::out_of_memory;
  BOOST_OUTCOME_TRY(file->content.share(to_->account.prepaid(), source.content, loans));
  wanted -= to_->account.of(shared);
  wanted += to_->account.of(file->content.totals_now());
  file->publish_new(0);
  const entry at{now_.copy, file->name.view(), nullptr, source.hash};
  tree::link_made(at, detached_node(file.release()));
  return boost::outcome_v2::success();
}

// Makes a slice of the directories that are in the current one, to be looked at next. Returns
// whether there is more.
result<bool> forker::leave_directory() noexcept try {
  if (below_.empty()) return false;
  const std::size_t kept = below_.size() - std::min(below_.size(), pace::nodes_in_slice());
  const std::span<const std::string> some = std::span(below_).subspan(kept);
  charge wanted = charge_of(*now_.copy, some.size());
  for (const std::string& name : some)
    wanted.bytes += to_->account.of_metadata(node_footprint(true, name));
  wanted.directories = some.size();
  reservation paid;
  BOOST_OUTCOME_TRY(pay(wanted, false, path_or_root(), paid));
  directory_index& entries = now_.copy->entries;
  if (!entries.reserve(entries.size() + some.size())) return errc::out_of_memory;
  rest_.reserve(rest_.size() + some.size());
  for (const std::string& name : some) {
    std::string path = join(now_.path, name);
    auto fresh = new_directory(to_->tree, name);
    if (fresh == nullptr) return errc::out_of_memory;
    directory_node* const made = fresh.get();
    tree::link_made({now_.copy, made->name.view(), nullptr}, detached_node(fresh.release()));
    rest_.push_back({std::move(path), made});
  }
  paid.commit();
  below_.resize(kept);
  return kept > 0;
} catch (const std::bad_alloc&) {
  return errc::out_of_memory;
}

// Frees a slice of what was made in vain. Returns whether there is more.
bool forker::drop_gone() noexcept {
  if (gone_.is_done()) return false;
  to_->quota.release(gone_.step(to_->account));
  return !gone_.is_done();
}

// Frees a slice of a fork that has failed, of whose charges nobody asks. Returns whether there is
// more.
bool forker::drop_some() noexcept {
  part_.clear();
  if (gone_.is_done())
    if (node* const n = to_->tree.root().entries.first()) gone_.add(unlink(*n));
  if (gone_.is_done()) return false;
  gone_.step_uncharged();
  return true;
}

// Goes through the origin, directory by directory, and gives others a turn after each slice.
steps<void> make(forker& fork, std::shared_ptr<volume_state> origin, lock_timeout patience,
                 bool waits) {
  BOOST_OUTCOME_CO_TRY(fork.begin(waits));
  while (fork.take_directory()) {
    for (bool has_more = true; has_more;) {
      BOOST_OUTCOME_CO_TRY(has_more, fork.look_on());
      while (fork.drop_made()) {
        BOOST_OUTCOME_CO_TRY(co_await turn());
      }
      while (fork.has_files()) {
        BOOST_OUTCOME_CO_TRY(fork.make_files());
        if (fork.has_files()) {
          BOOST_OUTCOME_CO_TRY(co_await turn());
        }
      }
      if (fork.is_time_for_others()) {
        BOOST_OUTCOME_CO_TRY(co_await turn());
      }
    }
    for (const std::string& name : fork.busy_files()) {
      {
        open_options options;
        options.timeout = patience;
        open_operation source(origin, path_argument(join(fork.path(), name)), open_mode::read,
                              options, call::fork);
        const auto opened = co_await finished(source);
        if (opened) {
          BOOST_OUTCOME_CO_TRY(fork.make_file(source.node(), name));
        } else if (!has_gone(opened.error())) {
          co_return opened.error();
        }
      }
      if (fork.is_time_for_others()) {
        BOOST_OUTCOME_CO_TRY(co_await turn());
      }
    }
    for (bool has_more = true; has_more;) {
      BOOST_OUTCOME_CO_TRY(has_more, fork.leave_directory());
      if (has_more) {
        BOOST_OUTCOME_CO_TRY(co_await turn());
      }
    }
    while (fork.drop_gone()) {
      BOOST_OUTCOME_CO_TRY(co_await turn());
    }
  }
  co_return boost::outcome_v2::success();
}

}  // namespace

steps<volume> fork(std::shared_ptr<volume_state> v, fork_options options,
                   std::optional<lock_timeout> patience) {
  co_await concerns(call::fork);
  BOOST_OUTCOME_CO_TRY(auto made, volume_state::fork_of(*v, std::move(options)));
  const lock_timeout of_each = patience.value_or(v->options.default_lock_timeout);
  forker fork(*v, std::move(made));
  auto making = make(fork, v, of_each, !patience.has_value());
  const auto done = co_await finished(making);
  if (!done) {
    while (fork.drop_some()) co_await turn_in_any_case();
    co_return done.error();
  }
  co_return volume_access::volume_of(fork.give());
}

}  // namespace coramfs::detail

namespace coramfs {

// Nothing is waited for, so there is nothing to do between two steps.
result<volume> volume::fork(fork_options options) const {
  auto op = detail::fork(state_, std::move(options), lock_timeout::immediate());
  while (op.advance() != detail::progress::done) continue;
  return op.outcome();
}

}  // namespace coramfs
