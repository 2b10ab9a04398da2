// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/options.hpp>
#include <coramfs/result.hpp>

#include "integrations/sqlite/open_files.hpp"

#include <string>

namespace coramfs::sqlite::detail {

// What lies beside a database, and is a part of it: whoever opens the database next applies it. A
// connection that is closed leaves nothing of the kind, if it may write and there is room; one that
// has died may. Paths are in their normal form.

/// Whether a log has content.
result<bool> has_log(open_files& in, const std::string& database);

/// Whether a journal has something that is to be rolled back, unless a connection is just writing
/// it: one that is done with and kept begins with a zero.
///
/// Errors: those of `database_file::open`, but `not_found`.
result<bool> has_live_journal(open_files& in, const std::string& database, lock_timeout patience);

}  // namespace coramfs::sqlite::detail
