// SPDX-License-Identifier: BSL-1.0
#include <coramfs/sync/file_system.hpp>

#include <coramfs/detail/buffer_span.hpp>

#include "tree/copying.hpp"
#include "tree/opening.hpp"
#include "tree/operations.hpp"
#include "tree/tree_copying.hpp"
#include "tree/volume_state.hpp"

#include <chrono>
#include <new>
#include <utility>

namespace coramfs::sync {

namespace {

detail::volume_state& state(const volume& v) noexcept { return *detail::volume_access::state(v); }

// Blocks until the opening has its file's lock.
result<void> wait(detail::opening& o) {
  if (o.is_locked()) return boost::outcome_v2::success();
  if (o.timeout().is_immediate()) return errc::would_block;
  const auto deadline = o.timeout().deadline(std::chrono::steady_clock::now());
  if (!o.lock().lock(o.kind(), deadline, &o.of().waiting)) return errc::timed_out;
  o.locked(detail::lock_hold(o.lock(), o.kind()));
  return boost::outcome_v2::success();
}

result<detail::open_file> finish(result<detail::opening> begun, path_argument& path) {
  BOOST_OUTCOME_TRY(auto o, std::move(begun));
  BOOST_OUTCOME_TRY(wait(o));
  return std::move(o).finish(path.take());
}

}  // namespace

result<file_system> file_system::create(volume_options options) {
  BOOST_OUTCOME_TRY(auto v, volume::create(std::move(options)));
  return file_system(std::move(v));
}

result<file> file_system::open(path_argument path, open_mode mode, open_options options) {
  const auto& v = detail::volume_access::state(volume_);
  BOOST_OUTCOME_TRY(auto opened, finish(detail::opening::begin(v, path, mode, options), path));
  return file(std::move(opened));
}

result<void> file_system::create_directory(path_argument path) {
  return detail::create_directory(state(volume_), path);
}

result<bool> file_system::create_directories(path_argument path) {
  return detail::create_directories(state(volume_), path);
}

result<void> file_system::remove(path_argument path) {
  return detail::remove(state(volume_), path);
}

result<void> file_system::remove_tree(path_argument path) {
  return detail::remove_tree(state(volume_), path);
}

result<void> file_system::rename(path_argument from, path_argument to, if_exists existing) {
  return detail::rename(state(volume_), from, to, existing);
}

result<void> file_system::move(path_argument from, path_argument to, if_exists existing) {
  return detail::move(state(volume_), from, to, existing);
}

result<void> file_system::copy(path_argument from, path_argument to, if_exists existing) {
  const auto& v = detail::volume_access::state(volume_);
  BOOST_OUTCOME_TRY(auto c, detail::copying::begin(v, from, to, existing));
  BOOST_OUTCOME_TRY(wait(c.source()));
  return c.finish(to);
}

result<void> file_system::copy_tree(path_argument from, path_argument to) {
  const auto& v = detail::volume_access::state(volume_);
  BOOST_OUTCOME_TRY(auto c, detail::tree_copying::begin(v, from, to));
  for (;;) {
    BOOST_OUTCOME_TRY(auto source, c.next());
    if (!source) return c.finish(to);
    BOOST_OUTCOME_TRY(wait(*source));
    BOOST_OUTCOME_TRY(c.take(*source));
  }
}

result<std::vector<std::string>> file_system::list(path_argument path) {
  return detail::list(state(volume_), path);
}

result<bool> file_system::exists(path_argument path) {
  return detail::exists(state(volume_), path);
}

result<bool> file_system::is_file(path_argument path) {
  return detail::is_file(state(volume_), path);
}

result<bool> file_system::is_directory(path_argument path) {
  return detail::is_directory(state(volume_), path);
}

result<file_status> file_system::stat(path_argument path) {
  return detail::stat(state(volume_), path);
}

result<std::uint64_t> file_system::file_size(path_argument path) {
  return detail::file_size(state(volume_), path);
}

result<std::vector<walk_entry>> file_system::walk(path_argument path) {
  return detail::walk(state(volume_), path);
}

result<std::vector<std::string>> file_system::glob(path_argument pattern) {
  return detail::glob(state(volume_), pattern);
}

result<bytes> file_system::read_file(path_argument path, std::optional<std::uint64_t> max_size) {
  const auto& v = detail::volume_access::state(volume_);
  BOOST_OUTCOME_TRY(auto opened,
                    finish(detail::opening::begin(v, path, open_mode::read, {}), path));
  return opened.read_whole(max_size);
}

result<void> file_system::write_file(path_argument path, asio::const_buffer content) {
  const auto& v = detail::volume_access::state(volume_);
  BOOST_OUTCOME_TRY(
      finish(detail::opening::begin_replacing(v, path, detail::to_span(content)), path));
  return boost::outcome_v2::success();
}

result<file_map> file_system::export_tree(path_argument prefix, export_options options) try {
  file_map files;
  BOOST_OUTCOME_TRY(const auto paths, files_below(prefix, options));
  for (const std::string& path : paths) {
    BOOST_OUTCOME_TRY(auto content, read_if_there(path));
    if (content) files.emplace(path, std::move(*content));
  }
  return files;
} catch (const std::bad_alloc&) {
  return errc::out_of_memory;
}

result<void> file_system::import_tree(file_map files) {
  return detail::import_tree(state(volume_), files);
}

result<std::vector<std::string>> file_system::files_below(const path_argument& prefix,
                                                          const export_options& options) {
  return detail::files_below(state(volume_), prefix, options);
}

result<std::optional<bytes>> file_system::read_if_there(const std::string& path) {
  auto begun = detail::opening::begin_reading(detail::volume_access::state(volume_), path);
  if (!begun && detail::has_gone(begun.error())) return std::optional<bytes>();
  path_argument unused("");
  BOOST_OUTCOME_TRY(auto opened, finish(std::move(begun), unused));
  BOOST_OUTCOME_TRY(auto content, opened.read_all());
  return std::optional<bytes>(std::move(content));
}

result<volume_stats> file_system::stats() { return volume_.stats(); }

}  // namespace coramfs::sync
