// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace shared {

/// A number of bytes as people write it: 4096, 64K, 1.5G, 1MiB, 1 GB. Case does not count, and each
/// unit is 1024 of the one before, with and without the "i" and the "B". Of a fraction of a byte
/// only the whole is taken. Nothing for any other text, and for what is beyond 2^64 - 1.
std::optional<std::uint64_t> parse_size(std::string_view text);

}  // namespace shared
