// SPDX-License-Identifier: BSL-1.0
#include <coramfs/open_options.hpp>

#include <array>
#include <utility>

namespace coramfs {

result<open_mode> parse_open_mode(std::string_view text) {
  static constexpr std::array<std::pair<std::string_view, open_mode>, 8> modes{{
      {"rb", open_mode::read},
      {"wb", open_mode::write},
      {"ab", open_mode::append},
      {"r+b", open_mode::update},
      {"xb", open_mode::create},
      {"w+b", open_mode::write_read},
      {"a+b", open_mode::append_read},
      {"x+b", open_mode::create_read},
  }};
  for (const auto& [name, mode] : modes)
    if (name == text) return mode;
  return errc::invalid_argument;
}

std::string_view to_string(open_mode mode) noexcept {
  switch (mode) {
    case open_mode::read: return "read";
    case open_mode::write: return "write";
    case open_mode::append: return "append";
    case open_mode::update: return "update";
    case open_mode::create: return "create";
    case open_mode::write_read: return "write_read";
    case open_mode::append_read: return "append_read";
    case open_mode::create_read: return "create_read";
  }
  return "unknown";
}

}  // namespace coramfs
