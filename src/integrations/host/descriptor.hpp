// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/result.hpp>

#include <string>
#include <utility>

namespace coramfs::detail {

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
  /// Closes it. Network file systems tell here that they could not write.
  result<void> close() noexcept;

 private:
  int number_ = -1;
};

/// `openat` of the host's, begun anew where a signal has interrupted it.
result<descriptor> open_at(int directory, const char* name, int flags, unsigned mode = 0) noexcept;

}  // namespace coramfs::detail
