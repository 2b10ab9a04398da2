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
/// the next `shrink`, `grow` or `consume` publishes it. Asio shrinks after each read by what has
/// not come, so a byte is part of the file as soon as it has come, and no sooner. Whoever fills the
/// buffer by hand ends with `shrink(0)`.
///
/// *A short quota* throws nothing out of Asio's operations. Room is held before its size is told:
/// `capacity()` is what is held, some 4 to 64 KiB, and where less can be had `max_size()` is
/// exactly that. So an operation that finds no more room ends as one whose buffer is full:
/// `async_read_until` with `asio::error::not_found`, and `async_read` of everything without an
/// error, though at the end of the stream it would end with `asio::error::eof`. What has come is
/// in the file. The same is true where the memory guard or the allocator refuses. The buffer never
/// waits for space, not even on a handle that does.
///
/// *An operation that is abandoned*, by a cancellation, an error of the stream, or the destruction
/// of its context, leaves in the file what had come by then, and not one byte more.
///
/// *Others* see the file grow in steps: `stat` shows what has come, with a generation for each
/// step, and whoever opens the file later finds that. Nobody sees what the memory held before.
///
/// The room that is held at the end of an operation goes back with `shrink`, or with the next call
/// on the file that writes, prepares, seeks, truncates or closes. Such a call would end the room of
/// an operation that runs, too, so none may be made meanwhile.
///
/// Lifetime: it refers to the file, which must stay where it is, open to read and write. What
/// `data` gives is valid until the next call of a member that is not const, on this or the file.
///
/// Thread safety: as that of the file. Copies refer to the same file, and only one of them may be
/// used.
class CORAMFS_EXPORT file_buffer {
 public:
  /// What `DynamicBuffer_v2` asks for.
  /// @{
  using const_buffers_type = pinned;
  using mutable_buffers_type = prepared;
  /// @}

  /// A buffer over `f` that never has more than `max_size` bytes, nor more than can be had.
  explicit file_buffer(file& f,
                       std::size_t max_size = std::numeric_limits<std::size_t>::max()) noexcept
      : file_(&f), max_size_(max_size) {}

  /// The bytes from the cursor to the end, and those that it has grown by; 0 on a closed file.
  std::size_t size() const noexcept;
  /// The size that `grow` can get to. With `accounting::payload` all that the quota has left
  /// counts, with `accounting::memory` a little less where that is much. It is never below
  /// `size()`, and exactly that where nothing can be had, the file is not writable, or the cursor
  /// is past the end. Like `capacity`, it takes room and holds it. Charges: as `file::prepare`.
  std::size_t max_size() const noexcept;
  /// The size that `grow` gets to without fail, since room for it is held. Charges: as
  /// `file::prepare`.
  std::size_t capacity() const noexcept;

  /// Up to `n` bytes from `position` on. The const form throws `std::system_error` with the `errc`
  /// of `file::pin`. The other one makes bytes that are part of the file already writable, and
  /// throws with the `errc` of a write over them, which has to copy what is pinned.
  /// @{
  const_buffers_type data(std::size_t position, std::size_t n) const;
  mutable_buffers_type data(std::size_t position, std::size_t n);
  /// @}

  /// Publishes what it has grown by, and appends `n` bytes, whose content is unspecified. Up to
  /// `capacity()` it does not fail. It throws `std::length_error` above `max_size()`, and
  /// `std::system_error` with the `errc` of `file::prepare` where others have taken meanwhile what
  /// there was. Charges: as `file::prepare`.
  void grow(std::size_t n);
  /// Removes `n` bytes from the end, or all if there are fewer, and publishes the others.
  void shrink(std::size_t n) noexcept;
  /// Publishes what it has grown by, and moves the cursor by `n` bytes, or to the end if that is
  /// nearer.
  void consume(std::size_t n) noexcept;

 private:
  std::size_t published() const noexcept;
  std::size_t grown() const noexcept;
  std::size_t room() const noexcept;
  void publish() noexcept;

  file* file_;
  std::size_t max_size_;
  // How many bytes at the start of the room with the number `room_` this buffer has grown by. If
  // the file's room has another number, they were given back meanwhile. Bytes that a buffer had
  // grown by when it was abandoned are counted by no other one.
  std::size_t grown_ = 0;
  std::uint64_t room_ = 0;
};

}  // namespace coramfs
