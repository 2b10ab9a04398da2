// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/asio.hpp>
#include <coramfs/pinned.hpp>
#include <coramfs/result.hpp>

#include <cstddef>
#include <span>
#include <stop_token>
#include <utility>

namespace coramfs::detail {

/// How much is written or read before it is asked whether to stop, and how much room is made at a
/// time.
inline constexpr std::size_t piece_size = 1 << 20;

/// How many buffers one call of the host's reads or writes; the next one goes on behind them.
inline constexpr std::size_t most_buffers = 64;

/// The error of the host's last call in this thread.
error last_host_error() noexcept;

/// An open file or directory of the host. It is closed with the object.
///
/// Thread safety: one thread at a time.
class descriptor {
 public:
  descriptor() noexcept = default;
  explicit descriptor(int number) noexcept : number_(number) {}
  descriptor(descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  descriptor& operator=(descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~descriptor() { static_cast<void>(close()); }

  int number() const noexcept { return number_; }
  /// Gives the number away, which is the caller's to close.
  int release() noexcept { return std::exchange(number_, -1); }
  /// Writes behind what was written. Errors: the host's.
  result<void> write(std::span<const asio::const_buffer> from) noexcept;
  /// Writes all of a content, in pieces of 1 MiB. Errors: the host's; `canceled` once it is asked
  /// to stop, between the pieces. May throw `std::bad_alloc`.
  result<void> write(const pinned& content, const std::stop_token& stop);
  /// Closes it. Network file systems tell here that they could not write.
  result<void> close() noexcept;

 private:
  int number_ = -1;
};

/// `openat` of the host's, begun anew where a signal has interrupted it.
result<descriptor> open_at(int directory, const char* name, int flags, unsigned mode = 0) noexcept;

}  // namespace coramfs::detail
