// SPDX-License-Identifier: BSL-1.0
#include "integrations/testing/host_name.hpp"

#include "integrations/testing/words.hpp"

#include <algorithm>
#include <array>
#include <cctype>

namespace coramfs::detail {

namespace {

constexpr std::size_t longest_name = 255;
// With the folder in front of it, a path has to stay below what systems take.
constexpr std::size_t longest_path = 1000;

void append_encoded(std::string& to, std::string_view bytes) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    to += '%';
    to += digits[byte / 16U];
    to += digits[byte % 16U];
  }
}

/// Whether Windows takes it for a device, with whatever extension.
bool is_device(std::string_view name) {
  std::string stem(name.substr(0, name.find('.')));
  std::transform(stem.begin(), stem.end(), stem.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  constexpr std::array<std::string_view, 4> plain{"CON", "PRN", "AUX", "NUL"};
  if (std::find(plain.begin(), plain.end(), stem) != plain.end()) return true;
  const std::string_view with_number = std::string_view(stem).substr(0, 3);
  return stem.size() == 4 && stem[3] >= '0' && stem[3] <= '9' &&
         (with_number == "COM" || with_number == "LPT");
}

// The C1 controls, too, which Windows takes, but no terminal should.
bool is_kept(std::string_view character) {
  constexpr std::string_view refused = "\"%*/:<>?\\|\x7f";
  const auto first = static_cast<unsigned char>(character[0]);
  if (character.size() == 1) return first >= 0x20 && refused.find(character[0]) == refused.npos;
  return first != 0xc2 || static_cast<unsigned char>(character[1]) >= 0xa0;
}

}  // namespace

std::string host_name(std::string_view name) {
  std::string all;
  for (std::string_view rest = name; !rest.empty();) {
    const std::size_t length = utf8_length(rest);
    const std::string_view character = rest.substr(0, std::max<std::size_t>(length, 1));
    rest.remove_prefix(character.size());
    const bool is_bad_end = rest.empty() && (character == "." || character == " ");
    if (length == 0 || is_bad_end || !is_kept(character)) {
      append_encoded(all, character);
    } else {
      all += character;
    }
  }
  if (is_device(name)) {
    std::string first;
    append_encoded(first, name.substr(0, 1));
    all.replace(0, 1, first);
  }
  return all;
}

std::string host_path(std::string_view path, std::uint64_t number) {
  std::string all;
  bool is_too_long = false;
  while (!path.empty()) {
    path.remove_prefix(1);  // a slash
    const std::string_view name = path.substr(0, path.find('/'));
    path.remove_prefix(name.size());
    const std::string on_host = host_name(name);
    is_too_long = is_too_long || on_host.size() > longest_name;
    all += (all.empty() ? "" : "/") + on_host;
  }
  return is_too_long || all.size() > longest_path ? "%long/" + std::to_string(number) : all;
}

}  // namespace coramfs::detail
