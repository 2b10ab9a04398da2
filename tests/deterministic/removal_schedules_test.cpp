// SPDX-License-Identifier: BSL-1.0
// A file that some open, and others remove: in turn, or from under those who have it open. In every
// schedule that the dice come upon nobody waits for a file that has lost its name, and nothing of
// such a file stays.
#include <coramfs/file_system.hpp>
#include <coramfs/sync/file_system.hpp>

#include "deterministic/request.hpp"
#include "deterministic/world.hpp"

#include <asio/awaitable.hpp>
#include <asio/bind_cancellation_slot.hpp>
#include <asio/bind_executor.hpp>
#include <asio/post.hpp>
#include <asio/use_awaitable.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace coramfs::tests {

namespace {

using asio::awaitable;

constexpr std::uint64_t seeds = 50'000;

/// What an open has come to; null: a removal.
using handle = std::optional<file>;

class removal_world final : public world {
 public:
  removal_world(stage& on, std::uint64_t seed, bool contexts_die)
      : world(on, seed), contexts_die_(contexts_die) {
    for (std::size_t i = 0; i < on.size(); ++i) {
      on_each_.emplace_back(on[i].executor(), volume_);
      come_between(i);
    }
    threads_.write_text("/d/f", "content").value();
  }
  ~removal_world() override {
    for (std::size_t i = 0; i < on_.size(); ++i) on_[i].before_suspension = [] {};
  }

 private:
  void act() override {
    if (contexts_die_ && dice_.one_in(16)) return kill_one();
    if (has_time_ && dice_.one_in(10)) return let_time_pass_for_all();
    switch (dice_.below(10)) {
      case 0:
      case 1: return cancel_one();
      case 2:
      case 3:
      case 4: return static_cast<void>(relieve());
      case 5: return take_name();
      case 6: return remove_now();
      default: return begin_one();
    }
  }

  void come_between(std::size_t context) {
    on_[context].before_suspension = [this] {
      if (!std::exchange(is_asking_, false)) return;
      if (dice_.one_in(6)) take_name();
      if (dice_.one_in(8)) relieve();
    };
  }

  void begin_one() {
    request& r = requests_.emplace_back();
    r.number = requests_.size();
    r.path = std::to_string(r.number);  // its label
    r.context = dice_.below(on_.size());
    // 0 and 1 open it for reading, 2 and 3 for writing, 4 removes it.
    r.wanted = dice_.below(5);
    r.is_exclusive = r.wanted >= 2;
    r.patience = any_patience();
    r.has_handler = !removes(r) && dice_.one_in(3);
    if (!r.has_handler) return begin(r, ask(r, alive_));
    line_.join(r);
    on_each_[r.context].open("/d/f", mode_of(r), options_of(r),
                             told{this, &r, on_[r.context].executor(), r.signal.slot(), alive_});
  }

  awaitable<void> ask(request& r, std::shared_ptr<int>) {
    // A cancellation may come before it asks.
    if (dice_.one_in(4)) co_await asio::post(asio::use_awaitable);
    line_.join(r);
    // A timer would count as work before.
    is_asking_ = r.patience.is_forever();
    if (removes(r)) {
      const remove_options options{.open = if_open::wait, .timeout = r.patience};
      const auto removed = co_await on_each_[r.context].remove("/d/f", options);
      is_asking_ = false;
      if (!removed) {
        fail(r, removed.error());
      } else {
        succeed(r, std::nullopt);
        all_look_again();
      }
      co_return;
    }
    const open_options options = options_of(r);
    auto opened = co_await on_each_[r.context].open("/d/f", mode_of(r), options);
    is_asking_ = false;
    end(r, std::move(opened));
  }

  /// What a handler does.
  struct told {
    using executor_type = asio::any_io_executor;
    using cancellation_slot_type = asio::cancellation_slot;
    executor_type get_executor() const noexcept { return executor; }
    cancellation_slot_type get_cancellation_slot() const noexcept { return slot; }
    void operator()(result<file> opened) const { in->end(*of, std::move(opened)); }

    removal_world* in;
    request* of;
    asio::any_io_executor executor;
    asio::cancellation_slot slot;
    std::shared_ptr<int> alive;
  };

  static bool removes(const request& r) { return r.wanted == 4; }
  static open_mode mode_of(const request& r) {
    constexpr std::array modes{open_mode::read, open_mode::read, open_mode::append,
                               open_mode::write};
    return modes[r.wanted];
  }
  static open_options options_of(const request& r) {
    open_options options;
    options.timeout = r.patience;
    options.label = r.path.c_str();
    return options;
  }

  void end(request& r, result<file> opened) {
    if (!opened) return fail(r, opened.error());
    succeed(r, std::move(opened).value());
  }

  void succeed(request& r, handle had) {
    if (looks_again(r)) {
      leave(r);
    } else {
      // A reader with a handler may have found no file, and not have told yet.
      line_.succeed(r, [](const request& before, const request& now) {
        if (before.has_handler && !before.is_exclusive) return false;
        return before.is_exclusive || now.is_exclusive;
      });
    }
    if (had) held_.push_back(std::move(*had));
    // What has waited for its lock has looked, in this step, whether it has a name.
    if (!removes(r) && !r.has_handler) require(has_named_handle(r.path), "what is opened is there");
    check_names();
  }

  void fail(request& r, const error& why) {
    if (why == errc::not_found) {
      require(!r.is_exclusive || removes(r), "who may make a file finds one");
      require(r.has_handler || !threads_.exists("/d/f").value(), "what is there is found");
    }
    if (why == errc::would_block) {
      require(r.patience.is_immediate(), "only an immediate attempt would block");
      require(r.has_handler || has_named_handle() || waiting() > 1, "what is free is had");
    }
    if (!looks_again(r)) return line_.fail(r, why);
    if (why == errc::timed_out) require(r.is_over(true), "a wait ends when its time is over");
    if (why == errc::canceled) require(r.is_canceled, "only a cancellation cancels");
    leave(r);
  }

  // Whoever waits for the file that has gone is told, and looks again, in any order.
  void all_look_again() {
    while (!line_.empty()) {
      request& r = line_.head();
      line_.leave(r);
      r.has_ended = r.must_succeed = false;
      again_.push_back(&r);
    }
  }
  bool looks_again(const request& r) const {
    return std::find(again_.begin(), again_.end(), &r) != again_.end();
  }
  void leave(request& r) {
    r.has_ended = true;
    again_.erase(std::find(again_.begin(), again_.end(), &r));
  }
  std::uint64_t waiting() const { return line_.waiting().size() + again_.size(); }

  void take_name() {
    const auto removed = threads_.remove("/d/f", {.open = if_open::keep_unnamed});
    require(removed || removed.error() == errc::not_found, "a name can always be taken");
    if (removed) all_look_again();
  }
  void remove_now() {
    const bool is_used = has_named_handle() || waiting() > 0;
    const auto removed = threads_.remove("/d/f");
    require(removed || removed.error() != errc::busy || is_used, "what nobody uses is removed");
    require(!removed || !has_named_handle(), "what is open is busy");
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
      if (looks_again(r)) {
        leave(r);
      } else if (r.has_begun && !r.has_ended) {
        line_.leave(r);
      }
      r.has_ended = r.is_dead = true;
    }
    on_.replace(doomed);
    come_between(doomed);
    on_each_[doomed] = file_system(on_[doomed].executor(), volume_);
  }

  std::vector<open_handle> handles() const { return volume_.open_handles().value(); }
  /// Whether a handle is open on a file with a name: one with that label, or any.
  bool has_named_handle(std::string_view label = {}) const {
    const auto all = handles();
    return std::any_of(all.begin(), all.end(), [&](const open_handle& h) {
      return !h.path.empty() && (label.empty() || h.label == label);
    });
  }

  void check_names() const {
    std::uint64_t named = 0, writers = 0;
    for (const open_handle& h : handles()) {
      if (h.path.empty()) continue;
      ++named;
      writers += h.mode != open_mode::read;
    }
    require(writers == 0 || named == 1, "a writer is alone with the file that has the name");
  }

  void check() override {
    line_.step_ended();
    for (request* const r : again_) r->has_waited = true;
    std::uint64_t handlers = 0;
    for (const request* const r : line_.waiting()) handlers += r->has_handler;
    for (const request* const r : again_) handlers += r->has_handler;
    const std::uint64_t held_now = held_.size();
    const volume_stats s = volume_.stats();
    require(s.waiting <= waiting() && s.waiting + handlers >= waiting(),
            "the figures count who waits");
    require(s.open_handles >= held_now && s.open_handles <= held_now + waiting() - s.waiting,
            "the figures count who has it open");
    check_names();
  }

  // Nobody is on the way any more.
  void check_quiet() override {
    line_.check_quiet();
    // Its time may have passed before it began to wait again.
    for (const request* const r : again_) require(!r->is_canceled, "who is cancelled leaves");
    require(waiting() == 0 || has_named_handle(), "only a file with a name is waited for");
    std::uint64_t unnamed = 0;
    for (const open_handle& h : handles()) unnamed += h.path.empty();
    const std::uint64_t files = volume_.stats().file_count;
    const std::uint64_t named = threads_.exists("/d/f").value();
    require(files >= named + (unnamed > 0) && files <= named + unnamed,
            "a file without a name is there while it is open");
    require(files > 0 || volume_.stats().used_bytes == empty_, "what has gone costs nothing");
  }

  void check_end() override {
    require(waiting() == 0, "nobody waits for ever");
    require(alive_.use_count() == 1, "every coroutine has ended");
    if (threads_.exists("/d/f").value()) threads_.remove("/d/f").value();
    require(volume_.stats().file_count == 0, "no file is left");
    require(volume_.stats().used_bytes == empty_, "nothing is charged");
    threads_.remove_directory("/d").value();
  }

  static volume with_a_directory(staged_context& on) {
    volume v = volume::create(on.options()).value();
    sync::file_system(v).create_directory("/d").value();
    return v;
  }

  const bool contexts_die_;
  const volume volume_ = with_a_directory(on_[0]);
  const std::uint64_t empty_ = volume_.stats().used_bytes;
  sync::file_system threads_{volume_};
  std::vector<file_system> on_each_;
  std::deque<request> requests_;
  line line_;
  std::vector<request*> again_;  // those who have waited for a file that has gone
  std::vector<file> held_;
  bool is_asking_ = false;  // and the next who is about to wait is the one who asked
  const std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

void explore(std::size_t contexts, bool contexts_die, std::uint64_t count) {
  for_each_schedule(contexts, count, [&](stage& on, std::uint64_t seed) {
    removal_world w(on, seed, contexts_die);
    w.run(60);
  });
}

}  // namespace

TEST_CASE("removal schedules: on one context", "[deterministic][remove]") {
  explore(1, false, seeds);
}

TEST_CASE("removal schedules: on two contexts", "[deterministic][remove]") {
  explore(2, false, seeds / 2);
}

TEST_CASE("removal schedules: on contexts that die", "[deterministic][remove]") {
  explore(2, true, seeds / 2);
}

}  // namespace coramfs::tests
