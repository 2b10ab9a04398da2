// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace coramfs::detail {

/// A name as each of the usual systems can have it, and as archives and artifacts of continuous
/// integration take it: control characters, what is no UTF-8, the characters that Windows refuses,
/// a blank or a dot at the end, and names of its devices are percent-encoded, and so is the percent
/// sign: two names never become one, where case counts.
std::string host_name(std::string_view name);

/// The path below a folder for a path of a volume: its names as `host_name` has them. One that some
/// system can not have for its length becomes `%long/` and the number.
std::string host_path(std::string_view path, std::uint64_t number);

}  // namespace coramfs::detail
