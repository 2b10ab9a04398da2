// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/host.hpp>

#include "api/coroutines.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>

namespace coramfs::tests {

/// One call through both facades.
inline result<std::uint64_t> import_by(bool by_coroutine, const volume& v,
                                       std::filesystem::path dir, std::string dest,
                                       host_options options = {}) {
  if (!by_coroutine) {
    sync::file_system fs(v);
    return import_from_host(fs, std::move(dir), std::move(dest), options);
  }
  // Its destructor waits until all is closed.
  blocking_pool pool;
  options.pool = &pool;
  asio::io_context context;
  file_system fs(context, v);
  std::optional<result<std::uint64_t>> made;
  spawn(context, [&]() -> asio::awaitable<void> {
    made.emplace(co_await import_from_host(fs, dir, dest, options));
  });
  context.run();
  return *made;
}

/// All below a directory of the volume, as `tree_of` gives it of the host's.
inline std::map<std::string, std::string> tree_in(const volume& v, const std::string& top = "/") {
  sync::file_system fs(v);
  const std::string above = top == "/" ? top : top + "/";
  std::map<std::string, std::string> all;
  for (const walk_entry& e : fs.walk(top).value()) {
    const std::string in = e.path == "/" ? e.path : e.path + "/";
    for (const std::string& name : e.directories) all[(in + name).substr(above.size()) + "/"];
    for (const std::string& name : e.files)
      all[(in + name).substr(above.size())] = fs.read_text(in + name).value();
  }
  return all;
}

inline host_options skipping() {
  host_options o;
  o.special = host_links::skip;
  return o;
}

}  // namespace coramfs::tests
