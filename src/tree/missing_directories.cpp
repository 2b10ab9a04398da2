// SPDX-License-Identifier: BSL-1.0
#include "tree/missing_directories.hpp"

#include "tree/creation.hpp"

#include <utility>

namespace coramfs::detail {

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

missing_directories make_missing_directories(const tree& of, std::string_view name,
                                             std::string_view below) noexcept {
  auto first = new_directory(of, name);
  missing_directories chain{nullptr, first.get()};
  chain.top.reset(first.release());
  while (chain.top != nullptr && !below.empty()) {
    const std::string_view next = normal_path::take_name(below);
    auto fresh = chain.deepest->entries.reserve(1) ? new_directory(of, next) : nullptr;
    if (fresh == nullptr) return {nullptr, nullptr};
    directory_node* const made = fresh.get();
    of.link({chain.deepest, next, nullptr}, detached_node(fresh.release()));
    chain.deepest = made;
  }
  return chain;
}

charge charge_of_missing(const volume_state& v, const gap& missing) noexcept {
  charge total = node_charge(v, *missing.at.parent, missing.at.name, true);
  for (std::string_view rest = missing.below; !rest.empty();) {
    const std::string_view name = normal_path::take_name(rest);
    total.bytes +=
        v.account.of_metadata(node_footprint(true, name) + directory_index::footprint(1));
    ++total.directories;
  }
  return total;
}

}  // namespace coramfs::detail
