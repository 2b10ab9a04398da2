// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/export.hpp>
#include <coramfs/result.hpp>
#include <coramfs/sync/file.hpp>

#include <cstdio>

namespace coramfs {

/// An open file as a `FILE*`, for C libraries. It takes the file over: `fclose` closes it, and lets
/// its lock go. It begins at the file's cursor. It is there where the C library has `fopencookie`.
///
/// It reads and writes as the mode of the file says: `open_mode::read` is "rb", `write` and
/// `create` are "wb", `append` is "ab", `update` is "r+b", `write_read` and `create_read` are
/// "w+b", and `append_read` is "a+b". As with any `FILE*` of the latter four, there is a seek or a
/// flush to be made between what is written and what is read next, and a seek the other way round.
///
/// One that writes has no buffer: what `fwrite` or `fprintf` has returned from is in the file and
/// is charged, and a write that is refused is told by the call itself. Each write that the C
/// library makes for it is whole or not at all. Whoever gives it a buffer by `setvbuf` has single
/// characters faster, and holds bytes that the quota does not know of: then only `fflush`, `fseek`
/// or `fclose` tells that they are refused, and with `fclose` they are lost. One that reads and
/// writes should be left without: with a buffer glibc up to 2.36 at least takes the wrong position
/// for such a stream, whatever is behind it. One that only reads has the buffer that any `FILE*`
/// has.
///
/// A failure sets `errno` to the `std::errc` that the error's code compares equal to: `ENOSPC` for
/// `quota_exceeded`, `ENOMEM` for `memory_guard` and `out_of_memory`, `EFBIG` for `too_large`,
/// `EOPNOTSUPP` for `not_supported`, `EINVAL` for a position that there can not be, and `ETIMEDOUT`
/// for `timed_out`.
///
/// There is no descriptor behind it: `fileno` fails with `EBADF`. On a handle of `when_full::wait`
/// a write blocks the thread, as it does there.
///
/// Lifetime: it outlives the file system that the file came from, and keeps the volume alive. What
/// is not closed stays open and locked.
///
/// Thread safety: that of any `FILE*`, which locks itself.
///
/// Errors, after which the file is closed: `not_open` for a closed file; `out_of_memory`. Charges
/// nothing.
///
///     auto f = fs.open("/picture.png", coramfs::open_mode::write).value();
///     std::FILE* out = coramfs::open_stdio(std::move(f)).value();
///     std::fprintf(out, "%d\n", 42);
///     if (std::fclose(out) != 0) std::perror("/picture.png");
CORAMFS_EXPORT result<std::FILE*> open_stdio(sync::file of);

}  // namespace coramfs
