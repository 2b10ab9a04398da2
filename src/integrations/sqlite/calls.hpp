// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <sqlite3.h>

namespace coramfs::sqlite::detail {

// What SQLite calls, as C functions: none of them throws, and each has a result code of SQLite's.
// Those of a VFS are for one whose `pAppData` is a `vfs_face`, those of a file for a
// `connection_file`.

/// Fills in the calls of a VFS.
void set_vfs_calls(sqlite3_vfs& to) noexcept;
/// Whether it is a VFS of ours.
bool has_vfs_calls(const sqlite3_vfs& of) noexcept;

/// The calls of a file.
extern const sqlite3_io_methods file_calls;

}  // namespace coramfs::sqlite::detail
