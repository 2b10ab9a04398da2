// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/export.hpp>
#include <coramfs/file.hpp>
#include <coramfs/pinned.hpp>
#include <coramfs/prepared.hpp>

#include <cstddef>
#include <limits>

namespace coramfs {

/// A file as a buffer that grows at its end: a model of Asio's DynamicBuffer_v2.
///
/// Its bytes are those from the file's cursor to its end; to consume is to move the cursor. So
/// what arrives is in the file, and paid for, at once: nothing is copied, and nothing is held
/// twice. `asio::async_read_until(socket, file_buffer(f), "\r\n\r\n")` reads a head into a file.
///
/// Lifetime: refers to the file, which must stay where it is, open for `open_mode::update`. What
/// `data` gives is valid until the next call of a member that is not const, on this or the file.
///
/// Thread safety: as that of the file. Copies refer to the same file.
class CORAMFS_EXPORT file_buffer {
 public:
  using const_buffers_type = pinned;
  using mutable_buffers_type = prepared;

  /// `max_size`: bytes that it is never to have more than, beside what the quota has left.
  explicit file_buffer(file& f,
                       std::size_t max_size = std::numeric_limits<std::size_t>::max()) noexcept
      : file_(&f), max_size_(max_size) {}

  /// Bytes from the cursor to the end; 0 on a closed file.
  std::size_t size() const noexcept;
  /// Bytes that it has and that the quota has left. What is no content is not counted, so to grow
  /// as far may fail.
  std::size_t max_size() const noexcept;
  std::size_t capacity() const noexcept { return size(); }

  /// Up to `n` bytes from `position` on. Throw `std::system_error` with the `errc` of `file::pin`,
  /// and of a write to what is pinned.
  const_buffers_type data(std::size_t position, std::size_t n) const;
  mutable_buffers_type data(std::size_t position, std::size_t n);

  /// Appends `n` bytes, whose content is unspecified. Throws `std::length_error` above
  /// `max_size()`, `std::system_error` with the `errc` of a write.
  void grow(std::size_t n);
  /// Removes `n` bytes from the end, or all.
  void shrink(std::size_t n);
  /// Moves the cursor by `n` bytes, or to the end.
  void consume(std::size_t n);

 private:
  file* file_;
  std::size_t max_size_;
};

}  // namespace coramfs
