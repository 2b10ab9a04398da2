// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "command_line.hpp"
#include "record.hpp"

#include <coramfs/file_system.hpp>

#include <asio/awaitable.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace etl_staging {

/// What writers have done.
struct staging_tally {
  std::uint64_t rejected_lines = 0;
  std::uint64_t records = 0, blocks = 0;  ///< appended to partitions
  std::uint64_t waits = 0;                ///< blocks that had to wait for their partition
  std::chrono::steady_clock::duration longest_wait{0};

  void add(const staging_tally& other);
};

/// The first two stages, extract and transform: each writer takes a list, sorts its records by
/// partition, and appends to each partition one block, which must stay in one piece however many
/// others append there. A block is a line "@list count" and the records, a line each.
///
/// Thread safety: `write` may run many times at once, on many threads.
class staging {
 public:
  /// The files go into `directory`, which must exist. The lists must live as long as this.
  staging(coramfs::file_system files, std::string directory,
          const std::vector<std::filesystem::path>& lists, const settings& s);

  /// One writer, which ends when no list is left, or when any of the writers has failed.
  asio::awaitable<coramfs::result<void>> write(staging_tally& tally);

 private:
  struct block {
    std::uint64_t records = 0;
    std::string lines;
  };

  const std::filesystem::path* take_list();
  asio::awaitable<coramfs::result<void>> stage(const std::filesystem::path& list,
                                               staging_tally& tally);
  std::vector<block> partitioned(std::string_view text, staging_tally& tally) const;
  asio::awaitable<coramfs::result<void>> append(std::string path, std::string head, const block& b,
                                                staging_tally& tally);
  asio::awaitable<coramfs::result<coramfs::file>> open_in_turn(const std::string& path,
                                                               staging_tally& tally);

  coramfs::file_system files_;
  const std::string directory_;
  const std::vector<std::filesystem::path>& lists_;
  const std::size_t partitions_;
  const coramfs::lock_timeout longest_wait_;
  std::atomic<std::size_t> next_list_ = 0;
};

/// The name of a partition's file: "07".
std::string partition_name(std::size_t partition);

}  // namespace etl_staging
