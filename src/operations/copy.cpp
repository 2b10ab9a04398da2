// SPDX-License-Identifier: BSL-1.0
#include "core/path.hpp"
#include "handles/opening.hpp"
#include "operations/long_operations.hpp"
#include "tree/creation.hpp"

#include <utility>

namespace coramfs::detail {

namespace {

result<void> require_known(enum copy_options::content c) noexcept {
  if (c != copy_options::content::own && c != copy_options::content::share)
    return errc::invalid_argument;
  return boost::outcome_v2::success();
}

result<void> check_target(const tree& names, const entry& to, const node* source,
                          if_exists existing) noexcept {
  if (to.found == nullptr) return boost::outcome_v2::success();
  if (existing == if_exists::fail || to.found == source) return errc::already_exists;
  if (to.found->is_directory) return errc::is_a_directory;
  return names.require_idle(*to.found);
}

result<file_node*> find_source(const tree& names, normal_path from) noexcept {
  BOOST_OUTCOME_TRY(const auto at, names.look_up(from));
  return at.require_file();
}

// What can be refused before the source is waited for. What is said of no path is the target's.
result<void> check(volume_state& v, const path_argument& from, const path_argument& to,
                   copy_options options) noexcept {
  const if_exists existing = options.existing;
  if (existing != if_exists::fail && existing != if_exists::replace) return errc::invalid_argument;
  BOOST_OUTCOME_TRY(require_known(options.content));
  path_buffer from_buffer, to_buffer;
  const auto normal = from_buffer.normalise(from);
  if (!normal) return about(call::copy, from.view(), normal.error());
  BOOST_OUTCOME_TRY(const auto target_path, to_buffer.normalise(to));
  const tree::shared_access access(v.names);
  const auto source = find_source(v.names, normal.value());
  if (!source) return about(call::copy, from.view(), source.error());
  BOOST_OUTCOME_TRY(const auto target, v.names.look_up(target_path));
  return check_target(v.names, target, source.value(), existing);
}

// The place of the copy, if it may still come there. Under the tree's lock.
result<entry> find_target(const tree& names, normal_path to, const file_node& source,
                          if_exists existing) noexcept {
  BOOST_OUTCOME_TRY(const auto at, names.look_up(to));
  BOOST_OUTCOME_TRY(check_target(names, at, &source, existing));
  return at;
}

// Makes the file that becomes the copy, paid for, with room for the content. The source is held
// shared.
result<file_draft> make_draft(volume_state& v, const path_argument& to, const file_node& source,
                              copy_options options) noexcept {
  const if_exists existing = options.existing;
  const bool shares = options.content == copy_options::content::share;
  const extent wanted = shares ? source.content.share_extent() : source.content.clone_extent();
  path_buffer buffer;
  BOOST_OUTCOME_TRY(const auto path, buffer.normalise(to));
  file_cost cost;
  {
    const tree::exclusive_access access(v.names);
    BOOST_OUTCOME_TRY(const auto at, find_target(v.names, path, source, existing));
    cost = cost_of_file(v, at, wanted);
  }
  BOOST_OUTCOME_TRY(auto draft, file_draft::make(v, path, cost, wanted));
  storage& content = draft.file().content;
  const account prepaid = v.payer.prepaid();
  BOOST_OUTCOME_TRY(shares ? content.share(prepaid, source.content)
                           : content.clone_room(prepaid, source.content));
  draft.file().publish_new(source.content.size() != 0 ? 1 : 0);
  return draft;
}

// Puts the copy into its place. What it replaces is freed when the lock is gone.
result<void> link(volume_state& v, file_draft& draft, const path_argument& to,
                  const file_node& source, if_exists existing) noexcept {
  path_buffer buffer;
  BOOST_OUTCOME_TRY(const auto path, buffer.normalise(to));
  detached_node replaced;
  const tree::exclusive_access access(v.names);
  BOOST_OUTCOME_TRY(const auto at, find_target(v.names, path, source, existing));
  BOOST_OUTCOME_TRY(replaced, draft.link(at));
  return boost::outcome_v2::success();
}

}  // namespace

// Holds the source shared, makes the copy where nobody sees it, and puts it into its place.
steps<void> copy(std::shared_ptr<volume_state> v, path_argument from, path_argument to,
                 copy_options options) {
  co_await concerns(call::copy, to);
  BOOST_OUTCOME_CO_TRY(check(*v, from, to, options));
  opening source(v, std::move(from), open_mode::read, {}, call::copy);
  BOOST_OUTCOME_CO_TRY(co_await finished(source));
  const storage& content = source.node().content;
  BOOST_OUTCOME_CO_TRY(auto draft, make_draft(*v, to, source.node(), options));
  for (std::uint64_t copied = 0; options.content == copy_options::content::own;) {
    copied = draft.file().content.clone_bytes(content, copied, slice_size);
    if (copied >= content.size()) break;
    BOOST_OUTCOME_CO_TRY(co_await turn());
  }
  co_return link(*v, draft, to, source.node(), options.existing);
}

}  // namespace coramfs::detail
