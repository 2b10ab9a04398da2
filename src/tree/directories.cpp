// SPDX-License-Identifier: BSL-1.0
#include "core/path.hpp"
#include "tree/creation.hpp"
#include "tree/operations.hpp"

#include <utility>

namespace coramfs::detail {

namespace {

/// The first place on a path where something is missing.
struct gap {
  entry at;                ///< free, or taken by what the whole path names
  std::string_view below;  ///< the rest of the path behind it
};

// Errors: `not_a_directory` for a file above the last name.
result<gap> find_gap(const tree& names, normal_path path) noexcept {
  if (path.is_root()) return gap{{nullptr, {}, &names.root()}, {}};
  std::string_view rest = path.text();
  directory_node* in = &names.root();
  for (;;) {
    const std::string_view name = normal_path::take_name(rest);
    node* const found = in->entries.find(name);
    if (found == nullptr || rest.empty()) return gap{{in, name, found}, rest};
    if (!found->is_directory) return errc::not_a_directory;
    in = static_cast<directory_node*>(found);
  }
}

/// New directories for `name` and for each name of `below`, one in the other.
detached_node new_directory_chain(std::string_view name, std::string_view below) noexcept {
  detached_node top(new_directory(name).release());
  auto* in = static_cast<directory_node*>(top.get());
  while (in != nullptr && !below.empty()) {
    const std::string_view next = normal_path::take_name(below);
    detached_node fresh(in->entries.reserve(1) ? new_directory(next).release() : nullptr);
    if (fresh == nullptr) return nullptr;
    in = static_cast<directory_node*>(&tree::link({in, next, nullptr}, std::move(fresh)));
  }
  return top;
}

charge chain_charge(const volume_state& v, const gap& missing) noexcept {
  charge total = node_charge(v, *missing.at.parent, missing.at.name, true);
  for (std::string_view rest = missing.below; !rest.empty();) {
    const std::string_view name = normal_path::take_name(rest);
    total.bytes +=
        v.payer.of_metadata(node_footprint(true, name) + directory_index::footprint(1));
    ++total.directories;
  }
  return total;
}

result<void> make_directories(volume_state& v, const gap& missing) noexcept {
  BOOST_OUTCOME_TRY(auto paid, v.limits.reserve(chain_charge(v, missing)));
  detached_node fresh = new_directory_chain(missing.at.name, missing.below);
  directory_index& entries = missing.at.parent->entries;
  if (fresh == nullptr || !entries.reserve(entries.size() + 1)) return errc::out_of_memory;
  tree::link(missing.at, std::move(fresh));
  paid.commit();
  return boost::outcome_v2::success();
}

}  // namespace

result<void> create_directory(volume_state& v, const path_argument& path) noexcept {
  path_buffer buffer;
  BOOST_OUTCOME_TRY(const auto normal, buffer.normalise(path));
  const tree::exclusive_access access(v.names);
  BOOST_OUTCOME_TRY(const auto at, v.names.look_up(normal));
  BOOST_OUTCOME_TRY(at.require_absent());
  return make_directories(v, {at, {}});
}

result<bool> create_directories(volume_state& v, const path_argument& path) noexcept {
  path_buffer buffer;
  BOOST_OUTCOME_TRY(const auto normal, buffer.normalise(path));
  const tree::exclusive_access access(v.names);
  BOOST_OUTCOME_TRY(const auto missing, find_gap(v.names, normal));
  if (missing.at.found != nullptr) {
    if (!missing.at.found->is_directory) return errc::already_exists;
    return false;
  }
  BOOST_OUTCOME_TRY(make_directories(v, missing));
  return true;
}

}  // namespace coramfs::detail
