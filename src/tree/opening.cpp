// SPDX-License-Identifier: BSL-1.0
#include "tree/opening.hpp"

#include "core/path.hpp"
#include "tree/creation.hpp"

#include <algorithm>
#include <utility>

namespace coramfs::detail {

namespace {

bool creates(open_mode mode) noexcept {
  return mode == open_mode::write || mode == open_mode::append || mode == open_mode::create;
}

result<void> check(open_mode mode, const open_options& options) noexcept {
  if (mode < open_mode::read || mode > open_mode::create) return errc::invalid_argument;
  if (options.on_full != when_full::reject && options.on_full != when_full::wait)
    return errc::invalid_argument;
  if (mode == open_mode::read && options.preallocate != 0) return errc::invalid_argument;
  if (options.preallocate > max_file_size)
    return error(errc::too_large, options.preallocate, max_file_size);
  if (options.on_full == when_full::wait) return errc::not_supported;
  return boost::outcome_v2::success();
}

// The file that is there; null where there is none and the mode makes one.
result<file_node*> find_file(const entry& at, open_mode mode) noexcept {
  if (at.found == nullptr && creates(mode)) return nullptr;
  BOOST_OUTCOME_TRY(auto* const file, at.require_file());
  if (mode == open_mode::create) return errc::already_exists;
  return file;
}

// Makes the content that an emptied or new file begins with.
result<void> begin_content(storage& content, const account& payer, std::uint64_t preallocate,
                           std::span<const std::byte> from) noexcept {
  return preallocate != 0 ? content.assign_zeros(payer, preallocate) : content.assign(payer, from);
}

}  // namespace

result<opening> opening::begin(const std::shared_ptr<volume_state>& v, const path_argument& path,
                               open_mode mode, const open_options& options) noexcept {
  BOOST_OUTCOME_TRY(check(mode, options));
  const lock_timeout timeout = options.timeout.value_or(v->options.default_lock_timeout);
  return begin(v, path, request{mode, timeout, options.preallocate, {}});
}

result<opening> opening::begin_replacing(const std::shared_ptr<volume_state>& v,
                                         const path_argument& path,
                                         std::span<const std::byte> content) noexcept {
  return begin(v, path, request{open_mode::write, v->options.default_lock_timeout, 0, content});
}

result<opening> opening::begin_reading(const std::shared_ptr<volume_state>& v,
                                       std::string_view path) noexcept {
  const tree::shared_access access(v->names);
  BOOST_OUTCOME_TRY(const auto at, v->names.look_up(normal_path::given_out(path)));
  BOOST_OUTCOME_TRY(auto* const file, at.require_file());
  return opening(v, {open_mode::read, v->options.default_lock_timeout, 0, {}}, *file, false);
}

result<opening> opening::begin(const std::shared_ptr<volume_state>& v, const path_argument& path,
                               const request& wanted) noexcept {
  path_buffer buffer;
  BOOST_OUTCOME_TRY(const auto normal, buffer.normalise(path));
  const extent begins_with =
      storage::extent_for(v->options.default_storage,
                          std::max<std::uint64_t>(wanted.preallocate, wanted.content.size()));
  file_cost cost;
  {
    const tree::shared_access access(v->names);
    BOOST_OUTCOME_TRY(const auto at, v->names.look_up(normal));
    BOOST_OUTCOME_TRY(auto* const file, find_file(at, wanted.mode));
    if (file != nullptr) return opening(v, wanted, *file, false);
    cost = cost_of_file(*v, at, begins_with);
  }
  // A new file is made outside of the tree's lock, and forgotten if another was faster.
  BOOST_OUTCOME_TRY(auto draft, file_draft::make(*v, normal.name(), cost, begins_with));
  file_node& fresh = draft.file();
  const account prepaid = v->payer.prepaid();
  BOOST_OUTCOME_TRY(begin_content(fresh.content, prepaid, wanted.preallocate, wanted.content));
  fresh.content.trim(prepaid);
  fresh.publish_new(fresh.content.size() != 0 ? 1 : 0);
  const tree::exclusive_access access(v->names);
  BOOST_OUTCOME_TRY(const auto at, v->names.look_up(normal));
  BOOST_OUTCOME_TRY(auto* const other, find_file(at, wanted.mode));
  if (other != nullptr) return opening(v, wanted, *other, false);
  BOOST_OUTCOME_TRY(draft.link(at));
  return opening(v, wanted, fresh, true);
}

opening::opening(const std::shared_ptr<volume_state>& v, const request& wanted, file_node& file,
                 bool is_new) noexcept
    : volume_(v), node_(file), wanted_(wanted), is_new_(is_new) {
  if (lock().try_lock(kind())) hold_ = lock_hold(lock(), kind());
}

result<open_file> opening::finish(path_text path) && noexcept {
  const bool appends = wanted_.mode == open_mode::append;
  const std::uint64_t cursor = appends && !is_new_ ? node_->content.size() : 0;
  if (!is_new_) {
    BOOST_OUTCOME_TRY(prepare_content());
  }
  return open_file(std::move(volume_), std::move(node_), std::move(hold_), wanted_.mode,
                   std::move(path), cursor);
}

// Of a file that was there before.
result<void> opening::prepare_content() noexcept {
  storage& content = node_->content;
  const account& payer = volume_->payer;
  if (wanted_.mode == open_mode::write) {
    BOOST_OUTCOME_TRY(begin_content(content, payer, wanted_.preallocate, wanted_.content));
    // To be emptied and to be extended are two changes, though nobody sees the first alone.
    if (wanted_.preallocate != 0) node_->publish_change();
  } else {
    if (wanted_.preallocate <= content.size()) return boost::outcome_v2::success();
    BOOST_OUTCOME_TRY(content.extend(payer, wanted_.preallocate));
  }
  node_->publish_change();
  return boost::outcome_v2::success();
}

}  // namespace coramfs::detail
