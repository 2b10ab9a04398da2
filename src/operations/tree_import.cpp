// SPDX-License-Identifier: BSL-1.0
#include "operations/tree_import.hpp"

#include "core/path.hpp"
#include "tree/creation.hpp"
#include "tree/unnamed.hpp"

#include <algorithm>
#include <bit>
#include <span>
#include <utility>

namespace coramfs::detail {

namespace {

// How many plans are made that others may spoil, before the tree is held from the plan to the end.
constexpr int most_plans = 3;

}  // namespace

// Unnamed files are charged for themselves, but for names that are only reserved. They are taken
// out of the drafts, which are not charged at all. Where it is dropped while it takes them,
// somebody may still look at what was taken.
tree_import::~tree_import() {
  if (is_linked_) return;
  bool is_forgotten = false;
  for (auto& item : items_) {
    if (item.second.is != import_item::kind::unnamed) continue;
    take_back(item);
    if (item.second.file == nullptr) continue;
    if (!std::exchange(is_forgotten, true)) forget_records(volume_);
    item.second.file->name = node_name();
    drop_unnamed(volume_, std::move(item.second.file));
  }
}

result<import_items::value_type*> tree_import::add_item(std::string_view key,
                                                        import_item::kind is) {
  path_buffer buffer;
  const auto normal = buffer.normalise(key);
  if (!normal) return about(by_, key, normal.error());
  const normal_path path = normal.value();
  const bool is_directory = is == import_item::kind::directory;
  if (path.is_root() && is_directory) return nullptr;
  if (path.is_root()) return about(by_, key, errc::is_a_directory);
  const auto [item, is_new] = items_.try_emplace(std::string(path.text()));
  const bool is_same = is_directory && item->second.is == import_item::kind::directory;
  if (is_new) item->second.is = is;
  has_directories_ = has_directories_ || is_directory;
  if (!is_new && !is_same && twins_) twins_ = about(by_, path.text(), errc::invalid_argument);
  // The key has been compared with some others, which may differ from it at the end alone.
  done.add(key.size() + path.text().size() * std::bit_width(items_.size()));
  return &*item;
}

// A directory in which something comes is made for that.
void tree_import::drop_if_above(import_items::iterator directory) {
  const std::string below = directory->first + '/';
  const auto next = items_.lower_bound(below);
  done.add(below.size() * std::bit_width(items_.size()));
  if (next != items_.end() && next->first.starts_with(below)) items_.erase(directory);
}

// Checks that no other key names a directory above this one. Keys that begin with another come
// right behind it, so those that this one begins with are among the last one and those that it
// began with. Errors: `not_a_directory`.
result<void> tree_import::check_key(const std::string& key) {
  const std::size_t same = beginnings_.empty() ? 0 : common_size(key, beginnings_.back());
  while (!beginnings_.empty() && beginnings_.back().size() > same) beginnings_.pop_back();
  done.add(key.size(), beginnings_.size());
  for (const std::string_view above : beginnings_)
    if (key[above.size()] == '/') return about(by_, above, errc::not_a_directory);
  beginnings_.push_back(key);
  return boost::outcome_v2::success();
}

// Plans a slice of the items, in one hold of the tree's lock. Returns where to go on.
result<import_items::iterator> tree_import::plan_some(import_items::iterator from) {
  const tree::exclusive_access access(volume_.tree, tree::in_turn);
  plan_.begin_hold();
  for (bool is_slice = false; !is_slice && from != items_.end(); ++from) {
    BOOST_OUTCOME_TRY(plan_.add(*from, done));
    is_slice = done.has_done();
  }
  return from;
}

// Pays for all of the plan. Another plan than the first adjusts what was paid for that.
result<void> tree_import::pay() {
  BOOST_OUTCOME_TRY(plan_.finish());
  const charge &wanted = plan_.wanted(), &replaced = plan_.replaced();
  if (std::exchange(is_paid_, true)) return volume_.quota.adjust(paid_, wanted, replaced);
  const fault_seam& faults = volume_.faults;
  const std::uint64_t added = wanted.bytes - std::min(wanted.bytes, replaced.bytes);
  if (faults.has_policy()) {
    BOOST_OUTCOME_TRY(faults.reserving({}, wanted, replaced));
  }
  BOOST_OUTCOME_TRY(paid_, volume_.quota.reserve(wanted, replaced));
  BOOST_OUTCOME_TRY(require_beside(volume_, wanted, replaced));
  if (has_content_) {
    if (faults.has_policy()) {
      BOOST_OUTCOME_TRY(faults.guarding({}, added));
    }
    BOOST_OUTCOME_TRY(volume_.account.approve(wanted.bytes, replaced.bytes));
  }
  return faults.has_policy() ? faults.allocating({}, added) : boost::outcome_v2::success();
}

// Makes a slice of an item. Returns whether it is ready to be put into its directory.
result<bool> tree_import::make_some(import_items::value_type& item, std::size_t& stored) {
  auto& [path, i] = item;
  if (i.is == import_item::kind::directory) return true;
  if (i.is == import_item::kind::unnamed) {
    const std::string_view name = normal_path::given_out(path).name();
    if (i.file->name.size() == 0 && !i.file->name.assign(volume_.tree.memory(), name))
      return errc::out_of_memory;
    return true;
  }
  if (i.file != nullptr && stored == 0) return true;  // it was made for an earlier plan
  if (i.file == nullptr) {
    BOOST_OUTCOME_TRY(make_file(item));
  }
  const std::span<const std::byte> rest = std::span(i.content).subspan(stored);
  const auto slice = rest.first(std::min<std::size_t>(rest.size(), slice_size));
  i.file->content.store(stored, slice);
  stored += slice.size();
  if (slice.size() < rest.size()) return false;
  i.file->content.trim(volume_.account.prepaid());
  i.file->publish_new(0);
  return true;
}

result<void> tree_import::make_file(import_items::value_type& item) {
  auto& [path, i] = item;
  i.file = new_file(volume_, normal_path::given_out(path).name());
  if (i.file == nullptr) return errc::out_of_memory;
  return i.file->content.recreate(volume_.account.prepaid(), i.content.size());
}

// Puts the grafts into the tree, in one hold of its lock, if it still is as it was planned for.
// Returns whether it was.
result<bool> tree_import::link() {
  grafter all(volume_, way_, options_);
  all.reserve(plan_.grafts().size());
  const tree::exclusive_access access(volume_.tree);
  const way_clearer::attempt attempt(&way_);
  return link(all);
}

result<bool> tree_import::link(grafter& all) {
  BOOST_OUTCOME_TRY(const bool fits, all.find_places(plan_.grafts()));
  if (!fits) return false;
  BOOST_OUTCOME_TRY(all.pay(plan_, paid_));
  all.link(plan_.grafts(), gone_);
  is_linked_ = true;
  paid_.commit();
  return true;
}

// Plans, makes and puts in all grafts in one hold of the tree's lock, in which the plan can not
// become wrong.
result<void> tree_import::plan_and_link() {
  grafter all(volume_, way_, options_);
  const tree::exclusive_access access(volume_.tree);
  const way_clearer::attempt attempt(&way_);
  begin_plan();
  plan_.begin_hold();
  for (auto& item : items_) {
    BOOST_OUTCOME_TRY(plan_.add(item, done));
  }
  BOOST_OUTCOME_TRY(pay());
  begin_draft();
  for (auto& item : items_) {
    BOOST_OUTCOME_TRY(put(item));
  }
  all.reserve(plan_.grafts().size());
  BOOST_OUTCOME_TRY(link(all));
  return boost::outcome_v2::success();
}

// Frees a slice of the new directories of the last plan, and of what was replaced. Returns whether
// there is more.
bool tree_import::drop_some_drafts() noexcept {
  std::vector<graft>& grafts = plan_.grafts();
  while (!grafts.empty()) {
    gone_.add(std::move(grafts.back().directory));
    grafts.pop_back();
    if (done.has_done()) return true;
  }
  gone_.step_uncharged();
  return !gone_.is_done();
}

// The charge of replaced files was given back with the step that took them out, since the quota
// judges the difference. So until they are freed, more memory than the quota may be in use.
bool tree_import::drop_some() noexcept {
  if (drop_some_drafts()) return true;
  while (!items_.empty()) {
    items_.erase(items_.begin());
    if (done.has_done()) return true;
  }
  paid_ = reservation();
  return false;
}

// Takes apart what was made for a plan that was wrong, or whose time has not come. The files are
// kept for the next plan, and the directories are dropped.
steps<void> take_apart(tree_import& all) {
  for (auto& item : all.items_) {
    all.take_back(item);
    if (all.done.has_done()) {
      BOOST_OUTCOME_CO_TRY(co_await turn());
    }
  }
  while (all.drop_some_drafts()) {
    BOOST_OUTCOME_CO_TRY(co_await turn());
  }
  co_return boost::outcome_v2::success();
}

// The last step takes a look-up and a few moves of pointers for each graft: each file that comes
// into a directory that is there, and the topmost of new directories. What is found then decides.
// If others have changed the tree so that the grafts do not fit, all is planned anew, which finds
// the error if there is one. After a few times the tree is held from the plan to the end: otherwise
// those who change it again and again would keep an import from ever ending.
steps<void> put_into_tree(tree_import& all) {
  for (auto next = all.items_.begin(); all.has_directories_ && next != all.items_.end();) {
    const auto item = next++;
    if (item->second.is == import_item::kind::directory) all.drop_if_above(item);
    if (all.done.has_done()) {
      BOOST_OUTCOME_CO_TRY(co_await turn());
    }
  }
  for (const auto& item : all.items_) {
    BOOST_OUTCOME_CO_TRY(all.check_key(item.first));
    if (all.done.has_done()) {
      BOOST_OUTCOME_CO_TRY(co_await turn());
    }
  }

  for (int plans = 0; plans < most_plans; ++plans) {
    all.begin_plan();
    for (auto next = all.items_.begin(); next != all.items_.end();) {
      BOOST_OUTCOME_CO_TRY(next, all.plan_some(next));
      if (next != all.items_.end()) {
        BOOST_OUTCOME_CO_TRY(co_await turn());
      }
    }
    BOOST_OUTCOME_CO_TRY(all.pay());

    all.begin_draft();
    for (auto& item : all.items_) {
      std::size_t stored = 0;
      for (bool is_ready = false; !is_ready;) {
        const std::size_t before = stored;
        BOOST_OUTCOME_CO_TRY(is_ready, all.make_some(item, stored));
        if (is_ready) {
          BOOST_OUTCOME_CO_TRY(all.put(item));
        }
        if (all.done.has_done(stored - before)) {
          BOOST_OUTCOME_CO_TRY(co_await turn());
        }
      }
    }
    auto linked = all.link();
    while (all.way_.is_blocked()) {
      auto waiting = wait(all.way_);
      BOOST_OUTCOME_CO_TRY(co_await finished(waiting));
      linked = all.link();
    }
    if (!linked) co_return linked.error();
    if (linked.value()) co_return boost::outcome_v2::success();
    all.end_attempts();
    auto undoing = take_apart(all);
    BOOST_OUTCOME_CO_TRY(co_await finished(undoing));
  }
  for (;;) {
    const auto linked = all.plan_and_link();
    if (!all.way_.is_blocked()) co_return linked;
    auto waiting = wait(all.way_);
    BOOST_OUTCOME_CO_TRY(co_await finished(waiting));
    auto undoing = take_apart(all);
    BOOST_OUTCOME_CO_TRY(co_await finished(undoing));
  }
}

}  // namespace coramfs::detail
