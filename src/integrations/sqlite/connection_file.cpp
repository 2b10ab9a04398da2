// SPDX-License-Identifier: BSL-1.0
#include "integrations/sqlite/connection_file.hpp"

#include <utility>

namespace coramfs::sqlite::detail {

namespace {

// What a thread has noted, and whether nobody has taken it over yet.
struct failure_of_thread {
  error why{std::error_code()};
  bool is_new = false;
};

failure_of_thread& here() noexcept {
  thread_local failure_of_thread noted;
  return noted;
}

}  // namespace

connection_file::connection_file(std::shared_ptr<registration> vfs,
                                 std::shared_ptr<database_file> of, bool is_main) noexcept
    : sqlite3_file{}, by(std::move(vfs)), file(std::move(of)), is_database(is_main) {}

connection_file::~connection_file() {
  file->index.leave(wal);
  file->locks.lower(lock, lock_level::none);
  by->files().close(file);
}

void note_failure(const error& why) noexcept { here() = {why, true}; }

void note_failure(connection_file& of, const error& why) noexcept {
  if (!of.is_database) return note_failure(why);
  of.last = why;
  here() = {why, false};
}

void take_over_failure(connection_file& by) noexcept {
  if (by.is_database && std::exchange(here().is_new, false)) by.last = here().why;
}

void forget_failure() noexcept { here().is_new = false; }

error last_failure() noexcept { return here().why; }

}  // namespace coramfs::sqlite::detail
