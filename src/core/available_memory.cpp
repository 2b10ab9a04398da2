// SPDX-License-Identifier: BSL-1.0
#include "core/available_memory.hpp"

#if defined(__linux__)

#include <algorithm>
#include <charconv>
#include <fstream>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace coramfs::detail {

namespace {

namespace fs = std::filesystem;
using bytes_left = std::optional<std::uint64_t>;

/// One of the two hierarchies of control groups, and how it names things.
struct hierarchy {
  std::string_view mount_type;
  std::string_view controller;  // what a mount and a group of it list; version 2 lists nothing
  const char* limit;
  const char* usage;
  std::string_view active_cache;
  std::string_view inactive_cache;
};
constexpr hierarchy version_2{"cgroup2",      "", "memory.max", "memory.current", "active_file",
                              "inactive_file"};
constexpr hierarchy version_1{"cgroup",
                              "memory",
                              "memory.limit_in_bytes",
                              "memory.usage_in_bytes",
                              "total_active_file",
                              "total_inactive_file"};

/// A hierarchy, or a part of it, in the file system.
struct mount {
  fs::path group;  // the group that is seen at `point`
  fs::path point;
};

// Takes the text before the next `end` off `rest`, and `end` with it.
std::string_view take(std::string_view& rest, char end) noexcept {
  const std::size_t size = std::min(rest.find(end), rest.size());
  const std::string_view taken = rest.substr(0, size);
  rest.remove_prefix(std::min(size + 1, rest.size()));
  return taken;
}

// Returns the text of a file; it is empty if the file is missing or can not be read. Unlike the
// buffer's iterators, getline turns what the buffer throws into a failed state.
std::string text_of(const fs::path& file) {
  std::ifstream in(file);
  std::string text;
  std::getline(in, text, '\0');
  return in.bad() ? std::string() : text;
}

std::optional<std::uint64_t> number_in(std::string_view text) noexcept {
  std::uint64_t n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return n;
}

std::optional<std::uint64_t> number_in(const fs::path& file) {
  const std::string text = text_of(file);
  std::string_view rest = text;
  return number_in(take(rest, '\n'));
}

// Returns the number behind `key` in lines such as "anon 4096" and "MemFree:  16 kB".
std::optional<std::uint64_t> value_of(std::string_view text, std::string_view key) noexcept {
  while (!text.empty()) {
    std::string_view line = take(text, '\n');
    if (take(line, ' ') != key) continue;
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    return number_in(take(line, ' '));
  }
  return std::nullopt;
}

bool lists(std::string_view comma_separated, std::string_view name) noexcept {
  while (!comma_separated.empty())
    if (take(comma_separated, ',') == name) return true;
  return false;
}

std::uint64_t sum(std::uint64_t a, std::uint64_t b) noexcept {
  return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

void lower(bytes_left& least, bytes_left other) noexcept {
  if (other && (!least || *other < *least)) least = other;
}

// /proc/self/mountinfo writes blanks and the backslash as three octal digits.
std::string unescape(std::string_view text) {
  constexpr auto is_octal = [](char c) { return c >= '0' && c <= '7'; };
  std::string plain;
  while (!text.empty()) {
    const bool escaped = text.size() >= 4 && text[0] == '\\' &&
                         std::all_of(text.begin() + 1, text.begin() + 4, is_octal);
    if (escaped) {
      plain += static_cast<char>((text[1] - '0') * 64 + (text[2] - '0') * 8 + (text[3] - '0'));
    } else {
      plain += text[0];
    }
    text.remove_prefix(escaped ? 4 : 1);
  }
  return plain;
}

// Returns the mount that a line tells of, such as "36 35 0:29 /group /point rw shared:1 - cgroup
// cgroup rw,memory", if it is one of the hierarchy.
std::optional<mount> parse_mount(std::string_view line, const hierarchy& h) {
  for (int i = 0; i < 3; ++i) take(line, ' ');
  const std::string_view group = take(line, ' ');
  const std::string_view point = take(line, ' ');
  // The mount's options and tags, as many as there are, end in a dash.
  while (!line.empty() && take(line, ' ') != "-") {
  }
  const std::string_view type = take(line, ' ');
  take(line, ' ');  // the source, which says nothing
  if (type != h.mount_type || !group.starts_with('/') || !point.starts_with('/'))
    return std::nullopt;
  if (!h.controller.empty() && !lists(take(line, ' '), h.controller)) return std::nullopt;
  return mount{unescape(group), unescape(point)};
}

std::vector<mount> mounts_of(const hierarchy& h, const fs::path& root) {
  const std::string mountinfo = text_of(root / "proc/self/mountinfo");
  std::string_view rest = mountinfo;
  std::vector<mount> mounts;
  while (!rest.empty()) {
    const auto found = parse_mount(take(rest, '\n'), h);
    if (!found) continue;
    // A later mount at the same point hides the earlier one.
    std::erase_if(mounts, [&found](const mount& m) { return m.point == found->point; });
    mounts.push_back({found->group, found->point});
  }
  for (mount& m : mounts) m.point = root / m.point.relative_path();
  return mounts;
}

// Returns the process's own group: the path in a line such as "4:cpu,memory:/path" or "0::/path".
std::optional<std::string> own_group(const hierarchy& h, const fs::path& root) {
  const std::string groups = text_of(root / "proc/self/cgroup");
  std::string_view rest = groups;
  while (!rest.empty()) {
    std::string_view line = take(rest, '\n');
    take(line, ':');
    const std::string_view controllers = take(line, ':');
    const bool is_it =
        h.controller.empty() ? controllers.empty() : lists(controllers, h.controller);
    if (is_it && line.starts_with('/')) return std::string(line);
  }
  return std::nullopt;
}

// Returns where the group is below the mount's point, or nothing if it can not be seen there.
std::optional<fs::path> place_in(const mount& m, const fs::path& group) {
  const fs::path place = group.lexically_relative(m.group);
  if (place.empty() || *place.begin() == "..") return std::nullopt;
  std::error_code ignored;
  if (!fs::is_directory(m.point / place, ignored)) return std::nullopt;
  return place == "." ? fs::path() : place;
}

// Returns what one group still lets its members take, or nothing if it tells no limit or no usage.
// Without statistics none of its usage counts as page cache.
bytes_left left_in_group(const hierarchy& h, const fs::path& group) {
  const auto limit = number_in(group / h.limit);
  const auto usage = limit ? number_in(group / h.usage) : std::nullopt;
  if (!usage) return std::nullopt;
  const std::string statistics = text_of(group / "memory.stat");
  const std::uint64_t cache = sum(value_of(statistics, h.active_cache).value_or(0),
                                  value_of(statistics, h.inactive_cache).value_or(0));
  const std::uint64_t held = *usage - std::min(*usage, cache);
  return *limit - std::min(*limit, held);
}

// Returns the least that the group at `place` and those around it have left, up to the mount's
// point.
bytes_left left_in_groups(const hierarchy& h, const mount& m, fs::path place) {
  bytes_left least = left_in_group(h, m.point / place);
  while (!place.empty()) {
    place = place.parent_path();
    lower(least, left_in_group(h, m.point / place));
  }
  return least;
}

bytes_left left_in_hierarchy(const hierarchy& h, const fs::path& root) {
  const auto group = own_group(h, root);
  if (!group) return std::nullopt;
  const std::vector<mount> mounts = mounts_of(h, root);
  bytes_left least;
  bool seen = false;
  for (const mount& m : mounts) {
    const auto place = place_in(m, *group);
    if (!place) continue;
    seen = true;
    lower(least, left_in_groups(h, m, *place));
  }
  if (!seen && !mounts.empty()) least = left_in_group(h, mounts.front().point);
  return least;
}

bytes_left left_in_machine(const fs::path& root) {
  const std::string memory = text_of(root / "proc/meminfo");
  auto kibibytes = value_of(memory, "MemAvailable:");
  if (!kibibytes) {
    kibibytes = value_of(memory, "MemFree:");
    if (!kibibytes) return std::nullopt;
    for (const auto* cache : {"Active(file):", "Inactive(file):"})
      kibibytes = sum(*kibibytes, value_of(memory, cache).value_or(0));
  }
  return *kibibytes > UINT64_MAX / 1024 ? UINT64_MAX : *kibibytes * 1024;
}

}  // namespace

std::optional<std::uint64_t> available_memory(const fs::path& root) noexcept try {
  bytes_left least = left_in_machine(root);
  lower(least, left_in_hierarchy(version_2, root));
  lower(least, left_in_hierarchy(version_1, root));
  return least;
} catch (...) {
  return std::nullopt;
}

}  // namespace coramfs::detail

#else

namespace coramfs::detail {

std::optional<std::uint64_t> available_memory(const std::filesystem::path&) noexcept {
  return std::nullopt;
}

}  // namespace coramfs::detail

#endif
