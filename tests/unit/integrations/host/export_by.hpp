// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/host.hpp>

#include "api/coroutines.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>

namespace coramfs::tests {

/// One call through both facades.
inline result<std::uint64_t> export_by(bool by_coroutine, const volume& v, std::string prefix,
                                       std::filesystem::path dir, host_options options = {}) {
  if (!by_coroutine) {
    sync::file_system fs(v);
    return export_to_host(fs, std::move(prefix), std::move(dir), options);
  }
  // Its destructor waits until all is closed.
  blocking_pool pool;
  options.pool = &pool;
  asio::io_context context;
  file_system fs(context, v);
  std::optional<result<std::uint64_t>> made;
  spawn(context, [&]() -> asio::awaitable<void> {
    made.emplace(co_await export_to_host(fs, prefix, dir, options));
  });
  context.run();
  return *made;
}

inline host_options replacing() {
  host_options o;
  o.existing = if_exists::replace;
  return o;
}

}  // namespace coramfs::tests
