// SPDX-License-Identifier: BSL-1.0
#include "integrations/sqlite/leftovers.hpp"

#include <coramfs/asio.hpp>

namespace coramfs::sqlite::detail {

result<bool> has_log(open_files& in, const std::string& database) {
  return in.has_content(database + "-wal");
}

result<bool> has_live_journal(open_files& in, const std::string& database, lock_timeout patience) {
  const std::string path = database + "-journal";
  BOOST_OUTCOME_TRY(const bool is_there, in.has_content(path));
  if (!is_there) return false;
  auto journal = in.open(path, {.patience = patience, .on_full = when_full::reject});
  if (!journal) return journal.error() == errc::not_found ? result<bool>(false) : journal.error();
  char first = 0;
  const auto count = journal.value()->read_at(0, asio::buffer(&first, 1));
  in.close(journal.value());
  if (!count) return count.error();
  return first != 0;
}

}  // namespace coramfs::sqlite::detail
