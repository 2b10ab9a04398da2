// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/volume.hpp>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace shared {

/// A line that says what is in a volume, and for how long that has been going on, several times a
/// second. It is on standard error, if that is a terminal, until this is destroyed.
class progress_line {
 public:
  explicit progress_line(coramfs::volume shown);
  progress_line(const progress_line&) = delete;
  progress_line& operator=(const progress_line&) = delete;
  ~progress_line();

 private:
  void show() const;
  void run();

  const coramfs::volume shown_;
  const std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  std::mutex mutex_;
  std::condition_variable changed_;
  bool ended_ = false;  // under the mutex
  std::thread thread_;  // of none if there is no terminal
};

}  // namespace shared
