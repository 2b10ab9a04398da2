// SPDX-License-Identifier: BSL-1.0
#include "core/pace.hpp"
#include "core/path.hpp"
#include "core/quota.hpp"
#include "tree/creation.hpp"
#include "tree/import_draft.hpp"
#include "tree/import_plan.hpp"
#include "tree/long_operations.hpp"

#include <algorithm>
#include <bit>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

namespace coramfs::detail {

namespace {

// How many plans are made that others may spoil, before the tree is held from the plan to the end.
constexpr int most_plans = 3;

/// What an import has made of its files so far, where nobody sees it. One operation's own.
class tree_import {
  reservation paid_;  // declared first, so that it is given back when all else is gone

 public:
  tree_import(volume_state& v, file_map all) noexcept
      : files(std::move(all)), volume_(v), plan_(v) {}

  result<void> read_first_key();
  result<void> check_key(const std::string& key);
  /// Errors: `invalid_argument` if two keys name one file.
  const result<void>& require_no_twins() const noexcept { return twins_; }

  void begin_plan() { plan_ = import_plan(volume_); }
  result<import_items::iterator> plan_some(import_items::iterator from);
  result<void> pay();

  void begin_draft() { draft_.emplace(volume_.names, plan_.grafts()); }
  result<bool> store_some(import_items::value_type& item, std::size_t& stored);
  result<void> put(import_items::value_type& item) { return draft_->add(item, done); }

  result<bool> link();
  void take_back(import_items::value_type& i) noexcept {
    import_draft::take_back(volume_.names, i.second);
  }
  result<void> plan_and_link();

  bool drop_some_drafts() noexcept;
  bool drop_some() noexcept;

  file_map files;  // those whose keys are not read yet
  import_items items;
  pace done;

 private:
  result<void> make_file(import_items::value_type& item);
  result<bool> link(grafting& all);

  volume_state& volume_;
  result<void> twins_ = boost::outcome_v2::success();
  std::vector<std::string_view> beginnings_;  // the last key checked, and those that it begins with
  bool has_content_ = false;
  bool is_paid_ = false;
  import_plan plan_;
  std::optional<import_draft> draft_;
  disposal gone_;
};

// Takes the first file that is left, and makes an item of it. Errors: `invalid_path`,
// `name_too_long`, `is_a_directory` for the root.
result<void> tree_import::read_first_key() {
  path_buffer buffer;
  auto& [key, content] = *files.begin();
  const auto normal = buffer.normalise(std::string_view(key));
  if (!normal) return about(call::import_tree, key, normal.error());
  const normal_path path = normal.value();
  if (path.is_root()) return about(call::import_tree, key, errc::is_a_directory);
  has_content_ = has_content_ || !content.empty();
  const auto [item, is_new] = items.try_emplace(std::string(path.text()));
  if (!is_new && twins_) twins_ = about(call::import_tree, path.text(), errc::invalid_argument);
  item->second.content = std::move(content);
  // The key has been compared with some others, which may differ from it at the end alone.
  done.add(key.size() + path.text().size() * std::bit_width(items.size()));
  files.erase(files.begin());
  return boost::outcome_v2::success();
}

// Checks that no other key names a directory above this one. Keys that begin with another come
// right behind it, so those that this one begins with are among the last one and those that it
// began with. Errors: `not_a_directory`.
result<void> tree_import::check_key(const std::string& key) {
  const std::size_t same = beginnings_.empty() ? 0 : common_size(key, beginnings_.back());
  while (!beginnings_.empty() && beginnings_.back().size() > same) beginnings_.pop_back();
  done.add(key.size(), beginnings_.size());
  for (const std::string_view above : beginnings_)
    if (key[above.size()] == '/') return about(call::import_tree, above, errc::not_a_directory);
  beginnings_.push_back(key);
  return boost::outcome_v2::success();
}

// Plans a slice of the items, in one hold of the tree's lock. Returns where to go on.
result<import_items::iterator> tree_import::plan_some(import_items::iterator from) {
  const tree::exclusive_access access(volume_.names, tree::in_turn);
  plan_.begin_hold();
  for (bool is_slice = false; !is_slice && from != items.end(); ++from) {
    BOOST_OUTCOME_TRY(plan_.add(*from, done));
    is_slice = done.has_done();
  }
  return from;
}

// Pays for all of the plan. Another plan than the first adjusts what was paid for that.
result<void> tree_import::pay() {
  BOOST_OUTCOME_TRY(plan_.finish());
  const charge &wanted = plan_.wanted(), &replaced = plan_.replaced();
  if (std::exchange(is_paid_, true)) return volume_.limits.adjust(paid_, wanted, replaced);
  const fault_seam& faults = volume_.faults;
  const std::uint64_t added = wanted.bytes - std::min(wanted.bytes, replaced.bytes);
  if (faults.has_policy()) {
    BOOST_OUTCOME_TRY(faults.reserving({}, wanted, replaced));
  }
  BOOST_OUTCOME_TRY(paid_, volume_.limits.reserve(wanted, replaced));
  BOOST_OUTCOME_TRY(require_beside(volume_, wanted, replaced));
  if (has_content_) {
    if (faults.has_policy()) {
      BOOST_OUTCOME_TRY(faults.guarding({}, added));
    }
    BOOST_OUTCOME_TRY(volume_.payer.approve(wanted.bytes, replaced.bytes));
  }
  return faults.has_policy() ? faults.allocating({}, added) : boost::outcome_v2::success();
}

// Stores a slice of an item's content in its file. Returns whether the file is whole.
result<bool> tree_import::store_some(import_items::value_type& item, std::size_t& stored) {
  import_item& i = item.second;
  if (i.file != nullptr && stored == 0) return true;  // it was made for an earlier plan
  if (i.file == nullptr) {
    BOOST_OUTCOME_TRY(make_file(item));
  }
  const std::span<const std::byte> rest = std::span(i.content).subspan(stored);
  const auto slice = rest.first(std::min<std::size_t>(rest.size(), slice_size));
  i.file->content.store(stored, slice);
  stored += slice.size();
  if (slice.size() < rest.size()) return false;
  i.file->content.trim(volume_.payer.prepaid());
  i.file->publish_new(0);
  return true;
}

result<void> tree_import::make_file(import_items::value_type& item) {
  auto& [path, i] = item;
  i.file = new_file(volume_, normal_path::given_out(path).name());
  if (i.file == nullptr) return errc::out_of_memory;
  return i.file->content.recreate(volume_.payer.prepaid(), i.content.size());
}

// Puts the grafts into the tree, in one hold of its lock, if it still is as it was planned for.
// Returns whether it was.
result<bool> tree_import::link() {
  grafting all(volume_);
  all.reserve(plan_.grafts().size());
  const tree::exclusive_access access(volume_.names);
  return link(all);
}

result<bool> tree_import::link(grafting& all) {
  if (!all.find_places(plan_.grafts())) return false;
  BOOST_OUTCOME_TRY(all.pay(plan_, paid_));
  all.link(plan_.grafts(), gone_);
  paid_.commit();
  return true;
}

// Plans, makes and puts in all grafts in one hold of the tree's lock, in which the plan can not
// become wrong.
result<void> tree_import::plan_and_link() {
  grafting all(volume_);
  const tree::exclusive_access access(volume_.names);
  begin_plan();
  plan_.begin_hold();
  for (auto& item : items) {
    BOOST_OUTCOME_TRY(plan_.add(item, done));
  }
  BOOST_OUTCOME_TRY(pay());
  begin_draft();
  for (auto& item : items) {
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
  gone_.step(volume_.payer);
  return !gone_.is_done();
}

// Frees a slice of all that is left, whether the import has succeeded or not. Returns whether there
// is more. The charge of replaced files was given back with the step that took them out, since the
// quota judges the difference. So until they are freed, more memory than the quota may be in use.
bool tree_import::drop_some() noexcept {
  if (drop_some_drafts()) return true;
  while (!items.empty()) {
    items.erase(items.begin());
    if (done.has_done()) return true;
  }
  while (!files.empty()) {
    files.erase(files.begin());
    if (done.has_done()) return true;
  }
  paid_ = reservation();
  return false;
}

// Looks at the keys, plans, pays for all files, makes them and the new directories around them
// where nobody sees them, and puts all of that into the tree in one step.
//
// That step takes a look-up and a few moves of pointers for each graft: each file that comes into
// a directory that is there, and the topmost of new directories. What is found then decides. If
// others have changed the tree so that the grafts do not fit, all is planned anew, which finds the
// error if there is one. After a few times the tree is held from the plan to the end: otherwise
// those who change it again and again would keep an import from ever ending.
steps<void> make(tree_import& all) {
  while (!all.files.empty()) {
    BOOST_OUTCOME_CO_TRY(all.read_first_key());
    if (all.done.has_done()) {
      BOOST_OUTCOME_CO_TRY(co_await turn());
    }
  }
  BOOST_OUTCOME_CO_TRY(all.require_no_twins());
  for (const auto& item : all.items) {
    BOOST_OUTCOME_CO_TRY(all.check_key(item.first));
    if (all.done.has_done()) {
      BOOST_OUTCOME_CO_TRY(co_await turn());
    }
  }

  for (int plans = 0; plans < most_plans; ++plans) {
    all.begin_plan();
    for (auto next = all.items.begin(); next != all.items.end();) {
      BOOST_OUTCOME_CO_TRY(next, all.plan_some(next));
      if (next != all.items.end()) {
        BOOST_OUTCOME_CO_TRY(co_await turn());
      }
    }
    BOOST_OUTCOME_CO_TRY(all.pay());

    all.begin_draft();
    for (auto& item : all.items) {
      std::size_t stored = 0;
      for (bool is_whole = false; !is_whole;) {
        const std::size_t before = stored;
        BOOST_OUTCOME_CO_TRY(is_whole, all.store_some(item, stored));
        if (is_whole) {
          BOOST_OUTCOME_CO_TRY(all.put(item));
        }
        if (all.done.has_done(stored - before)) {
          BOOST_OUTCOME_CO_TRY(co_await turn());
        }
      }
    }
    BOOST_OUTCOME_CO_TRY(const bool fits, all.link());
    if (fits) co_return boost::outcome_v2::success();

    // The tree has changed. The files are kept for the next plan, and the directories are dropped.
    for (auto& item : all.items) {
      all.take_back(item);
      if (all.done.has_done()) {
        BOOST_OUTCOME_CO_TRY(co_await turn());
      }
    }
    while (all.drop_some_drafts()) {
      BOOST_OUTCOME_CO_TRY(co_await turn());
    }
  }
  co_return all.plan_and_link();
}

}  // namespace

// Makes the import, and frees in slices what is left of it.
steps<void> import_tree(std::shared_ptr<volume_state> v, file_map files) {
  co_await concerns(call::import_tree);
  tree_import all(*v, std::move(files));
  auto making = make(all);
  auto made = co_await finished(making);
  while (all.drop_some()) co_await turn_in_any_case();
  co_return made;
}

}  // namespace coramfs::detail
