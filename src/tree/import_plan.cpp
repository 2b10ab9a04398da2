// SPDX-License-Identifier: BSL-1.0
#include "tree/import_plan.hpp"

#include <algorithm>
#include <cstring>
#include "core/path.hpp"

namespace coramfs::detail {

std::size_t common_size(std::string_view a, std::string_view b) noexcept {
  const std::size_t most = std::min(a.size(), b.size());
  std::size_t same = 0;
  // Most are long and have most in common, so they are compared piece by piece at first.
  constexpr std::size_t piece = 64;
  while (same + piece <= most && std::memcmp(&a[same], &b[same], piece) == 0) same += piece;
  while (same < most && a[same] == b[same]) ++same;
  return same;
}

result<void> import_plan::add(import_items::value_type& item, pace& p) {
  const std::string_view path = item.first;
  const extent content =
      storage::extent_for(volume_->options.default_storage, item.second.content.size());
  above_.go_to(path, [this](const directory& d) { leave(d); });
  p.add(path.size());
  wanted_ += volume_->payer.of(content);
  wanted_.bytes +=
      volume_->payer.of_metadata(node_footprint(false, normal_path::given_out(path).name()));
  ++wanted_.files;
  if (above_.empty() || !above_.deepest().is_new) {
    BOOST_OUTCOME_TRY(const bool takes_entries, begin_graft(item, p));
    if (!takes_entries) return boost::outcome_v2::success();
  }
  add_entries(path);
  return boost::outcome_v2::success();
}

// False: it takes over the entry of what it replaces.
result<bool> import_plan::begin_graft(import_items::value_type& item, pace& p) {
  const std::string_view path = item.first;
  BOOST_OUTCOME_TRY(const auto missing, find(path, p));
  grafts_.push_back({&item, path.size() - missing.below.size(), nullptr});
  const entry& at = missing.at;
  if (at.found != nullptr) {
    BOOST_OUTCOME_TRY(replace(*at.found));
    return false;
  }
  const std::string_view in = grafts_.back().parent();
  if (above_.empty() || above_.deepest().path != in)
    above_.enter({in, false, at.parent->entries.size(), 0, at.parent, hold_});
  return true;
}

// What comes into the directory that the last one came into is one look, if the lock was not let
// go: the way down from the root is as long as its path is.
result<gap> import_plan::find(std::string_view path, pace& p) noexcept {
  const auto name = normal_path::given_out(path).name();
  const std::string_view in = path.substr(0, path.size() - name.size() - 1);
  const bool is_open = !above_.empty() && above_.deepest().path == in;
  if (is_open && above_.deepest().hold == hold_) {
    directory_node* const parent = above_.deepest().node;
    return gap{{parent, name, parent->entries.find(name)}, {}};
  }
  p.add_way(path);
  BOOST_OUTCOME_TRY(const auto found, find_gap(volume_->names, normal_path::given_out(path)));
  if (is_open && found.below.empty()) {
    above_.deepest().node = found.at.parent;
    above_.deepest().hold = hold_;
  }
  return found;
}

// The content of a busy file is another's.
result<void> import_plan::replace(node& found) noexcept {
  if (found.is_directory) return errc::is_a_directory;
  if (volume_->names.is_busy(found)) {
    meets_busy_ = true;
  } else {
    replaced_ += file_charge(static_cast<file_node&>(found), volume_->payer);
  }
  return boost::outcome_v2::success();
}

// Each in the one above it, from the deepest that is open already.
void import_plan::add_entries(std::string_view path) {
  std::string_view rest = path.substr(above_.deepest().path.size());
  for (;;) {
    normal_path::take_name(rest);
    ++above_.deepest().added;
    if (rest.empty()) return;
    above_.enter({path.substr(0, path.size() - rest.size()), true, 0, 0, nullptr, 0});
  }
}

void import_plan::leave(const directory& d) noexcept {
  std::uint64_t footprint =
      directory_index::footprint(d.entries + d.added) - directory_index::footprint(d.entries);
  if (d.is_new) {
    footprint += node_footprint(true, normal_path::given_out(d.path).name());
    ++wanted_.directories;
  }
  const std::uint64_t bytes = volume_->payer.of_metadata(footprint);
  wanted_.bytes += bytes;
  if (!d.is_new) growth_ += bytes;
}

result<void> import_plan::finish() {
  above_.go_to({}, [this](const directory& d) { leave(d); });
  if (meets_busy_) return errc::busy;
  return boost::outcome_v2::success();
}

charge import_plan::wanted_of_new() const noexcept {
  charge c = wanted_;
  c.bytes -= growth_;
  return c;
}

}  // namespace coramfs::detail
