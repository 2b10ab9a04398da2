// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/memfd.hpp>

#include "api/coroutines.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include <unistd.h>

namespace coramfs::tests {

// One call through both facades.

inline result<memory_file> to_memfd_by(bool by_coroutine, const volume& v, std::string path,
                                       memfd_options options = {}) {
  if (!by_coroutine) {
    sync::file_system fs(v);
    return to_memfd(fs, std::move(path), options);
  }
  asio::io_context context;
  file_system fs(context, v);
  std::optional<result<memory_file>> made;
  spawn(context,
        [&]() -> asio::awaitable<void> { made.emplace(co_await to_memfd(fs, path, options)); });
  context.run();
  return std::move(*made);
}

inline result<std::uint64_t> from_memfd_by(bool by_coroutine, const volume& v, int fd,
                                           std::string path, if_exists existing = if_exists::fail) {
  if (!by_coroutine) {
    sync::file_system fs(v);
    return from_memfd(fs, fd, std::move(path), existing);
  }
  asio::io_context context;
  file_system fs(context, v);
  std::optional<result<std::uint64_t>> made;
  spawn(context, [&]() -> asio::awaitable<void> {
    made.emplace(co_await from_memfd(fs, fd, path, existing));
  });
  context.run();
  return *made;
}

/// All that a descriptor has, which stays where it is.
inline std::string content_of_descriptor(int fd) {
  std::string all;
  std::string piece(1 << 16, '\0');
  for (;;) {
    const ssize_t n = ::pread(fd, piece.data(), piece.size(), static_cast<off_t>(all.size()));
    if (n < 0) throw std::runtime_error("pread");
    if (n == 0) return all;
    all.append(piece, 0, static_cast<std::size_t>(n));
  }
}

}  // namespace coramfs::tests
