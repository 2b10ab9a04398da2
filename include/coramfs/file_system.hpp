// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/asio.hpp>
#include <coramfs/detail/asio_compat.hpp>
#include <coramfs/detail/buffer_span.hpp>
#include <coramfs/detail/file_system_tokens.hpp>
#include <coramfs/detail/initiation.hpp>
#include <coramfs/detail/path_argument.hpp>
#include <coramfs/entries.hpp>
#include <coramfs/entry_pages.hpp>
#include <coramfs/file.hpp>
#include <coramfs/follow.hpp>
#include <coramfs/open_options.hpp>
#include <coramfs/result.hpp>
#include <coramfs/volume.hpp>

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace coramfs {

namespace detail {

class any_fetch;

/// What gives out the executor to use, as an `asio::io_context` does.
template <class Context>
concept execution_context = std::is_base_of_v<asio::execution_context, Context> &&
    requires(Context& c) {
  { c.get_executor() } -> std::convertible_to<asio::any_io_executor>;
};

}  // namespace detail

/// A volume, for coroutines.
///
/// Every operation is a coroutine: it does nothing until it is awaited, completes without
/// suspending where nothing has to be waited for, and resumes on the awaiting coroutine's
/// executor where something has. Paths are copied at the call, so the awaitable may outlive
/// them; buffers must live until completion.
///
/// Names: a path means one node, by its spelling alone. There are no links: a replacing `rename`
/// switches a name from one content to the next.
///
/// Waits: only `open`, `follow`, `read_file`, `write_file`, copies and exports can wait, and what
/// has `if_open::wait` in its options, each for one file's lock at a time (an `open` also for
/// space, if its options say so), and for each no longer than the timeout of the options, or else
/// `volume_options::default_lock_timeout`. While one waits, all else on the volume goes on. The
/// lock is not re-entrant: a coroutine that opens for writing what it has open waits for itself
/// until the timeout.
///
/// Turns: an operation that touches more than 1 MiB of content or some 2,000 nodes gives the
/// executor a turn after each such slice. It keeps file locks meanwhile, and what is to appear at
/// once does.
///
/// Cancellation: a wait ends with `canceled` and leaves nothing behind. What need not wait
/// completes in spite of a cancellation, but for long reads, searches, copies, exports and imports:
/// they end with `canceled` between two slices, and leave nothing. A write or a removal that has
/// begun runs to its end. A coroutine's default filter lets only terminal cancellation through.
///
/// Lifetime: it is a handle, cheap to copy, and a copy shares the volume. Its operations are const,
/// as those of an executor are: what they change is the volume, for all copies. An operation keeps
/// the volume and the executor alive. A context that is destroyed destroys the coroutines of its
/// operations, and their handlers uncalled. They read no more of their callers' buffers. What they
/// had begun is undone, but a removal and the preallocation of an existing file are finished, and a
/// `write_file` that had begun to replace a content leaves the file empty.
///
/// Executors: whoever has waited is handed to its own executor and to no other, with no lock of the
/// library held but perhaps that of a file. What an executor refuses with `std::bad_alloc` it is
/// given again on its context. What it destroys, or refuses otherwise, ends as if the context had
/// been destroyed.
///
/// Completion tokens: each operation here and of `file`, but for `export_each`, also takes any
/// token of Asio's as its last argument, with the completion signature `void(result<T>)`. What may
/// be left out for the coroutine may be left out before the token. For `asio::use_awaitable` it is
/// the coroutine; else it begins when the token's initiation runs, and waits on the context of this
/// file system's executor, which must be there until the last wait has ended. All that follows a
/// wait or a slice runs on the handler's associated executor, or else on the file system's: for
/// `asio::use_future` that is a thread of Asio's own. There the handler is called, and within the
/// initiation only where it has associated an immediate executor that does so. What it was called
/// with by reference, a content for instance, must live until then, and a file stay where it is.
///
/// All cancellation types are heard. A signal is emitted, or ends, after the initiation, and not at
/// the same time as something runs on the handler's executor. Of a cancellation that came before
/// the call an operation with a token knows nothing: only the coroutine asks for that. A file that
/// the handler does not take closes itself.
///
/// The memory of an operation with a token, about 1.1 KiB, comes from the associated allocator,
/// whose exceptions pass through the initiation before anything has begun; so does what an executor
/// takes to be posted to, as far as that asks the handler. If an executor refuses what has ended in
/// the initiation, for want of memory and twice, `std::bad_alloc` passes through, the handler is
/// destroyed, and what was done stays done. `export_each` is for coroutines, as its visitor is, and
/// reaches a token by `asio::co_spawn`.
///
/// Coroutines on another executor: what is returned here is awaited in an `asio::awaitable<T>`. In
/// an `asio::awaitable<T, Executor>` the token is `asio::use_awaitable_t<Executor>()`, or
/// `asio::deferred` where Asio has it; `coramfs/default_token.hpp` makes it the default.
///
/// Results: a handler has one argument, the result, so `asio::as_tuple` gives a tuple of one,
/// `auto [r] = ...`. It is not needed: `auto [ec, f] = co_await fs.open(...)` takes a result apart.
///
/// Thread safety: all members may be called from many threads and coroutines at once.
///
/// Errors that every operation with a path may give, unless it says otherwise: `invalid_path`,
/// `name_too_long`; `not_found` and `not_a_directory` for what is above the last name;
/// `invalid_argument` for an unknown enumerator; `out_of_memory`. A failure leaves everything as it
/// was. Operations that name no `Charges:` charge nothing. Where memory for a coroutine's frame is
/// refused the call throws `std::bad_alloc`, and nothing has begun.
///
///     auto fs = coramfs::file_system::create(co_await asio::this_coro::executor).value();
///     auto f = co_await fs.open("/dl/a.zip", coramfs::open_mode::write);
///     auto opened = fs.open("/dl/b.zip", coramfs::open_mode::read, asio::use_future);
class CORAMFS_EXPORT file_system : public detail::file_system_tokens<file_system> {
  using tokens = detail::file_system_tokens<file_system>;

 public:
  /// What waits and completes on behalf of the files.
  using executor_type = asio::any_io_executor;
  /// What `as_default_on` of Asio's tokens makes of a file system; include
  /// coramfs/default_token.hpp.
  template <class Executor>
  struct rebind_executor {
    using other = with_default_token<file_system, Executor>;  ///< with a default token
  };

  /// Makes a file system over a volume of its own. Its files and the operations with a
  /// completion token use `executor`. Errors: those of `volume::create`.
  static result<file_system> create(executor_type executor, volume_options = {});
  /// The same with the executor of an execution context, such as an `asio::io_context`.
  template <detail::execution_context Context>
  static result<file_system> create(Context& context, volume_options options = {}) {
    return create(executor_type(context.get_executor()), std::move(options));
  }

  /// Makes a file system over a volume that others may share, `sync::file_system` among them. It
  /// may throw `std::bad_alloc`, since it allocates what its files share.
  /// @{
  file_system(executor_type executor, volume over);
  template <detail::execution_context Context>
  file_system(Context& context, volume over)
      : file_system(executor_type(context.get_executor()), std::move(over)) {}
  /// @}

  /// The executor that it was made with.
  executor_type get_executor() const { return *executor_; }
  /// The volume, for another facade over it.
  const volume& get_volume() const noexcept { return volume_; }

  /// Opens a file and takes its lock, which the file holds until it is closed. It waits for the
  /// lock as long as `options.timeout` says, behind all who came before.
  ///
  /// A new file appears already locked. `open_mode::write` empties an existing file once it
  /// holds the lock and nothing can fail any more. With `when_full::wait` it waits for the bytes
  /// of a new node and of the preallocation too; for the preallocation of an existing file it does
  /// so while it holds the file's lock.
  ///
  /// It completes without suspending if nothing is to be waited for. Cancelled while it waits, it
  /// leaves no lock, no node and no byte.
  ///
  /// Errors: `invalid_argument` for `preallocate` with `open_mode::read`; `too_large` for
  /// `preallocate` above 2^63 - 1; `is_a_directory`; `not_found` with `read` and `update`;
  /// `already_exists` with `create`, at once, even if the file is locked; `would_block` with
  /// `lock_timeout::immediate()`; `timed_out`; `canceled`; `node_limit_exceeded`; `quota_exceeded`
  /// for a new node and for the preallocation, with `when_full::wait` only where they could never
  /// fit; `memory_guard` for the preallocation. A refused open leaves no new file and no emptied
  /// old one.
  /// Charges: a new file's node and name, and the preallocation.
  asio::awaitable<result<file>> open(path_argument path, open_mode mode,
                                     open_options options = {}) const;

  /// Opens a new file that has no name yet, with `open_mode::write_read`. It is in no directory, so
  /// nobody else finds it, and its lock is never waited for. It does all that a file does, counts
  /// in `stats` and against the node limit, and goes with all that it is charged when it is closed,
  /// unless `give_name` or `give_names` has taken it over before. Its `path` is empty.
  ///
  /// With `when_full::wait` it waits for the bytes of its node and of the preallocation as `open`
  /// does; cancelled while it waits it leaves nothing.
  ///
  /// Errors: `too_large` for `preallocate` above 2^63 - 1; `node_limit_exceeded`; `quota_exceeded`,
  /// with `when_full::wait` only where it could never fit; `memory_guard` for the preallocation;
  /// `invalid_argument` for an unknown enumerator; `out_of_memory`; `timed_out`; `canceled`.
  /// Charges: its node and the preallocation.
  asio::awaitable<result<file>> open_unnamed(open_options options = {}) const;

  /// Follows a file while it is written. One that a handle with `open_options::followable` writes
  /// is read at once, from its first byte on, and its follower learns how it ends; any other is
  /// opened for reading, and complete. Nothing is lost between this call and the first `next`.
  ///
  /// A file that is written and not followable is waited for, as by an `open`, for as long as
  /// `follow_options::patience` says; who waits for its lock goes on waiting also if the next one
  /// who has it is followable. While it is followed the file is busy; only its own writer removes
  /// it, by abandoning it. One that was abandoned is followed no more by its path.
  ///
  /// Errors: `not_found`; `is_a_directory`; `would_block` with `lock_timeout::immediate()`;
  /// `timed_out`; `busy` for more than 10,000 followers of a file that is written; `canceled`.
  /// Charges: nothing. It takes no memory but what its own wait does.
  asio::awaitable<result<follower>> follow(path_argument path, follow_options options = {}) const;

  /// Follows a file that is made by whoever wants it first. Whoever calls this includes
  /// coramfs/fetch.hpp. A file that is there is followed as by `follow`, whoever makes it: one that
  /// is complete, one that grows, one that is incomplete; one that is written and not followable is
  /// waited for. If there is none, it is made, followable, and `producer(file)` begins to write it:
  /// of any number of callers at the same time one begins it, and all follow it. It begins after
  /// this call, and not inside it.
  ///
  /// The producer is a coroutine, `asio::awaitable<result<void>>`, and nobody's child. It runs on a
  /// strand over `fetch_options::on`, or else over the executor of this file system, which is that
  /// of its file, too, and no cancellation or death of a caller's reaches it. Its word ends the
  /// file: success finishes it, an error abandons it with that error, and an exception with
  /// `errc::abandoned`. So it may move the file into what it calls:
  /// `co_return co_await download(url, std::move(to))`. A success is no end at another size than it
  /// has announced: that abandons the file, too, and so does an exception that has destroyed it,
  /// whoever has caught that. A file that is still in a handle elsewhere when it returns
  /// ends for itself, whatever it returns, and so does one that it has closed, finished or
  /// abandoned. Destroyed with its context it has abandoned the file.
  ///
  /// When nobody follows the file any more, others than by `fetch` included, the producer goes on,
  /// or it is stopped, as `when_alone` says: if nobody has come within `linger`, the file is taken
  /// out of the tree, and then a terminal cancellation is emitted, on the strand. Who fetches the
  /// file from then on begins anew. Where memory for that wait or for the cancellation is refused,
  /// the producer goes on. One that has returned, and has moved its file elsewhere, is not stopped
  /// any more. A producer that follows its own file is a follower of it, and so are two that follow
  /// each other's: nobody stops them.
  ///
  /// Because of that cancellation a producer that leaves its strand, by a token that is bound to
  /// another executor, disables it before, with
  /// `asio::this_coro::reset_cancellation_state(asio::disable_cancellation())`, until it is back.
  /// So does one that awaits a coroutine which it has spawned on another executor. With
  /// `alone::finish` there is none. It may end elsewhere, too.
  ///
  /// It completes with the first byte, or with the end of a file without bytes, or at once if there
  /// is one, or the patience is immediate. So an error before the first byte is that of all who
  /// wait; none of them tries again. With `negative` it is also that of all who fetch the file
  /// while that lasts.
  ///
  /// The producer lives until its coroutine has ended, and goes with what it holds before its error
  /// is told. Cancelled while it waits the call leaves the file as any follower does.
  ///
  /// Errors: of the producer before the first byte, as `file::abandon` tells it; `busy` for more
  /// followers than `max_followers`; those of `follow`, but `not_found` only for what is above the
  /// last name; `timed_out` also for the first byte, which has as long as a `next`; of a new file
  /// those of `open` with `create`, but `already_exists`; `invalid_argument` where neither the file
  /// system nor the options have an executor; `out_of_memory`, but for what Asio takes itself to
  /// make a strand and begin a coroutine: versions of it end the program. The call itself throws
  /// `std::bad_alloc` where there is no memory for the producer, and what that throws when it is
  /// moved. Charges: a new file's node and name. What a producer takes beside its frame is some 1.5
  /// KiB, which are not charged.
  /// @{
  template <class Producer>
  asio::awaitable<result<follower>> fetch(path_argument path, Producer producer) const;
  template <class Producer>
  asio::awaitable<result<follower>> fetch(path_argument path, Producer producer,
                                          fetch_options options) const;
  /// @}

  /// Gives the file of a handle that has none, as `open_unnamed` makes it, its name: it appears at
  /// `path`, whole, in one step, and the missing parents with it. The handle is closed by that.
  /// With `if_exists::replace` it takes the place of a file, which goes.
  ///
  /// The file must stay where it is, and not be used, until completion. An operation that is
  /// destroyed in the middle, with its context, takes the file with it, or has named it.
  ///
  /// The cursor, the content and the mode of the handle stay as they are where it fails, and it is
  /// still open; but in any case what is prepared and reserved is given back, and with it the
  /// slack.
  ///
  /// `options.open` decides about a file that is to be replaced and is in use: with `if_open::wait`
  /// the call waits for it as `rename` does, and with `if_open::keep_unnamed` it lives on without a
  /// name for those who have it open.
  /// While the call waits, the file and the parents are paid for: whoever has the other file and
  /// waits for space itself may wait for those bytes, until one of the two times out.
  ///
  /// Errors: `not_open`; `invalid_argument` for a file that has a name, or is of another volume;
  /// `busy` for one whose name was taken by `remove`, while other handles have it, too;
  /// `is_a_directory` for the root and for a directory at `path`; `already_exists` with
  /// `if_exists::fail`; `not_a_directory`; `busy` if the file to be replaced is in use, with
  /// `if_open::fail`; with `if_open::wait` `would_block`, `timed_out`, `canceled`;
  /// `node_limit_exceeded`; `quota_exceeded`; `canceled` between slices, before that step.
  /// Charges: as `create_directory` for each parent that is made, and with `accounting::memory` a
  /// long name and the entry; less what it replaces.
  asio::awaitable<result<void>> give_name(file& f, path_argument path,
                                          naming_options options = {}) const;

  /// Does what `give_name` does for many files, by the paths that they are to get, and makes the
  /// directories that are listed, also where nothing comes into them: all of it in one step, or
  /// nothing, also in the eyes of others. A directory that is there already stays as it is. On
  /// success all the handles are closed, and after a failure all are as `give_name` leaves them.
  ///
  /// Only that step, as with `import_tree`, and a copy of the paths are not done in slices. The map
  /// and its files must stay as they are, and not be used, until completion. An operation that is
  /// destroyed in the middle, with its context, takes the files with it, or has named all of them.
  ///
  /// Errors: of the handles and the paths, which decide first, those of `give_name`,
  /// `invalid_path`, `name_too_long`, `invalid_argument` for two of one normal form, but for
  /// directories, and `not_a_directory` for a file above another or above a directory. Then of the
  /// tree as `give_name`; `not_a_directory` for a file in the place of a directory; `canceled`
  /// between slices, before that step.
  /// Charges: as `give_name`, and as `create_directory` for each directory that is made, as one
  /// request of the quota.
  asio::awaitable<result<void>> give_names(std::map<std::string, file>& files,
                                           std::vector<std::string> directories = {},
                                           naming_options options = {}) const;

  /// Makes one directory, whose parent must exist.
  ///
  /// Errors: `already_exists` for anything at the path; `node_limit_exceeded`; `quota_exceeded`.
  /// Charges: with `accounting::memory` its node, its name and its entry.
  asio::awaitable<result<void>> create_directory(path_argument path) const;

  /// Makes a directory with its missing parents, all or none. Returns whether this call made the
  /// directory, rather than found it there.
  ///
  /// Errors: `already_exists` for a file at the path; `node_limit_exceeded`; `quota_exceeded`.
  /// Charges: as `create_directory`, for each that is made.
  asio::awaitable<result<bool>> create_directories(path_argument path) const;

  /// Removes a file, and gives back its charge by its completion.
  ///
  /// `options.open` decides about a file that is in use: open, or waited for. With `if_open::wait`
  /// the removal waits for the file's lock, behind all who came before, and removes the file with
  /// the lock in hand, so that nobody opens it in between. With `if_open::keep_unnamed` it waits
  /// for nobody: the file has no name any more, as one that `open_unnamed` makes. Its handles go
  /// on, and it is charged and counted until the last of them is closed. Where one handle alone has
  /// it, `give_name` gives it a name again.
  ///
  /// In both cases whoever waits for the file's lock is told that it has gone, and looks for its
  /// path again, with its timeout anew: it fails with `not_found`, makes a new file, or waits for
  /// the one that is there. Until then the node stays charged, and the content if readers had it.
  ///
  /// Cancelled while it waits, it leaves the file as it is.
  ///
  /// Errors: `not_found`; `is_a_directory`; with `if_open::fail` `busy` if it is open, or somebody
  /// waits for it; with `if_open::wait` `would_block` with `lock_timeout::immediate()`,
  /// `timed_out`, and `canceled`.
  asio::awaitable<result<void>> remove(path_argument path, remove_options options = {}) const;

  /// Removes an empty directory, and gives back its charge by its completion. What others create in
  /// it meanwhile is there before, or is refused with `not_found`.
  ///
  /// Errors: `not_found`; `not_a_directory`; `invalid_argument` for the root;
  /// `directory_not_empty`.
  asio::awaitable<result<void>> remove_directory(path_argument path) const;

  /// Removes a directory with all below it, in one step for others, and gives back the charges by
  /// its completion.
  ///
  /// `options.open` decides about files below that are in use. With `if_open::wait` the removal
  /// waits for each of them, in any order and with the timeout anew, as `remove` does; while it
  /// waits it keeps nobody from anything, so others may fill the tree, and it goes when nobody has
  /// a file of it. With `if_open::keep_unnamed` it waits for nobody, and the files that are open
  /// live on without names until they are closed.
  ///
  /// Errors: `not_found`; `not_a_directory`; `invalid_argument` for the root; `busy` if a file
  /// below is in use, with `if_open::fail`; with `if_open::wait` `would_block` with
  /// `lock_timeout::immediate()`, `timed_out`, and `canceled`. With another option than `fail` also
  /// `out_of_memory`.
  asio::awaitable<result<void>> remove_tree(path_argument path, remove_options options = {}) const;

  /// Gives a file, or a directory with all below it, another name or place, in one step. With
  /// `if_exists::replace` a file takes the place of a file, and a directory that of an empty
  /// one: others see the old target or the new one. A replacing rename onto itself changes nothing.
  ///
  /// `options.open` decides about files that are in use: `from` and `to`, or what is below `from`.
  /// With `if_open::wait` it waits for one after the other as an open for writing does, with the
  /// timeout anew for each, and with nothing in hand; it is done when it has all at once. Whoever
  /// waits for one of them by then is told that it has moved, or gone, and looks for its path
  /// again. With `if_open::keep_unnamed` a file that is replaced lives on without a name for those
  /// who have it open, as with POSIX's `rename`; what is moved may not be in use.
  ///
  /// Errors: `invalid_argument` for the root as `from`, and for `to` below `from`; `not_found` for
  /// `from`; `already_exists` with `if_exists::fail`, also for `from` itself; with
  /// `if_exists::replace` `directory_not_empty`, `is_a_directory` for a file over a directory, and
  /// `not_a_directory` for a directory over a file; `busy` if either, or a file below, is in use,
  /// with `if_open::fail`; with `if_open::wait` `would_block` with `lock_timeout::immediate()`,
  /// `timed_out`, `canceled`, and `node_limit_exceeded` where others wait for what is moved, whose
  /// nodes they keep until they have looked again; `quota_exceeded`; `out_of_memory`.
  /// Charges: with `accounting::memory` what a longer name takes, and the entry in another
  /// directory.
  /// @{
  asio::awaitable<result<void>> rename(path_argument from, path_argument to,
                                       rename_options options = {}) const;
  asio::awaitable<result<void>> rename(path_argument from, path_argument to,
                                       if_exists existing) const;
  /// @}

  /// Does what `rename` does, and makes the missing parents of `to` in the same step.
  ///
  /// Errors: as `rename`; `node_limit_exceeded`.
  /// Charges: as `rename`, and as `create_directory` for each parent that is made.
  /// @{
  asio::awaitable<result<void>> move(path_argument from, path_argument to,
                                     rename_options options = {}) const;
  asio::awaitable<result<void>> move(path_argument from, path_argument to,
                                     if_exists existing) const;
  /// @}

  /// Makes an independent copy of a file, which appears whole, at the end. It waits for the
  /// source's shared lock with the volume's default timeout.
  ///
  /// `options.open` decides about a file that is to be replaced and is in use: with `if_open::wait`
  /// the copy, when it is made and has let go of the source, waits for it as `rename` does, and
  /// with `if_open::keep_unnamed` it lives on without a name for those who have it open.
  /// While it waits the copy is paid for, so whoever has that file and waits for space itself may
  /// wait for those bytes, until one of the two times out.
  ///
  /// Errors: `not_found` for `from`; `is_a_directory` for either; `already_exists` with
  /// `if_exists::fail`, and for a copy onto itself; `busy` if what is to be replaced is in use,
  /// with `if_open::fail`; `would_block`, `timed_out`, `canceled` of the wait, the last also
  /// between slices; `node_limit_exceeded`; `quota_exceeded`; `memory_guard`.
  /// Charges: a new file with the content, less what it replaces; holes stay holes. With
  /// `copy_options::content::share` some 50 bytes for each block in the place of the content, but
  /// with `accounting::payload` its size.
  asio::awaitable<result<void>> copy(path_argument from, path_argument to,
                                     copy_options options = {}) const;

  /// Copies a directory with all below it, whole or not at all. Each directory below is seen at
  /// one moment, as by `walk`, before anything is paid for. Then each file is read under its
  /// shared lock, which is waited for with the volume's default timeout. What others remove before
  /// its turn is left out; if that is the directory itself the copy fails.
  ///
  /// With `copy_options::content::share` each file shares its bytes with its source.
  ///
  /// Errors: `not_supported` for `if_exists::replace`; `not_found` and `not_a_directory` for
  /// `from`; `already_exists` for anything at `to`; `invalid_argument` for `to` below `from`, and
  /// so for any copy of the root; `would_block`, `timed_out`, `canceled` of the waits, the last
  /// also between slices; `node_limit_exceeded`; `quota_exceeded`; `memory_guard`. Charges: all
  /// that is copied, as one request of the quota; what is shared as `copy`, where
  /// each block of a file beyond the first is asked for when it is the file's turn.
  asio::awaitable<result<void>> copy_tree(path_argument from, path_argument to,
                                          copy_options options = {}) const;

  /// Makes a volume that has all directories and files of this one, with locks, a quota and options
  /// of its own, as `volume::fork` does. Where a file is open for writing it is waited for with the
  /// volume's default timeout, for each anew. Each directory is seen at one moment, as by `walk`,
  /// and each file under its shared lock; what others remove before its turn is left out.
  ///
  /// Errors: `would_block`, `timed_out`, `canceled` of the waits, the last also between slices;
  /// else as `volume::fork`. Nothing is left of a fork that fails. Charges the fork: see
  /// `volume::fork`.
  asio::awaitable<result<volume>> fork(fork_options options = {}) const;

  /// The names in a directory at one moment, sorted as unsigned bytes. A large one is seen in
  /// slices, and begun anew if others change it meanwhile; after a few times it is seen in one
  /// go, however large it is. `walk`, `glob` and the exports do the same.
  ///
  /// Errors: `not_found` and `not_a_directory`, also where the path has come to name nothing, or a
  /// file, between slices; `canceled` between slices.
  asio::awaitable<result<std::vector<std::string>>> list(path_argument path) const;

  /// What is in a directory, with what `stat` tells of each, sorted by name. Which entries there
  /// are is of one moment, as for `list`; the status of each is of a moment of its own.
  ///
  /// Errors: as `list`.
  asio::awaitable<result<std::vector<directory_entry>>> list_entries(path_argument path) const;

  /// A page of a directory: of the entries that come after a name, the first ones, `most` at most.
  /// `after` is empty for the first page, and then the last name of the page before. A page with
  /// fewer entries than `most` is the last one.
  ///
  /// The order is one of the volume's own, and stays the same for as long as the volume lives. It
  /// is not that of the names: so a page takes time and memory by its own size, and not by that of
  /// the directory, which need not be looked at as a whole. Neither has the volume to remember
  /// anything between two pages. `after` need not be there, or have been there.
  ///
  /// Others may change the directory between two pages, and within one of more than some 2,000
  /// entries. No name is in the pages twice, and one that is there from the first to the last is in
  /// them once. Of names that come or go meanwhile some are in them: of what is renamed both, one
  /// or none.
  ///
  /// Errors: `not_found` and `not_a_directory`, as `list`; `invalid_argument` for a `most` of 0;
  /// `name_too_long` for an `after` above 255 bytes; `canceled` between slices.
  asio::awaitable<result<std::vector<directory_entry>>> list_some(path_argument path,
                                                                  path_argument after,
                                                                  std::size_t most) const;

  /// The entries of a directory, or all below it, a page at a time as `list_some` gives it,
  /// so that memory does not grow with the directory. `each_below` gives each directory before what
  /// is in it, and keeps for each level what is yet to be entered of one page; what is below a path
  /// of more than 4,096 bytes it does not reach.
  /// @{
  entry_pages<file_system> each(path_argument path = "/") const;
  entry_pages<file_system> each_below(path_argument path = "/") const;
  /// @}

  /// All that `glob` would find, a part at a time, so that memory does not grow with the tree: it
  /// keeps a page of each directory on the way down. Directories that nothing can match in are not
  /// entered. What is found is sorted as by `glob` in directories of fewer than 256 entries, and in
  /// larger ones page by page; what is below a path of more than 4,096 bytes it does not reach.
  /// What others change meanwhile is as `list_some` says for each directory.
  ///
  /// Errors of the pages: only `name_too_long`, for a pattern above 4,096 bytes or a path;
  /// `canceled` after 2,000 entries; `out_of_memory`.
  entry_pages<file_system> each_match(path_argument pattern) const;

  /// A directory and all directories below it, each before those in it, sorted. Each is seen at one
  /// moment; what others remove before its turn is left out.
  ///
  /// Errors: `not_found` and `not_a_directory` for the path; `canceled` between slices.
  asio::awaitable<result<std::vector<walk_entry>>> walk(path_argument path = "/") const;

  /// The absolute paths of all files and directories that match, sorted, each once. `*` is any
  /// run of characters but "/", `?` one character, `[a-z]` and `[!a-z]` one of a class or not
  /// of it, `{a,b}` either of both, which may be patterns themselves and have "/" in them, and
  /// `**` as a whole component any number of directories. What is not closed stands for itself;
  /// case counts. A relative pattern starts at the root. A name is looked at in time of at most the
  /// product of its size and the pattern's.
  ///
  /// Errors: only `name_too_long` for a pattern above 4,096 bytes; `canceled` between slices;
  /// `out_of_memory`.
  asio::awaitable<result<std::vector<std::string>>> glob(path_argument pattern) const;

  /// Whether there is anything, a file or a directory at the path; an invalid path leads to
  /// nothing. They take no file's lock. The result is true in an `if` also where the answer is no:
  /// ask for its `value()`. Errors: only `out_of_memory`, where none was had for a long path.
  /// @{
  asio::awaitable<result<bool>> exists(path_argument path) const;
  asio::awaitable<result<bool>> is_file(path_argument path) const;
  asio::awaitable<result<bool>> is_directory(path_argument path) const;
  /// @}

  /// Kind, size, times, generation, id and allocated bytes, as of one moment, also while the file
  /// is being written. It takes no file's lock. Errors: `not_found`.
  asio::awaitable<result<file_status>> stat(path_argument path) const;

  /// Makes `modified_at` of a file or a directory another time, as programs do that restore a tree.
  /// It takes no file's lock, and changes no content and no generation. A later change sets the
  /// time of that change, unless the time set here is still to come: no change takes a time back.
  ///
  /// Errors: `not_found`.
  asio::awaitable<result<void>> set_modified(path_argument path,
                                             std::chrono::system_clock::time_point to) const;

  /// The size of a file, with what an open writer has written. It takes no file's lock.
  ///
  /// Errors: `not_found`; `is_a_directory`.
  asio::awaitable<result<std::uint64_t>> file_size(path_argument path) const;

  /// Reads a whole file under its shared lock, which is waited for with the volume's default
  /// timeout.
  ///
  /// Errors: `not_found`; `is_a_directory`; `too_large` above `max_size` bytes, before anything is
  /// allocated; `would_block`, `timed_out`, `canceled` of the wait, the last also between slices.
  /// Charges nothing: the bytes are the caller's.
  asio::awaitable<result<bytes>> read_file(path_argument path,
                                           std::optional<std::uint64_t> max_size = {}) const;

  /// Makes a file of `content`, or replaces a file's content by it in one step under its exclusive
  /// lock, which is waited for with the volume's default timeout. It never waits for space.
  /// `content` must live until completion.
  ///
  /// Errors: `is_a_directory`; `would_block`, `timed_out`, `canceled` of the wait;
  /// `node_limit_exceeded`; `quota_exceeded`; `memory_guard`. A content that costs no more than the
  /// old one is never refused for space, and after a failure the old content is there.
  /// Charges: a new file's node and name; what the new content costs beyond the old.
  asio::awaitable<result<void>> write_file(path_argument path, asio::const_buffer content) const;

  /// `write_file` of text or of bytes, which must live until completion. An array of `char`, as a
  /// literal is, is text up to its first NUL; bytes in one are written by `asio::buffer(array)`.
  template <detail::content_like Content>
  asio::awaitable<result<void>> write_file(path_argument path, const Content& content) const {
    return write_file(std::move(path), detail::to_buffer(content));
  }

  /// `read_file` into a string, and `write_file` of one. The bytes are taken as they are: text in
  /// an encoding is for `text_file`.
  /// @{
  asio::awaitable<result<std::string>> read_text(path_argument path,
                                                 std::optional<std::uint64_t> max_size = {}) const;
  asio::awaitable<result<void>> write_text(path_argument path, std::string_view text) const;
  /// @}

  /// All files at and below `prefix` by their absolute paths, which are none if it names nothing.
  /// Which they are is found at the start. Each is whole, read under its shared lock, which is
  /// waited for with the volume's default timeout; what others remove before its turn is left out.
  ///
  /// Errors: of the path only `invalid_path` and `name_too_long`; `would_block`, `timed_out`,
  /// `canceled` of the waits, the last also between slices; `out_of_memory`.
  /// Charges nothing: the map is the caller's.
  asio::awaitable<result<file_map>> export_tree(path_argument prefix = "/",
                                                export_options options = {}) const;

  /// Exports as `export_tree` does, with one file in memory at a time: calls
  /// `visitor(const std::string& path, bytes content)` for each in the order of the paths, with
  /// no lock held. The visitor returns void or `result<void>`, or an awaitable of either. Its
  /// failure ends the export and is returned, and what it throws passes through. The path lives
  /// until the call, or the awaitable, has ended.
  ///
  /// Errors: as `export_tree`; those of the visitor.
  template <class Visitor>
  asio::awaitable<result<void>> export_each(path_argument prefix, Visitor visitor) const {
    return export_each_of(*this, std::move(prefix), std::move(visitor));
  }

  /// Makes all files of a map, with the directories above them, in one step: all or nothing, also
  /// in the eyes of others. It replaces files by new ones, and leaves all else.
  ///
  /// Only that step is not done in slices. It takes a look-up and a few moves of pointers for each
  /// file that comes into a directory which is there, and for each topmost new directory, whatever
  /// comes with it. Where others have changed the tree so that the plan does not fit any more, it
  /// is planned anew, and after a few times the tree is held from the plan to the end.
  ///
  /// `options.open` decides about files that are to be replaced and are in use: with
  /// `if_open::wait` the import, when all is made and paid for, waits for them one after the other,
  /// as `rename` does; with `if_open::keep_unnamed` they live on without names for those who have
  /// them open.
  /// While it waits, whoever has such a file and waits for space itself may wait for the bytes of
  /// the import, until one of the two times out.
  ///
  /// Errors: of the keys, which decide first, `invalid_path`; `name_too_long`; `is_a_directory` for
  /// the root; `invalid_argument` for two keys of one file; `not_a_directory` for a file above
  /// another. Then of the tree `is_a_directory` for a directory at a key; `not_a_directory` for a
  /// file above one; `busy` if a file to be replaced is in use, with `if_open::fail`; with
  /// `if_open::wait` `would_block`, `timed_out`, `canceled`; `node_limit_exceeded`;
  /// `quota_exceeded`; `memory_guard`; `canceled` between slices, before that step.
  /// Charges: the new files and directories, less the files that they replace.
  asio::awaitable<result<void>> import_tree(file_map files, import_options options = {}) const;

  /// The volume's figures at one moment. It never fails.
  asio::awaitable<result<volume_stats>> stats() const;

  // Each operation for any completion token, too.
  using tokens::copy;
  using tokens::copy_tree;
  using tokens::create_directories;
  using tokens::create_directory;
  using tokens::exists;
  using tokens::export_tree;
  using tokens::fetch;
  using tokens::file_size;
  using tokens::follow;
  using tokens::fork;
  using tokens::give_name;
  using tokens::give_names;
  using tokens::glob;
  using tokens::import_tree;
  using tokens::is_directory;
  using tokens::is_file;
  using tokens::list;
  using tokens::list_entries;
  using tokens::list_some;
  using tokens::move;
  using tokens::open;
  using tokens::open_unnamed;
  using tokens::read_file;
  using tokens::read_text;
  using tokens::remove;
  using tokens::remove_directory;
  using tokens::remove_tree;
  using tokens::rename;
  using tokens::set_modified;
  using tokens::stat;
  using tokens::stats;
  using tokens::walk;
  using tokens::write_file;
  using tokens::write_text;

 private:
  template <class, class, class>
  friend class detail::file_system_tokens;
  using executor_ptr = std::shared_ptr<const executor_type>;

  class later;
  // It takes the file system by value, and is no member, since an operation may outlive the object
  // that it was begun on.
  template <class Visitor>
  static asio::awaitable<result<void>> export_each_of(file_system fs, path_argument prefix,
                                                      Visitor visitor);
  asio::awaitable<result<follower>> begin_fetch(path_argument path,
                                                std::unique_ptr<detail::any_fetch> wanted) const;
  asio::awaitable<result<std::vector<std::string>>> files_below(path_argument prefix,
                                                                export_options options) const;
  // Gives no bytes if the file has gone. `path` must live until completion.
  asio::awaitable<result<std::optional<bytes>>> read_if_there(const std::string& path) const;

  volume volume_;
  executor_ptr executor_;
};

/// @cond
// The operations of a file system that was called with a completion token.
class CORAMFS_EXPORT file_system::later {
 public:
  template <class Outcome>
  using initiation = detail::initiation<Outcome>;

  explicit later(const file_system& of) noexcept : of_(of) {}

  initiation<result<file>> open(path_argument path, open_mode mode, open_options options = {});
  initiation<result<file>> open_unnamed(open_options options = {});
  initiation<result<follower>> follow(path_argument path, follow_options options = {});
  initiation<result<follower>> begin_fetch(path_argument path,
                                           std::unique_ptr<detail::any_fetch> wanted);
  initiation<result<void>> give_name(file& f, path_argument path, naming_options options = {});
  initiation<result<void>> give_names(std::map<std::string, file>& files,
                                      std::vector<std::string> directories = {},
                                      naming_options options = {});
  initiation<result<void>> create_directory(path_argument path);
  initiation<result<bool>> create_directories(path_argument path);
  initiation<result<void>> remove(path_argument path, remove_options options = {});
  initiation<result<void>> remove_directory(path_argument path);
  initiation<result<void>> remove_tree(path_argument path, remove_options options = {});
  initiation<result<void>> rename(path_argument from, path_argument to,
                                  rename_options options = {});
  initiation<result<void>> move(path_argument from, path_argument to, rename_options options = {});
  initiation<result<void>> copy(path_argument from, path_argument to, copy_options options = {});
  initiation<result<void>> copy_tree(path_argument from, path_argument to,
                                     copy_options options = {});
  initiation<result<volume>> fork(fork_options options = {});
  initiation<result<std::vector<std::string>>> list(path_argument path);
  initiation<result<std::vector<directory_entry>>> list_entries(path_argument path);
  initiation<result<std::vector<directory_entry>>> list_some(path_argument path,
                                                             path_argument after, std::size_t most);
  initiation<result<std::vector<walk_entry>>> walk(path_argument path = "/");
  initiation<result<std::vector<std::string>>> glob(path_argument pattern);
  initiation<result<bool>> exists(path_argument path);
  initiation<result<bool>> is_file(path_argument path);
  initiation<result<bool>> is_directory(path_argument path);
  initiation<result<file_status>> stat(path_argument path);
  initiation<result<void>> set_modified(path_argument path,
                                        std::chrono::system_clock::time_point to);
  initiation<result<std::uint64_t>> file_size(path_argument path);
  initiation<result<bytes>> read_file(path_argument path,
                                      std::optional<std::uint64_t> max_size = {});
  initiation<result<void>> write_file(path_argument path, asio::const_buffer content);
  initiation<result<std::string>> read_text(path_argument path,
                                            std::optional<std::uint64_t> max_size = {});
  initiation<result<file_map>> export_tree(path_argument prefix = "/", export_options options = {});
  initiation<result<void>> import_tree(file_map files, import_options options = {});
  initiation<result<volume_stats>> stats();

 private:
  const file_system& of_;
};

/// @endcond

namespace detail {

template <class T>
inline constexpr bool is_awaitable = false;
template <class T, class Executor>
inline constexpr bool is_awaitable<asio::awaitable<T, Executor>> = true;

// Calls a visitor, and makes one type of all that it may return.
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
