// SPDX-License-Identifier: BSL-1.0
#include "integrations/sqlite/calls.hpp"

#include <coramfs/asio.hpp>

#include "integrations/sqlite/connection_file.hpp"
#include "integrations/sqlite/result_code.hpp"

#include <atomic>
#include <cstddef>
#include <cstring>
#include <new>
#include <utility>

namespace coramfs::sqlite::detail {

namespace {

connection_file& at(sqlite3_file* f) noexcept { return *static_cast<connection_file*>(f); }

int failed(connection_file& of, const error& why, int otherwise) noexcept {
  note_failure(of, why);
  return result_code(why, otherwise);
}

int failed_to_grow(connection_file& of, const error& why, int otherwise) noexcept {
  note_failure(of, why);
  return result_code_of_growth(why, otherwise);
}

int close_file(sqlite3_file* f) noexcept {
  f->pMethods = nullptr;
  at(f).~connection_file();
  return SQLITE_OK;
}

int read_file(sqlite3_file* f, void* to, int size, sqlite3_int64 offset) noexcept {
  const auto wanted = static_cast<std::size_t>(size);
  const auto count =
      at(f).file->read_at(static_cast<std::uint64_t>(offset), asio::buffer(to, wanted));
  if (!count) return failed(at(f), count.error(), SQLITE_IOERR_READ);
  if (count.value() == wanted) return SQLITE_OK;
  std::memset(static_cast<char*>(to) + count.value(), 0, wanted - count.value());
  return SQLITE_IOERR_SHORT_READ;
}

int write_file(sqlite3_file* f, const void* from, int size, sqlite3_int64 offset) noexcept {
  if (auto& batch = at(f).batch) {
    const auto kept =
        batch->keep(static_cast<std::uint64_t>(offset), static_cast<std::uint64_t>(size));
    if (!kept) return failed_to_grow(at(f), kept.error(), SQLITE_IOERR_WRITE);
  }
  const auto written = at(f).file->write_at(static_cast<std::uint64_t>(offset),
                                            asio::buffer(from, static_cast<std::size_t>(size)));
  return written ? SQLITE_OK : failed_to_grow(at(f), written.error(), SQLITE_IOERR_WRITE);
}

std::uint64_t in_whole_chunks(const connection_file& of, sqlite3_int64 size) noexcept {
  const auto bytes = static_cast<std::uint64_t>(size);
  const std::uint64_t chunk = of.chunk_size;
  return chunk == 0 ? bytes : (bytes + chunk - 1) / chunk * chunk;
}

// A batch, in which SQLite makes no file smaller, could not give back what is cut off without room.
int truncate_file(sqlite3_file* f, sqlite3_int64 size) noexcept {
  const auto& batch = at(f).batch;
  if (batch && in_whole_chunks(at(f), size) < batch->old_size())
    return failed(at(f), errc::not_supported, SQLITE_IOERR_TRUNCATE);
  const auto done = at(f).file->truncate(in_whole_chunks(at(f), size));
  return done ? SQLITE_OK : failed_to_grow(at(f), done.error(), SQLITE_IOERR_TRUNCATE);
}

// What is written is in the volume, and goes with it alone.
int sync_file(sqlite3_file*, int) noexcept { return SQLITE_OK; }

int size_of_file(sqlite3_file* f, sqlite3_int64* to) noexcept {
  const auto size = at(f).file->size();
  if (!size) return failed(at(f), size.error(), SQLITE_IOERR_FSTAT);
  *to = static_cast<sqlite3_int64>(size.value());
  return SQLITE_OK;
}

// A connection that begins to read has done with whatever has failed before. One that only reads
// gets no more, as where the system refuses it: so it does not write to the database when it is
// closed.
int lock_file(sqlite3_file* f, int level) noexcept {
  connection_file& of = at(f);
  if (!of.may_write && level > SQLITE_LOCK_SHARED) return SQLITE_IOERR_LOCK;
  if (of.lock.level() == lock_level::none) {
    forget_failure(of);
    const vfs_options& options = of.by->options();
    file_request how{.patience = options.patience, .on_full = options.on_full};
    how.is_database = true;
    how.may_write = of.may_write;
    const auto begun = of.file->begin_to_read(of.lock, how);
    if (!begun) return failed(of, begun.error(), SQLITE_IOERR_LOCK);
  }
  const auto wanted = static_cast<lock_level>(level);
  if (of.file->locks.raise(of.lock, wanted, of.by->options().patience)) return SQLITE_OK;
  return failed(of, errc::busy, SQLITE_BUSY);
}

int put_back_batch(connection_file& of) noexcept {
  const auto done = of.put_back_batch();
  return done ? SQLITE_OK : failed(of, done.error(), SQLITE_IOERR_ROLLBACK_ATOMIC);
}

int unlock_file(sqlite3_file* f, int level) noexcept {
  take_over_failure(at(f));
  if (const int code = put_back_batch(at(f)); code != SQLITE_OK) return code;
  at(f).file->locks.lower(at(f).lock, static_cast<lock_level>(level));
  return SQLITE_OK;
}

int is_reserved(sqlite3_file* f, int* to) noexcept {
  *to = at(f).file->locks.is_reserved() ? 1 : 0;
  return SQLITE_OK;
}

// Makes the file as large as its chunks say, by a hole.
int grow_to(connection_file& of, sqlite3_int64 wanted) noexcept {
  if (of.chunk_size == 0) return SQLITE_OK;
  const auto size = of.file->size();
  if (!size) return failed(of, size.error(), SQLITE_IOERR_FSTAT);
  const std::uint64_t whole = in_whole_chunks(of, wanted);
  if (whole <= size.value()) return SQLITE_OK;
  const auto done = of.file->truncate(whole);
  return done ? SQLITE_OK : failed_to_grow(of, done.error(), SQLITE_IOERR_TRUNCATE);
}

int begin_batch(connection_file& of) noexcept {
  if (!of.by->options().batch_atomic) return SQLITE_NOTFOUND;
  if (of.lock.level() != lock_level::exclusive || of.batch) return SQLITE_IOERR_BEGIN_ATOMIC;
  const vfs_options& options = of.by->options();
  const file_request how{.patience = options.patience, .on_full = options.on_full};
  auto begun = atomic_batch::begin(of.file, how);
  if (!begun) return failed_to_grow(of, begun.error(), SQLITE_IOERR_BEGIN_ATOMIC);
  of.batch.emplace(std::move(begun.value()));
  return SQLITE_OK;
}

int commit_batch(connection_file& of) noexcept {
  if (!of.batch) return SQLITE_IOERR_COMMIT_ATOMIC;
  of.batch.reset();
  return SQLITE_OK;
}

// `PRAGMA coramfs` tells how full the volume is, and how much only pins and forks hold. SQLite
// takes one text as the answer.
int answer_pragma(const connection_file& of, char** words) noexcept {
  if (sqlite3_stricmp(words[1], "coramfs") != 0) return SQLITE_NOTFOUND;
  const volume_stats stats = of.by->files().get_volume().stats();
  words[0] = sqlite3_mprintf("used %llu\nquota %llu\nheld %llu",
                             static_cast<unsigned long long>(stats.used_bytes),
                             static_cast<unsigned long long>(stats.quota_bytes),
                             static_cast<unsigned long long>(stats.held_bytes));
  return words[0] != nullptr ? SQLITE_OK : SQLITE_NOMEM;
}

// Below 0 it is a question.
int set_or_tell(bool& setting, int& wanted) noexcept {
  if (wanted >= 0) setting = wanted != 0;
  wanted = setting ? 1 : 0;
  return SQLITE_OK;
}

int control_file(sqlite3_file* f, int what, void* argument) noexcept {
  connection_file& of = at(f);
  switch (what) {
    case last_error_opcode:
      take_over_failure(of);
      *static_cast<error*>(argument) = of.last;
      return SQLITE_OK;
    case SQLITE_FCNTL_LOCKSTATE:
      *static_cast<int*>(argument) = static_cast<int>(of.lock.level());
      return SQLITE_OK;
    case SQLITE_FCNTL_CHUNK_SIZE: {
      const int size = *static_cast<int*>(argument);
      of.chunk_size = size > 0 ? static_cast<std::uint64_t>(size) : 0;
      return SQLITE_OK;
    }
    case SQLITE_FCNTL_BEGIN_ATOMIC_WRITE: return begin_batch(of);
    case SQLITE_FCNTL_COMMIT_ATOMIC_WRITE: return commit_batch(of);
    case SQLITE_FCNTL_ROLLBACK_ATOMIC_WRITE: return put_back_batch(of);
    case SQLITE_FCNTL_SIZE_HINT: return grow_to(of, *static_cast<sqlite3_int64*>(argument));
    case SQLITE_FCNTL_PERSIST_WAL: return set_or_tell(of.keeps_wal, *static_cast<int*>(argument));
    case SQLITE_FCNTL_POWERSAFE_OVERWRITE:
      return set_or_tell(of.is_powersafe, *static_cast<int*>(argument));
    case SQLITE_FCNTL_VFSNAME:
      *static_cast<char**>(argument) = sqlite3_mprintf("%s", of.by->name().c_str());
      return SQLITE_OK;
    case SQLITE_FCNTL_PRAGMA: return answer_pragma(of, static_cast<char**>(argument));
    default: return SQLITE_NOTFOUND;
  }
}

int size_of_sector(sqlite3_file*) noexcept { return 4096; }

// All that can be promised where nothing but the whole can be lost, and where a removal of what is
// open is seen by those who have it open.
int characteristics(sqlite3_file* f) noexcept {
  const int powersafe = at(f).is_powersafe ? SQLITE_IOCAP_POWERSAFE_OVERWRITE : 0;
  const int batch = at(f).by->options().batch_atomic ? SQLITE_IOCAP_BATCH_ATOMIC : 0;
  return SQLITE_IOCAP_ATOMIC | SQLITE_IOCAP_SAFE_APPEND | SQLITE_IOCAP_SEQUENTIAL |
         SQLITE_IOCAP_UNDELETABLE_WHEN_OPEN | batch | powersafe;
}

int map_index(sqlite3_file* f, int number, int size, int make, void volatile** to) noexcept {
  connection_file& of = at(f);
  const auto region = of.file->index.region(of.wal, of.by->files().get_volume(), of.file->path(),
                                            static_cast<std::size_t>(number),
                                            static_cast<std::size_t>(size), make != 0);
  *to = region ? region.value() : nullptr;
  return region ? SQLITE_OK : failed(of, region.error(), SQLITE_IOERR_SHMMAP);
}

int lock_index(sqlite3_file* f, int first, int count, int flags) noexcept {
  connection_file& of = at(f);
  wal_index& index = of.file->index;
  if ((flags & SQLITE_SHM_UNLOCK) != 0) {
    take_over_failure(of);
    index.unlock(of.wal, first, count);
    return SQLITE_OK;
  }
  // Of the locks that are shared all but the first three are those of who reads.
  constexpr int first_of_readers = 3;
  if ((flags & SQLITE_SHM_SHARED) != 0 && first >= first_of_readers) forget_failure(of);
  const bool has_it = (flags & SQLITE_SHM_SHARED) != 0 ? index.lock_shared(of.wal, first, count)
                                                       : index.lock(of.wal, first, count);
  return has_it ? SQLITE_OK : SQLITE_BUSY;
}

void order_index(sqlite3_file* f) noexcept {
  std::atomic_thread_fence(std::memory_order_seq_cst);
  at(f).file->index.barrier();
}

int unmap_index(sqlite3_file* f, int) noexcept {
  at(f).file->index.leave(at(f).wal);
  return SQLITE_OK;
}

}  // namespace

const sqlite3_io_methods file_calls = {
    2,
    close_file,
    read_file,
    write_file,
    truncate_file,
    sync_file,
    size_of_file,
    lock_file,
    unlock_file,
    is_reserved,
    control_file,
    size_of_sector,
    characteristics,
    map_index,
    lock_index,
    order_index,
    unmap_index,
    nullptr,
    nullptr,
};

}  // namespace coramfs::sqlite::detail
