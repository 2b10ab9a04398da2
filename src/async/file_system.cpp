// SPDX-License-Identifier: BSL-1.0
#include <coramfs/file_system.hpp>

#include <coramfs/detail/buffer_span.hpp>

#include "async/lock_wait.hpp"
#include "tree/opening.hpp"
#include "tree/operations.hpp"
#include "tree/volume_state.hpp"

#include <utility>

namespace coramfs {

namespace {

using state_ptr = std::shared_ptr<detail::volume_state>;

const state_ptr& state(const volume& v) noexcept { return detail::volume_access::state(v); }

// Waits for the file's lock, which was not had at once, and ends the open.
asio::awaitable<result<detail::open_file>> wait_and_finish(detail::opening begun,
                                                           path_argument path) {
  const detail::waiting_mark mark(begun.of());
  BOOST_OUTCOME_CO_TRY(
      auto hold, co_await detail::wait_for_lock(begun.lock(), begun.kind(), begun.timeout()));
  begun.locked(std::move(hold));
  co_return std::move(begun).finish(path.take());
}

// The operations that never wait.
template <class T>
asio::awaitable<result<T>> run(state_ptr v, path_argument path,
                               result<T> (*operation)(detail::volume_state&,
                                                      const path_argument&)) {
  co_return operation(*v, path);
}

asio::awaitable<result<bytes>> read_whole(state_ptr v, path_argument path,
                                          std::optional<std::uint64_t> max_size) {
  BOOST_OUTCOME_CO_TRY(auto begun, detail::opening::begin(v, path, open_mode::read, {}));
  result<detail::open_file> opened;
  if (begun.is_locked()) {
    opened = std::move(begun).finish(path.take());
  } else {
    opened = co_await wait_and_finish(std::move(begun), std::move(path));
  }
  if (!opened) co_return opened.error();
  co_return opened.value().read_whole(max_size);
}

asio::awaitable<result<void>> write_whole(state_ptr v, path_argument path,
                                          asio::const_buffer content) {
  BOOST_OUTCOME_CO_TRY(
      auto begun, detail::opening::begin_replacing(v, path, detail::to_span(content)));
  result<detail::open_file> opened;
  if (begun.is_locked()) {
    opened = std::move(begun).finish(path.take());
  } else {
    opened = co_await wait_and_finish(std::move(begun), std::move(path));
  }
  if (!opened) co_return opened.error();
  co_return boost::outcome_v2::success();
}

asio::awaitable<result<volume_stats>> read_stats(volume v) { co_return v.stats(); }

}  // namespace

result<file_system> file_system::create(executor_type executor, volume_options options) {
  BOOST_OUTCOME_TRY(auto v, volume::create(std::move(options)));
  return file_system(std::move(executor), std::move(v));
}

file_system::file_system(executor_type executor, volume over)
    : volume_(std::move(over)),
      executor_(std::make_shared<const executor_type>(std::move(executor))) {}

asio::awaitable<result<file>> file_system::open(path_argument path, open_mode mode,
                                                open_options options) {
  return open_in(volume_, executor_, std::move(path), mode, options);
}

asio::awaitable<result<file>> file_system::open_in(volume v,
                                                   std::shared_ptr<const executor_type> e,
                                                   path_argument path, open_mode mode,
                                                   open_options options) {
  BOOST_OUTCOME_CO_TRY(auto begun, detail::opening::begin(state(v), path, mode, options));
  result<detail::open_file> opened;
  if (begun.is_locked()) {
    opened = std::move(begun).finish(path.take());
  } else {
    opened = co_await wait_and_finish(std::move(begun), std::move(path));
  }
  if (!opened) co_return opened.error();
  co_return file(std::move(opened).value(), std::move(e));
}

asio::awaitable<result<void>> file_system::create_directory(path_argument path) {
  return run(state(volume_), std::move(path), detail::create_directory);
}

asio::awaitable<result<bool>> file_system::create_directories(path_argument path) {
  return run(state(volume_), std::move(path), detail::create_directories);
}

asio::awaitable<result<void>> file_system::remove(path_argument path) {
  return run(state(volume_), std::move(path), detail::remove);
}

asio::awaitable<result<void>> file_system::remove_tree(path_argument path) {
  return run(state(volume_), std::move(path), detail::remove_tree);
}

asio::awaitable<result<std::vector<std::string>>> file_system::list(path_argument path) {
  return run(state(volume_), std::move(path), detail::list);
}

asio::awaitable<result<bool>> file_system::exists(path_argument path) {
  return run(state(volume_), std::move(path), detail::exists);
}

asio::awaitable<result<bool>> file_system::is_file(path_argument path) {
  return run(state(volume_), std::move(path), detail::is_file);
}

asio::awaitable<result<bool>> file_system::is_directory(path_argument path) {
  return run(state(volume_), std::move(path), detail::is_directory);
}

asio::awaitable<result<file_status>> file_system::stat(path_argument path) {
  return run(state(volume_), std::move(path), detail::stat);
}

asio::awaitable<result<std::uint64_t>> file_system::file_size(path_argument path) {
  return run(state(volume_), std::move(path), detail::file_size);
}

asio::awaitable<result<bytes>> file_system::read_file(path_argument path,
                                                      std::optional<std::uint64_t> max_size) {
  return read_whole(state(volume_), std::move(path), max_size);
}

asio::awaitable<result<void>> file_system::write_file(path_argument path,
                                                      asio::const_buffer content) {
  return write_whole(state(volume_), std::move(path), content);
}

asio::awaitable<result<volume_stats>> file_system::stats() { return read_stats(volume_); }

}  // namespace coramfs
