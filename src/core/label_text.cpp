// SPDX-License-Identifier: BSL-1.0
#include "core/label_text.hpp"

#include <cstring>

namespace coramfs::detail {

label_text::label_text(const char* from) noexcept {
  if (from == nullptr) return;
  std::size_t end = 0;
  while (end <= max_size && from[end] != '\0') ++end;
  if (end > max_size) {
    // Of UTF-8 the bytes 10xxxxxx continue a character.
    end = max_size;
    while (end > 0 && (static_cast<unsigned char>(from[end]) & 0xc0) == 0x80) --end;
  }
  size = static_cast<std::uint8_t>(end);
  std::memcpy(text.data(), from, end);
}

}  // namespace coramfs::detail
