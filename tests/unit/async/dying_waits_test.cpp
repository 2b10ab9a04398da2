// SPDX-License-Identifier: BSL-1.0
// A context that dies while a grant is on its way to one who waits there: what no schedule brings
// about on purpose, a claim of our own does while the context asks it to take the waiter out.
#include "async/context_waits.hpp"

#include <coramfs/detail/fair_lock.hpp>

#include "support/catch.hpp"

#include <asio/io_context.hpp>
#include <asio/post.hpp>

#include <atomic>
#include <future>
#include <optional>
#include <thread>
#include <utility>

namespace coramfs::tests {

namespace {

using detail::admission;
using detail::announcement_pause;
using detail::fair_lock;
using detail::wait_outcome;
constexpr auto exclusive = fair_lock::kind::exclusive;

/// A lock whose holder lets go of it in the moment when the waiter is to be taken out, and tells
/// the waiter only when that was refused, and a while later.
class crossed final : public detail::claim {
 public:
  explicit crossed(fair_lock& lock) : lock_(lock), wanted_(lock, exclusive) {}
  ~crossed() { wait_until_told(); }

  bool enqueue(detail::waiter& w) noexcept override { return wanted_.enqueue(w); }
  bool withdraw(detail::waiter& w, admission& others) noexcept override {
    teller_ = std::thread([this] {
      const announcement_pause later;
      lock_.unlock(exclusive);
      granted_.set_value();
      tells_.get_future().wait();
      for (int i = 0; i < a_while && times_given_back == 0; ++i) std::this_thread::yield();
      is_given_back_untold = times_given_back > 0;
    });
    granted_.get_future().wait();
    const bool withdrawn = wanted_.withdraw(w, others);
    tells_.set_value();
    return withdrawn;
  }
  void give_back() noexcept override {
    ++times_given_back;
    wanted_.give_back();
  }
  void wait_until_told() {
    if (teller_.joinable()) teller_.join();
  }

  std::atomic<int> times_given_back = 0;
  bool is_given_back_untold = false;

 private:
  static constexpr int a_while = 1'000;

  fair_lock& lock_;
  detail::lock_claim wanted_;
  std::promise<void> granted_, tells_;
  std::thread teller_;
};

/// One that waits on a context, with nothing behind it.
class lone_waiter final : public detail::context_waiter {
 public:
  explicit lone_waiter(asio::io_context& on) : on_(on) {}

  void wait_for(detail::claim& wanted) {
    REQUIRE_FALSE(start(wanted, lock_timeout::forever(), on_, detail::wait_reason(*this)));
    suspended();
  }

  error unmet() const noexcept { return errc::timed_out; }

  std::optional<wait_outcome> ended;
  int times_abandoned = 0;

 private:
  void submit(detail::continuation rest) override { asio::post(on_, std::move(rest)); }
  void resume() override { ended = take_outcome(); }
  void abandon() noexcept override {
    ++times_abandoned;
    give_back();
  }

  asio::io_context& on_;
};

class next_in_line final : public detail::waiter {
 public:
  bool is_in = false;

 private:
  void granted() noexcept override { is_in = true; }
};

}  // namespace

TEST_CASE("dying waits: a context is told of a grant on its way, and passes it on",
          "[async][waiting]") {
  fair_lock lock;
  REQUIRE(lock.try_lock(exclusive));
  crossed wanted(lock);
  auto context = std::make_optional<asio::io_context>();
  lone_waiter waiter(*context);
  waiter.wait_for(wanted);
  next_in_line behind;
  REQUIRE_FALSE(lock.enqueue(behind, exclusive));
  context.reset();
  wanted.wait_until_told();
  CHECK_FALSE(waiter.ended);
  CHECK_FALSE(wanted.is_given_back_untold);
  CHECK(waiter.times_abandoned == 1);
  CHECK(wanted.times_given_back == 1);
  REQUIRE(behind.is_in);
  lock.unlock(exclusive);
  CHECK(lock.is_idle());
}

}  // namespace coramfs::tests
