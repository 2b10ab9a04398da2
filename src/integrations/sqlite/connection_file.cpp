// SPDX-License-Identifier: BSL-1.0
#include "integrations/sqlite/connection_file.hpp"

#include <utility>

namespace coramfs::sqlite::detail {

namespace {

// Whether what this thread has noted last was taken over by nobody yet. It is asked with each lock,
// and so stands by itself: the error is made when a thread first notes one.
constinit thread_local bool is_new = false;

error& noted() noexcept {
  thread_local error why{std::error_code()};
  return why;
}

}  // namespace

connection_file::connection_file(std::shared_ptr<registration> vfs,
                                 std::shared_ptr<database_file> of,
                                 const file_request& how) noexcept
    : sqlite3_file{},
      by(std::move(vfs)),
      file(std::move(of)),
      is_database(how.is_database),
      may_write(how.may_write) {}

// Whoever reads next would find half of a batch that could not be put back. Nobody can have pinned
// what it has written, so it can.
connection_file::~connection_file() {
  static_cast<void>(put_back_batch());
  file->index.leave(wal);
  file->locks.lower(lock, lock_level::none);
  by->files().close(file);
}

result<void> connection_file::put_back_batch() noexcept {
  if (batch) {
    BOOST_OUTCOME_TRY(batch->put_back());
    batch.reset();
  }
  return boost::outcome_v2::success();
}

void note_failure(const error& why) noexcept {
  noted() = why;
  is_new = true;
}

void note_failure(connection_file& of, const error& why) noexcept {
  if (!of.is_database) return note_failure(why);
  of.last = why;
  noted() = why;
  is_new = false;
}

void take_over_failure(connection_file& by) noexcept {
  if (is_new && by.is_database) {
    by.last = noted();
    is_new = false;
  }
}

void forget_failure(connection_file& by) noexcept {
  is_new = false;
  if (by.last) by.last = error(std::error_code());
}

void forget_failure() noexcept {
  is_new = false;
  noted() = error(std::error_code());
}

error last_failure() noexcept { return noted(); }

}  // namespace coramfs::sqlite::detail
