// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "shared/bounded_queue.hpp"
#include "shared/condition.hpp"

#include <coramfs/file_system.hpp>

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>

#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace upload {

/// Inverts a buffer's bytes: no content is its own inversion, so any byte that is not as it should
/// be is seen.
void invert(std::vector<char>& bytes);

/// What is asked of the rewriter. Must live until it is done.
class rewriting {
 public:
  rewriting(const asio::any_io_executor& executor, std::string path)
      : path_(std::move(path)), ended_(executor) {}

  const std::string& path() const { return path_; }

  asio::awaitable<void> wait() {
    while (!is_done_) co_await ended_.wait();
  }
  void done() {
    is_done_ = true;
    ended_.notify_all();
  }

 private:
  const std::string path_;
  bool is_done_ = false;
  shared::condition ended_;
};

/// Inverts every byte of the files that come out of a queue: those that are being sent.
class rewriter {
 public:
  rewriter(coramfs::file_system files, shared::bounded_queue<rewriting*>& requests);

  /// Until the queue is closed and empty.
  asio::awaitable<void> run();

  const std::set<std::string>& rewritten() const { return rewritten_; }
  /// Files for whose copy, which a write to pinned bytes takes, there was no room. Unchanged.
  std::uint64_t refused_files() const { return refused_; }
  std::uint64_t failed_files() const { return failed_; }

 private:
  void note(const std::string& path, const coramfs::result<void>& outcome);
  asio::awaitable<coramfs::result<void>> rewrite(const std::string& path);

  coramfs::file_system files_;
  shared::bounded_queue<rewriting*>& requests_;
  std::vector<char> content_;
  std::set<std::string> rewritten_;
  std::uint64_t refused_ = 0, failed_ = 0;
};

}  // namespace upload
