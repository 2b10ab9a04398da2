// SPDX-License-Identifier: BSL-1.0
#include "tree/tree_copying.hpp"

#include "core/clock.hpp"
#include "tree/creation.hpp"

#include <new>
#include <string>
#include <string_view>

namespace coramfs::detail {

namespace {

result<directory_node*> find_source(const tree& names, normal_path from) noexcept {
  BOOST_OUTCOME_TRY(const auto at, names.look_up(from));
  return at.require_directory();
}

result<directory_node*> find_target(const tree& names, normal_path to) noexcept {
  BOOST_OUTCOME_TRY(const auto at, names.look_up(to));
  BOOST_OUTCOME_TRY(at.require_absent());
  return at.parent;
}

}  // namespace

progress tree_copying::advance() noexcept {
  if (stage_ < stage::clears) {
    const auto gone_on = step();
    if (gone_on && gone_on.value() != progress::done) return gone_on.value();
    end_with(gone_on ? result<void>(boost::outcome_v2::success()) : gone_on.error());
  }
  if (stage_ == stage::clears && clear()) return progress::yields;
  stage_ = stage::ended;
  return progress::done;
}

void tree_copying::refuse(const error& why) noexcept {
  if (stage_ >= stage::clears) return;
  if (source_) source_->refuse(why);
  end_with(why);
}

result<progress> tree_copying::step() noexcept try {
  for (;;) {
    BOOST_OUTCOME_TRY(const progress p, go_on());
    if (p != progress::done || stage_ == stage::clears) return p;
  }
} catch (const std::bad_alloc&) {
  return errc::out_of_memory;
}

// One stage, or a slice of it.
result<progress> tree_copying::go_on() {
  switch (stage_) {
    case stage::begins:
    case stage::looks: return look();
    case stage::pays: return pay();
    case stage::makes_directories: return make_directories();
    case stage::copies_files: return copy_files();
    case stage::links: return link();
    case stage::clears:
    case stage::ended: break;
  }
  return progress::done;
}

// In one hold of the lock.
result<progress> tree_copying::look() {
  if (plan_.drop_seen_in_vain(pace_)) return progress::yields;
  path_buffer from_buffer, to_buffer;
  BOOST_OUTCOME_TRY(const auto from, from_buffer.normalise(from_));
  BOOST_OUTCOME_TRY(const auto to, to_buffer.normalise(to_));
  const tree::shared_access access(volume_->names);
  if (stage_ == stage::begins) {
    BOOST_OUTCOME_TRY(begin(from, to));
  }
  if (plan_.look_on(pace_)) return progress::yields;
  if (plan_.is_empty()) return find_source(volume_->names, from).error();
  BOOST_OUTCOME_TRY(const auto* const target, find_target(volume_->names, to));
  entry_footprint_ = entry_footprint(*target);
  stage_ = stage::pays;
  return progress::done;
}

result<void> tree_copying::begin(normal_path from, normal_path to) {
  BOOST_OUTCOME_TRY(const auto* const top, find_source(volume_->names, from));
  // Whatever a copy of the root were called, it would be below the root, or the root.
  if (from.is_root() || to.is_below(from)) return errc::invalid_argument;
  BOOST_OUTCOME_TRY(find_target(volume_->names, to));
  plan_.begin(*top, std::string(from.text()), to.name());
  stage_ = stage::looks;
  return boost::outcome_v2::success();
}

// For all at once; the guard is asked outside of the lock.
result<progress> tree_copying::pay() {
  if (plan_.drop_seen_in_vain(pace_)) return progress::yields;
  const charge all = total();
  BOOST_OUTCOME_TRY(paid_, volume_->limits.reserve(all));
  if (plan_.has_content()) {
    BOOST_OUTCOME_TRY(volume_->payer.approve(all.bytes, 0));
  }
  next_directory_ = plan_.rest().begin();
  stage_ = stage::makes_directories;
  return progress::done;
}

charge tree_copying::total() const noexcept {
  charge all = plan_.wanted();
  all.bytes += volume_->payer.of_metadata(entry_footprint_);
  return all;
}

// Those above come first.
result<progress> tree_copying::make_directories() {
  while (next_directory_ != plan_.rest().end()) {
    BOOST_OUTCOME_TRY(make_directory(*next_directory_++));
    if (pace_.has_done()) return progress::yields;
  }
  stage_ = stage::copies_files;
  return progress::done;
}

result<void> tree_copying::make_directory(copy_plan::directory& d) noexcept {
  auto fresh = new_directory(volume_->names, d.name);
  if (fresh == nullptr) return errc::out_of_memory;
  d.copy = fresh.get();
  detached_node made(fresh.release());
  if (d.parent == nullptr) {
    copy_ = std::move(made);
    return boost::outcome_v2::success();
  }
  directory_node& in = *d.parent->copy;
  if (!in.entries.reserve(in.entries.size() + 1)) return errc::out_of_memory;
  tree::link({&in, d.copy->name.view(), nullptr}, std::move(made));
  return boost::outcome_v2::success();
}

result<progress> tree_copying::copy_files() {
  copy_plan::directories& rest = plan_.rest();
  while (!rest.empty()) {
    while (!rest.front().files.empty()) {
      BOOST_OUTCOME_TRY(const progress p, copy_file(rest.front()));
      if (p != progress::done) return p;
    }
    rest.pop_front();
    if (pace_.has_done()) return progress::yields;
  }
  stage_ = stage::links;
  return progress::done;
}

// Of those that are left in a directory the first. One that has gone since it was seen is left out.
result<progress> tree_copying::copy_file(copy_plan::directory& in) {
  if (!source_) {
    const std::string path = join(in.path, in.files.front().name);
    source_.emplace(opening::reading(volume_, path_argument(path)));
  }
  if (!file_) {
    if (const progress p = source_->advance(); p != progress::done) return p;
    if (const auto& opened = source_->status(); !opened) {
      if (!has_gone(opened.error())) return opened.error();
      source_.reset();
      plan_.leave_out(in);
      return pace_.has_done() ? progress::yields : progress::done;
    }
    BOOST_OUTCOME_TRY(begin_file(in));
  }
  const storage& content = source_->node().content;
  const std::uint64_t next = file_->content.clone_bytes(content, copied_, slice_size);
  const bool is_slice = pace_.has_done(next - std::exchange(copied_, next));
  if (copied_ < content.size()) return progress::yields;
  BOOST_OUTCOME_TRY(link_file(in));
  return is_slice ? progress::yields : progress::done;
}

result<void> tree_copying::begin_file(const copy_plan::directory& in) noexcept {
  volume_state& v = *volume_;
  const copy_plan::file& f = in.files.front();
  const storage& content = source_->node().content;
  const extent wanted = content.clone_extent();
  plan_.adjust(in, wanted);
  if (v.payer.of(wanted).bytes > v.payer.of(f.estimate).bytes) {
    BOOST_OUTCOME_TRY(v.limits.adjust(paid_, total(), {}));
  }
  file_ = new_file(v, f.name);
  if (file_ == nullptr) return errc::out_of_memory;
  copied_ = 0;
  return file_->content.clone_room(v.payer.prepaid(), content);
}

result<void> tree_copying::link_file(copy_plan::directory& in) noexcept {
  directory_index& entries = in.copy->entries;
  if (!entries.reserve(entries.size() + 1)) return errc::out_of_memory;
  file_->publish_new(0);
  const std::string_view name = file_->name.view();
  tree::link({in.copy, name, nullptr}, detached_node(file_.release()));
  source_.reset();
  in.files.pop_front();
  return boost::outcome_v2::success();
}

result<progress> tree_copying::link() noexcept {
  path_buffer buffer;
  BOOST_OUTCOME_TRY(const auto to, buffer.normalise(to_));
  const tree::exclusive_access access(volume_->names);
  BOOST_OUTCOME_TRY(auto* const target, find_target(volume_->names, to));
  entry_footprint_ = entry_footprint(*target);
  BOOST_OUTCOME_TRY(volume_->limits.adjust(paid_, total(), {}));
  if (!target->entries.reserve(target->entries.size() + 1)) return errc::out_of_memory;
  tree::link({target, to.name(), nullptr}, std::move(copy_));
  paid_.commit();
  stage_ = stage::clears;
  return progress::done;
}

// Nobody waits longer for what it holds.
void tree_copying::end_with(result<void> status) noexcept {
  status_ = std::move(status);
  source_.reset();
  file_.reset();
  stage_ = stage::clears;
}

// True: there is more. Of one that has succeeded nothing is left.
bool tree_copying::clear() noexcept {
  gone_.add(std::move(copy_));
  gone_.step(volume_->payer);
  if (!gone_.is_done() || plan_.drop(pace_)) return true;
  paid_ = reservation();
  return false;
}

}  // namespace coramfs::detail
