// SPDX-License-Identifier: BSL-1.0
#include "core/path.hpp"

#include <algorithm>
#include <cstring>

namespace coramfs::detail {

namespace {

// A backslash is a separator too, as in D-MemFS.
constexpr std::string_view separators = "/\\";

// Takes the last component off `rest`, of whatever kind; empty when there is none left.
std::string_view take_last_component(std::string_view& rest) noexcept {
  const std::size_t last = rest.find_last_not_of(separators);
  if (last == rest.npos) return {};
  rest = rest.substr(0, last + 1);
  const std::size_t begin = rest.find_last_of(separators) + 1;  // npos + 1 is 0
  const std::string_view component = rest.substr(begin);
  rest = rest.substr(0, begin);
  return component;
}

}  // namespace

normal_path normal_path::parent() const noexcept {
  return normal_path(text_.substr(0, std::max<std::size_t>(text_.rfind('/'), 1)));
}

std::string_view normal_path::name() const noexcept { return text_.substr(text_.rfind('/') + 1); }

bool normal_path::is_below(normal_path above) const noexcept {
  if (is_root()) return false;
  return above.is_root() ||
         (text_.starts_with(above.text_) && text_.substr(above.text_.size()).starts_with('/'));
}

std::string_view normal_path::take_name(std::string_view& text) noexcept {
  if (!text.empty()) text.remove_prefix(1);
  const std::size_t end = std::min(text.find('/'), text.size());
  const std::string_view name = text.substr(0, end);
  text.remove_prefix(end);
  return name;
}

// Goes from the end to the start, so that a ".." is seen before the name that it takes away:
// only names that stay are stored, and only they count for the limits.
result<normal_path> path_buffer::normalise(std::string_view text) noexcept {
  if (text.find('\0') != text.npos) return errc::invalid_path;
  std::size_t begin = text_.size();
  std::size_t to_drop = 0;
  bool too_long = false;
  for (auto c = take_last_component(text); !c.empty(); c = take_last_component(text)) {
    if (c == ".") continue;
    if (c == "..") {
      ++to_drop;
    } else if (to_drop > 0) {
      --to_drop;
    } else if (c.size() > max_name_size || c.size() + 1 > begin) {
      too_long = true;
    } else {
      begin -= c.size();
      std::memcpy(text_.data() + begin, c.data(), c.size());
      text_[--begin] = '/';
    }
  }
  if (to_drop > 0) return errc::invalid_path;
  if (too_long) return errc::name_too_long;
  if (begin == text_.size()) text_[--begin] = '/';
  return normal_path(std::string_view(text_.data() + begin, text_.size() - begin));
}

}  // namespace coramfs::detail
