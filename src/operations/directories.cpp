// SPDX-License-Identifier: BSL-1.0
#include "core/error_note.hpp"
#include "core/path.hpp"
#include "operations/operations.hpp"
#include "tree/fault_answers.hpp"
#include "tree/missing_directories.hpp"

#include <utility>

namespace coramfs::detail {

namespace {

// Fills a gap with directories. Under the tree's exclusive lock.
result<void> make_directories(volume_state& v, const gap& missing, fault_answers* faults) noexcept {
  const charge cost = charge_of_missing(v, missing);
  if (faults != nullptr) [[unlikely]] {
    BOOST_OUTCOME_TRY(faults->reserving(cost));
  }
  BOOST_OUTCOME_TRY(auto paid, v.quota.reserve(cost));
  if (faults != nullptr) [[unlikely]] {
    BOOST_OUTCOME_TRY(faults->allocating(cost));
  }
  missing_directories fresh = make_missing_directories(v.tree, missing.at.name, missing.below);
  directory_index& entries = missing.at.parent->entries;
  if (fresh.top == nullptr || !entries.reserve(entries.size() + 1)) return errc::out_of_memory;
  v.tree.link(missing.at, std::move(fresh.top));
  paid.commit();
  return boost::outcome_v2::success();
}

result<void> make_one(volume_state& v, const path_argument& path, fault_answers* faults) noexcept {
  path_buffer buffer;
  BOOST_OUTCOME_TRY(const auto normal, buffer.normalise(path));
  const tree::exclusive_access access(v.tree);
  BOOST_OUTCOME_TRY(const auto at, v.tree.look_up(normal));
  BOOST_OUTCOME_TRY(at.require_absent());
  return make_directories(v, {at, {}}, faults);
}

// Returns whether it made one.
result<bool> make_all(volume_state& v, const path_argument& path, fault_answers* faults) noexcept {
  path_buffer buffer;
  BOOST_OUTCOME_TRY(const auto normal, buffer.normalise(path));
  const tree::exclusive_access access(v.tree);
  BOOST_OUTCOME_TRY(const auto missing, find_gap(v.tree, normal));
  if (missing.at.found != nullptr) {
    if (!missing.at.found->is_directory) return errc::already_exists;
    return false;
  }
  BOOST_OUTCOME_TRY(make_directories(v, missing, faults));
  return true;
}

}  // namespace

result<void> create_directory(volume_state& v, const path_argument& path) noexcept {
  return noting(call::create_directory, path, [&] {
    return answering(v.faults, path.view(),
                     [&](fault_answers* faults) { return make_one(v, path, faults); });
  });
}

result<bool> create_directories(volume_state& v, const path_argument& path) noexcept {
  return noting(call::create_directories, path, [&] {
    return answering(v.faults, path.view(),
                     [&](fault_answers* faults) { return make_all(v, path, faults); });
  });
}

}  // namespace coramfs::detail
