// SPDX-License-Identifier: BSL-1.0
#include "tree/copying.hpp"

#include <utility>

namespace coramfs::detail {

namespace {

result<void> check_target(const tree& names, const entry& to, const node* source,
                          if_exists existing) noexcept {
  if (to.found == nullptr) return boost::outcome_v2::success();
  if (existing == if_exists::fail || to.found == source) return errc::already_exists;
  if (to.found->is_directory) return errc::is_a_directory;
  if (names.is_busy(*to.found)) return errc::busy;
  return boost::outcome_v2::success();
}

}  // namespace

copying::copying(const std::shared_ptr<volume_state>& v, path_argument from, path_argument to,
                 if_exists existing) noexcept
    : volume_(v), from_(std::move(from)), to_(std::move(to)), existing_(existing) {}

progress copying::advance() noexcept {
  if (!status_) return progress::done;
  if (!source_) {
    if (const auto checked = check(); !checked) return end_with(checked.error());
    source_.emplace(volume_, std::move(from_), open_mode::read, open_options());
  }
  if (!draft_) {
    if (const progress p = source_->advance(); p != progress::done) return p;
    if (!source_->status()) return end_with(source_->status().error());
    if (const auto made = make_draft(); !made) return end_with(made.error());
  }
  if (copy_slice()) return progress::yields;
  return end_with(link());
}

void copying::refuse(const error& why) noexcept {
  if (source_) source_->refuse(why);
  end_with(why);
}

result<void> copying::check() noexcept {
  if (existing_ != if_exists::fail && existing_ != if_exists::replace)
    return errc::invalid_argument;
  path_buffer from_buffer, to_buffer;
  BOOST_OUTCOME_TRY(const auto from, from_buffer.normalise(from_));
  BOOST_OUTCOME_TRY(const auto to, to_buffer.normalise(to_));
  const tree::shared_access access(volume_->names);
  BOOST_OUTCOME_TRY(const auto source, volume_->names.look_up(from));
  BOOST_OUTCOME_TRY(source.require_file());
  BOOST_OUTCOME_TRY(const auto target, volume_->names.look_up(to));
  return check_target(volume_->names, target, source.found, existing_);
}

// Under the tree's lock.
result<entry> copying::find_target(normal_path to) const noexcept {
  BOOST_OUTCOME_TRY(const auto at, volume_->names.look_up(to));
  BOOST_OUTCOME_TRY(check_target(volume_->names, at, &source_->node(), existing_));
  return at;
}

result<void> copying::make_draft() noexcept {
  const storage& content = source_->node().content;
  const extent wanted = content.clone_extent();
  path_buffer buffer;
  BOOST_OUTCOME_TRY(const auto to, buffer.normalise(to_));
  file_cost cost;
  {
    const tree::exclusive_access access(volume_->names);
    BOOST_OUTCOME_TRY(const auto at, find_target(to));
    cost = cost_of_file(*volume_, at, wanted);
  }
  BOOST_OUTCOME_TRY(auto draft, file_draft::make(*volume_, to.name(), cost, wanted));
  BOOST_OUTCOME_TRY(draft.file().content.clone_room(volume_->payer.prepaid(), content));
  draft.file().publish_new(content.size() != 0 ? 1 : 0);
  draft_.emplace(std::move(draft));
  return boost::outcome_v2::success();
}

// True: there is more to do.
bool copying::copy_slice() noexcept {
  const storage& content = source_->node().content;
  copied_ = draft_->file().content.clone_bytes(content, copied_, slice_size);
  return copied_ < content.size();
}

result<void> copying::link() noexcept {
  path_buffer buffer;
  BOOST_OUTCOME_TRY(const auto to, buffer.normalise(to_));
  detached_node replaced;
  const tree::exclusive_access access(volume_->names);
  BOOST_OUTCOME_TRY(const auto at, find_target(to));
  BOOST_OUTCOME_TRY(replaced, draft_->link(at));
  return boost::outcome_v2::success();
}

// Lets go of everything: whoever is told goes on at once.
progress copying::end_with(result<void> status) noexcept {
  status_ = std::move(status);
  draft_.reset();
  source_.reset();
  return progress::done;
}

}  // namespace coramfs::detail
