// SPDX-License-Identifier: BSL-1.0
#include "integrations/host/memory_copy.hpp"

#include <coramfs/prepared.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <utility>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

namespace coramfs::detail {

namespace {

// MFD_NOEXEC_SEAL, which C libraries of before 2023 do not name.
constexpr unsigned no_exec_seal = 0x0008;

// Returns the size of a regular file that can be read.
result<std::uint64_t> size_of(int number) noexcept {
  struct stat found;
  if (::fstat(number, &found) != 0) return last_host_error();
  if (S_ISDIR(found.st_mode)) return errc::is_a_directory;
  if (!S_ISREG(found.st_mode)) return errc::not_supported;
  // Of an empty file nothing is read that would tell it.
  const int flags = ::fcntl(number, F_GETFL);
  if (flags < 0) return last_host_error();
  if ((flags & O_ACCMODE) == O_WRONLY || (flags & O_PATH) != 0) {
    errno = EBADF;
    return last_host_error();
  }
  return static_cast<std::uint64_t>(found.st_size);
}

// Looks first at what would be refused after all has been copied.
result<void> require_place(const sync::file_system& fs, const std::string& path,
                           if_exists existing) {
  const auto there = fs.stat(path);
  if (!there && there.error() == errc::not_found) return success();
  if (!there) return there.error().code();
  if (existing == if_exists::fail) return errc::already_exists;
  if (there.value().is_directory) return errc::is_a_directory;
  return success();
}

// Returns how many bytes it has read into the room: none at the end of the file.
result<std::size_t> read_at(int number, std::uint64_t offset, const prepared& room) noexcept {
  std::array<iovec, most_buffers> vectors;
  std::size_t count = 0;
  for (const asio::mutable_buffer b : room) {
    if (count == vectors.size()) break;
    vectors[count++] = {b.data(), b.size()};
  }
  for (;;) {
    const ssize_t n =
        ::preadv(number, vectors.data(), static_cast<int>(count), static_cast<off_t>(offset));
    if (n >= 0) return static_cast<std::size_t>(n);
    if (errno != EINTR) return last_host_error();
  }
}

}  // namespace

// Until it is whole, no child has it.
result<descriptor> copy_to_memory(const pinned& content, const memfd_options& options,
                                  const std::stop_token& stop) {
  constexpr unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  descriptor file(::memfd_create("coramfs", flags));
  // Where the system allows no file that could be executed.
  if (file.number() < 0 && errno == EACCES)
    file = descriptor(::memfd_create("coramfs", flags | no_exec_seal));
  if (file.number() < 0) return last_host_error();
  BOOST_OUTCOME_TRY(file.write(content, stop));
  if (::lseek(file.number(), 0, SEEK_SET) != 0) return last_host_error();
  constexpr int seals = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
  if (options.seal && ::fcntl(file.number(), F_ADD_SEALS, seals) != 0) return last_host_error();
  if (options.inherit && ::fcntl(file.number(), F_SETFD, 0) != 0) return last_host_error();
  return file;
}

result<std::uint64_t> copy_from_descriptor(sync::file_system fs, int number,
                                           const std::string& path, if_exists existing,
                                           const std::stop_token& stop) {
  BOOST_OUTCOME_TRY(const std::uint64_t size, size_of(number));
  BOOST_OUTCOME_TRY(require_place(fs, path, existing));
  BOOST_OUTCOME_TRY(auto file, fs.open_unnamed());
  BOOST_OUTCOME_TRY(file.reserve(size));
  std::uint64_t at = 0;
  while (at < size) {
    if (stop.stop_requested()) return errc::canceled;
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(size - at, piece_size));
    BOOST_OUTCOME_TRY(const prepared room, file.prepare(wanted));
    BOOST_OUTCOME_TRY(const std::size_t count, read_at(number, at, room));
    BOOST_OUTCOME_TRY(file.commit(count));
    if (count == 0) break;
    at += count;
  }
  naming_options naming;
  naming.existing = existing;
  BOOST_OUTCOME_TRY(fs.give_name(file, path, naming));
  return at;
}

}  // namespace coramfs::detail
