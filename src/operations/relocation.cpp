// SPDX-License-Identifier: BSL-1.0
#include "core/error_note.hpp"
#include "core/path.hpp"
#include "operations/long_operations.hpp"
#include "operations/operations.hpp"
#include "operations/way_clearer.hpp"
#include "tree/creation.hpp"
#include "tree/fault_answers.hpp"
#include "tree/missing_directories.hpp"

#include <utility>

namespace coramfs::detail {

namespace {

enum class parents { must_exist, are_made };

/// What is wanted of a relocation.
struct manner {
  if_exists existing;
  if_open open;
  parents above;
  way_clearer* way;           // null where the nodes have to be idle
  std::string_view from, to;  // as the call has them

  // What is needed beside what moves, where others have that, too.
  charge prepare() const noexcept { return way != nullptr ? way->prepare() : charge(); }
  // Nothing can fail after that. It gives back the room in a directory if it fails itself.
  result<void> make_nodes(directory_index& room_made) const noexcept {
    if (way == nullptr || way->make_nodes()) return boost::outcome_v2::success();
    room_made.release_spare();
    return errc::out_of_memory;
  }
  result<void> check() const noexcept {
    if (existing != if_exists::fail && existing != if_exists::replace)
      return errc::invalid_argument;
    if (!way_clearer::is_known(open)) return errc::invalid_argument;
    return boost::outcome_v2::success();
  }
};

result<node*> find_source_node(const tree& names, normal_path from) noexcept
    CORAMFS_REQUIRES_SHARED(names) {
  BOOST_OUTCOME_TRY(const auto at, names.look_up(from));
  if (at.found == nullptr) return errc::not_found;
  if (at.parent == nullptr) return errc::invalid_argument;
  return at.found;
}

// Checks whether `moved` may take the place.
result<void> check_target(const node& moved, const entry& to, if_exists existing) noexcept {
  if (to.found == nullptr) return boost::outcome_v2::success();
  if (existing == if_exists::fail) return errc::already_exists;
  if (!to.found->is_directory)
    return moved.is_directory ? result<void>(errc::not_a_directory) : boost::outcome_v2::success();
  if (!moved.is_directory) return errc::is_a_directory;
  if (static_cast<const directory_node*>(to.found)->entries.size() != 0)
    return errc::directory_not_empty;
  return boost::outcome_v2::success();
}

// Notes that an error is about the source of the call. What is said of no path is the target's.
error about_source(normal_path from, const error& e) noexcept {
  return about(call::unknown, from.text(), e);
}

// Checks that what moves is not in use, or waits for that.
result<void> clear_source(const tree& names, node& moved, normal_path from,
                          const manner& how) noexcept CORAMFS_REQUIRES(names) {
  const auto idle = how.open == if_open::wait
                        ? how.way->clear(moved, way_clearer::fate::moves, how.from)
                        : names.require_idle(moved);
  if (!idle) return about_source(from, idle.error());
  return idle;
}

// The same of what goes.
result<void> clear_target(const tree& names, node& replaced, const manner& how) noexcept
    CORAMFS_REQUIRES(names) {
  return how.way != nullptr ? how.way->clear_replaced(replaced, how.open, how.to)
                            : names.require_idle(replaced);
}

// What the file, or the empty directory, is charged that is to be replaced, and freed by that.
charge replaced_charge(const volume_state& v, node* replaced) noexcept {
  if (replaced == nullptr) return {};
  if (way_clearer::has_others(*replaced)) return {};
  if (!replaced->is_directory) return file_charge(static_cast<file_node&>(*replaced), v.account);
  return {.bytes = v.account.of_metadata(node_footprint(true, replaced->name.view())),
          .directories = 1};
}

/// What changes in the quota: what is taken, and what is given up for it.
struct balance {
  charge wanted, replaced;

  /// Adds the table of a directory, for `added` entries more, or fewer if that is negative.
  void add_entries(const volume_state& v, const directory_node& d, int added) noexcept {
    const std::size_t now = d.entries.size();
    const std::uint64_t before = directory_index::footprint(now);
    const std::uint64_t after = directory_index::footprint(
        now + static_cast<std::size_t>(static_cast<std::ptrdiff_t>(added)));
    wanted.bytes += v.account.of_metadata(after);
    replaced.bytes += v.account.of_metadata(before);
  }
  /// Adds a new name for `moved`, and its old one.
  void add_name(const volume_state& v, const node& moved, std::string_view name) noexcept {
    wanted.bytes += v.account.of_metadata(node_name::footprint(name));
    replaced.bytes += v.account.of_metadata(node_name::footprint(moved.name.view()));
  }
};

/// Adds to a balance one entry less in `from` and one more in `to`, which may be the same
/// directory.
void move_entry(balance& b, const volume_state& v, const directory_node& from,
                const directory_node& to) noexcept {
  if (&from == &to) return;
  b.add_entries(v, from, -1);
  b.add_entries(v, to, +1);
}

// Gets those out of the way who use what moves, or what is at its place. Returns what moves now.
node& commit(node& moved, entry& to, const manner& how) noexcept {
  if (how.way == nullptr) return moved;
  if (to.found != nullptr && way_clearer::has_others(*to.found)) to.found = nullptr;
  how.way->commit();
  return how.way->now(moved);
}

// Moves a node to a place in an existing directory, under the exclusive lock. What is replaced is
// returned, for the caller to free outside of the lock.
result<detached_node> relocate(volume_state& v, node& moved, normal_path from, entry to,
                               const manner& how, fault_answers* faults) noexcept
    CORAMFS_REQUIRES(v.tree) {
  if (to.found == &moved && how.existing == if_exists::replace) return nullptr;
  BOOST_OUTCOME_TRY(check_target(moved, to, how.existing));
  if (to.found != nullptr) {
    BOOST_OUTCOME_TRY(clear_target(v.tree, *to.found, how));
  }
  BOOST_OUTCOME_TRY(clear_source(v.tree, moved, from, how));
  balance b{how.prepare(), {}};
  b.replaced = replaced_charge(v, to.found);
  b.add_name(v, moved, to.name);
  if (to.found != nullptr) {
    b.add_entries(v, *moved.parent, -1);
  } else {
    move_entry(b, v, *moved.parent, *to.parent);
  }
  if (faults != nullptr) [[unlikely]] {
    BOOST_OUTCOME_TRY(faults->reserving(b.wanted, b.replaced));
  }
  BOOST_OUTCOME_TRY(auto paid, v.quota.reserve(b.wanted, b.replaced));
  if (faults != nullptr) [[unlikely]] {
    BOOST_OUTCOME_TRY(faults->allocating(b.wanted, b.replaced));
  }
  node_name name;
  directory_index& entries = to.parent->entries;
  if (!name.assign(v.tree.memory(), to.name) || !entries.reserve(entries.size() + 1))
    return errc::out_of_memory;
  BOOST_OUTCOME_TRY(how.make_nodes(entries));
  node& now = commit(moved, to, how);
  detached_node replaced = v.tree.relocate(now, std::move(name), to);
  entries.release_spare();
  paid.commit();
  return replaced;
}

// Moves a node into directories that are missing, and makes these, under the exclusive lock.
result<void> relocate_into_gap(volume_state& v, node& moved, normal_path from, gap missing,
                               std::string_view name, const manner& how,
                               fault_answers* faults) noexcept CORAMFS_REQUIRES(v.tree) {
  BOOST_OUTCOME_TRY(clear_source(v.tree, moved, from, how));
  const charge renewed = how.prepare();
  missing.below.remove_suffix(name.size() + 1);
  directory_node& above = *missing.at.parent;
  balance b{charge_of_missing(v, missing), {}};
  b.wanted += renewed;
  // `move_entry` counts the entry of the chain, so it is taken out of the chain's own charge.
  b.wanted.bytes -= v.account.of_metadata(entry_footprint(above));
  move_entry(b, v, *moved.parent, above);
  b.wanted.bytes += v.account.of_metadata(directory_index::footprint(1));
  b.add_name(v, moved, name);
  if (faults != nullptr) [[unlikely]] {
    BOOST_OUTCOME_TRY(faults->reserving(b.wanted, b.replaced));
  }
  BOOST_OUTCOME_TRY(auto paid, v.quota.reserve(b.wanted, b.replaced));
  if (faults != nullptr) [[unlikely]] {
    BOOST_OUTCOME_TRY(faults->allocating(b.wanted, b.replaced));
  }
  missing_directories made = make_missing_directories(v.tree, missing.at.name, missing.below);
  node_name own;
  if (made.top == nullptr || !own.assign(v.tree.memory(), name) ||
      !made.deepest->entries.reserve(1) || !above.entries.reserve(above.entries.size() + 1))
    return errc::out_of_memory;
  BOOST_OUTCOME_TRY(how.make_nodes(above.entries));
  v.tree.link(missing.at, std::move(made.top));
  entry to{made.deepest, name, nullptr};
  node& now = commit(moved, to, how);
  v.tree.relocate(now, std::move(own), to);
  paid.commit();
  return boost::outcome_v2::success();
}

// A new name in the same directory, as most are, needs no look for that.
result<entry> find_target(const tree& names, normal_path from, const node& moved,
                          normal_path to) noexcept CORAMFS_REQUIRES_SHARED(names) {
  if (!to.is_root() && to.above() == from.above())
    return tree::look_up_in(*moved.parent, to.name());
  return names.look_up(to);
}

result<detached_node> relocate(volume_state& v, normal_path from, normal_path to, const manner& how,
                               fault_answers* faults) noexcept {
  const tree::exclusive_access access(v.tree);
  const way_clearer::attempt attempt(how.way);
  const auto found = find_source_node(v.tree, from);
  if (!found) return about_source(from, found.error());
  node& moved = *found.assume_value();
  if (to.is_below(from)) return errc::invalid_argument;
  if (how.above == parents::are_made) {
    BOOST_OUTCOME_TRY(const auto missing, find_gap(v.tree, to));
    if (!missing.below.empty()) {
      BOOST_OUTCOME_TRY(relocate_into_gap(v, moved, from, missing, to.name(), how, faults));
      return nullptr;
    }
  }
  BOOST_OUTCOME_TRY(const auto at, find_target(v.tree, from, moved, to));
  return relocate(v, moved, from, at, how, faults);
}

result<void> relocate(volume_state& v, const path_argument& from, const path_argument& to,
                      const manner& how) noexcept {
  BOOST_OUTCOME_TRY(how.check());
  path_buffer from_buffer, to_buffer;
  const auto normal = from_buffer.normalise(from);
  if (!normal) return about(call::unknown, from.view(), normal.error());
  BOOST_OUTCOME_TRY(const auto normal_to, to_buffer.normalise(to));
  // What was replaced is freed here, when the lock is gone.
  BOOST_OUTCOME_TRY(answering(v.faults, normal_to.text(), [&](fault_answers* faults) {
    return relocate(v, normal.assume_value(), normal_to, how, faults);
  }));
  return boost::outcome_v2::success();
}

// In one step, which waits for nobody.
result<void> relocate_at_once(volume_state& v, const path_argument& from, const path_argument& to,
                              const rename_options& options, parents above, call by) noexcept {
  return noting(by, to, [&]() -> result<void> {
    if (options.open != if_open::keep_unnamed)
      return relocate(v, from, to, {options.existing, options.open, above, nullptr, {}, {}});
    way_clearer way(v, by, options.timeout);
    const auto done = relocate(
        v, from, to, {options.existing, options.open, above, &way, from.view(), to.view()});
    way.finish();
    return done;
  });
}

steps<void> relocate_in_turn(std::shared_ptr<volume_state> v, path_argument from, path_argument to,
                             rename_options options, parents above, call by) {
  co_await concerns(by, to);
  way_clearer way(*v, by, options.timeout);
  const manner how{options.existing, options.open, above, &way, from.view(), to.view()};
  for (;;) {
    const auto done = relocate(*v, from, to, how);
    if (!way.is_blocked()) {
      way.finish();
      co_return done;
    }
    auto waiting = wait(way);
    BOOST_OUTCOME_CO_TRY(co_await finished(waiting));
  }
}

}  // namespace

result<void> rename(volume_state& v, const path_argument& from, const path_argument& to,
                    const rename_options& options) noexcept {
  return relocate_at_once(v, from, to, options, parents::must_exist, call::rename);
}

result<void> move(volume_state& v, const path_argument& from, const path_argument& to,
                  const rename_options& options) noexcept {
  return relocate_at_once(v, from, to, options, parents::are_made, call::move);
}

steps<void> rename_in_turn(std::shared_ptr<volume_state> v, path_argument from, path_argument to,
                           rename_options options) {
  return relocate_in_turn(std::move(v), std::move(from), std::move(to), options,
                          parents::must_exist, call::rename);
}

steps<void> move_in_turn(std::shared_ptr<volume_state> v, path_argument from, path_argument to,
                         rename_options options) {
  return relocate_in_turn(std::move(v), std::move(from), std::move(to), options, parents::are_made,
                          call::move);
}

}  // namespace coramfs::detail
