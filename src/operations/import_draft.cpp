// SPDX-License-Identifier: BSL-1.0
#include "operations/import_draft.hpp"

#include "core/path.hpp"
#include "tree/creation.hpp"

#include <memory>
#include <utility>

namespace coramfs::detail {

result<void> import_draft::add(import_items::value_type& item, pace& p) {
  auto& [path, i] = item;
  p.add(path.size());
  above_.go_to(path, [](const directory&) {});
  std::size_t made = 0;  // how much of the path leads to a directory that is made, or in the tree
  if (above_.empty()) {
    // Nothing is open, so a graft begins.
    const graft& g = *next_++;
    if (g.is_file() || g.is_there()) return boost::outcome_v2::success();
    made = g.parent().size();
  } else {
    made = above_.deepest().path.size();
  }
  std::string_view rest = std::string_view(path).substr(made);
  for (;;) {
    normal_path::take_name(rest);
    if (rest.empty()) break;
    p.add_nodes(1);
    BOOST_OUTCOME_TRY(make_directory(std::string_view(path).substr(0, path.size() - rest.size())));
  }
  if (i.is == import_item::kind::directory) return make_directory(path);
  directory_node& in = *above_.deepest().made;
  if (!in.entries.reserve(in.entries.size() + 1)) return errc::out_of_memory;
  i.placed = i.file.release();
  tree_.link({&in, i.placed->name.view(), nullptr}, detached_node(i.placed));
  return boost::outcome_v2::success();
}

result<void> import_draft::make_directory(std::string_view path) {
  auto fresh = new_directory(tree_, normal_path::given_out(path).name());
  if (fresh == nullptr) return errc::out_of_memory;
  directory_node* const made = fresh.get();
  detached_node top(fresh.release());
  if (above_.empty()) {
    next_[-1].directory = std::move(top);
  } else {
    directory_node& in = *above_.deepest().made;
    if (!in.entries.reserve(in.entries.size() + 1)) return errc::out_of_memory;
    tree_.link({&in, made->name.view(), nullptr}, std::move(top));
  }
  above_.enter({path, made});
  return boost::outcome_v2::success();
}

void import_draft::take_back(const tree& of, import_item& item) noexcept {
  if (item.placed == nullptr) return;
  of.unlink(*item.placed).release();
  item.file.reset(std::exchange(item.placed, nullptr));
}

void grafter::reserve(std::size_t grafts) {
  places_.reserve(grafts);
  grown_.reserve(grafts);
}

result<bool> grafter::find_places(const std::vector<graft>& grafts) {
  volume_->tree.require_exclusive();
  for (const graft& g : grafts) {
    above_.go_to(g.path(), [this](const directory& d) { leave(d); });
    directory_node* const in = find_parent(g.parent());
    if (in == nullptr) return false;
    const std::string_view name = normal_path::given_out(g.path()).name();
    node* const found = in->entries.find(name);
    if (g.is_there()) {
      if (found == nullptr || !found->is_directory) return false;
    } else if (found == nullptr) {
      ++above_.deepest().added;
    } else {
      const bool may_be_replaced =
          g.is_file() && existing_ == if_exists::replace && !found->is_directory;
      if (!may_be_replaced) return false;
      if (in_use_ != if_open::fail) {
        BOOST_OUTCOME_TRY(way_->clear_replaced(*found, in_use_, g.path()));
      } else if (volume_->tree.is_busy(*found)) {
        return false;
      }
    }
    places_.push_back({in, name, found});
  }
  above_.go_to({}, [this](const directory& d) { leave(d); });
  way_->prepare();
  for (std::size_t i = 0; i < grafts.size(); ++i) {
    node* const found = places_[i].found;
    if (found == nullptr || grafts[i].is_there() || way_clearer::has_others(*found)) continue;
    replaced_ += file_charge(static_cast<file_node&>(*found), volume_->account);
  }
  return true;
}

// The directory at a path that a graft comes into. It is found once, for all grafts that come into
// it one after another.
directory_node* grafter::find_parent(std::string_view path) {
  volume_->tree.require_exclusive();
  if (above_.empty() || above_.deepest().path != path) {
    const auto at = volume_->tree.look_up(normal_path::given_out(path.empty() ? "/" : path));
    const auto found = at ? at.value().require_directory() : at.error();
    if (!found) return nullptr;
    above_.enter({path, found.value(), 0});
  }
  return above_.deepest().node;
}

void grafter::leave(const directory& d) {
  if (d.added > 0) grown_.push_back(d);
}

result<void> grafter::pay(const import_plan& plan, reservation& paid) noexcept {
  std::uint64_t growth = 0;
  for (const directory& d : grown_) growth += entry_footprint(*d.node, d.added);
  charge wanted = plan.wanted_of_new();
  wanted.bytes += volume_->account.of_metadata(growth);
  charge replaced = replaced_;
  replaced.bytes += plan.old_names();
  BOOST_OUTCOME_TRY(volume_->quota.adjust(paid, wanted, replaced));
  for (const directory& d : grown_) {
    directory_index& entries = d.node->entries;
    if (entries.reserve(entries.size() + d.added)) continue;
    release_spare();
    return errc::out_of_memory;
  }
  return boost::outcome_v2::success();
}

void grafter::release_spare() noexcept {
  for (const directory& d : grown_) d.node->entries.release_spare();
}

void grafter::link(std::vector<graft>& grafts, disposal& gone) noexcept {
  for (entry& at : places_)
    if (at.found != nullptr && way_clearer::has_others(*at.found)) at.found = nullptr;
  way_->commit();
  auto place = places_.begin();
  for (graft& g : grafts) {
    const entry& at = *place++;
    if (g.is_there()) continue;
    detached_node fresh = std::move(g.directory);
    if (g.is_file()) fresh.reset(g.item->second.file.release());
    gone.add(volume_->tree.link(at, std::move(fresh)));
  }
}

}  // namespace coramfs::detail
