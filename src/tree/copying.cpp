// SPDX-License-Identifier: BSL-1.0
#include "tree/copying.hpp"

#include "core/path.hpp"
#include "tree/creation.hpp"

#include <utility>

namespace coramfs::detail {

namespace {

result<void> check_target(const entry& to, const node* source, if_exists existing) noexcept {
  if (to.found == nullptr) return boost::outcome_v2::success();
  if (existing == if_exists::fail || to.found == source) return errc::already_exists;
  if (to.found->is_directory) return errc::is_a_directory;
  if (to.found->is_busy()) return errc::busy;
  return boost::outcome_v2::success();
}

}  // namespace

result<copying> copying::begin(const std::shared_ptr<volume_state>& v, const path_argument& from,
                               const path_argument& to, if_exists existing) noexcept {
  if (existing != if_exists::fail && existing != if_exists::replace) return errc::invalid_argument;
  path_buffer from_buffer, to_buffer;
  BOOST_OUTCOME_TRY(const auto normal_from, from_buffer.normalise(from));
  BOOST_OUTCOME_TRY(const auto normal_to, to_buffer.normalise(to));
  {
    const tree::shared_access access(v->names);
    BOOST_OUTCOME_TRY(const auto source, v->names.look_up(normal_from));
    BOOST_OUTCOME_TRY(source.require_file());
    BOOST_OUTCOME_TRY(const auto target, v->names.look_up(normal_to));
    BOOST_OUTCOME_TRY(check_target(target, source.found, existing));
  }
  BOOST_OUTCOME_TRY(auto source, opening::begin(v, from, open_mode::read, {}));
  return copying(std::move(source), existing);
}

result<void> copying::finish(const path_argument& to) noexcept {
  volume_state& v = source_.of();
  const storage& content = source_.node().content;
  const extent wanted = content.clone_extent();
  path_buffer buffer;
  BOOST_OUTCOME_TRY(const auto normal, buffer.normalise(to));
  const auto find_target = [&]() -> result<entry> {
    BOOST_OUTCOME_TRY(const auto at, v.names.look_up(normal));
    BOOST_OUTCOME_TRY(check_target(at, &source_.node(), existing_));
    return at;
  };
  file_cost cost;
  {
    const tree::exclusive_access access(v.names);
    BOOST_OUTCOME_TRY(const auto at, find_target());
    cost = cost_of_file(v, at, wanted);
  }
  BOOST_OUTCOME_TRY(auto draft, file_draft::make(v, normal.name(), cost, wanted));
  BOOST_OUTCOME_TRY(draft.file().content.clone(v.payer.prepaid(), content));
  draft.file().publish_new(content.size() != 0 ? 1 : 0);
  detached_node replaced;
  const tree::exclusive_access access(v.names);
  BOOST_OUTCOME_TRY(const auto at, find_target());
  BOOST_OUTCOME_TRY(replaced, draft.link(at));
  return boost::outcome_v2::success();
}

}  // namespace coramfs::detail
