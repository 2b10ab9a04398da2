// SPDX-License-Identifier: BSL-1.0
#include "integrations/testing/simulation_core.hpp"

#include <coramfs/detail/blocking_ban.hpp>

#include "integrations/testing/asio_scheduler.hpp"
#include "integrations/testing/report.hpp"

#include <algorithm>
#include <exception>
#include <iostream>
#include <limits>
#include <stdexcept>

namespace coramfs::detail {

namespace {

/// Tells timers which simulation a context is.
class core_service : public asio::execution_context::service {
 public:
  inline static asio::execution_context::id id;

  explicit core_service(asio::execution_context& context)
      : asio::execution_context::service(context) {}

  simulation_core* core = nullptr;

 private:
  void shutdown() override {}
};

/// The end of a wait of coramfs's own timer. It is there from the beginning, since a wait can be
/// cancelled where there is no memory.
class deadline_task final : public simulated_task {
 public:
  explicit deadline_task(std::function<void(bool)> then) : then_(std::move(then)) {}
  void run() override { then_(has_come); }

  bool has_come = false;

 private:
  const std::function<void(bool)> then_;
};

class deadline_wait final : public simulated_wait {
 public:
  deadline_wait(simulation_core& in, std::function<void(bool)> then)
      : in_(in), task_(std::make_unique<deadline_task>(std::move(then))) {}
  void end(const asio_error_code& how) noexcept override {
    task_->has_come = !how;
    in_.add(std::move(task_));
  }

 private:
  simulation_core& in_;
  std::unique_ptr<deadline_task> task_;
};

/// The timer for coramfs's deadlines on the simulation.
class simulated_timer final : public context_timer {
 public:
  explicit simulated_timer(simulation_core& in) noexcept : in_(in), number_(in.new_timer()) {}
  ~simulated_timer() override { cancel(); }

  void wait(std::chrono::steady_clock::time_point when, std::function<void(bool)> then) override {
    cancel();
    in_.begin_wait(in_.next_place(when), number_,
                   std::make_shared<deadline_wait>(in_, std::move(then)));
  }
  void cancel() noexcept override { in_.cancel_waits(number_, 1); }

 private:
  simulation_core& in_;
  const std::uint64_t number_;
};

/// Steps must not block the thread: nobody else could go on.
class steps_do_not_block final : public blocking_ban {
 public:
  bool is_here() noexcept override { return current::stepping() != nullptr; }
  void refused(const error& unmet, const void* lock) noexcept override {
    current::stepping()->is_blocked_by(unmet, lock);
  }
  void refused_for_good() noexcept override try {
    std::cerr << current::stepping()->look().report << std::endl;
    std::terminate();
  } catch (const std::exception&) {
    std::terminate();
  }
};

void forbid_blocking_in_steps() noexcept {
  static steps_do_not_block ban;
  blocking_ban::set(ban);
}

}  // namespace

simulation_core::simulation_core(testing::simulation& of, testing::schedule how, bool gives_turns)
    : clock(std::make_shared<virtual_clock>(~how.seed())),
      of_(of),
      gives_turns_(gives_turns),
      chooser_(std::move(how)) {
  asio::use_service<core_service>(of).core = this;
  set(of, *this);
  forbid_blocking_in_steps();
}

simulation_core::~simulation_core() = default;

simulation_core& simulation_core::of(const asio::any_io_executor& on, const char* whose) {
  auto& context = asio::query(on, asio::execution::context);
  if (!asio::has_service<core_service>(context))
    throw std::logic_error(std::string(whose) + ": its executor is of no simulation");
  return *asio::use_service<core_service>(context).core;
}

void simulation_core::add(std::unique_ptr<simulated_task> t, std::uint64_t coroutine) noexcept {
  t->coroutine_ = coroutine;
  if (std::this_thread::get_id() != thread_) {
    const std::lock_guard lock(mutex_);
    foreign_.push(std::move(t));
    has_foreign_.store(true, std::memory_order_release);
    return;
  }
  arrived_.push(std::move(t));
}

void simulation_core::require_outside_of_steps(const char* call) const {
  const char* why = nullptr;
  if (std::this_thread::get_id() != thread_) {
    why = ": the simulation belongs to another thread, which has made it";
  } else if (is_stepping_) {
    why = ": it is called within a step of the simulation";
  }
  if (why != nullptr)
    throw std::logic_error(std::string("coramfs::testing::simulation::") + call + why);
}

void simulation_core::require_own_thread() const {
  if (has_foreign_.load(std::memory_order_acquire))
    throw std::logic_error(
        "coramfs::testing::simulation: another thread has handed a task to the executor, which no "
        "seed repeats; one of Asio's own timers does so");
}

// Asio begins to run things on a context when the first timer, socket or signal set is made there:
// its scheduler comes with a thread of its own.
void simulation_core::require_alone() const {
  require_own_thread();
  if (asio::has_service<asio::detail::scheduler>(of_))
    throw std::logic_error(
        "coramfs::testing::simulation: a timer, socket or signal set of Asio's own has been made "
        "on "
        "it, which goes by real time, on a thread of Asio's; there is coramfs::testing::timer");
}

// What has arrived becomes what is ready. Where memory is refused, the rest arrives later.
void simulation_core::gather() {
  while (!arrived_.is_empty()) {
    ready_.reserve_one();
    chooser_.reserve_one();
    std::unique_ptr<simulated_task> t = arrived_.pop();
    const std::uint64_t coroutine = t->coroutine_;
    ready_.push(++tasks_, coroutine, std::move(t));
    chooser_.add(tasks_, coroutine);
  }
}

bool simulation_core::step() {
  require_outside_of_steps("step");
  if (is_over_) return false;
  require_own_thread();
  if (taken.size() == taken.capacity()) taken.reserve(std::max<std::size_t>(64, 2 * taken.size()));
  gather();
  const bool was_idle = ready_.is_empty();
  const bool has_jumped = chooser_.jumps(taken.size()) && jump();
  gather();
  while (ready_.is_empty()) {
    if (!jump()) {
      require_alone();
      return false;
    }
    gather();
  }
  const std::size_t place = chooser_.choose(ready_, taken.size());
  const std::size_t ready = ready_.size();
  ready_set::slot chosen = ready_.take(place);
  note({static_cast<std::uint32_t>(place), static_cast<std::uint32_t>(ready),
        has_jumped && !was_idle},
       chosen.number);
  if (observer != nullptr) observer->chosen(*this, ready_, chosen.number, chosen.coroutine);

  struct going_on {
    simulation_core& of;
    const current::step in{of};
    const asio_memory::in_use memory{of.memory_};
    going_on(simulation_core& c, std::uint64_t coroutine) noexcept : of(c) {
      of.is_stepping_ = true;
      of.coroutine_ = coroutine;
    }
    ~going_on() {
      of.is_stepping_ = false;
      of.coroutine_ = 0;
    }
  };
  const going_on scope(*this, chosen.coroutine);
  chosen.task->run();
  chosen.task.reset();
  if (blocked_) return true;
  if (thrown_) std::rethrow_exception(std::exchange(thrown_, nullptr));
  for (std::size_t i = 0; i < checks.size(); ++i) checks[i]();
  return true;
}

// There is room for it.
void simulation_core::note(const testing::choice& c, std::uint64_t task) noexcept {
  taken.push_back(c);
  fingerprint = mixed(fingerprint ^ task << 32 ^ c.ready);
  fingerprint = mixed(fingerprint ^ static_cast<std::uint64_t>(now().time_since_epoch().count()));
}

// Goes on to the next time that somebody waits for. Returns whether there is one.
bool simulation_core::jump() {
  if (alarms_.empty() || alarms_.begin()->first.first == time_point::max()) return false;
  clock->set(std::max(now(), alarms_.begin()->first.first));
  ring();
  return true;
}

// The last of all times never comes.
void simulation_core::advance(std::chrono::steady_clock::duration by) {
  using duration = std::chrono::steady_clock::duration;
  const duration most = time_point::max() - duration(1) - now();
  clock->set(now() + std::clamp(by, duration(0), std::max(most, duration(0))));
  ring();
}

// Ends the waits whose time has come.
void simulation_core::ring() {
  while (!alarms_.empty() && alarms_.begin()->first.first <= now())
    end_wait(alarms_.begin(), asio_error_code());
}

// It is there until its end has not thrown.
void simulation_core::end_wait(alarms::const_iterator at, const asio_error_code& how) {
  at->second.wait->end(how);
  of_timers_.erase({at->second.timer, at->first});
  alarms_.erase(at);
}

void simulation_core::begin_wait(const alarm_key& key, std::uint64_t timer,
                                 std::shared_ptr<simulated_wait> w) {
  if (key.first <= now()) {
    w->end(asio_error_code());
    return;
  }
  const auto at = alarms_.emplace(key, alarm{timer, std::move(w), now(), coroutine_}).first;
  try {
    of_timers_.emplace(timer, key);
  } catch (const std::bad_alloc&) {
    alarms_.erase(at);
    throw;
  }
}

void simulation_core::cancel_wait(const alarm_key& key) {
  const auto found = alarms_.find(key);
  if (found != alarms_.end()) end_wait(found, asio::error::operation_aborted);
}

simulation_core::alarms::const_iterator simulation_core::first_of(
    std::uint64_t timer) const noexcept {
  const auto first = of_timers_.lower_bound({timer, {time_point::min(), 0}});
  if (first == of_timers_.end() || first->first != timer) return alarms_.end();
  return alarms_.find(first->second);
}

std::shared_ptr<simulated_wait> simulation_core::first_wait(std::uint64_t timer) const noexcept {
  const auto first = first_of(timer);
  return first == alarms_.end() ? nullptr : first->second.wait;
}

std::size_t simulation_core::cancel_waits(std::uint64_t timer, std::size_t most) {
  std::size_t ended = 0;
  for (; ended < most; ++ended) {
    const auto first = first_of(timer);
    if (first == alarms_.end()) break;
    end_wait(first, asio::error::operation_aborted);
  }
  return ended;
}

std::uint64_t simulation_core::new_seed() noexcept { return mixed(seed() ^ mixed(++seeds_)); }

// Asio's own timers are shut down before the thread that it has for them, which is a race: so the
// thread ends first, where there is one.
void simulation_core::end() noexcept {
  is_over_ = true;
  if (asio::has_service<asio::detail::scheduler>(of_))
    asio::use_service<asio::detail::scheduler>(of_).shutdown();
  coroutines_.clear();
  waits_.clear();
  blocked_.reset();
}

// Asio destroys a suspended coroutine by a task, on its executor. So what is destroyed makes others
// ready, and the loop goes on until nothing does; each is out of its container before it is
// destroyed, and no lock is held.
void simulation_core::clear() noexcept {
  for (bool has_dropped = true; has_dropped;) {
    task_queue dropped;
    {
      const std::lock_guard lock(mutex_);
      dropped.take(foreign_);
    }
    has_dropped = !dropped.is_empty() || !is_idle() || !alarms_.empty();
    dropped.clear();
    while (!ready_.is_empty()) ready_.take(0);
    arrived_.clear();
    while (!alarms_.empty()) {
      of_timers_.erase({alarms_.begin()->second.timer, alarms_.begin()->first});
      alarms_.extract(alarms_.begin());
    }
  }
}

void simulation_core::destroy_kept() noexcept {
  while (!kept.empty()) {
    const std::shared_ptr<void> last = std::move(kept.back());
    kept.pop_back();
  }
  clear();
}

void simulation_core::is_blocked_by(const error& unmet, const void* lock) noexcept {
  if (!blocked_) blocked_ = blocked{unmet, lock, coroutine_};
}

std::uint64_t simulation_core::begin_coroutine(std::string_view name) {
  if (is_over_)
    throw std::logic_error("coramfs::testing::simulation: it has been cleared, and is at its end");
  const std::uint64_t number = coroutines_begun_ + 1;
  coroutines_.emplace(number, testing::pending_coroutine{std::string(name), now(), number});
  return coroutines_begun_ = number;
}

std::unique_ptr<context_timer> simulation_core::make_timer() {
  return std::make_unique<simulated_timer>(*this);
}

// A wait that there is no memory to note is only missing in reports.
void simulation_core::wait_begins(const void* waiter, const wait_reason& why) noexcept try {
  waits_.insert_or_assign(waiter, suspended{why, now(), ++waits_begun_, coroutine_});
} catch (const std::bad_alloc&) {
}

std::vector<testing::pending_wait> simulation_core::pending_waits() const {
  std::map<std::uint64_t, const suspended*> operations;  // by number, which is the order
  std::map<std::uint64_t, const alarm*> others;
  for (const auto& w : waits_) operations.emplace(w.second.number, &w.second);
  for (const auto& [key, a] : alarms_)
    if (!a.wait->what().empty()) others.emplace(key.second, &a);

  std::vector<testing::pending_wait> waits;
  auto tell_others_before = [&, next = others.cbegin()](std::uint64_t number) mutable {
    for (; next != others.end() && next->first < number; ++next) {
      const alarm& a = *next->second;
      error_details about;
      about.operation = a.wait->what();
      waits.push_back({std::move(about), 0, a.since, a.coroutine});
    }
  };
  std::unordered_map<const void*, std::uint64_t> numbers;  // of locks
  const auto tell = [&](const error& why, const void* awaited, time_point since,
                        std::uint64_t coroutine, bool is_blocking) {
    const std::uint64_t bytes = why == errc::quota_exceeded ? why.requested() : 0;
    std::uint64_t lock = 0;
    if (awaited != nullptr) lock = numbers.emplace(awaited, numbers.size() + 1).first->second;
    waits.push_back({why.details(), bytes, since, coroutine, lock, is_blocking});
  };
  for (const auto& [number, s] : operations) {
    tell_others_before(number);
    tell(s->why.unmet(), s->why.lock(), s->since, s->coroutine, false);
  }
  tell_others_before(waits_begun_ + 1);
  if (blocked_) tell(blocked_->why, blocked_->lock, now(), blocked_->coroutine, true);
  return waits;
}

testing::outcome simulation_core::look() const {
  testing::outcome o;
  o.is_stuck =
      is_blocked() || work > 0 || !coroutines_.empty() || !waits_.empty() || !alarms_.empty();
  if (!o.is_stuck) return o;
  for (const auto& c : coroutines_) o.coroutines.push_back(c.second);
  o.waits = pending_waits();
  circumstances c{chooser_.how(), taken, virtual_clock::start, now()};
  c.is_ready = !is_idle();
  c.is_blocked = is_blocked();
  if (!alarms_.empty()) c.next = alarms_.begin()->first.first;
  o.report = report_of(o, c);
  return o;
}

}  // namespace coramfs::detail
