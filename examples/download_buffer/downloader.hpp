// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "bounded_queue.hpp"
#include "http_connection.hpp"
#include "report.hpp"
#include "task_group.hpp"
#include "work_source.hpp"

#include <coramfs/file_system.hpp>

#include <asio/awaitable.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>

namespace download_buffer {

/// The first stage: many connections that pull work from one source, store what they get in the
/// volume, and pass on what is complete.
class downloader {
 public:
  downloader(coramfs::file_system files, work_source& work, bounded_queue<download>& finished,
             report& results, std::size_t connections);

  /// One task for each connection.
  void start(task_group& tasks);

  /// Begins nothing new and aborts what is under way: all tasks end soon.
  void stop();

  /// Gives up each download for which the server has done nothing for `longest`.
  void abort_stalled(http_connection::clock::duration longest);

 private:
  asio::awaitable<void> work_on(http_connection& connection);
  asio::awaitable<void> get(http_connection& connection, download d);
  asio::awaitable<coramfs::result<std::uint64_t>> store_body(http_connection& connection,
                                                             std::string path);
  asio::awaitable<coramfs::result<std::uint64_t>> write_body(http_connection& connection,
                                                             coramfs::file& to);
  asio::awaitable<coramfs::result<std::uint64_t>> receive_into(http_connection& connection,
                                                               coramfs::file& to);
  asio::awaitable<coramfs::result<std::uint64_t>> copy_into(http_connection& connection,
                                                            coramfs::file& to);
  void give_up(const download& d, const coramfs::error& why);

  coramfs::file_system files_;
  work_source& work_;
  bounded_queue<download>& finished_;
  report& results_;
  std::deque<http_connection> connections_;
  bool stopping_ = false;
};

}  // namespace download_buffer
