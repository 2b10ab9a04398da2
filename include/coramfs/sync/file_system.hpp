// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/asio.hpp>
#include <coramfs/detail/buffer_span.hpp>
#include <coramfs/detail/path_argument.hpp>
#include <coramfs/entries.hpp>
#include <coramfs/follow_options.hpp>
#include <coramfs/open_options.hpp>
#include <coramfs/result.hpp>
#include <coramfs/sync/entry_range.hpp>
#include <coramfs/sync/file.hpp>
#include <coramfs/sync/follower.hpp>
#include <coramfs/volume.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace coramfs::detail {
struct producer_ref;
}

namespace coramfs::sync {

struct fetch_options;

/// A volume, for threads. It has the names, arguments, results and effects of
/// `coramfs::file_system`, and each call returns its result. Nothing here can be cancelled.
///
/// Only `open`, `follow`, `read_file`, `write_file`, copies and exports can wait, and what has
/// `if_open::wait` in its options, each for one file's lock at a time (an `open` also for space, if
/// its options say so), and for each no longer than the timeout of the options, or else
/// `volume_options::default_lock_timeout`. They block the calling thread, in the same queue as the
/// coroutines that wait, and need no executor and no running context. On the only thread of a
/// context they may therefore wait for a coroutine that needs that thread, until the timeout. The
/// lock is not re-entrant.
///
/// Lifetime: it is cheap to copy, and a copy shares the volume. It must live while a call on it
/// lasts; its files outlive it.
///
/// Thread safety: all members may be called from many threads at once.
///
/// Errors that every operation with a path may give, unless it says otherwise: `invalid_path`,
/// `name_too_long`; `not_found` and `not_a_directory` for what is above the last name;
/// `invalid_argument` for an unknown enumerator; `out_of_memory`. A failure leaves everything as it
/// was. Operations that name no `Charges:` charge nothing.
///
///     auto fs = coramfs::sync::file_system::create().value();
///     fs.write_file("/motd", "hello").value();
class CORAMFS_EXPORT file_system {
 public:
  /// Makes a file system over a volume of its own. Errors: those of `volume::create`.
  static result<file_system> create(volume_options = {});
  /// A file system over a volume that others may share, `coramfs::file_system` among them.
  explicit file_system(volume over) noexcept : volume_(std::move(over)) {}

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
  /// Errors: `invalid_argument` for `preallocate` with `open_mode::read`; `too_large` for
  /// `preallocate` above 2^63 - 1; `is_a_directory`; `not_found` with `read` and `update`;
  /// `already_exists` with `create`, at once, even if the file is locked; `would_block` with
  /// `lock_timeout::immediate()`; `timed_out`; `node_limit_exceeded`; `quota_exceeded` for a new
  /// node and for the preallocation, with `when_full::wait` only where they could never fit;
  /// `memory_guard` for the preallocation. A refused open leaves no new file and no emptied old
  /// one.
  /// Charges: a new file's node and name, and the preallocation.
  result<file> open(path_argument path, open_mode mode, open_options options = {}) const;

  /// Opens a new file that has no name yet, with `open_mode::write_read`. It is in no directory, so
  /// nobody else finds it, and its lock is never waited for. It does all that a file does, counts
  /// in `stats` and against the node limit, and goes with all that it is charged when it is closed,
  /// unless `give_name` or `give_names` has taken it over before. Its `path` is empty.
  ///
  /// With `when_full::wait` it waits for the bytes of its node and of the preallocation as `open`
  /// does.
  ///
  /// Errors: `too_large` for `preallocate` above 2^63 - 1; `node_limit_exceeded`; `quota_exceeded`,
  /// with `when_full::wait` only where it could never fit; `memory_guard` for the preallocation;
  /// `invalid_argument` for an unknown enumerator; `out_of_memory`; `timed_out`.
  /// Charges: its node and the preallocation.
  result<file> open_unnamed(open_options options = {}) const;

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
  /// `timed_out`; `busy` for more than 10,000 followers of a file that is written.
  /// Charges: nothing. It takes no memory but what its own wait does.
  result<follower> follow(path_argument path, follow_options options = {}) const;
  /// Follows a file that is made by whoever wants it first. Whoever calls this includes
  /// coramfs/sync/fetch.hpp. A file that is there is followed as by `follow`, whoever makes it,
  /// coroutines included. If there is none, it is made, followable, and `producer(file)` writes it,
  /// on the calling thread and inside this call: of any number of callers at the same time one does
  /// that, and all others read what comes.
  ///
  /// So to the first caller it is a slow call, which ends with the producer: it gets a follower of
  /// a file that has ended, from `follow.from` on, or the producer's error if that came before the
  /// first byte. It follows the file meanwhile, so the producer always goes on to its end. Who must
  /// not wait so long fetches on a thread of its own.
  ///
  /// The producer returns a `result<void>`, and its word ends the file: success finishes it, an
  /// error abandons it with that error, and what it throws with `errc::abandoned`; none of it
  /// passes through. A success is no end at another size than it has announced: that abandons the
  /// file, too, and so does an exception that has destroyed it, whoever has caught that.
  /// It takes the file by reference or by value, and may move it into what it calls. One that is
  /// still in a handle elsewhere when it returns ends for itself, whatever is returned, and so does
  /// one that it has closed, finished or abandoned.
  ///
  /// Others wait for the first byte, or for the end of a file without bytes, unless their patience
  /// is immediate; so an error before the first byte is that of all who wait. None of them tries
  /// again. With `negative` it is also that of all who fetch the file while that lasts. A producer
  /// that fetches its own file, or follows it to its end, waits for itself, and so do two that
  /// fetch each other's.
  ///
  /// Errors: of the producer before the first byte, as `file::abandon` tells it; `busy` for more
  /// followers than `max_followers`; those of `follow`, but `not_found` only for what is above the
  /// last name; `timed_out` also for the first byte, which has as long as a `next`; of a new file
  /// those of `open` with `create`, but `already_exists`. Charges: a new file's node and name.
  /// @{
  template <class Producer>
  result<follower> fetch(path_argument path, Producer producer) const;
  template <class Producer>
  result<follower> fetch(path_argument path, Producer producer, fetch_options options) const;
  /// @}
  /// Gives the file of a handle that has none, as `open_unnamed` makes it, its name: it appears at
  /// `path`, whole, in one step, and the missing parents with it. The handle is closed by that.
  /// With `if_exists::replace` it takes the place of a file, which goes.
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
  /// `if_open::fail`; with `if_open::wait` `would_block`, `timed_out`; `node_limit_exceeded`;
  /// `quota_exceeded`.
  /// Charges: as `create_directory` for each parent that is made, and with `accounting::memory` a
  /// long name and the entry; less what it replaces.
  result<void> give_name(file& f, path_argument path, naming_options options = {}) const;
  /// Does what `give_name` does for many files, by the paths that they are to get, and makes the
  /// directories that are listed, also where nothing comes into them: all of it in one step, or
  /// nothing, also in the eyes of others. A directory that is there already stays as it is. On
  /// success all the handles are closed, and after a failure all are as `give_name` leaves them.
  ///
  /// The map and its files must not be used meanwhile.
  ///
  /// Errors: of the handles and the paths, which decide first, those of `give_name`,
  /// `invalid_path`, `name_too_long`, `invalid_argument` for two of one normal form, but for
  /// directories, and `not_a_directory` for a file above another or above a directory. Then of the
  /// tree as `give_name`; `not_a_directory` for a file in the place of a directory.
  /// Charges: as `give_name`, and as `create_directory` for each directory that is made, as one
  /// request of the quota.
  result<void> give_names(std::map<std::string, file>& files,
                          std::vector<std::string> directories = {},
                          naming_options options = {}) const;

  /// Makes one directory, whose parent must exist.
  ///
  /// Errors: `already_exists` for anything at the path; `node_limit_exceeded`; `quota_exceeded`.
  /// Charges: with `accounting::memory` its node, its name and its entry.
  result<void> create_directory(path_argument path) const;
  /// Makes a directory with its missing parents, all or none. Returns whether this call made the
  /// directory, rather than found it there.
  ///
  /// Errors: `already_exists` for a file at the path; `node_limit_exceeded`; `quota_exceeded`.
  /// Charges: as `create_directory`, for each that is made.
  result<bool> create_directories(path_argument path) const;
  /// Removes a file, and gives back its charge.
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
  /// Errors: `not_found`; `is_a_directory`; with `if_open::fail` `busy` if it is open, or somebody
  /// waits for it; with `if_open::wait` `would_block` with `lock_timeout::immediate()`, and
  /// `timed_out`.
  result<void> remove(path_argument path, remove_options options = {}) const;
  /// Removes an empty directory, and gives back its charge. What others create in it meanwhile is
  /// there before, or is refused with `not_found`.
  ///
  /// Errors: `not_found`; `not_a_directory`; `invalid_argument` for the root;
  /// `directory_not_empty`.
  result<void> remove_directory(path_argument path) const;
  /// Removes a directory with all below it, in one step for others, and gives back the charges.
  ///
  /// `options.open` decides about files below that are in use. With `if_open::wait` the removal
  /// waits for each of them, in any order and with the timeout anew, as `remove` does; while it
  /// waits it keeps nobody from anything, so others may fill the tree, and it goes when nobody has
  /// a file of it. With `if_open::keep_unnamed` it waits for nobody, and the files that are open
  /// live on without names until they are closed.
  ///
  /// Errors: `not_found`; `not_a_directory`; `invalid_argument` for the root; `busy` if a file
  /// below is in use, with `if_open::fail`; with `if_open::wait` `would_block` with
  /// `lock_timeout::immediate()`, and `timed_out`. With another option than `fail` also
  /// `out_of_memory`.
  result<void> remove_tree(path_argument path, remove_options options = {}) const;

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
  /// `timed_out`, and `node_limit_exceeded` where others wait for what is moved, whose nodes they
  /// keep until they have looked again; `quota_exceeded`; `out_of_memory`.
  /// Charges: with `accounting::memory` what a longer name takes, and the entry in another
  /// directory.
  /// @{
  result<void> rename(path_argument from, path_argument to, rename_options options = {}) const;
  result<void> rename(path_argument from, path_argument to, if_exists existing) const {
    return rename(std::move(from), std::move(to), rename_options{existing});
  }
  /// @}
  /// Does what `rename` does, and makes the missing parents of `to` in the same step.
  ///
  /// Errors: as `rename`; `node_limit_exceeded`.
  /// Charges: as `rename`, and as `create_directory` for each parent that is made.
  /// @{
  result<void> move(path_argument from, path_argument to, rename_options options = {}) const;
  result<void> move(path_argument from, path_argument to, if_exists existing) const {
    return move(std::move(from), std::move(to), rename_options{existing});
  }
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
  /// with `if_open::fail`; `would_block`, `timed_out` of the wait; `node_limit_exceeded`;
  /// `quota_exceeded`; `memory_guard`.
  /// Charges: a new file with the content, less what it replaces; holes stay holes. With
  /// `copy_options::content::share` some 50 bytes for each block in the place of the content, but
  /// with `accounting::payload` its size.
  result<void> copy(path_argument from, path_argument to, copy_options options = {}) const;
  /// Copies a directory with all below it, whole or not at all. Each directory below is seen at
  /// one moment, as by `walk`, before anything is paid for. Then each file is read under its
  /// shared lock, which is waited for with the volume's default timeout. What others remove before
  /// its turn is left out; if that is the directory itself the copy fails.
  ///
  /// With `copy_options::content::share` each file shares its bytes with its source.
  ///
  /// Errors: `not_supported` for `if_exists::replace`; `not_found` and `not_a_directory` for
  /// `from`; `already_exists` for anything at `to`; `invalid_argument` for `to` below `from`, and
  /// so for any copy of the root; `would_block`, `timed_out` of the waits; `node_limit_exceeded`;
  /// `quota_exceeded`; `memory_guard`. Charges: all that is copied, as one request of the quota;
  /// what is shared as `copy`, where each block of a file beyond the first is asked for when it is
  /// the file's turn.
  result<void> copy_tree(path_argument from, path_argument to, copy_options options = {}) const;

  /// Makes a volume that has all directories and files of this one, with locks, a quota and options
  /// of its own, as `volume::fork` does. Where a file is open for writing it is waited for with the
  /// volume's default timeout, for each anew. Each directory is seen at one moment, as by `walk`,
  /// and each file under its shared lock; what others remove before its turn is left out.
  ///
  /// Errors: `would_block`, `timed_out` of the waits; else as
  /// `volume::fork`. Nothing is left of a fork that fails.
  /// Charges the fork: see `volume::fork`.
  result<volume> fork(fork_options options = {}) const;

  /// The names in a directory at one moment, sorted as unsigned bytes.
  ///
  /// Errors: `not_found` and `not_a_directory`, also where the path has come to name nothing, or a
  /// file, while a large directory was looked at.
  result<std::vector<std::string>> list(path_argument path) const;
  /// What is in a directory, with what `stat` tells of each, sorted by name. Which entries there
  /// are is of one moment, as for `list`; the status of each is of a moment of its own.
  ///
  /// Errors: as `list`.
  result<std::vector<directory_entry>> list_entries(path_argument path) const;
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
  /// `name_too_long` for an `after` above 255 bytes.
  result<std::vector<directory_entry>> list_some(path_argument path, path_argument after,
                                                 std::size_t most) const;
  /// The entries of a directory, or all below it, for a range-based `for`, a page of `list_some` at
  /// a time, so that memory does not grow with the directory. `each_below` gives each directory
  /// before what is in it, and keeps for each level what is yet to be entered of one page; what is
  /// below a path of more than 4,096 bytes it does not reach.
  /// @{
  entry_range<file_system> each(path_argument path = "/") const {
    return {*this, detail::entry_walk(std::move(path), detail::entry_walk::depth::one_directory)};
  }
  entry_range<file_system> each_below(path_argument path = "/") const {
    return {*this, detail::entry_walk(std::move(path), detail::entry_walk::depth::all_below)};
  }
  /// @}
  /// All that `glob` would find, for a range-based `for`, so that memory does not grow with the
  /// tree: it keeps a page of each directory on the way down. Directories that nothing can match in
  /// are not entered. What is found is sorted as by `glob` in directories of fewer than 256
  /// entries, and in larger ones page by page; what is below a path of more than 4,096 bytes it
  /// does not reach. What others change meanwhile is as `list_some` says for each directory.
  ///
  ///     for (const auto& e : fs.each_match("/logs/2026-*.txt")) std::cout << e.path << '\n';
  ///
  /// Errors of the range: only `name_too_long`, for a pattern above 4,096 bytes or a path;
  /// `out_of_memory`.
  entry_range<file_system> each_match(path_argument pattern) const {
    return {*this, detail::entry_walk(std::move(pattern), detail::entry_walk::depth::matching)};
  }
  /// A directory and all directories below it, each before those in it, sorted. Each is seen at one
  /// moment; what others remove before its turn is left out.
  ///
  /// Errors: `not_found` and `not_a_directory` for the path.
  result<std::vector<walk_entry>> walk(path_argument path = "/") const;
  /// The absolute paths of all files and directories that match, sorted, each once. The pattern is
  /// that of `coramfs::file_system::glob`: `*`, `?`, `[a-z]`, `[!a-z]`, `{a,b}` and `**`.
  ///
  /// Errors: only `name_too_long` for a pattern above 4,096 bytes; `out_of_memory`.
  result<std::vector<std::string>> glob(path_argument pattern) const;
  /// Whether there is anything, a file or a directory at the path; an invalid path leads to
  /// nothing. They take no file's lock. The result is true in an `if` also where the answer is no:
  /// ask for its `value()`. Errors: only `out_of_memory`, where none was had for a long path.
  /// @{
  result<bool> exists(path_argument path) const;
  result<bool> is_file(path_argument path) const;
  result<bool> is_directory(path_argument path) const;
  /// @}
  /// Kind, size, times, generation, id and allocated bytes, as of one moment, also while the file
  /// is being written. It takes no file's lock. Errors: `not_found`.
  result<file_status> stat(path_argument path) const;
  /// Makes `modified_at` of a file or a directory another time, as programs do that restore a tree.
  /// It takes no file's lock, and changes no content and no generation. A later change sets the
  /// time of that change, unless the time set here is still to come: no change takes a time back.
  ///
  /// Errors: `not_found`.
  result<void> set_modified(path_argument path, std::chrono::system_clock::time_point to) const;
  /// The size of a file, with what an open writer has written. It takes no file's lock.
  ///
  /// Errors: `not_found`; `is_a_directory`.
  result<std::uint64_t> file_size(path_argument path) const;

  /// Reads a whole file under its shared lock, which is waited for with the volume's default
  /// timeout.
  ///
  /// Errors: `not_found`; `is_a_directory`; `too_large` above `max_size` bytes, before anything is
  /// allocated; `would_block`, `timed_out` of the wait. Charges nothing: the bytes are the
  /// caller's.
  result<bytes> read_file(path_argument path, std::optional<std::uint64_t> max_size = {}) const;
  /// Makes a file of `content`, or replaces a file's content by it in one step under its exclusive
  /// lock, which is waited for with the volume's default timeout. It never waits for space.
  ///
  /// Errors: `is_a_directory`; `would_block`, `timed_out` of the wait; `node_limit_exceeded`;
  /// `quota_exceeded`; `memory_guard`. A content that costs no more than the old one is never
  /// refused for space, and after a failure the old content is there.
  /// Charges: a new file's node and name; what the new content costs beyond the old.
  /// @{
  result<void> write_file(path_argument path, asio::const_buffer content) const;
  template <detail::content_like Content>
  result<void> write_file(path_argument path, const Content& content) const {
    return write_file(std::move(path), detail::to_buffer(content));
  }
  /// @}
  /// `read_file` into a string, and `write_file` of one. The bytes are taken as they are: text in
  /// an encoding is for `text_file`.
  /// @{
  result<std::string> read_text(path_argument path,
                                std::optional<std::uint64_t> max_size = {}) const;
  result<void> write_text(path_argument path, std::string_view text) const {
    return write_file(std::move(path), text);
  }
  /// @}

  /// All files at and below `prefix` by their absolute paths, which are none if it names nothing.
  /// Which they are is found at the start. Each is whole, read under its shared lock, which is
  /// waited for with the volume's default timeout; what others remove before its turn is left out.
  ///
  /// Errors: of the path only `invalid_path` and `name_too_long`; `would_block`, `timed_out` of the
  /// waits; `out_of_memory`. Charges nothing: the map is the caller's.
  result<file_map> export_tree(path_argument prefix = "/", export_options options = {}) const;
  /// Exports as `export_tree` does, with one file in memory at a time: calls
  /// `visitor(const std::string& path, bytes content)` for each in the order of the paths, with no
  /// lock held. The visitor returns void or `result<void>`. Its failure ends the export and is
  /// returned, and what it throws passes through.
  ///
  /// Errors: as `export_tree`; those of the visitor.
  template <class Visitor>
  result<void> export_each(path_argument prefix, Visitor visitor) const;
  /// Makes all files of a map, with the directories above them, in one step: all or nothing, also
  /// in the eyes of others. It replaces files by new ones, and leaves all else.
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
  /// `if_open::wait` `would_block`, `timed_out`; `node_limit_exceeded`; `quota_exceeded`;
  /// `memory_guard`.
  /// Charges: the new files and directories, less the files that they replace.
  result<void> import_tree(file_map files, import_options options = {}) const;

  /// The volume's figures at one moment. It never fails.
  result<volume_stats> stats() const;

 private:
  class open_file_operation;
  class open_follower_operation;
  class fetch_operation;
  result<follower> run_fetch(path_argument path, const detail::producer_ref& by,
                             const fetch_options& options) const;
  result<std::vector<std::string>> files_below(path_argument prefix,
                                               const export_options& options) const;
  // Gives no bytes if the file has gone.
  result<std::optional<bytes>> read_if_there(const std::string& path) const;

  volume volume_;
};

template <class Visitor>
result<void> file_system::export_each(path_argument prefix, Visitor visitor) const {
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
