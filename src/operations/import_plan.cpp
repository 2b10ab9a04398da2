// SPDX-License-Identifier: BSL-1.0
#include "operations/import_plan.hpp"

#include "core/path.hpp"

#include <algorithm>
#include <cstring>

namespace coramfs::detail {

std::size_t common_size(std::string_view a, std::string_view b) noexcept {
  const std::size_t most = std::min(a.size(), b.size());
  std::size_t same = 0;
  // Most paths are long and have most in common, so they are compared in large pieces at first.
  constexpr std::size_t piece = 64;
  while (same + piece <= most && std::memcmp(&a[same], &b[same], piece) == 0) same += piece;
  while (same < most && a[same] == b[same]) ++same;
  return same;
}

result<void> import_plan::add(import_items::value_type& item, pace& p) {
  auto& [path, i] = item;
  above_.go_to(path, [this](const directory& d) { leave(d); });
  p.add(path.size());
  const std::string_view name = normal_path::given_out(path).name();
  switch (i.is) {
    case import_item::kind::content:
      wanted_ += volume_->account.of(
          storage::totals_for(volume_->options.default_storage, i.content.size()));
      wanted_.bytes += volume_->account.of_metadata(node_footprint(false, name));
      ++wanted_.files;
      break;
    case import_item::kind::unnamed:
      // All but its name is charged already.
      wanted_.bytes += volume_->account.of_metadata(node_name::footprint(name));
      replaced_.bytes += i.old_name;
      old_names_ += i.old_name;
      break;
    case import_item::kind::directory: i.is_there = false; break;
  }
  if (above_.empty() || !above_.deepest().is_new) {
    BOOST_OUTCOME_TRY(const bool takes_entries, begin_graft(item, p));
    if (!takes_entries) return boost::outcome_v2::success();
  }
  add_entries(item);
  return boost::outcome_v2::success();
}

// Begins a graft with an item. Returns whether it takes a new entry, rather than that of what is
// there.
result<bool> import_plan::begin_graft(import_items::value_type& item, pace& p) {
  const std::string_view path = item.first;
  const auto found = find(path, p);
  if (!found) return about(by_, path, found.error());
  const gap& missing = found.value();
  grafts_.push_back({&item, path.size() - missing.below.size(), nullptr});
  const entry& at = missing.at;
  if (at.found != nullptr) {
    BOOST_OUTCOME_TRY(meet(*at.found, item));
    return false;
  }
  const std::string_view in = grafts_.back().parent();
  if (above_.empty() || above_.deepest().path != in)
    above_.enter({in, false, at.parent->entries.size(), 0, at.parent, hold_});
  return true;
}

// Finds the place of an item. If it comes into the same directory as the item before, and the lock
// was not let go between, that is one look instead of the way down from the root.
result<gap> import_plan::find(std::string_view path, pace& p) noexcept {
  const auto name = normal_path::given_out(path).name();
  const std::string_view in = path.substr(0, path.size() - name.size() - 1);
  const bool is_open = !above_.empty() && above_.deepest().path == in;
  if (is_open && above_.deepest().hold == hold_) {
    directory_node* const parent = above_.deepest().node;
    return gap{{parent, name, parent->entries.find(name)}, {}};
  }
  p.add_way(path);
  BOOST_OUTCOME_TRY(const auto found, find_gap(volume_->tree, normal_path::given_out(path)));
  if (is_open && found.below.empty()) {
    above_.deepest().node = found.at.parent;
    above_.deepest().hold = hold_;
  }
  return found;
}

// Looks at what is in the place of an item.
result<void> import_plan::meet(node& found, import_items::value_type& item) noexcept {
  auto& [path, i] = item;
  if (i.is != import_item::kind::directory) return replace(found, path);
  if (!found.is_directory) return about(by_, path, errc::not_a_directory);
  i.is_there = true;
  return boost::outcome_v2::success();
}

// Notes the file that a graft replaces. Nothing of a busy one is looked at: its content belongs to
// whoever holds its lock, and it is not counted as freed. Unless it may be replaced all the same,
// the import fails for it when all items have been planned.
result<void> import_plan::replace(node& found, std::string_view path) noexcept {
  volume_->tree.require_exclusive();
  if (found.is_directory) return about(by_, path, errc::is_a_directory);
  if (existing_ == if_exists::fail) return about(by_, path, errc::already_exists);
  if (volume_->tree.is_busy(found)) {
    if (in_use_ != if_open::fail) return boost::outcome_v2::success();
    // Who has it is told of the first one alone: to find them takes time with all open files.
    if (meets_busy_) meets_busy_ = about(by_, path, volume_->tree.why_busy(found));
  } else {
    replaced_ += file_charge(static_cast<file_node&>(found), volume_->account);
  }
  return boost::outcome_v2::success();
}

// Counts an entry for each part of an item's path that is new, from the deepest directory on that
// is open already, and opens the new directories.
void import_plan::add_entries(const import_items::value_type& item) {
  const std::string_view path = item.first;
  std::string_view rest = path.substr(above_.deepest().path.size());
  for (;;) {
    normal_path::take_name(rest);
    ++above_.deepest().added;
    if (rest.empty() && item.second.is != import_item::kind::directory) return;
    above_.enter({path.substr(0, path.size() - rest.size()), true, 0, 0, nullptr, 0});
    if (rest.empty()) return;
  }
}

// Adds what a directory costs when all that comes into it is known.
void import_plan::leave(const directory& d) noexcept {
  std::uint64_t footprint =
      directory_index::footprint(d.entries + d.added) - directory_index::footprint(d.entries);
  if (d.is_new) {
    footprint += node_footprint(true, normal_path::given_out(d.path).name());
    ++wanted_.directories;
  }
  const std::uint64_t bytes = volume_->account.of_metadata(footprint);
  wanted_.bytes += bytes;
  if (!d.is_new) growth_ += bytes;
}

result<void> import_plan::finish() {
  above_.go_to({}, [this](const directory& d) { leave(d); });
  return meets_busy_;
}

charge import_plan::wanted_of_new() const noexcept {
  charge c = wanted_;
  c.bytes -= growth_;
  return c;
}

}  // namespace coramfs::detail
