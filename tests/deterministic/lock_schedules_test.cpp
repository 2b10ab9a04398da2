// SPDX-License-Identifier: BSL-1.0
// Readers and writers who wait for a lock, with deadlines and cancellations, on contexts that may
// die: every schedule that the dice come upon keeps the promises of the lock.
#include <coramfs/file_system.hpp>
#include <coramfs/rw_lock.hpp>
#include <coramfs/sync/file_system.hpp>

#include "deterministic/request.hpp"
#include "deterministic/world.hpp"

#include <asio/awaitable.hpp>
#include <asio/bind_cancellation_slot.hpp>
#include <asio/bind_executor.hpp>
#include <asio/post.hpp>
#include <asio/use_awaitable.hpp>

#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace coramfs::tests {

namespace {

using asio::awaitable;

constexpr std::uint64_t seeds = 50'000;

/// Whoever has it, however it is held.
using any_hold = std::shared_ptr<void>;

template <class Hold>
any_hold hold_of(Hold&& had) {
  return std::make_shared<std::decay_t<Hold>>(std::forward<Hold>(had));
}

/// Tells `done` how it ended, where and when that is bound to.
template <class Hold, class Done>
auto handler_of(const Done& done) {
  auto tell = [done](result<Hold> had) mutable {
    if (had) {
      done(result<any_hold>(hold_of(std::move(had).value())));
    } else {
      done(result<any_hold>(had.error()));
    }
  };
  return asio::bind_executor(done.executor,
                             asio::bind_cancellation_slot(done.slot, std::move(tell)));
}

/// A lock by itself.
class bare_lock {
 public:
  static constexpr bool has_figures = false;

  explicit bare_lock(stage&) {}
  void renew(std::size_t, staged_context&) {}

  awaitable<result<any_hold>> take(const request& r) {
    if (r.is_exclusive) {
      auto had = co_await lock_.acquire(r.patience);
      if (!had) co_return had.error();
      co_return hold_of(std::move(had).value());
    }
    auto had = co_await lock_.acquire_shared(r.patience);
    if (!had) co_return had.error();
    co_return hold_of(std::move(had).value());
  }
  template <class Done>
  void take(const request& r, Done done) {
    if (r.is_exclusive) {
      lock_.acquire(r.patience, handler_of<unique_hold>(done));
    } else {
      lock_.acquire_shared(r.patience, handler_of<shared_hold>(done));
    }
  }
  volume_stats stats() const { return {}; }
  bool is_free() {
    const bool free = lock_.try_lock();
    if (free) lock_.unlock();
    return free;
  }

 private:
  rw_lock lock_;
};

/// The lock of a file, which is had by opening it.
class file_lock {
 public:
  static constexpr bool has_figures = true;

  explicit file_lock(stage& on) : volume_(volume::create(on[0].options()).value()) {
    for (std::size_t i = 0; i < on.size(); ++i) on_each_.emplace_back(on[i].executor(), volume_);
    threads_.open("/f", open_mode::create).value();
  }
  void renew(std::size_t i, staged_context& on) {
    on_each_[i] = file_system(on.executor(), volume_);
  }

  awaitable<result<any_hold>> take(const request& r) {
    const open_options options = options_of(r);
    auto had = co_await on_each_[r.context].open("/f", mode_of(r), options);
    if (!had) co_return had.error();
    co_return hold_of(std::move(had).value());
  }
  template <class Done>
  void take(const request& r, Done done) {
    on_each_[r.context].open("/f", mode_of(r), options_of(r), handler_of<file>(done));
  }
  volume_stats stats() const { return volume_.stats(); }
  bool is_free() { return threads_.remove("/f").has_value() && volume_.stats().used_bytes == 0; }

 private:
  static open_options options_of(const request& r) {
    open_options options;
    options.timeout = r.patience;
    return options;
  }
  static open_mode mode_of(const request& r) {
    if (!r.is_exclusive) return open_mode::read;
    return r.number % 2 == 0 ? open_mode::write : open_mode::append;
  }

  volume volume_;
  sync::file_system threads_{volume_};
  std::vector<file_system> on_each_;
};

bool exclude_each_other(const request& a, const request& b) {
  return a.is_exclusive || b.is_exclusive;
}

template <class Lock>
class lock_world final : public world {
 public:
  lock_world(stage& on, std::uint64_t seed, bool contexts_die)
      : world(on, seed), contexts_die_(contexts_die), lock_(on) {
    for (std::size_t i = 0; i < on.size(); ++i) come_between(i);
  }
  ~lock_world() override {
    for (std::size_t i = 0; i < on_.size(); ++i)
      on_[i].before_suspension = on_[i].before_handing_on = [] {};
  }

 private:
  struct held {
    bool is_exclusive;
    any_hold hold;
  };

  void act() override {
    if (contexts_die_ && dice_.one_in(16)) return kill_one();
    if (has_time_ && dice_.one_in(10)) return let_time_pass_for_all();
    switch (dice_.below(7)) {
      case 0:
      case 1: return cancel_one();
      case 2:
      case 3: return static_cast<void>(relieve());
      default: return begin_one();
    }
  }

  void come_between(std::size_t context) {
    on_[context].before_suspension = [this] {
      if (std::exchange(is_asking_, false) && dice_.one_in(8)) relieve();
    };
    // One on another context leaves, who may have been admitted and not been told. The last one:
    // another behind it might have to be told on this context, which is handing on.
    if (context + 1 == on_.size()) return;
    on_[context].before_handing_on = [this, context] {
      if (line_.empty() || dice_.one_in(2)) return;
      request& last = *line_.waiting().back();
      if (last.has_handler && last.context == context + 1) cancel(last);
    };
  }

  void begin_one() {
    request& r = requests_.emplace_back();
    r.number = requests_.size();
    r.context = dice_.below(on_.size());
    r.is_exclusive = dice_.one_in(2);
    r.patience = any_patience();
    r.has_handler = dice_.one_in(3);
    if (!r.has_handler) return begin(r, take(r, alive_));
    line_.join(r);
    lock_.take(r, told{this, &r, on_[r.context].executor(), r.signal.slot(), alive_});
  }

  awaitable<void> take(request& r, std::shared_ptr<int>) {
    // A cancellation may come before it asks.
    if (dice_.one_in(4)) co_await asio::post(asio::use_awaitable);
    line_.join(r);
    // A timer would count as work before.
    is_asking_ = r.patience.is_forever();
    auto had = co_await lock_.take(r);
    is_asking_ = false;
    end(r, std::move(had));
    // A cancellation may come when the wait is over.
    if (!dice_.one_in(4)) co_return;
    for (int i = 0; i < 6; ++i) co_await asio::post(asio::use_awaitable);
  }

  /// What a handler does.
  struct told {
    void operator()(result<any_hold> had) const { world->end(*of, std::move(had)); }

    lock_world* world;
    request* of;
    asio::any_io_executor executor;
    asio::cancellation_slot slot;
    std::shared_ptr<int> alive;
  };

  void end(request& r, result<any_hold> had) {
    if (!had) {
      fail(r, had.error());
    } else {
      succeed(r, std::move(had).value());
    }
  }

  void succeed(request& r, any_hold had) {
    line_.succeed(r, exclude_each_other);
    for (const held& h : held_) require(!h.is_exclusive && !r.is_exclusive, "a writer is alone");
    held_.push_back({r.is_exclusive, std::move(had)});
  }

  void fail(request& r, const error& why) {
    if (why == errc::would_block) {
      require(r.patience.is_immediate(), "only an immediate attempt would block");
      require(r.has_handler || !held_.empty() || line_.waiting().size() > 1, "what is free is had");
    }
    line_.fail(r, why);
  }

  void cancel_one() {
    if (requests_.empty()) return;
    request& r = requests_[dice_.below(requests_.size())];
    // It may have ended: then nobody may hear of it.
    if (!r.is_dead) cancel(r);
  }

  bool relieve() override {
    if (held_.empty()) return false;
    held_.erase(held_.begin() + static_cast<std::ptrdiff_t>(dice_.below(held_.size())));
    return true;
  }

  void let_time_pass_for_all() {
    const bool much = dice_.one_in(4);
    line_.time_passed(much);
    let_time_pass(much);
  }

  // Whoever waits there is gone without a word.
  void kill_one() {
    const std::size_t doomed = dice_.below(on_.size());
    on_.destroy(doomed);
    for (request& r : requests_) {
      if (r.context != doomed) continue;
      if (r.has_begun && !r.has_ended) line_.leave(r);
      r.has_ended = r.is_dead = true;
    }
    on_.replace(doomed);
    come_between(doomed);
    lock_.renew(doomed, on_[doomed]);
  }

  void check() override {
    line_.step_ended();
    if (!lock_.has_figures) return;
    std::uint64_t handlers = 0;
    for (const request* const r : line_.waiting()) handlers += r->has_handler;
    const std::uint64_t waiting = line_.waiting().size(), held_now = held_.size();
    const volume_stats s = lock_.stats();
    require(s.waiting <= waiting && s.waiting + handlers >= waiting, "the figures count who waits");
    require(s.open_handles >= held_now && s.open_handles <= held_now + waiting - s.waiting,
            "the figures count who has it open");
  }

  // The head of the line waits for somebody, or it would have been let in.
  void check_quiet() override {
    line_.check_quiet();
    if (line_.empty()) return;
    bool stands_in_the_way = false;
    for (const held& h : held_)
      stands_in_the_way = stands_in_the_way || h.is_exclusive || line_.head().is_exclusive;
    require(stands_in_the_way, "a release lets in whom it can");
  }

  void check_end() override {
    require(line_.empty(), "nobody waits for ever");
    require(alive_.use_count() == 1, "every coroutine has ended");
    require(lock_.is_free(), "nothing is left of the lock");
  }

  const bool contexts_die_;
  Lock lock_;
  std::deque<request> requests_;
  line line_;
  std::vector<held> held_;
  bool is_asking_ = false;  // and the next who is about to wait is the one who asked
  const std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

template <class Lock>
void explore(std::size_t contexts, bool contexts_die, std::uint64_t count) {
  for_each_schedule(contexts, count, [&](stage& on, std::uint64_t seed) {
    lock_world<Lock> w(on, seed, contexts_die);
    w.run(60);
  });
}

}  // namespace

TEST_CASE("lock schedules: a lock by itself", "[deterministic][rw_lock]") {
  explore<bare_lock>(1, false, seeds);
}

TEST_CASE("lock schedules: the lock of a file", "[deterministic][open]") {
  explore<file_lock>(1, false, seeds);
}

TEST_CASE("lock schedules: a lock by itself, on two contexts", "[deterministic][rw_lock]") {
  explore<bare_lock>(2, false, seeds / 2);
}

TEST_CASE("lock schedules: a lock by itself, on contexts that die", "[deterministic][rw_lock]") {
  explore<bare_lock>(2, true, seeds / 2);
}

TEST_CASE("lock schedules: the lock of a file, on contexts that die", "[deterministic][open]") {
  explore<file_lock>(2, true, seeds / 2);
}

}  // namespace coramfs::tests
