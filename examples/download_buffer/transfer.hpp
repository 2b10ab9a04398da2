// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "command_line.hpp"
#include "downloader.hpp"
#include "report.hpp"
#include "shared/bounded_queue.hpp"
#include "shared/task_group.hpp"
#include "verifier.hpp"
#include "work_source.hpp"

#include <coramfs/file_system.hpp>

#include <asio/awaitable.hpp>
#include <asio/steady_timer.hpp>

namespace download_buffer {

using shared::bounded_queue;
using shared::task_group;

/// One run of the pipeline: work source, downloads, queue, verification. All of it runs on the
/// file system's executor, which must be one thread's.
class transfer {
 public:
  /// The settings must outlive it.
  transfer(coramfs::file_system files, work_source& work, report& results, const settings& s);

  /// Completes when every task has ended; throws what made one of them fail.
  asio::awaitable<void> run();

  /// Cuts the run short. `run` still completes in its own way: each task sees its connection
  /// closed or its queue abandoned, and cleans up after itself.
  void stop();

 private:
  asio::awaitable<void> watch();

  coramfs::file_system files_;
  report& results_;
  const settings& settings_;
  bounded_queue<download> finished_;
  downloader downloader_;
  verifier verifier_;
  task_group downloads_, verification_, watching_;
  asio::steady_timer tick_;
  bool done_ = false;
};

}  // namespace download_buffer
