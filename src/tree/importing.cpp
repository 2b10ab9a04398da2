// SPDX-License-Identifier: BSL-1.0
#include "tree/importing.hpp"

#include "core/path.hpp"
#include "tree/creation.hpp"

#include <algorithm>
#include <bit>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace coramfs::detail {

progress importing::advance() noexcept {
  if (stage_ < stage::clears) {
    const auto gone_on = step();
    if (gone_on && gone_on.value() != progress::done) return gone_on.value();
    if (!gone_on) status_ = gone_on.error();
    stage_ = stage::clears;
  }
  if (stage_ == stage::clears && clear()) return progress::yields;
  stage_ = stage::ended;
  return progress::done;
}

void importing::refuse(const error& why) noexcept {
  if (stage_ >= stage::clears) return;
  status_ = why;
  stage_ = stage::clears;
}

result<progress> importing::step() noexcept try {
  for (;;) {
    BOOST_OUTCOME_TRY(const progress p, go_on());
    if (p != progress::done || stage_ == stage::clears) return p;
  }
} catch (const std::bad_alloc&) {
  return errc::out_of_memory;
}

// One stage, or a slice of it.
result<progress> importing::go_on() {
  switch (stage_) {
    case stage::reads_keys: return read_keys();
    case stage::checks_keys: return check_keys();
    case stage::plans: return plan();
    case stage::builds: return build();
    case stage::links: return link();
    case stage::takes_apart: return take_apart();
    case stage::plans_and_links: return plan_and_link();
    case stage::clears:
    case stage::ended: break;
  }
  return progress::done;
}

void importing::begin(stage next) {
  stage_ = next;
  next_item_ = items_.begin();
  if (next == stage::plans) plan_ = import_plan(*volume_);
  if (next == stage::builds) draft_.emplace(volume_->names, plan_.grafts());
}

template <class Visit>
result<progress> importing::for_each_item(Visit visit) {
  while (next_item_ != items_.end()) {
    BOOST_OUTCOME_TRY(visit(*next_item_));
    ++next_item_;
    if (pace_.has_done()) return progress::yields;
  }
  return progress::done;
}

// Errors: `invalid_path`, `name_too_long`, `is_a_directory` for the root; after all of those
// `invalid_argument` for two keys that name one file.
result<progress> importing::read_keys() {
  path_buffer buffer;
  while (!files_.empty()) {
    auto& [key, content] = *files_.begin();
    BOOST_OUTCOME_TRY(const auto path, buffer.normalise(std::string_view(key)));
    if (path.is_root()) return errc::is_a_directory;
    has_content_ = has_content_ || !content.empty();
    const auto [item, is_new] = items_.try_emplace(std::string(path.text()));
    has_twins_ = has_twins_ || !is_new;
    item->second.content = std::move(content);
    // The key has been compared with some others, which may differ from it at the end alone.
    pace_.add(key.size() + path.text().size() * std::bit_width(items_.size()));
    files_.erase(files_.begin());
    if (pace_.has_done()) return progress::yields;
  }
  if (has_twins_) return errc::invalid_argument;
  begin(stage::checks_keys);
  return progress::done;
}

// Errors: `not_a_directory` for a key that names a directory of another.
result<progress> importing::check_keys() {
  BOOST_OUTCOME_TRY(const progress p,
                    for_each_item([this](const auto& item) { return check_key(item.first); }));
  if (p == progress::done) begin(stage::plans);
  return p;
}

// Keys that begin with another come right behind it, so those that this one begins with are among
// those that the last one did.
result<void> importing::check_key(const std::string& key) {
  const std::size_t same = beginnings_.empty() ? 0 : common_size(key, beginnings_.back());
  while (!beginnings_.empty() && beginnings_.back().size() > same) beginnings_.pop_back();
  pace_.add(key.size(), beginnings_.size());
  for (const std::string_view above : beginnings_)
    if (key[above.size()] == '/') return errc::not_a_directory;
  beginnings_.push_back(key);
  return boost::outcome_v2::success();
}

result<progress> importing::plan() {
  {
    const tree::exclusive_access access(volume_->names);
    plan_.begin_hold();
    BOOST_OUTCOME_TRY(const progress p,
                      for_each_item([this](auto& item) { return plan_.add(item, pace_); }));
    if (p != progress::done) return p;
  }
  BOOST_OUTCOME_TRY(plan_.finish());
  BOOST_OUTCOME_TRY(pay());
  begin(stage::builds);
  return progress::done;
}

result<void> importing::pay() {
  const charge &wanted = plan_.wanted(), &replaced = plan_.replaced();
  if (plans_++ > 0) return volume_->limits.adjust(paid_, wanted, replaced);
  BOOST_OUTCOME_TRY(paid_, volume_->limits.reserve(wanted, replaced));
  BOOST_OUTCOME_TRY(require_beside(*volume_, wanted, replaced));
  return has_content_ ? volume_->payer.approve(wanted.bytes, replaced.bytes)
                      : boost::outcome_v2::success();
}

result<progress> importing::build() {
  while (next_item_ != items_.end()) {
    const std::size_t before = stored_;
    BOOST_OUTCOME_TRY(const bool is_made, make_slice(*next_item_));
    const std::size_t stored = stored_ - before;
    if (is_made) {
      BOOST_OUTCOME_TRY(draft_->add(*next_item_++, pace_));
      stored_ = 0;
    }
    if (pace_.has_done(stored)) return progress::yields;
  }
  begin(stage::links);
  return progress::done;
}

// True: the file is whole.
result<bool> importing::make_slice(import_items::value_type& item) {
  import_item& i = item.second;
  if (i.file != nullptr && stored_ == 0) return true;  // for an earlier plan
  if (i.file == nullptr) {
    BOOST_OUTCOME_TRY(make_file(item));
  }
  const std::span<const std::byte> rest = std::span(i.content).subspan(stored_);
  const auto slice = rest.first(std::min<std::size_t>(rest.size(), slice_size));
  i.file->content.store(stored_, slice);
  stored_ += slice.size();
  if (slice.size() < rest.size()) return false;
  i.file->content.trim(volume_->payer.prepaid());
  i.file->publish_new(0);
  return true;
}

result<void> importing::make_file(import_items::value_type& item) {
  auto& [path, i] = item;
  i.file = new_file(*volume_, normal_path::given_out(path).name());
  if (i.file == nullptr) return errc::out_of_memory;
  return i.file->content.recreate(volume_->payer.prepaid(), i.content.size());
}

result<progress> importing::link() {
  grafting all(*volume_);
  all.reserve(plan_.grafts().size());
  const tree::exclusive_access access(volume_->names);
  BOOST_OUTCOME_TRY(const bool fits, link(all));
  begin(fits ? stage::clears : stage::takes_apart);
  return progress::done;
}

// Under the tree's exclusive lock. False: the plan is wrong.
result<bool> importing::link(grafting& all) {
  if (!all.find_places(plan_.grafts())) return false;
  BOOST_OUTCOME_TRY(all.pay(plan_, paid_));
  all.link(plan_.grafts(), gone_);
  paid_.commit();
  return true;
}

// The files are kept for the next plan.
result<progress> importing::take_apart() {
  BOOST_OUTCOME_TRY(const progress p, for_each_item([](auto& item) -> result<void> {
                      import_draft::take_back(item.second);
                      return boost::outcome_v2::success();
                    }));
  if (p != progress::done || discard_drafts()) return progress::yields;
  begin(plans_ < most_plans ? stage::plans : stage::plans_and_links);
  return progress::done;
}

// In one hold of the lock, in which no plan can become wrong.
result<progress> importing::plan_and_link() {
  grafting all(*volume_);
  const tree::exclusive_access access(volume_->names);
  plan_ = import_plan(*volume_);
  plan_.begin_hold();
  for (auto& item : items_) {
    BOOST_OUTCOME_TRY(plan_.add(item, pace_));
  }
  BOOST_OUTCOME_TRY(plan_.finish());
  BOOST_OUTCOME_TRY(pay());
  draft_.emplace(volume_->names, plan_.grafts());
  for (auto& item : items_) {
    BOOST_OUTCOME_TRY(draft_->add(item, pace_));
  }
  all.reserve(plan_.grafts().size());
  BOOST_OUTCOME_TRY(link(all));
  begin(stage::clears);
  return progress::done;
}

// True: there is more.
bool importing::discard_drafts() noexcept {
  std::vector<graft>& grafts = plan_.grafts();
  while (!grafts.empty()) {
    gone_.add(std::move(grafts.back().directory));
    grafts.pop_back();
    if (pace_.has_done()) return true;
  }
  gone_.step(volume_->payer);
  return !gone_.is_done();
}

// Likewise. What replaced files were charged has been given back with the step that took them
// out: what is judged is the difference, so their memory may be more than the quota till they go.
bool importing::clear() noexcept {
  if (discard_drafts()) return true;
  while (!items_.empty()) {
    items_.erase(items_.begin());
    if (pace_.has_done()) return true;
  }
  while (!files_.empty()) {
    files_.erase(files_.begin());
    if (pace_.has_done()) return true;
  }
  paid_ = reservation();
  return false;
}

}  // namespace coramfs::detail
