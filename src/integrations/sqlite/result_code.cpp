// SPDX-License-Identifier: BSL-1.0
#include "integrations/sqlite/result_code.hpp"

#include <sqlite3.h>

namespace coramfs::sqlite::detail {

int result_code(const error& why, int otherwise) noexcept {
  for (const errc full : {errc::quota_exceeded, errc::node_limit_exceeded, errc::memory_guard})
    if (why == full) return SQLITE_FULL;
  for (const errc busy : {errc::timed_out, errc::would_block, errc::busy})
    if (why == busy) return SQLITE_BUSY;
  return why == errc::out_of_memory ? SQLITE_IOERR_NOMEM : otherwise;
}

int result_code_of_growth(const error& why, int otherwise) noexcept {
  return why == errc::timed_out ? SQLITE_FULL : result_code(why, otherwise);
}

}  // namespace coramfs::sqlite::detail
