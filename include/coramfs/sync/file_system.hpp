// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/buffer_span.hpp>
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
#include <string_view>
#include <type_traits>
#include <utility>
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
///     fs.write_file("/motd", "hello").value();
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

  result<void> rename(path_argument from, path_argument to, if_exists existing = if_exists::fail);
  result<void> move(path_argument from, path_argument to, if_exists existing = if_exists::fail);
  result<void> copy(path_argument from, path_argument to, if_exists existing = if_exists::fail);
  result<void> copy_tree(path_argument from, path_argument to);

  result<std::vector<std::string>> list(path_argument path);
  result<std::vector<walk_entry>> walk(path_argument path = "/");
  result<std::vector<std::string>> glob(path_argument pattern);
  result<bool> exists(path_argument path);
  result<bool> is_file(path_argument path);
  result<bool> is_directory(path_argument path);
  result<file_status> stat(path_argument path);
  result<std::uint64_t> file_size(path_argument path);

  result<bytes> read_file(path_argument path, std::optional<std::uint64_t> max_size = {});
  result<void> write_file(path_argument path, asio::const_buffer content);
  template <detail::content_like Content>
  result<void> write_file(path_argument path, const Content& content) {
    return write_file(std::move(path), detail::to_buffer(content));
  }
  result<std::string> read_text(path_argument path, std::optional<std::uint64_t> max_size = {});
  result<void> write_text(path_argument path, std::string_view text) {
    return write_file(std::move(path), text);
  }

  result<file_map> export_tree(path_argument prefix = "/", export_options options = {});
  /// `visitor(const std::string& path, bytes content)` returns void or `result<void>`.
  template <class Visitor>
  result<void> export_each(path_argument prefix, Visitor visitor);
  result<void> import_tree(file_map files);

  result<volume_stats> stats();

 private:
  result<std::vector<std::string>> files_below(path_argument prefix, const export_options& options);
  // None: the file has gone.
  result<std::optional<bytes>> read_if_there(const std::string& path);

  volume volume_;
};

template <class Visitor>
result<void> file_system::export_each(path_argument prefix, Visitor visitor) {
  BOOST_OUTCOME_TRY(const auto paths, files_below(std::move(prefix), {}));
  for (const std::string& path : paths) {
    BOOST_OUTCOME_TRY(auto content, read_if_there(path));
    if (!content) continue;
    if constexpr (std::is_void_v<std::invoke_result_t<Visitor&, const std::string&, bytes>>) {
      visitor(path, std::move(*content));
    } else {
      BOOST_OUTCOME_TRY(visitor(path, std::move(*content)));
    }
  }
  return boost::outcome_v2::success();
}

}  // namespace coramfs::sync
