// SPDX-License-Identifier: BSL-1.0
// Between the two steps by which work reaches a pool others may take theirs.
#include "async/pool_state.hpp"

#include "support/await_waiting.hpp"
#include "support/catch.hpp"

#include <atomic>
#include <future>
#include <memory>
#include <stop_token>
#include <thread>
#include <utility>

namespace coramfs::tests {

namespace {

/// Counts itself, and stays until all may go.
class visit final : public detail::blocking_job {
 public:
  visit(std::atomic<int>& present, std::shared_future<void> leave)
      : blocking_job(std::stop_source(std::nostopstate)),
        present_(present),
        leave_(std::move(leave)) {}

  void run() noexcept override {
    ++present_;
    leave_.wait();
  }

 private:
  std::atomic<int>& present_;
  const std::shared_future<void> leave_;
};

/// A pool, and work that stays on its threads until the end.
struct visited_pool {
  ~visited_pool() {
    leave.set_value();
    pool->stop();
    pool->join();
  }
  std::shared_ptr<visit> visitor() { return std::make_shared<visit>(present, left); }

  const std::shared_ptr<detail::pool_state> pool = std::make_shared<detail::pool_state>(2);
  std::atomic<int> present{0};
  std::promise<void> leave;
  const std::shared_future<void> left{leave.get_future()};
};

}  // namespace

TEST_CASE("pool_state: two who come at once have a thread each", "[async][offload]") {
  for (int round = 0; round < 200; ++round) {
    std::promise<void> at_once;
    at_once.set_value();
    std::atomic<int> before{0};
    visited_pool v;
    // A thread that is idle by now, mostly.
    REQUIRE(v.pool->make_ready());
    v.pool->begin(std::make_shared<visit>(before, at_once.get_future().share()));
    await([&] { return before == 1; });
    for (int i = 0; i < round; ++i) std::this_thread::yield();
    REQUIRE(v.pool->make_ready());
    REQUIRE(v.pool->make_ready());
    v.pool->begin(v.visitor());
    v.pool->begin(v.visitor());
    await([&] { return v.present == 2; });
    CHECK(v.present == 2);
  }
}

TEST_CASE("pool_state: a promise may be given up", "[async][offload]") {
  visited_pool v;
  REQUIRE(v.pool->make_ready());
  const auto given_up = v.visitor();
  v.pool->cancel(*given_up);
  v.pool->begin(given_up);
  REQUIRE(v.pool->make_ready());
  v.pool->begin(v.visitor());
  await([&] { return v.present == 1; });
  CHECK(!v.pool->has_run(*given_up));
  CHECK(v.present == 1);
}

}  // namespace coramfs::tests
