// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/asio.hpp>
#include <coramfs/result.hpp>
#include <coramfs/sync/file.hpp>

#include "integrations/sqlite/database_file.hpp"

#include <cstdint>
#include <memory>
#include <utility>

namespace coramfs::sqlite::detail {

/// What a connection changes in a database with no journal beside it, all or nothing: SQLite's
/// batch of atomic writes, from its beginning until it is committed or put back.
///
/// What is to be overwritten is copied first, to a file of the volume that has no name, so it is
/// charged, and a batch that finds no room has changed nothing yet by the write that it refuses.
/// Pins of the database would do, too; but then a page of 4 KiB costs the copy of a whole block.
///
/// Precondition: the connection is the only one that reads or writes the database, from the
/// beginning to the end.
///
/// Thread safety: none; it belongs to a connection.
class atomic_batch {
 public:
  /// Begins one. Errors: those of `sync::file_system::open_unnamed`.
  static result<atomic_batch> begin(std::shared_ptr<database_file> of, const file_request& how);

  /// Keeps what is in a part of the file, which is about to be overwritten. What the file has grown
  /// by since the beginning is not kept. Errors: those of a write that grows a file.
  result<void> keep(std::uint64_t offset, std::uint64_t size);
  /// Makes the file what it was at the beginning. It needs no room, as long as nobody has pinned
  /// the file since; where it is refused, it may be tried again.
  result<void> put_back();

  /// Bytes of the database when the batch began.
  std::uint64_t old_size() const noexcept { return old_size_; }

 private:
  atomic_batch(std::shared_ptr<database_file> of, coramfs::sync::file kept,
               std::uint64_t old_size) noexcept
      : file_(std::move(of)), kept_(std::move(kept)), old_size_(old_size) {}

  std::shared_ptr<database_file> file_;
  // Pieces of at most 4 KiB, one behind the other, with where it was and its size after each: so
  // they are put back from the last to the first, and of two at one place the older one counts.
  coramfs::sync::file kept_;
  std::uint64_t old_size_;
  std::uint64_t kept_size_ = 0;
};

}  // namespace coramfs::sqlite::detail
