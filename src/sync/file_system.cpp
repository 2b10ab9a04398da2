// SPDX-License-Identifier: BSL-1.0
#include <coramfs/sync/file_system.hpp>

#include "core/made_by.hpp"
#include "handles/follow_operation.hpp"
#include "handles/open_operation.hpp"
#include "handles/read_operations.hpp"
#include "handles/write_file_operation.hpp"
#include "operations/long_operations.hpp"
#include "operations/operations.hpp"
#include "operations/removal.hpp"
#include "sync/run.hpp"
#include "tree/volume_state.hpp"

#include <memory>
#include <new>
#include <utility>

namespace coramfs::sync {

namespace {

detail::volume_state& state(const volume& v) noexcept { return *detail::volume_access::state(v); }

// A pointer that owns nothing, for operations that would keep the volume alive. The facade does
// that for as long as a call lasts, and so threads that call at once share no count.
std::shared_ptr<detail::volume_state> lent_state(const volume& v) noexcept {
  return {std::shared_ptr<void>(), &state(v)};
}

}  // namespace

result<file_system> file_system::create(volume_options options) {
  BOOST_OUTCOME_TRY(auto v, volume::create(std::move(options)));
  return file_system(std::move(v));
}

// An `open` that ends with a file of this facade.
class file_system::open_file_operation : public detail::open_operation {
 public:
  explicit open_file_operation(detail::open_operation unbegun) noexcept
      : open_operation(std::move(unbegun)) {}

  result<file> outcome() noexcept {
    if (const auto opened = open_operation::outcome(); !opened) return opened.error();
    return result<file>(std::in_place_type<file>, detail::made_by([this] { return file(*this); }));
  }
};

result<file> file_system::open(path_argument path, open_mode mode, open_options options) const {
  detail::volume_state& v = state(volume_);
  if (auto found = detail::open_file::find_free(v, path, mode, options)) {
    return result<file>(std::in_place_type<file>, detail::made_by([&] {
                          return file(v, std::move(found), std::move(path), mode, options);
                        }));
  }
  return detail::run_blocking(open_file_operation(
      detail::open_operation(lent_state(volume_), std::move(path), mode, options)));
}

result<file> file_system::open_unnamed(open_options options) const {
  return detail::run_blocking(
      open_file_operation(detail::open_operation::unnamed(lent_state(volume_), options)));
}

// A `follow` that ends with a follower of this facade.
class file_system::open_follower_operation : public detail::follow_operation {
 public:
  using follow_operation::follow_operation;

  result<follower> outcome() noexcept {
    if (const auto followed = follow_operation::outcome(); !followed) return followed.error();
    return result<follower>(std::in_place_type<follower>,
                            detail::made_by([this] { return follower(*this); }));
  }
};

result<follower> file_system::follow(path_argument path, follow_options options) const {
  return detail::run_blocking(
      open_follower_operation(lent_state(volume_), std::move(path), options));
}

result<void> file_system::give_name(file& f, path_argument path, naming_options options) const try {
  return detail::run_blocking(detail::give_names(lent_state(volume_), detail::handle_of(f, path),
                                                 {}, options, detail::call::give_name));
} catch (const std::bad_alloc&) {
  return errc::out_of_memory;
}

result<void> file_system::give_names(std::map<std::string, file>& files,
                                     std::vector<std::string> directories,
                                     naming_options options) const try {
  return detail::run_blocking(detail::give_names(lent_state(volume_), detail::handles_of(files),
                                                 std::move(directories), options,
                                                 detail::call::give_names));
} catch (const std::bad_alloc&) {
  return errc::out_of_memory;
}

result<void> file_system::create_directory(path_argument path) const {
  return detail::create_directory(state(volume_), path);
}

result<bool> file_system::create_directories(path_argument path) const {
  return detail::create_directories(state(volume_), path);
}

result<void> file_system::remove(path_argument path, remove_options options) const {
  if (options.open != if_open::wait) return detail::remove(state(volume_), path, options.open);
  return detail::run_blocking(
      detail::removal_in_turn(lent_state(volume_), std::move(path), options.timeout));
}

result<void> file_system::remove_directory(path_argument path) const {
  return detail::remove_directory(state(volume_), path);
}

result<void> file_system::remove_tree(path_argument path, remove_options options) const {
  if (options.open == if_open::fail)
    return detail::run_blocking(
        detail::remove_tree_operation(lent_state(volume_), std::move(path)));
  return detail::run_blocking(
      detail::remove_tree_in_use(lent_state(volume_), std::move(path), options));
}

result<void> file_system::rename(path_argument from, path_argument to,
                                 rename_options options) const {
  if (options.open != if_open::wait) return detail::rename(state(volume_), from, to, options);
  return detail::run_blocking(
      detail::rename_in_turn(lent_state(volume_), std::move(from), std::move(to), options));
}

result<void> file_system::move(path_argument from, path_argument to, rename_options options) const {
  if (options.open != if_open::wait) return detail::move(state(volume_), from, to, options);
  return detail::run_blocking(
      detail::move_in_turn(lent_state(volume_), std::move(from), std::move(to), options));
}

result<void> file_system::copy(path_argument from, path_argument to, copy_options options) const {
  return detail::run_blocking(
      detail::copy(lent_state(volume_), std::move(from), std::move(to), options));
}

result<void> file_system::copy_tree(path_argument from, path_argument to,
                                    copy_options options) const {
  return detail::run_blocking(
      detail::copy_tree(lent_state(volume_), std::move(from), std::move(to), options));
}

result<volume> file_system::fork(fork_options options) const {
  return detail::run_blocking(detail::fork(lent_state(volume_), std::move(options), {}));
}

result<std::vector<std::string>> file_system::list(path_argument path) const {
  return detail::run_blocking(detail::list(lent_state(volume_), std::move(path)));
}

result<std::vector<directory_entry>> file_system::list_entries(path_argument path) const {
  return detail::run_blocking(detail::list_entries(lent_state(volume_), std::move(path)));
}

result<std::vector<directory_entry>> file_system::list_some(path_argument path, path_argument after,
                                                            std::size_t most) const {
  return detail::run_blocking(
      detail::list_some(lent_state(volume_), std::move(path), std::move(after), most));
}

result<bool> file_system::exists(path_argument path) const {
  return detail::exists(state(volume_), path);
}

result<bool> file_system::is_file(path_argument path) const {
  return detail::is_file(state(volume_), path);
}

result<bool> file_system::is_directory(path_argument path) const {
  return detail::is_directory(state(volume_), path);
}

result<file_status> file_system::stat(path_argument path) const {
  return detail::stat(state(volume_), path);
}

result<void> file_system::set_modified(path_argument path,
                                       std::chrono::system_clock::time_point to) const {
  return detail::set_modified(state(volume_), path, to);
}

result<std::uint64_t> file_system::file_size(path_argument path) const {
  return detail::file_size(state(volume_), path);
}

result<std::vector<walk_entry>> file_system::walk(path_argument path) const {
  return detail::run_blocking(detail::walk(lent_state(volume_), std::move(path)));
}

result<std::vector<std::string>> file_system::glob(path_argument pattern) const {
  return detail::run_blocking(detail::glob(lent_state(volume_), std::move(pattern)));
}

result<bytes> file_system::read_file(path_argument path,
                                     std::optional<std::uint64_t> max_size) const {
  return detail::run_blocking(detail::read_file_operation<bytes>(
      detail::open_operation(lent_state(volume_), std::move(path), open_mode::read, {},
                             detail::call::read_file),
      max_size));
}

result<std::string> file_system::read_text(path_argument path,
                                           std::optional<std::uint64_t> max_size) const {
  return detail::run_blocking(detail::read_file_operation<std::string>(
      detail::open_operation(lent_state(volume_), std::move(path), open_mode::read, {},
                             detail::call::read_text),
      max_size));
}

result<void> file_system::write_file(path_argument path, asio::const_buffer content) const {
  return detail::run_blocking(
      detail::write_file_operation(lent_state(volume_), std::move(path), detail::to_span(content)));
}

result<file_map> file_system::export_tree(path_argument prefix, export_options options) const {
  return detail::run_blocking(detail::export_tree(lent_state(volume_), std::move(prefix), options));
}

result<void> file_system::import_tree(file_map files, import_options options) const {
  return detail::run_blocking(detail::import_tree(lent_state(volume_), std::move(files), options));
}

result<std::vector<std::string>> file_system::files_below(path_argument prefix,
                                                          const export_options& options) const {
  return detail::run_blocking(detail::files_below(lent_state(volume_), std::move(prefix), options,
                                                  detail::call::export_each));
}

result<std::optional<bytes>> file_system::read_if_there(const std::string& path) const {
  return detail::run_blocking(
      detail::given_out_reader(lent_state(volume_), path, detail::call::export_each));
}

result<volume_stats> file_system::stats() const { return volume_.stats(); }

}  // namespace coramfs::sync
