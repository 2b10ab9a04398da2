// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "report.hpp"
#include "shared/bounded_queue.hpp"
#include "work_source.hpp"

#include <coramfs/file_system.hpp>

#include <asio/awaitable.hpp>

#include <cstdint>
#include <fstream>
#include <optional>
#include <vector>

namespace download_buffer {

using shared::bounded_queue;

/// The second stage: reads each finished file back from the volume, compares it with what is on
/// this machine's disk where there is such a file, and counts its lines. Where others wait for
/// space it also removes the file.
class verifier {
 public:
  verifier(coramfs::file_system files, bounded_queue<download>& finished, report& results,
           bool removes);

  /// Until the queue is closed and empty.
  asio::awaitable<void> run();

  /// Leaves the file that is being read, and all that come behind it.
  void stop();

 private:
  struct findings {
    std::uint64_t lines = 0;
    std::optional<std::uint64_t> first_difference;  ///< offset
  };

  asio::awaitable<void> check(const download& d);
  asio::awaitable<void> remove(const download& d);
  asio::awaitable<coramfs::result<findings>> read_through(coramfs::file& stored,
                                                          std::ifstream* original);
  std::optional<std::size_t> first_difference(std::size_t n, std::ifstream& original);
  void report_difference(const download& d, std::uint64_t offset);

  coramfs::file_system files_;
  bounded_queue<download>& finished_;
  report& results_;
  const bool removes_;
  std::vector<char> stored_piece_, original_piece_;
  bool stopping_ = false;
};

}  // namespace download_buffer
