// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/error.hpp>

namespace coramfs::sqlite::detail {

/// SQLite's result code for an error of the volume: what has no room is `SQLITE_FULL`, what is in
/// use `SQLITE_BUSY`, what finds no memory `SQLITE_IOERR_NOMEM`. `otherwise` is for all else.
int result_code(const error& why, int otherwise) noexcept;

/// The same for an operation that waits for nothing but room: what was not had in time is
/// `SQLITE_FULL`, too.
int result_code_of_growth(const error& why, int otherwise) noexcept;

}  // namespace coramfs::sqlite::detail
