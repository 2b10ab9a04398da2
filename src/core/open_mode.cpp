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

}  // namespace coramfs
