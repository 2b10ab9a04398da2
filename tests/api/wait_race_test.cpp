// SPDX-License-Identifier: BSL-1.0
// What ends a wait on a context, two at a time on two threads: whichever comes first, the waiter
// hears of exactly one of them, and nothing is lost.
#include <coramfs/rw_lock.hpp>

#include "api/coroutines.hpp"

#include <asio/bind_executor.hpp>

#include <atomic>
#include <barrier>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <thread>

namespace coramfs::tests {

namespace {

using asio::awaitable;

constexpr int rounds = 3'000;

void spin(int n) {
  for (std::atomic<int> i = 0; i < n; ++i) {
  }
}

enum class waiter_kind { coroutine, handler };

/// A lock that another has, until that one lets go.
class held_lock {
 public:
  held_lock() { lock_.lock(); }
  void let_go() { lock_.unlock(); }
  bool is_free() {
    const bool free = lock_.try_lock();
    if (free) lock_.unlock();
    return free;
  }

  awaitable<error> wait(asio::any_io_executor, lock_timeout longest) {
    const auto had = co_await lock_.acquire(longest);
    co_return error_of(had);
  }
  template <class Token>
  void wait(asio::any_io_executor, lock_timeout longest, Token token) {
    lock_.acquire(longest, std::move(token));
  }

 private:
  rw_lock lock_;
};

/// A volume without room for a file's preallocation, until another file goes.
class full_volume {
 public:
  full_volume() {
    const std::string all(1000, 'x');
    threads_.write_file("/filler", buffer_of(all)).value();
  }
  void let_go() { threads_.remove("/filler").value(); }
  bool is_free() {
    if (threads_.exists("/a").value()) threads_.remove("/a").value();
    const std::string all(1000, 'x');
    return volume_.stats().waiting == 0 && threads_.write_file("/all", buffer_of(all)).has_value();
  }

  awaitable<error> wait(asio::any_io_executor on, lock_timeout longest) {
    file_system fs(on, volume_);
    const open_options options = options_for(longest);
    const auto opened = co_await fs.open("/a", open_mode::create, options);
    co_return error_of(opened);
  }
  template <class Token>
  void wait(asio::any_io_executor on, lock_timeout longest, Token token) {
    file_system(on, volume_).open("/a", open_mode::create, options_for(longest), std::move(token));
  }

 private:
  static open_options options_for(lock_timeout longest) {
    open_options o;
    o.preallocate = 600;
    o.timeout = longest;
    o.on_full = when_full::wait;
    return o;
  }
  static volume make() {
    volume_options o;
    o.max_quota = 1000;
    o.accounting = accounting::payload;
    return volume::create(o).value();
  }

  volume volume_ = make();
  sync::file_system threads_{volume_};
};

/// One encounter: a waiter on a context of its own. Each round has one of its own.
template <class Wanted>
class encounter {
 public:
  Wanted wanted;
  std::unique_ptr<asio::io_context> context = std::make_unique<asio::io_context>(1);
  asio::cancellation_signal signal;
  std::optional<error> ended;
  int endings = 0;

  void begin(waiter_kind kind, lock_timeout longest = lock_timeout::forever()) {
    const asio::any_io_executor on = context->get_executor();
    if (kind == waiter_kind::coroutine) {
      spawn(*context, signal,
            [this, on, longest]() -> awaitable<void> { end(co_await wanted.wait(on, longest)); });
    } else {
      wanted.wait(on, longest,
                  asio::bind_executor(
                      on, asio::bind_cancellation_slot(
                              signal.slot(), [this](const auto& had) { end(error_of(had)); })));
    }
  }
  void cancel() { signal.emit(asio::cancellation_type::terminal); }
  /// Runs whatever is ready.
  void poll() {
    context->restart();
    context->poll();
  }
  bool had_it() const { return ended && !ended->code(); }

 private:
  void end(const error& e) {
    ended = e;
    ++endings;
  }
};

/// Runs `one` and `other` at the same time, each now a bit earlier, now a bit later; `is_right`
/// tells if the round ended as it has to.
template <class Wanted, class Prepare, class One, class Other, class IsRight>
void race(Prepare prepare, One one, Other other, IsRight is_right) {
  std::barrier together(2);
  std::optional<encounter<Wanted>> now;
  int wrong = 0;
  std::thread second([&] {
    for (int i = 0; i < rounds; ++i) {
      together.arrive_and_wait();
      spin(i / 40 % 40 * 10);
      other(*now);
      together.arrive_and_wait();
    }
  });
  for (int i = 0; i < rounds; ++i) {
    now.emplace();
    prepare(*now);
    together.arrive_and_wait();
    spin(i % 40 * 10);
    one(*now);
    together.arrive_and_wait();
    wrong += !is_right(*now) || !now->wanted.is_free();
  }
  second.join();
  CHECK(wrong == 0);
}

}  // namespace

TEMPLATE_TEST_CASE("wait race: a wait that begins and a release", "[api][race]", held_lock,
                   full_volume) {
  const auto kind = GENERATE(waiter_kind::coroutine, waiter_kind::handler);
  race<TestType>([](auto&) {},
                 [&](auto& e) {
                   e.begin(kind);
                   e.poll();
                 },
                 [](auto& e) { e.wanted.let_go(); },
                 [](auto& e) {
                   e.poll();
                   return e.had_it() && e.endings == 1;
                 });
}

TEMPLATE_TEST_CASE("wait race: a cancellation and a release", "[api][race][cancellation]",
                   held_lock, full_volume) {
  const auto kind = GENERATE(waiter_kind::coroutine, waiter_kind::handler);
  race<TestType>(
      [&](auto& e) {
        e.begin(kind);
        e.poll();
      },
      [](auto& e) {
        e.cancel();
        e.poll();
      },
      [](auto& e) { e.wanted.let_go(); },
      [](auto& e) {
        e.poll();
        return e.endings == 1 && (e.had_it() || *e.ended == errc::canceled);
      });
}

TEMPLATE_TEST_CASE("wait race: a deadline and a release", "[api][race]", held_lock, full_volume) {
  const auto kind = GENERATE(waiter_kind::coroutine, waiter_kind::handler);
  race<TestType>(
      [&](auto& e) { e.begin(kind, std::chrono::microseconds(20)); },
      [](auto& e) {
        e.context->restart();
        e.context->run_for(std::chrono::minutes(1));
      },
      [](auto& e) {
        spin(1000);
        e.wanted.let_go();
      },
      [](auto& e) { return e.endings == 1 && (e.had_it() || *e.ended == errc::timed_out); });
}

TEMPLATE_TEST_CASE("wait race: the death of the context and a release", "[api][race][coroutines]",
                   held_lock, full_volume) {
  const auto kind = GENERATE(waiter_kind::coroutine, waiter_kind::handler);
  race<TestType>(
      [&](auto& e) {
        e.begin(kind);
        e.poll();
      },
      [](auto& e) { e.context.reset(); }, [](auto& e) { e.wanted.let_go(); },
      [](auto& e) { return e.endings == 0; });
}

}  // namespace coramfs::tests
