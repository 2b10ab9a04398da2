// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "shared/bounded_queue.hpp"

#include <coramfs/file_system.hpp>

#include <asio/awaitable.hpp>

#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace upload {

/// Inverts a buffer's bytes: no content is its own inversion, so any byte that is not as it should
/// be is seen.
void invert(std::vector<char>& bytes);

/// Inverts every byte of the files whose paths come out of a queue: those that are being sent.
class rewriter {
 public:
  rewriter(coramfs::file_system files, shared::bounded_queue<std::string>& paths);

  /// Until the queue is closed and empty.
  asio::awaitable<void> run();

  const std::set<std::string>& rewritten() const { return rewritten_; }
  /// Files for whose copy, which a write to pinned bytes takes, there was no room. Unchanged.
  std::uint64_t refused_files() const { return refused_; }
  std::uint64_t failed_files() const { return failed_; }

 private:
  asio::awaitable<coramfs::result<void>> rewrite(const std::string& path);

  coramfs::file_system files_;
  shared::bounded_queue<std::string>& paths_;
  std::vector<char> content_;
  std::set<std::string> rewritten_;
  std::uint64_t refused_ = 0, failed_ = 0;
};

}  // namespace upload
