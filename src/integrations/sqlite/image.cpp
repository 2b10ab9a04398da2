// SPDX-License-Identifier: BSL-1.0
#include <coramfs/sqlite_vfs.hpp>

#include <coramfs/detail/normal_text.hpp>

#include "integrations/sqlite/leftovers.hpp"
#include "integrations/sqlite/open_files.hpp"

#include <cstdint>
#include <memory>
#include <new>
#include <string>

namespace coramfs::sqlite {

namespace detail {

namespace {

// The slots of a log's index by which SQLite writes to the log, checkpoints it and recovers it.
constexpr int first_writing_slot = 0;
constexpr int writing_slots = 3;

/// One who looks at a database without SQLite: as a reader that lets nobody write meanwhile.
class spectator {
 public:
  spectator(open_files& in, std::shared_ptr<database_file> file) noexcept
      : in_(in), file_(std::move(file)) {}
  spectator(const spectator&) = delete;
  spectator& operator=(const spectator&) = delete;
  ~spectator() {
    file_->index.unlock(log_, first_writing_slot, writing_slots);
    file_->locks.lower(lock_, lock_level::none);
    in_.close(file_);
  }

  result<pinned> pin(const file_request& how) {
    const auto begun = file_->begin_to_read(lock_, how);
    if (!begun) return begun.error() == errc::busy ? error(errc::timed_out) : begun.error();
    if (!file_->index.lock(log_, first_writing_slot, writing_slots)) return errc::busy;
    BOOST_OUTCOME_TRY(const bool is_logged, has_log(in_, file_->path()));
    if (is_logged) return errc::busy;
    // The journal of one who is reserved is not to be rolled back, nor what was seen of one who
    // was.
    const std::uint64_t reservations = file_->locks.reservations();
    const bool is_reserved = file_->locks.is_reserved();
    BOOST_OUTCOME_TRY(const bool has_journal, has_live_journal(in_, file_->path(), how.patience));
    const bool was_reserved = is_reserved || file_->locks.reservations() != reservations;
    if (has_journal && !was_reserved) return errc::busy;
    return file_->pin();
  }

 private:
  open_files& in_;
  const std::shared_ptr<database_file> file_;
  lock_state::holder lock_;
  wal_index::user log_;
};

}  // namespace

}  // namespace detail

result<pinned> image(const volume& over, std::string_view path) try {
  BOOST_OUTCOME_TRY(const std::string normal, coramfs::detail::normal_text(path));
  const auto files = detail::open_files::of(over);
  detail::file_request how{.patience = over.options().default_lock_timeout,
                           .on_full = when_full::reject};
  how.may_write = false;
  how.is_database = true;
  BOOST_OUTCOME_TRY(auto file, files->open(normal, how));
  detail::spectator by(*files, std::move(file));
  return by.pin(how);
} catch (const std::bad_alloc&) {
  return errc::out_of_memory;
}

}  // namespace coramfs::sqlite
