// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <filesystem>
#include <string>

namespace coramfs::bench {

/// Prints of an archive that is expanded by a coroutine how long others wait for a turn at most, on
/// the executor alone and with a pool, and how much is brought meanwhile.
void tell_turns(const std::string& name, const std::string& archive);

/// Does so for a text in each format, as far as the programs are there that write it.
void tell_turns_of_formats(const std::filesystem::path& scratch);

}  // namespace coramfs::bench
