// SPDX-License-Identifier: BSL-1.0
#include "integrations/host/descriptor.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

namespace coramfs::detail {

error last_host_error() noexcept { return std::error_code(errno, std::system_category()); }

// Not begun anew after EINTR: on Linux the descriptor is free even then.
result<void> descriptor::close() noexcept {
  const int number = std::exchange(number_, -1);
  if (number < 0 || ::close(number) == 0 || errno == EINTR) return success();
  return last_host_error();
}

result<void> descriptor::write(std::span<const asio::const_buffer> from) noexcept {
  std::size_t skipped = 0;  // how much of the first buffer is written
  while (!from.empty()) {
    std::array<iovec, most_buffers> vectors;
    const std::size_t count = std::min(from.size(), vectors.size());
    for (std::size_t i = 0; i < count; ++i) {
      const asio::const_buffer b = from[i] + (i == 0 ? skipped : 0);
      vectors[i] = {const_cast<void*>(b.data()), b.size()};
    }
    const ssize_t written = ::writev(number_, vectors.data(), static_cast<int>(count));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return last_host_error();
    if (written == 0) return std::make_error_code(std::errc::io_error);
    std::size_t left = static_cast<std::size_t>(written) + skipped;
    while (!from.empty() && left >= from.front().size()) {
      left -= from.front().size();
      from = from.subspan(1);
    }
    skipped = left;
  }
  return success();
}

result<void> descriptor::write(const pinned& content, const std::stop_token& stop) {
  std::vector<asio::const_buffer> piece;
  std::size_t size = 0;
  const auto flush = [&]() -> result<void> {
    if (stop.stop_requested()) return errc::canceled;
    BOOST_OUTCOME_TRY(write(piece));
    piece.clear();
    size = 0;
    return success();
  };
  for (asio::const_buffer rest : content) {
    while (rest.size() > 0) {
      piece.push_back(asio::buffer(rest, piece_size - size));
      size += piece.back().size();
      rest += piece.back().size();
      if (size == piece_size) {
        BOOST_OUTCOME_TRY(flush());
      }
    }
  }
  return flush();
}

result<descriptor> open_at(int directory, const char* name, int flags, unsigned mode) noexcept {
  for (;;) {
    const int number = ::openat(directory, name, flags | O_CLOEXEC, mode);
    if (number >= 0) return descriptor(number);
    if (errno != EINTR) return last_host_error();
  }
}

}  // namespace coramfs::detail
