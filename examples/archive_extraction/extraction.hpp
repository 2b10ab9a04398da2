// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/archive.hpp>
#include <coramfs/file_system.hpp>

#include <asio/awaitable.hpp>

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>

namespace archive_extraction {

/// What one way of expanding has come to.
struct expansion {
  coramfs::expand_summary done;
  std::chrono::duration<double, std::milli> taken{};
};

/// Brings an archive into the volume, and returns where it is: a package of Debian's is an archive
/// with an archive in it, which is what counts. Throws what `value()` of a failure throws.
asio::awaitable<std::string> load(coramfs::file_system& files, const std::filesystem::path& archive,
                                  const coramfs::expand_options& options);

/// Expands an archive of the volume as a whole.
asio::awaitable<expansion> expand_whole(coramfs::file_system& files, std::string archive,
                                        std::string to, coramfs::expand_options options);

/// Sends it through a socket, and expands it while it arrives. None: the format can not be read so.
asio::awaitable<std::optional<expansion>> expand_while_arriving(coramfs::file_system& files,
                                                                std::string archive, std::string to,
                                                                coramfs::expand_options options);

}  // namespace archive_extraction
