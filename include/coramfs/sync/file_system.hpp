// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/path_argument.hpp>
#include <coramfs/entries.hpp>
#include <coramfs/open_options.hpp>
#include <coramfs/result.hpp>
#include <coramfs/sync/file.hpp>
#include <coramfs/volume.hpp>

#include <asio/buffer.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace coramfs::sync {

/// A volume, for threads: the twin of `coramfs::file_system` with the same names, arguments,
/// results and effects. `coramfs/file_system.hpp` documents each operation.
///
/// An operation that has to wait for a file's lock blocks the calling thread, in the same queue
/// as the coroutines that wait. It needs no executor and no running context. On the only thread
/// of a context it can therefore wait for a coroutine that needs that thread: the timeout ends
/// it.
///
/// Thread safety: all members may be called from many threads at once.
///
///     auto fs = coramfs::sync::file_system::create().value();
///     fs.write_file("/motd", asio::buffer("hello", 5)).value();
class CORAMFS_EXPORT file_system {
 public:
  /// A file system over a volume of its own. Errors: those of `volume::create`.
  static result<file_system> create(volume_options = {});
  explicit file_system(volume over) noexcept : volume_(std::move(over)) {}

  const volume& get_volume() const noexcept { return volume_; }

  result<file> open(path_argument path, open_mode mode, open_options options = {});

  result<void> create_directory(path_argument path);
  result<bool> create_directories(path_argument path);
  result<void> remove(path_argument path);
  result<void> remove_tree(path_argument path);

  result<std::vector<std::string>> list(path_argument path);
  result<bool> exists(path_argument path);
  result<bool> is_file(path_argument path);
  result<bool> is_directory(path_argument path);
  result<file_status> stat(path_argument path);
  result<std::uint64_t> file_size(path_argument path);

  result<bytes> read_file(path_argument path, std::optional<std::uint64_t> max_size = {});
  result<void> write_file(path_argument path, asio::const_buffer content);

  result<volume_stats> stats();

 private:
  volume volume_;
};

}  // namespace coramfs::sync
