// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/asio_compat.hpp>
#include <coramfs/detail/buffer_span.hpp>
#include <coramfs/detail/completion.hpp>
#include <coramfs/detail/path_argument.hpp>
#include <coramfs/entries.hpp>
#include <coramfs/file.hpp>
#include <coramfs/open_options.hpp>
#include <coramfs/result.hpp>
#include <coramfs/volume.hpp>

#include <asio/any_io_executor.hpp>
#include <asio/async_result.hpp>
#include <asio/awaitable.hpp>
#include <asio/buffer.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace coramfs {

/// A volume, for coroutines.
///
/// Every operation is a coroutine: it does nothing until it is awaited, completes without
/// suspending where nothing has to be waited for, and resumes on the awaiting coroutine's
/// executor where something has. Paths are copied at the call, so the awaitable may outlive
/// them; buffers must live until completion.
///
/// Only `open`, `read_file`, `write_file`, the copies and the exports can wait, each for one
/// file's lock at a time (an `open` also for space, if its options say so) and no longer than
/// their timeout. While one waits, all else on the volume goes on. The lock is not re-entrant: a
/// coroutine that opens for writing what it has open waits for itself until the timeout.
///
/// What touches more than 1 MiB of content or some 2,000 nodes gives the executor a turn after
/// each such slice; locks are held on, and what is to appear at once does.
///
/// Cancellation: a wait ends with `canceled` and leaves nothing behind (a coroutine's default
/// filter lets only terminal cancellation through); what need not wait completes in spite of it.
/// Long reads, copies, exports and imports end between two slices, and leave nothing; a write or a
/// removal that has begun runs to its end.
///
/// Lifetime: cheap to copy; a copy shares the volume. An operation keeps what it needs alive. A
/// context that dies destroys the handlers and coroutines of its operations, which read no more of
/// their callers' buffers; a `write_file` that had begun to replace a content leaves none.
///
/// Executors: those who wait are handed to their own, under no lock of the library but perhaps that
/// of a file, and to nobody else's. What an executor refuses with `std::bad_alloc` it is given
/// again on its context; what it destroys, or refuses otherwise, ends as if the context had died.
///
/// Thread safety: all members may be called from many threads and coroutines at once.
///
/// Errors that any operation with a path may give: `invalid_path`, `name_too_long`;
/// `not_found` and `not_a_directory` for what is above the last name; `out_of_memory`.
///
///     auto fs = coramfs::file_system::create(co_await asio::this_coro::executor).value();
///     auto f = co_await fs.open("/dl/a.zip", coramfs::open_mode::write);
class CORAMFS_EXPORT file_system {
 public:
  using executor_type = asio::any_io_executor;

  /// A file system over a volume of its own. Errors: those of `volume::create`.
  static result<file_system> create(executor_type executor, volume_options = {});

  /// A file system over a volume that others may share, `sync::file_system` among them. Throws
  /// `std::bad_alloc`: it allocates what its files share.
  file_system(executor_type executor, volume over);

  executor_type get_executor() const { return *executor_; }
  const volume& get_volume() const noexcept { return volume_; }

  /// Opens a file and takes its lock, which the file holds until it is closed. Waits for the
  /// lock as long as `options.timeout` says, behind all who came before.
  ///
  /// A new file appears already locked. `open_mode::write` empties an existing file once it
  /// holds the lock and nothing can fail any more. With `when_full::wait` it waits for the bytes
  /// of a new node and of the preallocation too; for the latter of an existing file it does so
  /// with the file's lock.
  ///
  /// Completes without suspending if nothing is to be waited for. Cancelled while it waits, it
  /// leaves no lock, no node and no byte.
  ///
  /// Errors: `invalid_argument` for `preallocate` with `open_mode::read`; `is_a_directory`;
  /// `not_found` (`read`, `update`); `already_exists` (`create`, at once, even if locked);
  /// `would_block` (immediate), `timed_out`, `canceled`; `node_limit_exceeded`; `quota_exceeded`
  /// for a new node and for the preallocation, with `when_full::wait` only where they could never
  /// fit; `memory_guard`. A refused open leaves no new file and no emptied old one.
  /// Charges: a new file's node and name, and the preallocation.
  asio::awaitable<result<file>> open(path_argument path, open_mode mode, open_options options = {});

  /// The same operation for any completion token, with the completion signature
  /// `void(result<file>)`; for `asio::use_awaitable` it is the coroutine.
  ///
  /// It is begun when the token's initiation runs, and waits on the context of this file system's
  /// executor. All that follows a wait or a slice runs on the handler's associated executor, where
  /// the handler is called, never from within the initiation unless it has associated an immediate
  /// executor that does so. All cancellation types end a wait, with
  /// `canceled`. A file that the handler does not take closes itself. Memory comes from the
  /// associated allocator, whose exceptions pass through the initiation.
  ///
  ///     auto opened = fs.open("/dl/a.zip", coramfs::open_mode::read, {}, asio::use_future);
  template <ASIO_COMPLETION_TOKEN_FOR(void(result<file>)) Token>
  auto open(path_argument path, open_mode mode, open_options options, Token&& token) {
    if constexpr (detail::is_coroutine_token<Token>) {
      return open(std::move(path), mode, options);
    } else {
      return asio::async_initiate<Token, void(result<file>)>(initiate_open(volume_, executor_),
                                                             token, std::move(path), mode, options);
    }
  }

  /// Makes one directory, whose parent exists. Errors: `already_exists`,
  /// `node_limit_exceeded`, `quota_exceeded`.
  asio::awaitable<result<void>> create_directory(path_argument path);

  /// Makes a directory with its missing parents, all or none. True: it was made by this call.
  /// Errors: `already_exists` for a file at the path; `node_limit_exceeded`, `quota_exceeded`.
  asio::awaitable<result<bool>> create_directories(path_argument path);

  /// Removes a file and gives back its charge. Errors: `is_a_directory`; `busy` if it is open.
  asio::awaitable<result<void>> remove(path_argument path);

  /// Removes a directory with all below it. Errors: `not_a_directory`; `invalid_argument` for
  /// the root; `busy` if a file below is open, and nothing is removed then.
  asio::awaitable<result<void>> remove_tree(path_argument path);

  /// Gives a file, or a directory with all below it, another name or place, in one step. With
  /// `if_exists::replace` a file takes the place of a file and a directory that of an empty
  /// one: others see the old target or the new one. Onto itself it changes nothing.
  ///
  /// Errors: `invalid_argument` for the root, and for `to` below `from`; `not_found`;
  /// `already_exists`; `directory_not_empty`, `is_a_directory`, `not_a_directory` for what can
  /// not be replaced; `busy` if either, or a file below, is open; `quota_exceeded` for a longer
  /// name.
  asio::awaitable<result<void>> rename(path_argument from, path_argument to,
                                       if_exists existing = if_exists::fail);

  /// As `rename`, and makes the missing parents of `to` in the same step.
  /// Errors: `node_limit_exceeded` too.
  asio::awaitable<result<void>> move(path_argument from, path_argument to,
                                     if_exists existing = if_exists::fail);

  /// Makes an independent copy of a file, which appears whole, at the end. Waits for the
  /// source's shared lock with the volume's default timeout.
  ///
  /// Errors: `is_a_directory`; `already_exists`, also for a copy onto itself; `busy` if what is
  /// to be replaced is open; `would_block`, `timed_out`, `canceled`; `node_limit_exceeded`,
  /// `quota_exceeded`, `memory_guard`.
  /// Charges: a file of its own; holes stay holes.
  asio::awaitable<result<void>> copy(path_argument from, path_argument to,
                                     if_exists existing = if_exists::fail);

  /// Copies a directory with all below it, whole or not at all. Each directory below is seen at
  /// one moment, as by `walk`, before anything is paid for; then each file is read under its
  /// shared lock, waited for with the volume's default timeout. What others remove before its
  /// turn is left out; `not_found` or `not_a_directory` if that is the directory itself.
  ///
  /// Errors: `not_a_directory`; `already_exists`; `invalid_argument` for `to` below `from`; and
  /// as `copy`. The whole is one request of the quota.
  asio::awaitable<result<void>> copy_tree(path_argument from, path_argument to);

  /// The names in a directory at one moment, sorted as unsigned bytes. A large one is seen in
  /// slices, and begun anew if others change it meanwhile; after a few times it is seen in one
  /// go, however large it is, as by `walk`, `glob` and the exports.
  ///
  /// Errors: `not_found`, `not_a_directory`, also where it has become so between slices;
  /// `canceled`.
  asio::awaitable<result<std::vector<std::string>>> list(path_argument path);

  /// A directory and all directories below it, each before those in it, sorted.
  /// Errors: `not_a_directory`.
  asio::awaitable<result<std::vector<walk_entry>>> walk(path_argument path = "/");

  /// The absolute paths of all files and directories that match, sorted, each once. `*` is any
  /// run of characters but "/", `?` one character, `[a-z]` and `[!a-z]` one of a class or not
  /// of it, `{a,b}` either of both, which may be patterns themselves and have "/" in them, and
  /// `**` as a whole component any number of directories. What is not closed stands for itself;
  /// case counts. A name is looked at in time of at most the product of its size and the
  /// pattern's.
  ///
  /// Errors: `name_too_long` for a pattern above 4,096 bytes.
  asio::awaitable<result<std::vector<std::string>>> glob(path_argument pattern);

  /// What is at the path; false also for an invalid path. They take no lock of a file.
  asio::awaitable<result<bool>> exists(path_argument path);
  asio::awaitable<result<bool>> is_file(path_argument path);
  asio::awaitable<result<bool>> is_directory(path_argument path);

  /// Size, times and generation, as of one moment, also while the file is being written.
  asio::awaitable<result<file_status>> stat(path_argument path);

  /// The size of a file, with what an open writer has written. Errors: `is_a_directory`.
  asio::awaitable<result<std::uint64_t>> file_size(path_argument path);

  /// A whole file, read under its shared lock with the volume's default timeout.
  ///
  /// Errors: `is_a_directory`; `too_large` above `max_size` bytes, before anything is allocated;
  /// `would_block`, `timed_out`, `canceled`.
  asio::awaitable<result<bytes>> read_file(path_argument path,
                                           std::optional<std::uint64_t> max_size = {});

  /// Makes a file of `content`, or replaces a file's content by it in one step under its
  /// exclusive lock, with the volume's default timeout. `content` must live until completion.
  ///
  /// Errors: `is_a_directory`; `would_block`, `timed_out`, `canceled`; `node_limit_exceeded`,
  /// `quota_exceeded`. A content that costs no more than the old one is never refused for
  /// space, and after a failure the old content is there.
  /// Charges: what the new content costs beyond the old.
  asio::awaitable<result<void>> write_file(path_argument path, asio::const_buffer content);

  /// `write_file` of text, of a literal without its NUL, or of bytes. They must live until
  /// completion.
  template <detail::content_like Content>
  asio::awaitable<result<void>> write_file(path_argument path, const Content& content) {
    return write_file(std::move(path), detail::to_buffer(content));
  }

  /// `read_file` into a string, and `write_file` of one. The bytes are taken as they are: text in
  /// an encoding is for `text_file`.
  asio::awaitable<result<std::string>> read_text(path_argument path,
                                                 std::optional<std::uint64_t> max_size = {});
  asio::awaitable<result<void>> write_text(path_argument path, std::string_view text) {
    return write_file(std::move(path), text);
  }

  /// All files at and below `prefix` by their absolute paths; none if it names nothing. Each is
  /// whole, read under its shared lock, which is waited for with the volume's default timeout;
  /// what others remove before its turn is left out.
  ///
  /// Errors: `would_block`, `timed_out`, `canceled`. Charges nothing: the map is the caller's.
  asio::awaitable<result<file_map>> export_tree(path_argument prefix = "/",
                                                export_options options = {});

  /// As `export_tree`, with one file in memory at a time: calls
  /// `visitor(const std::string& path, bytes content)` for each in the order of the paths, with
  /// no lock held. The visitor returns void or `result<void>`, or an awaitable of either; its
  /// failure ends the export and is returned, and what it throws passes through.
  template <class Visitor>
  asio::awaitable<result<void>> export_each(path_argument prefix, Visitor visitor) {
    return export_each_of(*this, std::move(prefix), std::move(visitor));
  }

  /// Makes all files of a map, with the directories above them, in one step: all or nothing,
  /// for others who look on too. Replaces files by new ones, and leaves all else.
  ///
  /// That step, alone of what it does, is not done in slices: it takes a look-up and a few moves
  /// of pointers for each file that comes into a directory which is there, and for each topmost
  /// new directory, whatever comes with it. Where others have changed the tree so that this does
  /// not fit, it is planned anew, and after a few times with the tree held meanwhile.
  ///
  /// Errors: of the keys, which decide first, `invalid_path`, `name_too_long`, `is_a_directory`
  /// for the root, `invalid_argument` for two keys of one file, `not_a_directory` for a file
  /// above another. Then `is_a_directory`, `not_a_directory`; `busy` if a file to be replaced is
  /// open; `node_limit_exceeded`, `quota_exceeded`, `memory_guard`; `canceled`, before that step.
  asio::awaitable<result<void>> import_tree(file_map files);

  /// One snapshot of the volume's figures.
  asio::awaitable<result<volume_stats>> stats();

 private:
  using executor_ptr = std::shared_ptr<const executor_type>;

  static void start_open(detail::completion<result<file>>& to, const volume& v, executor_ptr e,
                         path_argument path, open_mode mode, const open_options& options);
  class initiate_open {
   public:
    using executor_type = asio::any_io_executor;

    initiate_open(volume v, executor_ptr e) noexcept
        : volume_(std::move(v)), executor_(std::move(e)) {}

    executor_type get_executor() const noexcept { return *executor_; }
    template <class Handler>
    void operator()(Handler&& handler, path_argument path, open_mode mode,
                    open_options options) const {
      using completion = detail::handler_completion<std::decay_t<Handler>, result<file>>;
      auto& to = completion::make(std::forward<Handler>(handler), *executor_);
      start_open(to, volume_, executor_, std::move(path), mode, options);
    }

   private:
    volume volume_;
    executor_ptr executor_;
  };
  // Not a member: an operation may run longer than the object that began it lives.
  template <class Visitor>
  static asio::awaitable<result<void>> export_each_of(file_system fs, path_argument prefix,
                                                      Visitor visitor);
  asio::awaitable<result<std::vector<std::string>>> files_below(path_argument prefix,
                                                                export_options options);
  // None: the file has gone. `path` must live until completion.
  asio::awaitable<result<std::optional<bytes>>> read_if_there(const std::string& path);

  volume volume_;
  executor_ptr executor_;
};

namespace detail {

template <class T>
inline constexpr bool is_awaitable = false;
template <class T, class Executor>
inline constexpr bool is_awaitable<asio::awaitable<T, Executor>> = true;

// One shape for all that a visitor may return.
template <class Visitor>
asio::awaitable<result<void>> visit(Visitor& visitor, const std::string& path, bytes content) {
  using returned = std::invoke_result_t<Visitor&, const std::string&, bytes>;
  if constexpr (std::is_void_v<returned>) {
    visitor(path, std::move(content));
  } else if constexpr (std::is_same_v<returned, asio::awaitable<void>>) {
    co_await visitor(path, std::move(content));
  } else if constexpr (is_awaitable<returned>) {
    co_return co_await visitor(path, std::move(content));
  } else {
    co_return visitor(path, std::move(content));
  }
  co_return boost::outcome_v2::success();
}

}  // namespace detail

template <class Visitor>
asio::awaitable<result<void>> file_system::export_each_of(file_system fs, path_argument prefix,
                                                          Visitor visitor) {
  BOOST_OUTCOME_CO_TRY(const auto paths, co_await fs.files_below(std::move(prefix), {}));
  for (const std::string& path : paths) {
    BOOST_OUTCOME_CO_TRY(auto content, co_await fs.read_if_there(path));
    if (!content) continue;
    BOOST_OUTCOME_CO_TRY(co_await detail::visit(visitor, path, std::move(*content)));
  }
  co_return boost::outcome_v2::success();
}

}  // namespace coramfs
