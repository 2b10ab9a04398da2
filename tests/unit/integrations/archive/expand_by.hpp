// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/archive.hpp>

#include "api/coroutines.hpp"

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace coramfs::tests {

/// The ways to run a call.
enum class way { thread, coroutine, pool };
inline constexpr way all_ways[] = {way::thread, way::coroutine, way::pool};

/// Bytes as a source. They must live on.
inline archive_source source_of(std::string_view content) {
  return archive_source(std::as_bytes(std::span(content.data(), content.size())));
}

/// Runs `call(fs, options)` on the file system of that way, and returns the result.
template <class T, class Call>
result<T> run_by(way by, const volume& v, expand_options options, Call call) {
  if (by == way::thread) {
    sync::file_system fs(v);
    return call(fs, options);
  }
  // Its destructor waits until all is done.
  std::optional<blocking_pool> pool;
  if (by == way::pool) options.pool = &pool.emplace();
  asio::io_context context;
  file_system fs(context, v);
  std::optional<result<T>> made;
  spawn(context, [&]() -> asio::awaitable<void> { made.emplace(co_await call(fs, options)); });
  context.run();
  return std::move(*made);
}

inline result<expand_summary> expand_by(way by, const volume& v, const archive_source& from,
                                        const std::string& dest,
                                        const expand_options& options = {}) {
  return run_by<expand_summary>(by, v, options, [&](auto& fs, const expand_options& o) {
    return expand_archive(fs, from, dest, o);
  });
}

inline result<std::uint64_t> stream_by(way by, const volume& v, const archive_source& from,
                                       const std::string& dest,
                                       const expand_options& options = {}) {
  return run_by<std::uint64_t>(by, v, options, [&](auto& fs, const expand_options& o) {
    return expand_archive_streaming(fs, from, dest, o);
  });
}

inline result<std::vector<archive_entry>> list_by(way by, const volume& v,
                                                  const archive_source& from,
                                                  const expand_options& options = {}) {
  return run_by<std::vector<archive_entry>>(
      by, v, options, [&](auto& fs, const expand_options& o) { return list_archive(fs, from, o); });
}

inline result<std::uint64_t> create_by(way by, const volume& v, const std::string& prefix,
                                       const std::string& to, archive_format format,
                                       const archive_options& options = {}) {
  return run_by<std::uint64_t>(by, v, {}, [&](auto& fs, const expand_options&) {
    return create_archive(fs, prefix, to, format, options);
  });
}

/// All below a directory of the volume: contents by path, directories with a slash at their end.
inline std::map<std::string, std::string> tree_in(const volume& v, const std::string& top = "/") {
  sync::file_system fs(v);
  const std::string above = top == "/" ? top : top + "/";
  std::map<std::string, std::string> all;
  for (const walk_entry& e : fs.walk(top).value()) {
    const std::string in = e.path == "/" ? e.path : e.path + "/";
    for (const std::string& name : e.directories) all[(in + name).substr(above.size()) + "/"];
    for (const std::string& name : e.files)
      all[(in + name).substr(above.size())] = fs.read_text(in + name).value();
  }
  return all;
}

/// What a volume has to be like before and after a call that leaves nothing.
struct figures {
  explicit figures(const volume& v) : tree(tree_in(v)), stats(v.stats()) {}

  bool operator==(const figures& other) const {
    return tree == other.tree && stats.used_bytes == other.stats.used_bytes &&
           stats.file_count == other.stats.file_count &&
           stats.directory_count == other.stats.directory_count &&
           stats.open_handles == other.stats.open_handles && stats.pins == other.stats.pins;
  }

  std::map<std::string, std::string> tree;
  volume_stats stats;
};

}  // namespace coramfs::tests
