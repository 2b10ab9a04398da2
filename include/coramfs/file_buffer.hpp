// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/export.hpp>
#include <coramfs/file.hpp>
#include <coramfs/pinned.hpp>
#include <coramfs/prepared.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>

namespace coramfs {

/// A file as a buffer that grows at its end: a model of Asio's DynamicBuffer_v2.
///
/// Its bytes are those from the file's cursor to its end; to consume is to move the cursor.
/// `asio::async_read_until(socket, file_buffer(f), "\r\n\r\n")` reads a head into a file: what
/// arrives is put where it stays, so nothing is copied, and nothing is held twice.
///
/// What it grows by is room as `file::prepare` makes it: paid for, and no part of the file until
/// it is published, which is done by the next `shrink`, `grow` or `consume`. Asio shrinks after
/// each read by what has not come, so a byte is the file's as soon as it has come, and no sooner.
/// Who fills the buffer by hand ends with `shrink(0)`.
///
/// *A short quota* throws nothing out of Asio's operations. Room is held before its size is told:
/// `capacity()` is what is held, some 4 to 64 KiB, and where less can be had `max_size()` is
/// exactly that. So an operation that finds no more room ends as one whose buffer is full:
/// `async_read_until` with `asio::error::not_found`, `async_read` of all without an error, where
/// it had read to the end with `asio::error::eof`. What has come is in the file. It never waits
/// for space, also where the file does; so too where the memory guard or the allocator refuses.
///
/// *Abandoned*, by a cancellation, an error of the stream, or a context that is destroyed in the
/// middle: the file has what had come by then, and not one byte more.
///
/// *Other readers* see a file in steps: `stat` shows what has come, with a generation for each
/// step, and whoever opens the file finds that. Nobody sees what the memory held before.
///
/// The room that is held at the end of an operation goes back with the next call of the file's
/// that writes, prepares, seeks, truncates or closes, or with `shrink`. So it does before: no such
/// call may be made while an operation runs.
///
/// Lifetime: refers to the file, which must stay where it is, open for `open_mode::update`. What
/// `data` gives is valid until the next call of a member that is not const, on this or the file.
///
/// Thread safety: as that of the file. Copies refer to the same file, and one of them is used.
class CORAMFS_EXPORT file_buffer {
 public:
  using const_buffers_type = pinned;
  using mutable_buffers_type = prepared;

  /// `max_size`: bytes that it is never to have more than, beside what can be had.
  explicit file_buffer(file& f,
                       std::size_t max_size = std::numeric_limits<std::size_t>::max()) noexcept
      : file_(&f), max_size_(max_size) {}

  /// Bytes from the cursor to the end, and those that it has grown by; 0 on a closed file.
  std::size_t size() const noexcept;
  /// To how many bytes `grow` can get: with `accounting::payload` what the quota has left, with
  /// `accounting::memory` a little less where that is much. Never below `size()`, and exactly that
  /// where nothing can be had, the file is not writable, or the cursor is past the end.
  std::size_t max_size() const noexcept;
  /// To how many bytes `grow` gets without fail. Both hold room: charges as `file::prepare`.
  std::size_t capacity() const noexcept;

  /// Up to `n` bytes from `position` on. Throw `std::system_error` with the `errc` of `file::pin`;
  /// the second, for bytes that are the file's already, with that of a write to what is pinned.
  const_buffers_type data(std::size_t position, std::size_t n) const;
  mutable_buffers_type data(std::size_t position, std::size_t n);

  /// Appends `n` bytes, whose content is unspecified. Up to `capacity()` it does not fail. Throws
  /// `std::length_error` above `max_size()`, `std::system_error` with the `errc` of `file::prepare`
  /// where others have taken meanwhile what there was.
  void grow(std::size_t n);
  /// Removes `n` bytes from the end, or all; the others are the file's then.
  void shrink(std::size_t n) noexcept;
  /// Moves the cursor by `n` bytes, or to the end.
  void consume(std::size_t n) noexcept;

 private:
  std::size_t published() const noexcept;
  std::size_t grown() const noexcept;
  std::size_t room() const noexcept;
  void publish() noexcept;

  file* file_;
  std::size_t max_size_;
  // Bytes at the start of the room of that number that are this buffer's: those of one that was
  // abandoned are nobody's.
  std::size_t grown_ = 0;
  std::uint64_t room_ = 0;
};

}  // namespace coramfs
