// SPDX-License-Identifier: BSL-1.0
#include <coramfs/file_system.hpp>

#include "async/file_opening.hpp"
#include "async/freeing.hpp"
#include "async/run.hpp"
#include "async/start.hpp"
#include "tree/long_operations.hpp"
#include "tree/opening.hpp"
#include "tree/operations.hpp"
#include "tree/reading.hpp"
#include "tree/removing.hpp"
#include "tree/replacing.hpp"
#include "tree/volume_state.hpp"

#include <new>
#include <utility>

namespace coramfs {

namespace {

using state_ptr = std::shared_ptr<detail::volume_state>;

const state_ptr& state(const volume& v) noexcept { return detail::volume_access::state(v); }

// Runs an operation that never waits and gives up nothing.
template <class T>
asio::awaitable<result<T>> run(state_ptr v, path_argument path,
                               result<T> (*operation)(detail::volume_state&,
                                                      const path_argument&)) {
  co_return operation(*v, path);
}

// An operation that does everything in one step, and so has nothing to refuse.
template <class Step>
class one_step {
 public:
  explicit one_step(Step s) noexcept : step_(std::move(s)) {}

  detail::progress advance() noexcept {
    outcome_ = step_();
    return detail::progress::done;
  }
  void refuse(const error&) noexcept {}
  result<void> outcome() noexcept { return outcome_; }

 private:
  Step step_;
  result<void> outcome_ = boost::outcome_v2::success();
};

// Runs an operation that never waits, but may give up a file, whose memory is freed in turns.
template <class Step>
asio::awaitable<result<void>> run_freeing(Step s) {
  return detail::run(detail::freeing(one_step<Step>(std::move(s))));
}

asio::awaitable<result<volume_stats>> read_stats(volume v) { co_return v.stats(); }

}  // namespace

result<file_system> file_system::create(executor_type executor, volume_options options) try {
  BOOST_OUTCOME_TRY(auto v, volume::create(std::move(options)));
  return file_system(std::move(executor), std::move(v));
} catch (const std::bad_alloc&) {
  return errc::out_of_memory;
}

namespace {

/// What an `open` and a file keep alive, by one shared pointer to the executor in it.
struct executor_and_volume {
  asio::any_io_executor executor;
  volume over;
};

}  // namespace

file_system::file_system(executor_type executor, volume over) : volume_(over) {
  const auto both = std::make_shared<const executor_and_volume>(
      executor_and_volume{std::move(executor), std::move(over)});
  executor_ = executor_ptr(both, &both->executor);
}

asio::awaitable<result<file>> file_system::open(path_argument path, open_mode mode,
                                                open_options options) {
  return detail::run(
      detail::file_opening(*state(volume_), std::move(path), mode, options, executor_));
}

void file_system::start_open(detail::completion<result<file>>& to, const volume& v, executor_ptr e,
                             path_argument path, open_mode mode, const open_options& options) {
  detail::start(to, detail::file_opening(*state(v), std::move(path), mode, options, std::move(e)));
}

asio::awaitable<result<void>> file_system::create_directory(path_argument path) {
  return run(state(volume_), std::move(path), detail::create_directory);
}

asio::awaitable<result<bool>> file_system::create_directories(path_argument path) {
  return run(state(volume_), std::move(path), detail::create_directories);
}

asio::awaitable<result<void>> file_system::remove(path_argument path) {
  return run_freeing(
      [v = state(volume_), path = std::move(path)] { return detail::remove(*v, path); });
}

asio::awaitable<result<void>> file_system::remove_tree(path_argument path) {
  return detail::run(detail::freeing(detail::removing(state(volume_), std::move(path))));
}

asio::awaitable<result<void>> file_system::rename(path_argument from, path_argument to,
                                                  if_exists existing) {
  return run_freeing([v = state(volume_), from = std::move(from), to = std::move(to), existing] {
    return detail::rename(*v, from, to, existing);
  });
}

asio::awaitable<result<void>> file_system::move(path_argument from, path_argument to,
                                                if_exists existing) {
  return run_freeing([v = state(volume_), from = std::move(from), to = std::move(to), existing] {
    return detail::move(*v, from, to, existing);
  });
}

asio::awaitable<result<void>> file_system::copy(path_argument from, path_argument to,
                                                if_exists existing) {
  return detail::run(
      detail::freeing(detail::copy(state(volume_), std::move(from), std::move(to), existing)));
}

asio::awaitable<result<void>> file_system::copy_tree(path_argument from, path_argument to) {
  return detail::run(detail::copy_tree(state(volume_), std::move(from), std::move(to)));
}

asio::awaitable<result<std::vector<std::string>>> file_system::list(path_argument path) {
  return detail::run(detail::list(state(volume_), std::move(path)));
}

asio::awaitable<result<std::vector<walk_entry>>> file_system::walk(path_argument path) {
  return detail::run(detail::walk(state(volume_), std::move(path)));
}

asio::awaitable<result<std::vector<std::string>>> file_system::glob(path_argument pattern) {
  return detail::run(detail::glob(state(volume_), std::move(pattern)));
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

namespace {

asio::awaitable<result<void>> set_modified_now(state_ptr v, path_argument path,
                                               std::chrono::system_clock::time_point to) {
  co_return detail::set_modified(*v, path, to);
}

}  // namespace

asio::awaitable<result<void>> file_system::set_modified(path_argument path,
                                                        std::chrono::system_clock::time_point to) {
  return set_modified_now(state(volume_), std::move(path), to);
}

asio::awaitable<result<std::uint64_t>> file_system::file_size(path_argument path) {
  return run(state(volume_), std::move(path), detail::file_size);
}

asio::awaitable<result<bytes>> file_system::read_file(path_argument path,
                                                      std::optional<std::uint64_t> max_size) {
  return detail::run(detail::file_reading<bytes>(
      detail::opening(state(volume_), std::move(path), open_mode::read, {}), max_size));
}

asio::awaitable<result<std::string>> file_system::read_text(path_argument path,
                                                            std::optional<std::uint64_t> max_size) {
  return detail::run(detail::file_reading<std::string>(
      detail::opening(state(volume_), std::move(path), open_mode::read, {}), max_size));
}

asio::awaitable<result<void>> file_system::write_file(path_argument path,
                                                      asio::const_buffer content) {
  return detail::run(detail::freeing(
      detail::replacing(state(volume_), std::move(path), detail::to_span(content))));
}

asio::awaitable<result<file_map>> file_system::export_tree(path_argument prefix,
                                                           export_options options) {
  return detail::run(detail::export_tree(state(volume_), std::move(prefix), options));
}

asio::awaitable<result<void>> file_system::import_tree(file_map files) {
  return detail::run(detail::freeing(detail::import_tree(state(volume_), std::move(files))));
}

asio::awaitable<result<std::vector<std::string>>> file_system::files_below(path_argument prefix,
                                                                           export_options options) {
  return detail::run(detail::files_below(state(volume_), std::move(prefix), options));
}

asio::awaitable<result<std::optional<bytes>>> file_system::read_if_there(const std::string& path) {
  return detail::run(detail::given_out_reading(state(volume_), path));
}

asio::awaitable<result<volume_stats>> file_system::stats() { return read_stats(volume_); }

}  // namespace coramfs
