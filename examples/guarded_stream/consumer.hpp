// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "digest.hpp"
#include "window.hpp"

#include <coramfs/file_system.hpp>

#include <asio/awaitable.hpp>

#include <string>

namespace guarded_stream {

/// Takes the segments in their order, computes the digest of all, and removes each.
class consumer {
 public:
  consumer(coramfs::file_system files, window& segments);

  /// Until the window is closed and empty.
  asio::awaitable<coramfs::result<void>> run();

  const digest& seen() const { return seen_; }

 private:
  asio::awaitable<coramfs::result<void>> read_through(std::string segment);

  coramfs::file_system files_;
  window& segments_;
  digest seen_;
};

}  // namespace guarded_stream
