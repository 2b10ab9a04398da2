// SPDX-License-Identifier: BSL-1.0
#include "core/path.hpp"
#include "handles/open_operation.hpp"
#include "operations/long_operations.hpp"
#include "operations/way_clearer.hpp"
#include "tree/creation.hpp"

#include <utility>

namespace coramfs::detail {

namespace {

result<void> require_known(enum copy_options::content c) noexcept {
  if (c != copy_options::content::own && c != copy_options::content::share)
    return errc::invalid_argument;
  return boost::outcome_v2::success();
}

// `source` is null where the copy has let go of it.
result<void> check_target(const entry& to, const node* source, if_exists existing) noexcept {
  if (to.found == nullptr) return boost::outcome_v2::success();
  if (existing == if_exists::fail || to.found == source) return errc::already_exists;
  if (to.found->is_directory) return errc::is_a_directory;
  return boost::outcome_v2::success();
}

// The same, and that what is there is not busy, if that is not waited for.
result<void> check_target(const tree& names, const entry& to, const node* source,
                          const copy_options& options) noexcept CORAMFS_REQUIRES_SHARED(names) {
  BOOST_OUTCOME_TRY(check_target(to, source, options.existing));
  if (to.found == nullptr || options.open != if_open::fail) return boost::outcome_v2::success();
  return names.require_idle(*to.found);
}

result<file_node*> find_source(const tree& names, normal_path from) noexcept
    CORAMFS_REQUIRES_SHARED(names) {
  BOOST_OUTCOME_TRY(const auto at, names.look_up(from));
  return at.require_file();
}

// What can be refused before the source is waited for. What is said of no path is the target's.
result<void> check(volume_state& v, const path_argument& from, const path_argument& to,
                   const copy_options& options) noexcept {
  const if_exists existing = options.existing;
  if (existing != if_exists::fail && existing != if_exists::replace) return errc::invalid_argument;
  if (!way_clearer::is_known(options.open)) return errc::invalid_argument;
  BOOST_OUTCOME_TRY(require_known(options.content));
  path_buffer from_buffer, to_buffer;
  const auto normal = from_buffer.normalise(from);
  if (!normal) return about(call::copy, from.view(), normal.error());
  BOOST_OUTCOME_TRY(const auto target_path, to_buffer.normalise(to));
  const tree::shared_access access(v.tree);
  const auto source = find_source(v.tree, normal.value());
  if (!source) return about(call::copy, from.view(), source.error());
  BOOST_OUTCOME_TRY(const auto target, v.tree.look_up(target_path));
  return check_target(v.tree, target, source.value(), options);
}

// Makes the file that becomes the copy, paid for, with room for the content. The source is held
// shared.
result<file_draft> make_draft(volume_state& v, const path_argument& to, const file_node& source,
                              const copy_options& options) noexcept {
  const bool shares = options.content == copy_options::content::share;
  const totals wanted = shares ? source.content.share_totals() : source.content.clone_totals();
  path_buffer buffer;
  BOOST_OUTCOME_TRY(const auto path, buffer.normalise(to));
  file_cost cost;
  {
    const tree::exclusive_access access(v.tree);
    BOOST_OUTCOME_TRY(const auto at, v.tree.look_up(path));
    BOOST_OUTCOME_TRY(check_target(v.tree, at, &source, options));
    // What is busy is not looked at: the content is its user's. So it is not counted as freed.
    const bool stays = at.found != nullptr && v.tree.is_busy(*at.found);
    cost = cost_of_file(v, at, wanted, stays ? old_file::stays : old_file::goes);
  }
  BOOST_OUTCOME_TRY(auto draft, file_draft::make(v, path, cost, wanted));
  storage& content = draft.file().content;
  const account prepaid = v.account.prepaid();
  BOOST_OUTCOME_TRY(shares ? content.share(prepaid, source.content)
                           : content.clone_room(prepaid, source.content));
  draft.file().publish_new(source.content.size() != 0 ? 1 : 0);
  return draft;
}

// Puts the copy into its place. What it replaces is freed when the lock is gone.
result<void> link(volume_state& v, file_draft& draft, const path_argument& to,
                  const copy_options& options, way_clearer& way) noexcept {
  path_buffer buffer;
  BOOST_OUTCOME_TRY(const auto path, buffer.normalise(to));
  detached_node replaced;
  const tree::exclusive_access access(v.tree);
  const way_clearer::attempt attempt(&way);
  BOOST_OUTCOME_TRY(auto at, v.tree.look_up(path));
  BOOST_OUTCOME_TRY(check_target(at, nullptr, options.existing));
  if (at.found != nullptr) {
    BOOST_OUTCOME_TRY(way.clear_replaced(*at.found, options.open, to.view()));
    way.prepare();
  }
  const bool stays = at.found != nullptr && way_clearer::has_others(*at.found);
  BOOST_OUTCOME_TRY(draft.pay(at, stays ? old_file::stays : old_file::goes));
  way.commit();
  if (stays) at.found = nullptr;
  replaced = draft.put(at);
  return boost::outcome_v2::success();
}

}  // namespace

// Holds the source shared, makes the copy where nobody sees it, lets go of the source, and puts the
// copy into its place, for which it may have to wait.
steps<void> copy(std::shared_ptr<volume_state> v, path_argument from, path_argument to,
                 copy_options options) {
  co_await concerns(call::copy, to);
  BOOST_OUTCOME_CO_TRY(check(*v, from, to, options));
  open_operation source(v, std::move(from), open_mode::read, {}, call::copy);
  BOOST_OUTCOME_CO_TRY(co_await finished(source));
  const storage& content = source.node().content;
  BOOST_OUTCOME_CO_TRY(auto draft, make_draft(*v, to, source.node(), options));
  for (std::uint64_t copied = 0; options.content == copy_options::content::own;) {
    copied = draft.file().content.clone_bytes(content, copied, slice_size);
    if (copied >= content.size()) break;
    BOOST_OUTCOME_CO_TRY(co_await turn());
  }
  source.let_go();
  way_clearer way(*v, call::copy, options.timeout);
  for (;;) {
    const auto linked = link(*v, draft, to, options, way);
    if (!way.is_blocked()) {
      way.finish();
      co_return linked;
    }
    auto waiting = wait(way);
    BOOST_OUTCOME_CO_TRY(co_await finished(waiting));
  }
}

}  // namespace coramfs::detail
