// SPDX-License-Identifier: BSL-1.0
#include "shared/progress_line.hpp"

#include <iomanip>
#include <iostream>
#include <sstream>
#include <utility>

#include <unistd.h>

namespace shared {

namespace {

constexpr auto interval = std::chrono::milliseconds(250);
constexpr char erase[] = "\r\x1b[K";

double in_mebibytes(std::uint64_t bytes) { return static_cast<double>(bytes) / (1024 * 1024); }

}  // namespace

// The first one is there before anything begins, so that it is seen of a short run too.
progress_line::progress_line(coramfs::volume shown) : shown_(std::move(shown)) {
  if (isatty(STDERR_FILENO) != 1) return;
  show();
  thread_ = std::thread([this] { run(); });
}

progress_line::~progress_line() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  changed_.notify_one();
  thread_.join();
  std::cerr << erase << std::flush;
}

void progress_line::show() const {
  const coramfs::volume_stats now = shown_.stats();
  const std::chrono::duration<double> since = std::chrono::steady_clock::now() - began_;
  std::ostringstream line;
  line << std::fixed << std::setprecision(0) << since.count() << " s  " << now.file_count
       << " files  " << std::setprecision(1) << in_mebibytes(now.used_bytes) << " MiB of "
       << in_mebibytes(now.quota_bytes) << " charged";
  // What others print meanwhile begins where the line does.
  std::cerr << erase + line.str() + '\r' << std::flush;
}

void progress_line::run() {
  std::unique_lock lock(mutex_);
  while (!changed_.wait_for(lock, interval, [this] { return ended_; })) show();
}

}  // namespace shared
