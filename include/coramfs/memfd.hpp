// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/asio_compat.hpp>
#include <coramfs/detail/export.hpp>
#include <coramfs/detail/held_charge.hpp>
#include <coramfs/entries.hpp>
#include <coramfs/file_system.hpp>
#include <coramfs/result.hpp>
#include <coramfs/sync/file_system.hpp>

#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>

namespace coramfs {

namespace detail {
struct memory_file_access;
}

/// How a memory file is made.
struct memfd_options {
  /// Nobody can change it any more, or make it shorter or longer, whoever has it: writes fail with
  /// the system's EPERM. Without this whoever has it may write to it, for `from_memfd`.
  bool seal = true;
  /// Every child that the program starts while the memory file is there has its descriptor, by the
  /// same number, whichever thread starts it. Without this no child has it but by a copy that is
  /// made for it, as by `posix_spawn_file_actions_adddup2`.
  bool inherit = true;
  /// Its bytes are held against the quota of the volume for as long as the `memory_file` is there:
  /// the size of the file, or with `accounting::memory` that in whole pages of the system. What a
  /// child keeps open after that is not charged, and neither are copies of the descriptor, nor what
  /// is written to it later.
  bool charge = true;
};
// g++ 12 destroys some temporaries of a co_await expression twice.
static_assert(std::is_trivially_destructible_v<memfd_options>);

/// A file of the system's that is in memory alone and has no name in any directory: a memfd. Who
/// opens its `path()` has a file like any other, which can be read, sought in and mapped.
/// `to_memfd` makes it.
///
/// It is move-only; a moved-from memory file is closed. The destructor closes the descriptor, and
/// gives the charge back. The memory goes when no process has the file open or mapped any more; the
/// last to close it spends time with its size.
///
/// Lifetime: it outlives the file system that it came from. With `memfd_options::charge` it keeps
/// the volume alive.
///
/// Thread safety: distinct objects, safe.
class CORAMFS_EXPORT memory_file {
 public:
  /// Makes a closed memory file.
  memory_file() noexcept = default;
  /// The other one is closed then; and what this one was, where it is assigned to.
  /// @{
  memory_file(memory_file&& other) noexcept
      : charge_(std::move(other.charge_)), fd_(std::exchange(other.fd_, -1)) {}
  memory_file& operator=(memory_file&& other) noexcept {
    memory_file taken(std::move(other));
    std::swap(charge_, taken.charge_);
    std::swap(fd_, taken.fd_);
    return *this;
  }
  /// @}
  ~memory_file();

  /// The descriptor, open for reading and writing, at position 0; -1 if it is closed. Whoever
  /// inherits it shares that position, so it is better opened by `path()`.
  int fd() const noexcept { return fd_; }
  /// What opens it anew, "/proc/self/fd/7" for instance: in this process, and with
  /// `memfd_options::inherit` in its children, which have it by the same number. It needs /proc.
  /// Empty if it is closed. May throw `std::bad_alloc`.
  std::string path() const;

 private:
  friend struct detail::memory_file_access;

  detail::held_charge charge_;
  int fd_ = -1;
};

/// Copies a file of the volume into a memory file, which children can open that know nothing of the
/// volume.
///
/// It waits for the file's shared lock with the volume's default timeout, pins the content, and
/// lets the lock go before anything is copied, so no writer is kept waiting. The charge is taken
/// before the memory file is made; for space it does not wait. Holes are copied as zeros. An empty
/// file becomes an empty memory file.
///
/// All calls of the host that may block are made by two threads of the library's, which are started
/// at the first use and end with the program. It resumes on the awaiting coroutine's executor.
///
/// Cancellation: seen while it waits, and between pieces of 1 MiB; then there is no memory file.
/// All types are heard that the coroutine's filter lets through. A context that is destroyed ends
/// it in the same way, without waiting for that.
///
/// Errors, those of the host with its own code: `not_found`; `is_a_directory`; `would_block`,
/// `timed_out` of the wait; `quota_exceeded` and `memory_guard` for the charge; the host's error
/// where it has no descriptor left, or no memory, or its limit of a file's size is below this one's
/// (of which it also sends SIGXFSZ); `canceled`; `out_of_memory`.
/// Charges: as `memfd_options::charge` says.
///
///     auto memory = co_await coramfs::to_memfd(fs, "/report.csv");
///     if (!memory) co_return memory.error();
///     const std::string command = "sha256sum " + memory.value().path();
CORAMFS_EXPORT asio::awaitable<result<memory_file>> to_memfd(const file_system& fs,
                                                             std::string path,
                                                             memfd_options options = {});

/// Copies as the awaited form does, in the calling thread, which also waits for the lock. It can
/// not be cancelled.
CORAMFS_EXPORT result<memory_file> to_memfd(const sync::file_system& fs, std::string path,
                                            memfd_options options = {});

/// Copies what a descriptor has, into a new file of the volume, and returns how many bytes that
/// are: of a memory file, or of any other regular file that can be read by its descriptor.
///
/// It is for what children have written. Nothing has to be sealed. What is there is read once, from
/// position 0, wherever the descriptor's own is, and that stays. It reads no more than the size
/// that the file has at the beginning, which is what it pays for before it reads: if others make it
/// shorter meanwhile there is less in the new file, and what they add is not. If others write
/// meanwhile, some of it may be old, and some new. Holes come as zeros. Files that say that they
/// are empty and are not, as some in /proc, are taken for empty.
///
/// The file appears whole or not at all, and missing parents with it, and replaces a file in one
/// step with `if_exists::replace`. In the meantime its content is in a file without a name, as
/// `file_system::open_unnamed` makes it.
///
/// The descriptor must be open until it completes. The host is called on the library's two threads,
/// as by `to_memfd`, and so is the volume. It resumes on the awaiting coroutine's executor.
///
/// Cancellation: seen before it begins, and between pieces of 1 MiB; then there is no new file, and
/// an old one is as it was. All types are heard that the coroutine's filter lets through. A context
/// that is destroyed ends it in the same way, without waiting for that: one piece may still be
/// read from the descriptor then.
///
/// Errors, those of the host with its own code: the host's error `EBADF` for a number that is no
/// descriptor, as all below 0, and for one that can not be read; `is_a_directory` for a descriptor
/// of a directory, and for one at `path`; `not_supported` for any other that is no regular file;
/// `already_exists` with `if_exists::fail`; `not_a_directory` for what is above the last name of
/// `path`; `invalid_path`, `name_too_long`; `busy` if what is to be replaced is open or waited for;
/// `invalid_argument` for an unknown enumerator; `node_limit_exceeded`; `quota_exceeded`;
/// `memory_guard`; `canceled`; `out_of_memory`.
/// Charges: a new file with the content; what it replaces is given back at the end.
///
///     auto memory = coramfs::to_memfd(fs, "/empty", {.seal = false}).value();
///     if (std::system(("date > " + memory.path()).c_str()) != 0) throw std::runtime_error("date");
///     auto size = coramfs::from_memfd(fs, memory.fd(), "/date");
CORAMFS_EXPORT asio::awaitable<result<std::uint64_t>> from_memfd(
    const file_system& fs, int fd, std::string path, if_exists existing = if_exists::fail);

/// Copies as the awaited form does, in the calling thread. It can not be cancelled.
CORAMFS_EXPORT result<std::uint64_t> from_memfd(const sync::file_system& fs, int fd,
                                                std::string path,
                                                if_exists existing = if_exists::fail);

namespace sync {
using coramfs::from_memfd;
using coramfs::to_memfd;
}  // namespace sync

}  // namespace coramfs
