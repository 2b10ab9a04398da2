// SPDX-License-Identifier: BSL-1.0
#include "transfer.hpp"

#include <coramfs/asio.hpp>

#include <asio/redirect_error.hpp>
#include <asio/use_awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <utility>

namespace download_buffer {

namespace {

constexpr std::size_t queue_capacity = 256;
constexpr auto tick = std::chrono::milliseconds(250);

}  // namespace

transfer::transfer(coramfs::file_system files, work_source& work, report& results,
                   const settings& s)
    : files_(std::move(files)),
      results_(results),
      settings_(s),
      finished_(files_.get_executor(), queue_capacity),
      downloader_(files_, work, finished_, results_, s),
      verifier_(files_, finished_, results_, s.waits),
      downloads_(files_.get_executor(), [this] { stop(); }),
      verification_(files_.get_executor(), [this] { stop(); }),
      watching_(files_.get_executor(), [this] { stop(); }),
      tick_(files_.get_executor()) {}

asio::awaitable<void> transfer::run() {
  downloader_.start(downloads_);
  verification_.spawn(verifier_.run());
  watching_.spawn(watch());

  co_await downloads_.join();
  finished_.close();
  co_await verification_.join();
  done_ = true;
  tick_.cancel();
  co_await watching_.join();

  for (const task_group* group : {&downloads_, &verification_, &watching_})
    group->rethrow_failure();
}

void transfer::stop() {
  downloader_.stop();
  verifier_.stop();
  finished_.abandon();
}

// What must be looked at from time to time has one timer for all connections.
asio::awaitable<void> transfer::watch() {
  while (!done_) {
    tick_.expires_after(tick);
    coramfs::asio_error_code cancelled;
    co_await tick_.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
    downloader_.abort_stalled(settings_.stall_limit);
    results_.show_progress(files_.get_volume().stats());
  }
}

}  // namespace download_buffer
