// SPDX-License-Identifier: BSL-1.0
#include "core/error_note.hpp"
#include "core/path.hpp"
#include "operations/operations.hpp"
#include "tree/creation.hpp"
#include "tree/directory_chain.hpp"
#include "tree/fault_answers.hpp"

#include <utility>

namespace coramfs::detail {

namespace {

result<void> check(if_exists existing) noexcept {
  if (existing != if_exists::fail && existing != if_exists::replace) return errc::invalid_argument;
  return boost::outcome_v2::success();
}

result<node*> find_source(const tree& names, normal_path from) noexcept {
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

result<void> require_idle(const tree& names, const node& moved, normal_path from) noexcept {
  const auto idle = names.require_idle(moved);
  if (!idle) return about_source(from, idle.error());
  return idle;
}

// What the file, or the empty directory, is charged that is to be replaced.
charge replaced_charge(const volume_state& v, node* replaced) noexcept {
  if (replaced == nullptr) return {};
  if (!replaced->is_directory) return file_charge(static_cast<file_node&>(*replaced), v.payer);
  return {.bytes = v.payer.of_metadata(node_footprint(true, replaced->name.view())),
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
    wanted.bytes += v.payer.of_metadata(after);
    replaced.bytes += v.payer.of_metadata(before);
  }
  /// Adds a new name for `moved`, and its old one.
  void add_name(const volume_state& v, const node& moved, std::string_view name) noexcept {
    wanted.bytes += v.payer.of_metadata(node_name::footprint(name));
    replaced.bytes += v.payer.of_metadata(node_name::footprint(moved.name.view()));
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

// Moves a node to a place in an existing directory, under the exclusive lock. What is replaced is
// returned, for the caller to free outside of the lock.
result<detached_node> relocate(volume_state& v, node& moved, normal_path from, const entry& to,
                               if_exists existing, fault_answers* faults) noexcept {
  if (to.found == &moved && existing == if_exists::replace) return nullptr;
  BOOST_OUTCOME_TRY(check_target(moved, to, existing));
  if (to.found != nullptr) {
    BOOST_OUTCOME_TRY(v.names.require_idle(*to.found));
  }
  BOOST_OUTCOME_TRY(require_idle(v.names, moved, from));
  balance b{{}, replaced_charge(v, to.found)};
  b.add_name(v, moved, to.name);
  if (to.found != nullptr) {
    b.add_entries(v, *moved.parent, -1);
  } else {
    move_entry(b, v, *moved.parent, *to.parent);
  }
  if (faults != nullptr) [[unlikely]] {
    BOOST_OUTCOME_TRY(faults->reserving(b.wanted, b.replaced));
  }
  BOOST_OUTCOME_TRY(auto paid, v.limits.reserve(b.wanted, b.replaced));
  if (faults != nullptr) [[unlikely]] {
    BOOST_OUTCOME_TRY(faults->allocating(b.wanted, b.replaced));
  }
  node_name name;
  directory_index& entries = to.parent->entries;
  if (!name.assign(v.names.memory(), to.name) || !entries.reserve(entries.size() + 1))
    return errc::out_of_memory;
  detached_node replaced = v.names.relocate(moved, std::move(name), to);
  entries.release_spare();
  paid.commit();
  return replaced;
}

// Moves a node into directories that are missing, and makes these, under the exclusive lock.
result<void> relocate_into_gap(volume_state& v, node& moved, normal_path from, gap missing,
                               std::string_view name, fault_answers* faults) noexcept {
  BOOST_OUTCOME_TRY(require_idle(v.names, moved, from));
  missing.below.remove_suffix(name.size() + 1);
  directory_node& above = *missing.at.parent;
  balance b{chain_charge(v, missing), {}};
  // `move_entry` counts the entry of the chain, so it is taken out of the chain's own charge.
  b.wanted.bytes -= v.payer.of_metadata(entry_footprint(above));
  move_entry(b, v, *moved.parent, above);
  b.wanted.bytes += v.payer.of_metadata(directory_index::footprint(1));
  b.add_name(v, moved, name);
  if (faults != nullptr) [[unlikely]] {
    BOOST_OUTCOME_TRY(faults->reserving(b.wanted, b.replaced));
  }
  BOOST_OUTCOME_TRY(auto paid, v.limits.reserve(b.wanted, b.replaced));
  if (faults != nullptr) [[unlikely]] {
    BOOST_OUTCOME_TRY(faults->allocating(b.wanted, b.replaced));
  }
  directory_chain made = new_directory_chain(v.names, missing.at.name, missing.below);
  node_name own;
  if (made.top == nullptr || !own.assign(v.names.memory(), name) ||
      !made.deepest->entries.reserve(1) || !above.entries.reserve(above.entries.size() + 1))
    return errc::out_of_memory;
  v.names.link(missing.at, std::move(made.top));
  v.names.relocate(moved, std::move(own), {made.deepest, name, nullptr});
  paid.commit();
  return boost::outcome_v2::success();
}

// A new name in the same directory, as most are, needs no look for that.
result<entry> find_target(const tree& names, normal_path from, const node& moved,
                          normal_path to) noexcept {
  if (!to.is_root() && to.above() == from.above())
    return tree::look_up_in(*moved.parent, to.name());
  return names.look_up(to);
}

enum class parents { must_exist, are_made };

result<detached_node> relocate(volume_state& v, normal_path from, normal_path to,
                               if_exists existing, parents above, fault_answers* faults) noexcept {
  const tree::exclusive_access access(v.names);
  const auto found = find_source(v.names, from);
  if (!found) return about_source(from, found.error());
  node& moved = *found.assume_value();
  if (to.is_below(from)) return errc::invalid_argument;
  if (above == parents::are_made) {
    BOOST_OUTCOME_TRY(const auto missing, find_gap(v.names, to));
    if (!missing.below.empty()) {
      BOOST_OUTCOME_TRY(relocate_into_gap(v, moved, from, missing, to.name(), faults));
      return nullptr;
    }
  }
  BOOST_OUTCOME_TRY(const auto at, find_target(v.names, from, moved, to));
  return relocate(v, moved, from, at, existing, faults);
}

result<void> relocate(volume_state& v, const path_argument& from, const path_argument& to,
                      if_exists existing, parents above) noexcept {
  BOOST_OUTCOME_TRY(check(existing));
  path_buffer from_buffer, to_buffer;
  const auto normal = from_buffer.normalise(from);
  if (!normal) return about(call::unknown, from.view(), normal.error());
  BOOST_OUTCOME_TRY(const auto normal_to, to_buffer.normalise(to));
  // What was replaced is freed here, when the lock is gone.
  BOOST_OUTCOME_TRY(answering(v.faults, normal_to.text(), [&](fault_answers* faults) {
    return relocate(v, normal.assume_value(), normal_to, existing, above, faults);
  }));
  return boost::outcome_v2::success();
}

}  // namespace

result<void> rename(volume_state& v, const path_argument& from, const path_argument& to,
                    if_exists existing) noexcept {
  return noting(call::rename, to,
                [&] { return relocate(v, from, to, existing, parents::must_exist); });
}

result<void> move(volume_state& v, const path_argument& from, const path_argument& to,
                  if_exists existing) noexcept {
  return noting(call::move, to, [&] { return relocate(v, from, to, existing, parents::are_made); });
}

}  // namespace coramfs::detail
