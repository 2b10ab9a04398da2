// SPDX-License-Identifier: BSL-1.0
#include <coramfs/detail/path_pattern.hpp>

#include "core/path.hpp"
#include "tree/pattern.hpp"

#include <utility>

namespace coramfs::detail {

bool matches_pattern(std::string_view glob, std::string_view path) {
  pattern wanted(glob);
  pattern::places at = wanted.start();
  bool matches = false;
  for (std::string_view rest = path; !at.empty();) {
    const std::string_view name = normal_path::take_name(rest);
    if (name.empty()) return matches;
    pattern::step s = wanted.read(at, name);
    matches = s.matches;
    at = std::move(s.next);
    if (at.empty()) return matches && rest.empty();
  }
  return false;
}

bool is_pattern(std::string_view glob) noexcept { return glob.size() <= pattern::max_size; }

}  // namespace coramfs::detail
