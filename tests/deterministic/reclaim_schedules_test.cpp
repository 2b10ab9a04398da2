// SPDX-License-Identifier: BSL-1.0
// Coroutines that are short of space where a coroutine is asked, while others take it and free it,
// are cancelled, or die with their context: every schedule that the dice come upon asks one at a
// time, ends, and leaves nothing set aside for nobody.
#include <coramfs/file_system.hpp>
#include <coramfs/reclaim_on.hpp>
#include <coramfs/sync/file_system.hpp>

#include "deterministic/request.hpp"
#include "deterministic/world.hpp"

#include "support/catch.hpp"
#include "support/describe.hpp"

#include <asio/buffer.hpp>
#include <asio/post.hpp>
#include <asio/use_awaitable.hpp>

#include <deque>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace coramfs::tests {

namespace {

using asio::awaitable;

constexpr std::uint64_t quota = 1000, most_nodes = 8;

asio::const_buffer content_of(std::uint64_t n) {
  static const std::string xs(2 * quota, 'x');
  return asio::const_buffer(xs.data(), static_cast<std::size_t>(n));
}

class reclaim_world final : public world {
 public:
  reclaim_world(stage& on, std::uint64_t seed) : world(on, seed) {
    for (std::size_t i = 0; i < on.size(); ++i) on_each_.emplace_back(on[i].executor(), volume_);
  }

 private:
  void act() override {
    if (has_time_ && dice_.one_in(10)) return let_time_pass(dice_.one_in(4));
    if (on_.size() > 1 && dice_.one_in(20)) return kill_one();
    switch (dice_.below(8)) {
      case 0: return cancel_one();
      case 1: return static_cast<void>(remove_one(threads_));
      default: return begin_one();
    }
  }

  void begin_one() {
    request& r = requests_.emplace_back();
    r.number = requests_.size();
    r.context = dice_.below(on_.size());
    r.patience = any_patience();
    r.path = "/" + std::to_string(r.number);
    r.wanted = dice_.one_in(20) ? quota + 1 : 1 + dice_.below(600);
    begin(r, write(r, dice_.below(4), dice_.one_in(3), alive_));
  }

  awaitable<void> write(request& r, std::size_t way, bool waits, std::shared_ptr<int>) {
    open_options o;
    o.timeout = r.patience;
    if (waits) o.on_full = when_full::wait;
    r.has_begun = true;
    if (way == 0) {
      const auto written = co_await on_each_[r.context].write_file(r.path, content_of(r.wanted));
      co_return end(r, false, error_of(written));
    }
    if (way == 1) o.preallocate = r.wanted;
    auto opened = co_await on_each_[r.context].open(r.path, open_mode::create, o);
    result<std::uint64_t> done = error_of(opened);
    if (opened && way == 1) done = r.wanted;
    if (opened && way == 2) done = co_await opened.value().write(content_of(r.wanted));
    if (opened && way == 3) done = co_await opened.value().truncate(r.wanted);
    end(r, waits, error_of(done));
  }

  void end(request& r, bool waits, const error& e) {
    r.has_ended = true;
    if (!e.code()) return;
    if (e == errc::canceled) return require(r.is_canceled, "only a cancellation cancels");
    if (e == errc::timed_out) return require(r.is_over(true), "a wait ends when its time is over");
    if (e == errc::node_limit_exceeded)
      return require(e.available() == 0, "a node that is there is not refused");
    require(e == errc::quota_exceeded, "only space is lacking");
    require(!waits || r.wanted > quota || r.patience.is_immediate(), "what can fit is waited for");
    require(e.available() < e.requested(), "what fits is not refused");
  }

  // Frees something, or nothing, in one go or in the course of time; writes something of its own,
  // which asks nobody; or fails.
  awaitable<void> answer(file_system fs, shortage missing, std::shared_ptr<int>) {
    const answering mine(*this);
    expect(missing.bytes > 0 || missing.nodes > 0, "nobody is asked for nothing");
    const std::size_t rounds = dice_.below(5);
    for (std::size_t i = 0; i < rounds; ++i) {
      if (dice_.one_in(2)) co_await asio::post(asio::use_awaitable);
      if (dice_.one_in(5)) {
        open_options waits;
        waits.on_full = when_full::wait;
        waits.timeout = lock_timeout::forever();
        waits.preallocate = 1 + dice_.below(300);
        const auto own = co_await fs.open("/own", open_mode::write, waits);
        expect(
            own || own.error() == errc::quota_exceeded || own.error() == errc::node_limit_exceeded,
            "what the callback wants is had or refused");
      } else {
        const std::string path = any_closed();
        if (!path.empty()) static_cast<void>(co_await fs.remove(path));
      }
    }
    if (dice_.one_in(5)) throw std::runtime_error("the callback fails");
  }
  struct answering {
    explicit answering(reclaim_world& in) : of(in) {
      of.expect(of.answers_++ == 0, "one asking goes on at a time");
    }
    ~answering() { --of.answers_; }
    reclaim_world& of;
  };

  // What it throws is counted, and not thrown on.
  void expect(bool holds, const char* what) {
    if (!holds) wrong_ = what;
  }

  void cancel_one() {
    if (requests_.empty()) return;
    request& r = requests_[dice_.below(requests_.size())];
    if (!r.has_ended) cancel(r);
  }

  // With the first the callback dies, and nobody answers any more.
  void kill_one() {
    const std::size_t doomed = dice_.below(on_.size());
    on_.destroy(doomed);
    for (request& r : requests_)
      if (r.context == doomed) r.has_ended = true;
    on_.replace(doomed);
    on_each_[doomed] = file_system(on_[doomed].executor(), volume_);
  }

  std::string any_closed() {
    const auto there = threads_.list("/").value();
    if (there.empty()) return {};
    return "/" + there[dice_.below(there.size())];
  }
  bool remove_one(sync::file_system& fs) {
    for (const std::string& name : fs.list("/").value())
      if (fs.remove("/" + name)) return true;
    return false;
  }

  bool relieve() override { return remove_one(threads_); }

  void check() override {
    require(wrong_ == nullptr, wrong_);
    const volume_stats s = volume_.stats();
    require(s.used_bytes <= quota, "the quota holds");
    require(s.file_count < most_nodes, "the limit of nodes holds");
  }
  void check_quiet() override { require(answers_ == 0, "an asking ends"); }

  void check_end() override {
    for (const request& r : requests_) require(r.has_ended, "nobody waits for ever");
    require(alive_.use_count() == 2, "every coroutine has ended");
    require(volume_.stats().used_bytes == 0, "nothing is used");
    require(volume_.stats().waiting == 0, "nobody waits");
    threads_.write_file("/all", content_of(quota)).value();
  }

  volume make() {
    volume_options o;
    o.max_quota = quota;
    o.max_nodes = most_nodes;
    o.accounting = accounting::payload;
    o.reclaim = reclaim_on(on_[0].executor(), [this, alive = alive_](file_system fs, shortage s) {
      return answer(std::move(fs), s, alive);
    });
    return volume::create(on_[0].options(o)).value();
  }

  const std::shared_ptr<int> alive_ = std::make_shared<int>(0);
  volume volume_ = make();
  sync::file_system threads_{volume_};
  std::vector<file_system> on_each_;
  std::deque<request> requests_;
  int answers_ = 0;
  const char* wrong_ = nullptr;  // with what was seen in the callback
};

void explore(std::size_t contexts, std::uint64_t count) {
  for_each_schedule(contexts, count, [&](stage& on, std::uint64_t seed) {
    reclaim_world w(on, seed);
    w.run(60);
  });
}

}  // namespace

TEST_CASE("reclaim schedules: one context", "[deterministic][reclaim]") { explore(1, 20'000); }

TEST_CASE("reclaim schedules: contexts that die", "[deterministic][reclaim]") {
  explore(3, 20'000);
}

}  // namespace coramfs::tests
