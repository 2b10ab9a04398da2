// SPDX-License-Identifier: BSL-1.0
#include "integrations/archive/entry_name.hpp"

#include <coramfs/detail/normal_text.hpp>

#include <cstddef>

namespace coramfs::detail {

namespace {

bool is_slash(char c) noexcept { return c == '/' || c == '\\'; }

bool is_letter(char c) noexcept { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

}  // namespace

result<std::optional<safe_name>> safe_name_of(std::string_view name, unsafe_entries how) {
  safe_name safe;
  safe.path.reserve(name.size());
  const bool is_lost = name.empty() || name.find('\0') != name.npos;
  bool is_safe = name.empty() || !is_slash(name[0]);
  while (!name.empty()) {
    // A drive is one where the first part that is kept begins, also behind dots and another drive.
    while (safe.path.empty() && name.size() >= 2 && is_letter(name[0]) && name[1] == ':') {
      name.remove_prefix(2);
      is_safe = false;
    }
    std::size_t size = 0;
    while (size < name.size() && !is_slash(name[size])) ++size;
    const std::string_view part = name.substr(0, size);
    name.remove_prefix(size < name.size() ? size + 1 : size);
    if (part == "..") is_safe = false;
    if (part.empty() || part == "." || part == "..") continue;
    if (part.size() > max_name_size) return errc::name_too_long;
    if (!safe.path.empty()) safe.path += '/';
    safe.path += part;
  }
  if (is_safe && !is_lost) return std::optional(std::move(safe));
  if (how == unsafe_entries::refuse) return error(errc::unsafe_archive_entry);
  if (how == unsafe_entries::skip || is_lost || safe.path.empty())
    return std::optional<safe_name>();
  safe.is_stripped = true;
  return std::optional(std::move(safe));
}

}  // namespace coramfs::detail
