// SPDX-License-Identifier: BSL-1.0
// Executors of the user's own: what belongs to a context is made from none of them, and whatever
// they do with what they are given harms nobody else.
#include "api/coroutines.hpp"
#include "support/await_waiting.hpp"

#include <asio/bind_executor.hpp>
#include <asio/execution.hpp>
#include <asio/prefer.hpp>
#include <asio/system_executor.hpp>
#include <asio/use_future.hpp>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace coramfs::tests {

namespace {

constexpr open_options soon{.timeout = std::chrono::milliseconds(1)};
constexpr open_options at_once{.timeout = lock_timeout::immediate()};

enum class mood {
  passes_on,
  keeps,
  is_out_of_memory,
  is_out_of_memory_twice,
  throws,
  drops,
  runs_in_the_call,
  runs_elsewhere_meanwhile,
  uses_the_volume,
};

/// What an executor of the user's refers to, and what it does with what it is given.
struct section {
  asio::io_context& context;
  mood now = mood::passes_on;
  int calls = 0;
  std::function<void()> uses = [] {};
  std::vector<std::shared_ptr<std::function<void()>>> kept = {};

  void run_kept() {
    for (const auto all = std::exchange(kept, {}); const auto& f : all) (*f)();
  }
};

/// Counts no work, and can not be asked to.
class section_executor {
 public:
  explicit section_executor(section& s) noexcept : section_(&s) {}

  asio::execution_context& query(asio::execution::context_t) const noexcept {
    return section_->context;
  }
  static constexpr asio::execution::blocking_t query(asio::execution::blocking_t) noexcept {
    return asio::execution::blocking.never;
  }
  section_executor require(asio::execution::blocking_t::never_t) const noexcept { return *this; }

  template <class Function>
  void execute(Function f) const {
    ++section_->calls;
    switch (section_->now) {
      case mood::passes_on: break;
      case mood::keeps: {
        const auto shared = std::make_shared<Function>(std::move(f));
        section_->kept.push_back(
            std::make_shared<std::function<void()>>([shared] { std::move (*shared)(); }));
        return;
      }
      case mood::is_out_of_memory: section_->now = mood::passes_on; throw std::bad_alloc();
      case mood::is_out_of_memory_twice:
        section_->now = mood::is_out_of_memory;
        throw std::bad_alloc();
      // Asio itself can not bear more than one: it destroys a coroutine by way of its executor.
      case mood::throws: section_->now = mood::passes_on; throw std::runtime_error("not today");
      case mood::drops: return;
      case mood::runs_in_the_call: return f();
      case mood::runs_elsewhere_meanwhile: return std::thread(std::move(f)).join();
      case mood::uses_the_volume: section_->uses(); break;
    }
    asio::post(section_->context, std::move(f));
  }
  friend bool operator==(const section_executor& a, const section_executor& b) noexcept {
    return a.section_ == b.section_;
  }
  friend bool operator!=(const section_executor& a, const section_executor& b) noexcept {
    return !(a == b);
  }

 private:
  section* section_;
};

/// A volume with a file that a thread holds, and a context.
struct fixture {
  asio::io_context context;
  section in{context};
  asio::any_io_executor executor{section_executor(in)};
  volume v = volume::create().value();
  file_system fs{context.get_executor(), v};
  sync::file_system threads{v};
  sync::file holder = threads.open("/a", open_mode::create).value();

  bool is_clean() {
    const volume_stats s = v.stats();
    return s.open_handles == 0 && s.waiting == 0 &&
           threads.open("/a", open_mode::update, at_once).has_value();
  }
};

/// Begins to open the file, in a coroutine or with a handler on the executor.
template <class Then>
void begin_open(fixture& t, bool with_token, open_options options, Then then) {
  if (with_token) {
    t.fs.open("/a", open_mode::update, options, asio::bind_executor(t.executor, then));
  } else {
    spawn(t.executor, [&t, options, then]() mutable -> asio::awaitable<void> {
      auto f = co_await t.fs.open("/a", open_mode::update, options);
      then(std::move(f));
    });
  }
  t.context.restart();
  t.context.poll();
  CHECK(t.v.stats().waiting == 1);
}

/// A context of the user's own, which one thread runs.
class own_context : public asio::execution_context {
 public:
  class executor_type {
   public:
    explicit executor_type(own_context& on) noexcept : on_(&on) {}
    asio::execution_context& query(asio::execution::context_t) const noexcept { return *on_; }
    static constexpr asio::execution::blocking_t query(asio::execution::blocking_t) noexcept {
      return asio::execution::blocking.never;
    }
    executor_type require(asio::execution::blocking_t::never_t) const noexcept { return *this; }
    template <class Function>
    void execute(Function f) const {
      const auto shared = std::make_shared<Function>(std::move(f));
      const std::lock_guard lock(on_->mutex_);
      on_->ready_.push_back([shared] { std::move (*shared)(); });
      on_->some_.notify_one();
    }
    friend bool operator==(const executor_type& a, const executor_type& b) noexcept {
      return a.on_ == b.on_;
    }
    friend bool operator!=(const executor_type& a, const executor_type& b) noexcept {
      return !(a == b);
    }

   private:
    own_context* on_;
  };

  ~own_context() {
    shutdown();
    // What is destroyed may bring more.
    while (!ready_.empty()) {
      const auto dropped = std::move(ready_.front());
      ready_.pop_front();
    }
    destroy();
  }

  void run_one() {
    std::unique_lock lock(mutex_);
    some_.wait(lock, [this] { return !ready_.empty(); });
    const auto next = std::move(ready_.front());
    ready_.pop_front();
    lock.unlock();
    next();
  }

 private:
  std::mutex mutex_;
  std::condition_variable some_;
  std::deque<std::function<void()>> ready_;
};

}  // namespace

TEST_CASE("executors: a deadline does not go by way of another waiter's executor",
          "[api][executors]") {
  fixture t;
  std::optional<error> first, second;
  t.in.now = mood::keeps;
  t.fs.open("/a", open_mode::update, soon,
            asio::bind_executor(t.executor, [&](result<file> f) { first = error_of(f); }));
  spawn(t.context, [&]() -> asio::awaitable<void> {
    const auto f = co_await t.fs.open("/a", open_mode::update, soon);
    second = error_of(f);
  });
  while (!second && t.context.run_one_for(std::chrono::seconds(20)) != 0) {
  }
  CHECK((second && *second == errc::timed_out));
  CHECK(!first);
  while (t.in.kept.empty() && t.context.run_one_for(std::chrono::seconds(20)) != 0) {
  }
  t.in.run_kept();
  CHECK((first && *first == errc::timed_out));
}

TEST_CASE("executors: one that has ended is not called again", "[api][executors]") {
  fixture t;
  int ended = 0;
  spawn(t.executor, [&]() -> asio::awaitable<void> {
    const auto f = co_await t.fs.open("/a", open_mode::update, soon);
    ended += error_of(f) == errc::timed_out ? 1 : 0;
  });
  t.context.run();
  const int calls = t.in.calls;
  t.context.restart();
  spawn(t.context, [&]() -> asio::awaitable<void> {
    const auto f = co_await t.fs.open("/a", open_mode::update, soon);
    ended += error_of(f) == errc::timed_out ? 1 : 0;
  });
  t.context.run();
  CHECK(ended == 2);
  CHECK(t.in.calls == calls);
}

TEST_CASE("executors: a context ends though the first waiter's executor counted as work",
          "[api][executors]") {
  fixture t;
  int ended = 0;
  {
    const asio::any_io_executor counts = asio::prefer(
        asio::any_io_executor(t.context.get_executor()), asio::execution::outstanding_work.tracked);
    spawn(counts, [&]() -> asio::awaitable<void> {
      const auto f = co_await t.fs.open("/a", open_mode::update, soon);
      ended += error_of(f) == errc::timed_out ? 1 : 0;
    });
    while (ended == 0) t.context.run_one();
  }
  t.context.run_for(std::chrono::seconds(20));
  CHECK(t.context.stopped());
}

TEST_CASE("executors: a context is not out of work while one waits whose executor counts none",
          "[api][executors]") {
  fixture t;
  bool opened = false;
  begin_open(t, false, {.timeout = lock_timeout::forever()},
             [&](result<file> f) { opened = f.has_value(); });
  CHECK(!t.context.stopped());
  t.context.poll();
  CHECK(!t.context.stopped());
  t.holder.close().value();
  t.context.run();
  CHECK(opened);
  CHECK(t.context.stopped());
}

TEST_CASE("executors: deadlines and grants reach any context", "[api][executors]") {
  const auto v = volume::create().value();
  sync::file_system threads(v);
  auto holder = threads.open("/a", open_mode::create).value();
  SECTION("one of the user's own") {
    std::optional<error> first;
    bool second = false;
    own_context context;
    const asio::any_io_executor on(own_context::executor_type{context});
    file_system fs(on, v);
    spawn(on, [&]() -> asio::awaitable<void> {
      const auto refused = co_await fs.open("/a", open_mode::update, soon);
      first = error_of(refused);
      holder.close().value();
      const auto f = co_await fs.open("/a", open_mode::update);
      second = f.has_value();
    });
    while (!second) context.run_one();
    CHECK((first && *first == errc::timed_out));
  }
  SECTION("the system's") {
    file_system fs(asio::system_executor(), v);
    CHECK(error_of(fs.open("/a", open_mode::update, soon, asio::use_future).get()) ==
          errc::timed_out);
    auto opened = fs.open("/a", open_mode::update, {}, asio::use_future);
    await_waiting(v, 1);
    holder.close().value();
    CHECK(opened.get().has_value());
  }
}

TEST_CASE("executors: one of the user's own context dies with those who wait", "[api][executors]") {
  const auto v = volume::create().value();
  sync::file_system threads(v);
  auto holder = threads.open("/a", open_mode::create).value();
  const auto alive = std::make_shared<int>(0);
  const bool was_granted = GENERATE(false, true);
  {
    own_context context;
    const asio::any_io_executor on(own_context::executor_type{context});
    file_system fs(on, v);
    spawn(on, [&, alive]() -> asio::awaitable<void> {
      const auto f = co_await fs.open("/a", open_mode::update);
    });
    context.run_one();
    CHECK(v.stats().waiting == 1);
    if (was_granted) holder.close().value();
  }
  holder.close().value();
  CHECK(alive.use_count() == 1);
  CHECK(v.stats().waiting == 0);
  CHECK(threads.open("/a", open_mode::update, at_once).has_value());
}

TEST_CASE("executors: what begins while a context dies, and finds no memory, is destroyed with it",
          "[api][executors]") {
  volume v = volume::create().value();
  sync::file_system threads(v);
  const sync::file holder = threads.open("/a", open_mode::create).value();
  auto context = std::make_unique<asio::io_context>();
  section in{*context};
  const asio::any_io_executor executor{section_executor(in)};
  file_system fs(context->get_executor(), v);
  const auto second = std::make_shared<int>();
  const auto begin = [&](auto kept) {
    fs.open("/a", open_mode::update, {},
            asio::bind_executor(executor, [kept](const result<file>&) {}));
  };
  // When the last that refers to this is destroyed, another operation begins.
  const auto begins_another = [&] {
    return std::shared_ptr<void>(nullptr, [&](void*) {
      in.now = mood::is_out_of_memory;
      begin(second);
    });
  };
  // One that waits, and one that is not even of this library.
  begin(begins_another());
  asio::post(*context, [kept = begins_another()] {});
  CHECK(v.stats().waiting == 1);
  context.reset();
  CHECK(second.use_count() == 1);
  CHECK(v.stats().waiting == 0);
  CHECK(v.stats().open_handles == 1);
}

TEST_CASE("executors: what is refused for want of memory is tried again", "[api][executors]") {
  fixture t;
  const bool with_token = GENERATE(false, true);
  const auto how = GENERATE(mood::is_out_of_memory, mood::is_out_of_memory_twice);
  bool opened = false;
  begin_open(t, with_token, {}, [&](result<file> f) { opened = f.has_value(); });
  t.in.now = how;
  t.holder.close().value();
  t.context.restart();
  t.context.run();
  CHECK(opened);
  CHECK(t.is_clean());
}

TEST_CASE("executors: what has ended in the initiation is told in spite of one refusal",
          "[api][executors][tokens]") {
  fixture t;
  std::optional<bool> removed;
  t.threads.write_file("/b", "xyz").value();
  t.in.now = mood::is_out_of_memory;
  t.fs.remove("/b",
              asio::bind_executor(t.executor, [&](result<void> r) { removed = r.has_value(); }));
  CHECK(!removed);
  t.context.run();
  CHECK(removed == true);
}

TEST_CASE("executors: what is refused in the initiation again and again throws, and has been done",
          "[api][executors][tokens]") {
  fixture t;
  t.threads.write_file("/b", "xyz").value();
  t.in.now = mood::is_out_of_memory_twice;
  const auto alive = std::make_shared<int>(0);
  CHECK_THROWS_AS(
      t.fs.remove("/b", asio::bind_executor(t.executor, [alive](result<void>) { FAIL("called"); })),
      std::bad_alloc);
  CHECK(alive.use_count() == 1);
  CHECK_FALSE(t.threads.exists("/b").value());
  t.context.run();
}

TEST_CASE("executors: one that does not want what has ended destroys the handler uncalled",
          "[api][executors][tokens]") {
  fixture t;
  const auto alive = std::make_shared<int>(0);
  t.in.now = GENERATE(mood::drops, mood::throws);
  bool called = false;
  t.fs.stat("/a", asio::bind_executor(t.executor,
                                      [&called, alive](result<file_status>) { called = true; }));
  t.context.run();
  CHECK(!called);
  CHECK(alive.use_count() == 1);
}

TEST_CASE("executors: whose executor does not want them let those in who come behind",
          "[api][executors]") {
  fixture t;
  const bool with_token = GENERATE(false, true);
  const auto how = GENERATE(mood::throws, mood::drops);
  bool called = false, behind = false;
  const auto alive = std::make_shared<int>(0);
  begin_open(t, with_token, {}, [&, alive](result<file>) { called = true; });
  t.fs.open("/a", open_mode::update, {}, [&](result<file> f) { behind = f.has_value(); });
  t.in.now = how;
  t.holder.close().value();
  t.in.now = mood::passes_on;
  t.context.restart();
  t.context.run();
  CHECK(behind);
  CHECK(alive.use_count() == 1);
  CHECK(t.is_clean());
}

TEST_CASE("executors: nothing is resumed inside another's close, though its executor would",
          "[api][executors]") {
  fixture t;
  const bool with_token = GENERATE(false, true);
  bool opened = false;
  begin_open(t, with_token, {}, [&](result<file> f) { opened = f.has_value(); });
  t.in.now = mood::runs_in_the_call;
  t.holder.close().value();
  CHECK(!opened);
  t.context.restart();
  t.context.run();
  CHECK(opened);
  CHECK(t.is_clean());
}

TEST_CASE("executors: what a wait has come to is there as soon as its executor is called",
          "[api][executors]") {
  fixture t;
  const bool with_token = GENERATE(false, true);
  std::optional<error> ended;
  begin_open(t, with_token, {}, [&](result<file> f) { ended = error_of(f); });
  t.in.now = mood::runs_elsewhere_meanwhile;
  t.holder.close().value();
  REQUIRE(ended);
  CHECK(!ended->code());
  CHECK(t.is_clean());
}

TEST_CASE("executors: one may use the volume, whatever it was that let a waiter in",
          "[api][executors]") {
  asio::io_context context;
  section in{context};
  const asio::any_io_executor executor{section_executor(in)};
  const auto v = volume::create({.max_quota = 1000, .accounting = accounting::payload}).value();
  file_system fs(context.get_executor(), v);
  sync::file_system threads(v);
  threads.write_file("/large", buffer_of(std::string(900, 'x'))).value();
  threads.write_file("/small", buffer_of("x")).value();
  const open_options waits{.preallocate = 500, .on_full = when_full::wait};
  bool opened = false;
  fs.open("/new", open_mode::create, waits,
          asio::bind_executor(executor, [&](result<file> f) { opened = f.has_value(); }));
  context.poll();
  CHECK(v.stats().waiting == 1);
  bool was_there = true;
  in.now = mood::uses_the_volume;
  in.uses = [&] { was_there = threads.exists("/small").value(); };
  threads.rename("/small", "/large", if_exists::replace).value();
  CHECK(!was_there);
  context.restart();
  context.run();
  CHECK(opened);
}

TEST_CASE("executors: an operation ends where its handler runs, its cancellation slot too",
          "[api][executors][cancellation]") {
  fixture t;
  asio::cancellation_signal signal;
  bool opened = false;
  begin_open(t, true, {}, [](result<file>) {});
  t.fs.open("/a", open_mode::update, {},
            asio::bind_cancellation_slot(
                signal.slot(),
                asio::bind_executor(t.executor, [&](result<file> f) { opened = f.has_value(); })));
  CHECK(t.v.stats().waiting == 2);
  t.in.now = mood::keeps;
  t.holder.close().value();
  t.in.run_kept();
  t.context.restart();
  t.context.poll();
  // Its executor has not run it yet.
  CHECK(signal.slot().has_handler());
  signal.emit(asio::cancellation_type::all);
  CHECK(!opened);
  t.in.run_kept();
  CHECK(opened);
  CHECK(!signal.slot().has_handler());
  t.context.restart();
  t.context.run();
}

}  // namespace coramfs::tests
