// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "catalogue.hpp"
#include "comparison.hpp"
#include "shared/http_connection.hpp"
#include "shared/task_group.hpp"

#include <coramfs/result.hpp>

#include <asio/awaitable.hpp>
#include <asio/io_context.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

namespace upload {

/// What a client has received.
struct received {
  std::uint64_t files = 0, bytes = 0;
  std::uint64_t mismatches = 0, changed_on_disk = 0, failed = 0;
};

/// Fetches all of a catalogue over many connections, and compares each file with its original while
/// it arrives. It stands for a host far away, so it has a loop, and a thread, of its own.
class client {
 public:
  client(const std::vector<entry>& entries, std::uint16_t port, std::size_t connections);

  /// On the calling thread. Throws what one of the connections threw.
  received run();

 private:
  struct fetcher {
    explicit fetcher(const asio::any_io_executor& executor) : connection(executor) {}

    shared::http_connection connection;
    std::vector<char> piece;
  };

  void stop();
  asio::awaitable<void> work(fetcher& with);
  asio::awaitable<coramfs::result<comparison::verdict>> fetch(fetcher& with, const entry& e);
  void report(const entry& e, const coramfs::result<comparison::verdict>& outcome);

  const std::vector<entry>& entries_;
  const std::uint16_t port_;
  asio::io_context context_{1};
  std::deque<fetcher> fetchers_;
  std::size_t next_ = 0;
  received received_;
};

}  // namespace upload
