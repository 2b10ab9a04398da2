// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "command_line.hpp"
#include "report.hpp"
#include "shared/bounded_queue.hpp"
#include "shared/http_connection.hpp"
#include "shared/task_group.hpp"
#include "work_source.hpp"

#include <coramfs/file_system.hpp>
#include <coramfs/rw_lock.hpp>

#include <asio/awaitable.hpp>
#include <asio/cancellation_signal.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>

namespace download_buffer {

using shared::bounded_queue;
using shared::http_connection;
using shared::task_group;

/// The first stage: many connections that pull work from one source, store what they get in the
/// volume, and pass on what is complete.
///
/// Where the quota is full a download is refused, or waits, as the settings say. Downloads that
/// wait must not hold what others wait for: if all had a part of their file and none could get the
/// rest, all would wait until their time is over. Therefore one at a time asks for space, in the
/// order in which they came, and the others hold nothing yet.
/// - If the length of the body is known, the download asks for all of it at once, and then lets
///   the next one ask. With its room it can finish whatever the others do, so it does, and its
///   file is verified and removed.
/// - If not, it has to ask for each piece, and keeps its turn until it is complete. Those that
///   have their room finish meanwhile, so at last it has the quota to itself; what does not fit
///   then never will. The price is that all others wait for such a download's server.
class downloader {
 public:
  downloader(coramfs::file_system files, work_source& work, bounded_queue<download>& finished,
             report& results, const settings& s);

  /// One task for each connection.
  void start(task_group& tasks);

  /// Begins nothing new and aborts what is under way: all tasks end soon.
  void stop();

  /// Gives up each download for which the server has done nothing for `longest`.
  void abort_stalled(http_connection::clock::duration longest);

 private:
  /// A connection, and how to end a wait for space.
  struct worker {
    explicit worker(const asio::any_io_executor& executor) : connection(executor) {}

    http_connection connection;
    asio::cancellation_signal stop;
  };

  /// Of one download.
  struct request_for_space {
    coramfs::unique_hold turn;
    bool waited = false;
  };

  asio::awaitable<void> work_on(http_connection& connection);
  asio::awaitable<void> get(http_connection& connection, download d);
  asio::awaitable<coramfs::result<std::uint64_t>> store_body(http_connection& connection,
                                                             const std::string& path);
  asio::awaitable<coramfs::result<coramfs::file>> create(const std::string& path);
  asio::awaitable<coramfs::result<std::uint64_t>> write_body(http_connection& connection,
                                                             coramfs::file& to,
                                                             request_for_space& space);
  asio::awaitable<coramfs::result<std::uint64_t>> receive_into(http_connection& connection,
                                                               coramfs::file& to,
                                                               request_for_space& space);
  asio::awaitable<coramfs::result<std::uint64_t>> copy_into(http_connection& connection,
                                                            coramfs::file& to,
                                                            request_for_space& space);
  template <class T>
  asio::awaitable<T> noting(asio::awaitable<T> operation, request_for_space& space);
  void give_up(const download& d, const coramfs::error& why);

  coramfs::file_system files_;
  work_source& work_;
  bounded_queue<download>& finished_;
  report& results_;
  const settings& settings_;
  std::deque<worker> workers_;
  coramfs::rw_lock asking_for_space_;
  std::uint64_t begun_ = 0;
  bool stopping_ = false;
};

}  // namespace download_buffer
