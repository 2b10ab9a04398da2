// SPDX-License-Identifier: BSL-1.0
#include <coramfs/file_system.hpp>

#include "async/freeing_operation.hpp"
#include "async/later.hpp"
#include "async/open_file_operation.hpp"
#include "async/open_follower_operation.hpp"
#include "async/run.hpp"
#include "async/turns.hpp"
#include "handles/open_operation.hpp"
#include "handles/read_operations.hpp"
#include "handles/write_file_operation.hpp"
#include "operations/long_operations.hpp"
#include "operations/operations.hpp"
#include "operations/removal.hpp"
#include "tree/volume_state.hpp"

#include <new>
#include <optional>
#include <type_traits>
#include <utility>

namespace coramfs {

using detail::with_turn;

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
  using outcome_type = std::invoke_result_t<const Step&>;

  explicit one_step(Step s) noexcept : step_(std::move(s)) {}

  detail::progress advance() noexcept {
    outcome_ = step_();
    return detail::progress::done;
  }
  void refuse(const error&) noexcept {}
  outcome_type outcome() noexcept { return std::move(outcome_); }

 private:
  static outcome_type none() noexcept {
    if constexpr (std::is_same_v<outcome_type, result<void>>) {
      return boost::outcome_v2::success();
    } else {
      return errc::canceled;
    }
  }

  Step step_;
  outcome_type outcome_ = none();
};

// Runs an operation that never waits, but may give up a file, whose memory is freed in turns.
template <class Step>
asio::awaitable<result<void>> run_freeing(Step s) {
  return detail::run(detail::freeing_operation(one_step<Step>(std::move(s))));
}

asio::awaitable<result<volume_stats>> read_stats(volume v) { co_return v.stats(); }

}  // namespace

result<file_system> file_system::create(executor_type executor, volume_options options) try {
  BOOST_OUTCOME_TRY(auto v, volume::create(std::move(options)));
  return file_system(std::move(executor), std::move(v));
} catch (const std::bad_alloc&) {
  return errc::out_of_memory;
}

file_system::file_system(executor_type executor, volume over) : volume_(over) {
  executor_ =
      std::make_shared<const detail::executor_and_volume>(std::move(executor), std::move(over));
}

asio::awaitable<result<file>> file_system::open(path_argument path, open_mode mode,
                                                open_options options) const {
  return with_turn(executor_, detail::run(detail::open_file_operation(
                                  *state(volume_), std::move(path), mode, options, executor_)));
}

asio::awaitable<result<file>> file_system::open_unnamed(open_options options) const {
  return with_turn(executor_, detail::run(detail::open_file_operation::unnamed(
                                  *state(volume_), options, executor_)));
}

asio::awaitable<result<follower>> file_system::follow(path_argument path,
                                                      follow_options options) const {
  return with_turn(executor_, detail::run(detail::open_follower_operation(
                                  *state(volume_), std::move(path), options, executor_)));
}

asio::awaitable<result<void>> file_system::give_name(file& f, path_argument path,
                                                     naming_options options) const {
  return with_turn(
      executor_,
      detail::run(detail::freeing_operation(detail::give_names(
          state(volume_), detail::handle_of(f, path), {}, options, detail::call::give_name))));
}

asio::awaitable<result<void>> file_system::give_names(std::map<std::string, file>& files,
                                                      std::vector<std::string> directories,
                                                      naming_options options) const {
  return with_turn(executor_, detail::run(detail::freeing_operation(detail::give_names(
                                  state(volume_), detail::handles_of(files), std::move(directories),
                                  options, detail::call::give_names))));
}

asio::awaitable<result<void>> file_system::create_directory(path_argument path) const {
  return with_turn(executor_, run(state(volume_), std::move(path), detail::create_directory));
}

asio::awaitable<result<bool>> file_system::create_directories(path_argument path) const {
  return with_turn(executor_, run(state(volume_), std::move(path), detail::create_directories));
}

asio::awaitable<result<void>> file_system::remove(path_argument path,
                                                  remove_options options) const {
  if (options.open == if_open::wait) {
    return with_turn(executor_, detail::run(detail::freeing_operation(detail::removal_in_turn(
                                    state(volume_), std::move(path), options.timeout))));
  }
  return with_turn(executor_,
                   run_freeing([v = state(volume_), path = std::move(path), in_use = options.open] {
                     return detail::remove(*v, path, in_use);
                   }));
}

asio::awaitable<result<void>> file_system::remove_directory(path_argument path) const {
  return with_turn(executor_, run(state(volume_), std::move(path), detail::remove_directory));
}

asio::awaitable<result<void>> file_system::remove_tree(path_argument path,
                                                       remove_options options) const {
  if (options.open == if_open::fail) {
    return with_turn(executor_, detail::run(detail::freeing_operation(detail::remove_tree_operation(
                                    state(volume_), std::move(path)))));
  }
  return with_turn(executor_, detail::run(detail::freeing_operation(detail::remove_tree_in_use(
                                  state(volume_), std::move(path), options))));
}

asio::awaitable<result<void>> file_system::rename(path_argument from, path_argument to,
                                                  rename_options options) const {
  if (options.open == if_open::wait) {
    return with_turn(executor_, detail::run(detail::freeing_operation(detail::rename_in_turn(
                                    state(volume_), std::move(from), std::move(to), options))));
  }
  return with_turn(executor_,
                   run_freeing([v = state(volume_), from = std::move(from), to = std::move(to),
                                options] { return detail::rename(*v, from, to, options); }));
}

asio::awaitable<result<void>> file_system::rename(path_argument from, path_argument to,
                                                  if_exists existing) const {
  return rename(std::move(from), std::move(to), rename_options{existing});
}

asio::awaitable<result<void>> file_system::move(path_argument from, path_argument to,
                                                rename_options options) const {
  if (options.open == if_open::wait) {
    return with_turn(executor_, detail::run(detail::freeing_operation(detail::move_in_turn(
                                    state(volume_), std::move(from), std::move(to), options))));
  }
  return with_turn(executor_,
                   run_freeing([v = state(volume_), from = std::move(from), to = std::move(to),
                                options] { return detail::move(*v, from, to, options); }));
}

asio::awaitable<result<void>> file_system::move(path_argument from, path_argument to,
                                                if_exists existing) const {
  return move(std::move(from), std::move(to), rename_options{existing});
}

asio::awaitable<result<void>> file_system::copy(path_argument from, path_argument to,
                                                copy_options options) const {
  return with_turn(executor_, detail::run(detail::freeing_operation(detail::copy(
                                  state(volume_), std::move(from), std::move(to), options))));
}

asio::awaitable<result<void>> file_system::copy_tree(path_argument from, path_argument to,
                                                     copy_options options) const {
  return with_turn(executor_, detail::run(detail::copy_tree(state(volume_), std::move(from),
                                                            std::move(to), options)));
}

asio::awaitable<result<volume>> file_system::fork(fork_options options) const {
  return with_turn(executor_, detail::run(detail::fork(state(volume_), std::move(options), {})));
}

asio::awaitable<result<std::vector<std::string>>> file_system::list(path_argument path) const {
  return with_turn(executor_, detail::run(detail::list(state(volume_), std::move(path))));
}

asio::awaitable<result<std::vector<directory_entry>>> file_system::list_entries(
    path_argument path) const {
  return with_turn(executor_, detail::run(detail::list_entries(state(volume_), std::move(path))));
}

asio::awaitable<result<std::vector<directory_entry>>> file_system::list_some(
    path_argument path, path_argument after, std::size_t most) const {
  return with_turn(executor_, detail::run(detail::list_some(state(volume_), std::move(path),
                                                            std::move(after), most)));
}

entry_pages<file_system> file_system::each(path_argument path) const {
  return {*this, detail::entry_walk(std::move(path), detail::entry_walk::depth::one_directory)};
}

entry_pages<file_system> file_system::each_below(path_argument path) const {
  return {*this, detail::entry_walk(std::move(path), detail::entry_walk::depth::all_below)};
}

entry_pages<file_system> file_system::each_match(path_argument pattern) const {
  return {*this, detail::entry_walk(std::move(pattern), detail::entry_walk::depth::matching)};
}

asio::awaitable<result<std::vector<walk_entry>>> file_system::walk(path_argument path) const {
  return with_turn(executor_, detail::run(detail::walk(state(volume_), std::move(path))));
}

asio::awaitable<result<std::vector<std::string>>> file_system::glob(path_argument pattern) const {
  return with_turn(executor_, detail::run(detail::glob(state(volume_), std::move(pattern))));
}

asio::awaitable<result<bool>> file_system::exists(path_argument path) const {
  return with_turn(executor_, run(state(volume_), std::move(path), detail::exists));
}

asio::awaitable<result<bool>> file_system::is_file(path_argument path) const {
  return with_turn(executor_, run(state(volume_), std::move(path), detail::is_file));
}

asio::awaitable<result<bool>> file_system::is_directory(path_argument path) const {
  return with_turn(executor_, run(state(volume_), std::move(path), detail::is_directory));
}

asio::awaitable<result<file_status>> file_system::stat(path_argument path) const {
  return with_turn(executor_, run(state(volume_), std::move(path), detail::stat));
}

namespace {

asio::awaitable<result<void>> set_modified_now(state_ptr v, path_argument path,
                                               std::chrono::system_clock::time_point to) {
  co_return detail::set_modified(*v, path, to);
}

}  // namespace

asio::awaitable<result<void>> file_system::set_modified(
    path_argument path, std::chrono::system_clock::time_point to) const {
  return with_turn(executor_, set_modified_now(state(volume_), std::move(path), to));
}

asio::awaitable<result<std::uint64_t>> file_system::file_size(path_argument path) const {
  return with_turn(executor_, run(state(volume_), std::move(path), detail::file_size));
}

asio::awaitable<result<bytes>> file_system::read_file(path_argument path,
                                                      std::optional<std::uint64_t> max_size) const {
  return with_turn(executor_,
                   detail::run(detail::read_file_operation<bytes>(
                       detail::open_operation(state(volume_), std::move(path), open_mode::read, {},
                                              detail::call::read_file),
                       max_size)));
}

asio::awaitable<result<void>> file_system::write_text(path_argument path,
                                                      std::string_view text) const {
  return write_file(std::move(path), detail::to_buffer(text));
}

asio::awaitable<result<std::string>> file_system::read_text(
    path_argument path, std::optional<std::uint64_t> max_size) const {
  return with_turn(executor_,
                   detail::run(detail::read_file_operation<std::string>(
                       detail::open_operation(state(volume_), std::move(path), open_mode::read, {},
                                              detail::call::read_text),
                       max_size)));
}

asio::awaitable<result<void>> file_system::write_file(path_argument path,
                                                      asio::const_buffer content) const {
  return with_turn(executor_, detail::run(detail::freeing_operation(detail::write_file_operation(
                                  state(volume_), std::move(path), detail::to_span(content)))));
}

asio::awaitable<result<file_map>> file_system::export_tree(path_argument prefix,
                                                           export_options options) const {
  return with_turn(executor_,
                   detail::run(detail::export_tree(state(volume_), std::move(prefix), options)));
}

asio::awaitable<result<void>> file_system::import_tree(file_map files,
                                                       import_options options) const {
  return with_turn(executor_, detail::run(detail::freeing_operation(
                                  detail::import_tree(state(volume_), std::move(files), options))));
}

asio::awaitable<result<std::vector<std::string>>> file_system::files_below(
    path_argument prefix, export_options options) const {
  return with_turn(executor_, detail::run(detail::files_below(state(volume_), std::move(prefix),
                                                              options, detail::call::export_each)));
}

asio::awaitable<result<std::optional<bytes>>> file_system::read_if_there(
    const std::string& path) const {
  return with_turn(executor_, detail::run(detail::given_out_reader(state(volume_), path,
                                                                   detail::call::export_each)));
}

asio::awaitable<result<volume_stats>> file_system::stats() const {
  return with_turn(executor_, read_stats(volume_));
}

// With completion tokens. What is taken over here becomes the operation when the token begins it.

namespace {

template <class Container>
auto file_content(state_ptr v, path_argument path, std::optional<std::uint64_t> max_size,
                  detail::call by) {
  return detail::read_file_operation<Container>(
      detail::open_operation(std::move(v), std::move(path), open_mode::read, {}, by), max_size);
}

template <class Step>
auto freeing_step(Step s) {
  return detail::freeing_operation(one_step<Step>(std::move(s)));
}

// One that never waits and gives up nothing.
template <class T>
auto later_at_once(const asio::any_io_executor& executor, state_ptr v, path_argument path,
                   result<T> (*operation)(detail::volume_state&, const path_argument&)) {
  return detail::later(executor, [v = std::move(v), path = std::move(path), operation]() mutable {
    return one_step(
        [v = std::move(v), path = std::move(path), operation] { return operation(*v, path); });
  });
}

}  // namespace

detail::initiation<result<file>> file_system::later::open(path_argument path, open_mode mode,
                                                          open_options options) {
  return detail::later(*of_.executor_, [v = &*state(of_.volume_), executor = of_.executor_,
                                        path = std::move(path), mode, options]() mutable {
    return detail::open_file_operation(*v, std::move(path), mode, options, std::move(executor));
  });
}

detail::initiation<result<file>> file_system::later::open_unnamed(open_options options) {
  return detail::later(
      *of_.executor_, [v = &*state(of_.volume_), executor = of_.executor_, options]() mutable {
        return detail::open_file_operation::unnamed(*v, options, std::move(executor));
      });
}

detail::initiation<result<follower>> file_system::later::follow(path_argument path,
                                                                follow_options options) {
  return detail::later(*of_.executor_, [v = &*state(of_.volume_), executor = of_.executor_,
                                        path = std::move(path), options]() mutable {
    return detail::open_follower_operation(*v, std::move(path), options, std::move(executor));
  });
}

detail::initiation<result<void>> file_system::later::give_name(file& f, path_argument path,
                                                               naming_options options) {
  return detail::later(*of_.executor_, [v = state(of_.volume_), all = detail::handle_of(f, path),
                                        options]() mutable {
    return detail::freeing_operation(
        detail::give_names(std::move(v), std::move(all), {}, options, detail::call::give_name));
  });
}

detail::initiation<result<void>> file_system::later::give_names(
    std::map<std::string, file>& files, std::vector<std::string> directories,
    naming_options options) {
  return detail::later(*of_.executor_, [v = state(of_.volume_), all = detail::handles_of(files),
                                        directories = std::move(directories), options]() mutable {
    return detail::freeing_operation(detail::give_names(
        std::move(v), std::move(all), std::move(directories), options, detail::call::give_names));
  });
}

detail::initiation<result<void>> file_system::later::create_directory(path_argument path) {
  return later_at_once(*of_.executor_, state(of_.volume_), std::move(path),
                       detail::create_directory);
}

detail::initiation<result<bool>> file_system::later::create_directories(path_argument path) {
  return later_at_once(*of_.executor_, state(of_.volume_), std::move(path),
                       detail::create_directories);
}

detail::initiation<result<void>> file_system::later::remove(path_argument path,
                                                            remove_options options) {
  if (options.open == if_open::wait) {
    return detail::later(*of_.executor_, [v = state(of_.volume_), path = std::move(path),
                                          patience = options.timeout]() mutable {
      return detail::freeing_operation(detail::removal_in_turn(v, std::move(path), patience));
    });
  }
  return detail::later(*of_.executor_, [v = state(of_.volume_), path = std::move(path),
                                        in_use = options.open]() mutable {
    return freeing_step([v = std::move(v), path = std::move(path), in_use] {
      return detail::remove(*v, path, in_use);
    });
  });
}

detail::initiation<result<void>> file_system::later::remove_directory(path_argument path) {
  return later_at_once(*of_.executor_, state(of_.volume_), std::move(path),
                       detail::remove_directory);
}

detail::initiation<result<void>> file_system::later::remove_tree(path_argument path,
                                                                 remove_options options) {
  if (options.open != if_open::fail) {
    return detail::later(*of_.executor_,
                         [v = state(of_.volume_), path = std::move(path), options]() mutable {
                           return detail::freeing_operation(
                               detail::remove_tree_in_use(std::move(v), std::move(path), options));
                         });
  }
  return detail::later(*of_.executor_, [v = state(of_.volume_), path = std::move(path)]() mutable {
    return detail::freeing_operation(detail::remove_tree_operation(v, std::move(path)));
  });
}

detail::initiation<result<void>> file_system::later::rename(path_argument from, path_argument to,
                                                            rename_options options) {
  if (options.open == if_open::wait) {
    return detail::later(*of_.executor_, [v = state(of_.volume_), from = std::move(from),
                                          to = std::move(to), options]() mutable {
      return detail::freeing_operation(
          detail::rename_in_turn(std::move(v), std::move(from), std::move(to), options));
    });
  }
  return detail::later(*of_.executor_, [v = state(of_.volume_), from = std::move(from),
                                        to = std::move(to), options]() mutable {
    return freeing_step([v = std::move(v), from = std::move(from), to = std::move(to), options] {
      return detail::rename(*v, from, to, options);
    });
  });
}

detail::initiation<result<void>> file_system::later::move(path_argument from, path_argument to,
                                                          rename_options options) {
  if (options.open == if_open::wait) {
    return detail::later(*of_.executor_, [v = state(of_.volume_), from = std::move(from),
                                          to = std::move(to), options]() mutable {
      return detail::freeing_operation(
          detail::move_in_turn(std::move(v), std::move(from), std::move(to), options));
    });
  }
  return detail::later(*of_.executor_, [v = state(of_.volume_), from = std::move(from),
                                        to = std::move(to), options]() mutable {
    return freeing_step([v = std::move(v), from = std::move(from), to = std::move(to), options] {
      return detail::move(*v, from, to, options);
    });
  });
}

detail::initiation<result<void>> file_system::later::copy(path_argument from, path_argument to,
                                                          copy_options options) {
  return detail::later(*of_.executor_, [v = state(of_.volume_), from = std::move(from),
                                        to = std::move(to), options]() mutable {
    return detail::freeing_operation(
        detail::copy(std::move(v), std::move(from), std::move(to), options));
  });
}

detail::initiation<result<void>> file_system::later::copy_tree(path_argument from, path_argument to,
                                                               copy_options options) {
  return detail::later(*of_.executor_, [v = state(of_.volume_), from = std::move(from),
                                        to = std::move(to), options]() mutable {
    return detail::copy_tree(std::move(v), std::move(from), std::move(to), options);
  });
}

// The options are in the operation's frame from the start, for they are too large for an
// initiation.
detail::initiation<result<volume>> file_system::later::fork(fork_options options) {
  return detail::later(*of_.executor_, [op = detail::fork(state(of_.volume_), std::move(options),
                                                          {})]() mutable { return std::move(op); });
}

detail::initiation<result<std::vector<std::string>>> file_system::later::list(path_argument path) {
  return detail::later(*of_.executor_, [v = state(of_.volume_), path = std::move(path)]() mutable {
    return detail::list(std::move(v), std::move(path));
  });
}

detail::initiation<result<std::vector<directory_entry>>> file_system::later::list_entries(
    path_argument path) {
  return detail::later(*of_.executor_, [v = state(of_.volume_), path = std::move(path)]() mutable {
    return detail::list_entries(std::move(v), std::move(path));
  });
}

detail::initiation<result<std::vector<directory_entry>>> file_system::later::list_some(
    path_argument path, path_argument after, std::size_t most) {
  return detail::later(*of_.executor_, [v = state(of_.volume_), path = std::move(path),
                                        after = std::move(after), most]() mutable {
    return detail::list_some(std::move(v), std::move(path), std::move(after), most);
  });
}

detail::initiation<result<std::vector<walk_entry>>> file_system::later::walk(path_argument path) {
  return detail::later(*of_.executor_, [v = state(of_.volume_), path = std::move(path)]() mutable {
    return detail::walk(std::move(v), std::move(path));
  });
}

detail::initiation<result<std::vector<std::string>>> file_system::later::glob(
    path_argument pattern) {
  return detail::later(*of_.executor_,
                       [v = state(of_.volume_), pattern = std::move(pattern)]() mutable {
                         return detail::glob(std::move(v), std::move(pattern));
                       });
}

detail::initiation<result<bool>> file_system::later::exists(path_argument path) {
  return later_at_once(*of_.executor_, state(of_.volume_), std::move(path), detail::exists);
}

detail::initiation<result<bool>> file_system::later::is_file(path_argument path) {
  return later_at_once(*of_.executor_, state(of_.volume_), std::move(path), detail::is_file);
}

detail::initiation<result<bool>> file_system::later::is_directory(path_argument path) {
  return later_at_once(*of_.executor_, state(of_.volume_), std::move(path), detail::is_directory);
}

detail::initiation<result<file_status>> file_system::later::stat(path_argument path) {
  return later_at_once(*of_.executor_, state(of_.volume_), std::move(path), detail::stat);
}

detail::initiation<result<void>> file_system::later::set_modified(
    path_argument path, std::chrono::system_clock::time_point to) {
  return detail::later(*of_.executor_,
                       [v = state(of_.volume_), path = std::move(path), to]() mutable {
                         return one_step([v = std::move(v), path = std::move(path), to] {
                           return detail::set_modified(*v, path, to);
                         });
                       });
}

detail::initiation<result<std::uint64_t>> file_system::later::file_size(path_argument path) {
  return later_at_once(*of_.executor_, state(of_.volume_), std::move(path), detail::file_size);
}

detail::initiation<result<bytes>> file_system::later::read_file(
    path_argument path, std::optional<std::uint64_t> max_size) {
  return detail::later(*of_.executor_, [v = state(of_.volume_), path = std::move(path),
                                        max_size]() mutable {
    return file_content<bytes>(std::move(v), std::move(path), max_size, detail::call::read_file);
  });
}

detail::initiation<result<void>> file_system::later::write_file(path_argument path,
                                                                asio::const_buffer content) {
  return detail::later(
      *of_.executor_, [v = state(of_.volume_), path = std::move(path), content]() mutable {
        return detail::freeing_operation(
            detail::write_file_operation(v, std::move(path), detail::to_span(content)));
      });
}

detail::initiation<result<std::string>> file_system::later::read_text(
    path_argument path, std::optional<std::uint64_t> max_size) {
  return detail::later(*of_.executor_,
                       [v = state(of_.volume_), path = std::move(path), max_size]() mutable {
                         return file_content<std::string>(std::move(v), std::move(path), max_size,
                                                          detail::call::read_text);
                       });
}

detail::initiation<result<file_map>> file_system::later::export_tree(path_argument prefix,
                                                                     export_options options) {
  return detail::later(*of_.executor_,
                       [v = state(of_.volume_), prefix = std::move(prefix), options]() mutable {
                         return detail::export_tree(std::move(v), std::move(prefix), options);
                       });
}

detail::initiation<result<void>> file_system::later::import_tree(file_map files,
                                                                 import_options options) {
  return detail::later(*of_.executor_, [v = state(of_.volume_), files = std::move(files),
                                        options]() mutable {
    return detail::freeing_operation(detail::import_tree(std::move(v), std::move(files), options));
  });
}

detail::initiation<result<volume_stats>> file_system::later::stats() {
  return detail::later(*of_.executor_, [v = of_.volume_] {
    return one_step([v] { return result<volume_stats>(v.stats()); });
  });
}

}  // namespace coramfs
