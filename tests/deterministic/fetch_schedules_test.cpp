// SPDX-License-Identifier: BSL-1.0
// Those who fetch one file, whose producer is begun by one of them and belongs to none: they come
// and go, are cancelled, wait too long or die with their context, and so does the producer. Every
// schedule that the dice come upon has one producer at a time, gives each of them a prefix of what
// one producer wrote and the end that it had, and leaves nobody stuck.
#include <coramfs/fetch.hpp>
#include <coramfs/file_system.hpp>
#include <coramfs/sync/file_system.hpp>

#include "deterministic/request.hpp"
#include "deterministic/world.hpp"

#include "support/catch.hpp"
#include "support/describe.hpp"

#include <asio/buffer.hpp>
#include <asio/error.hpp>
#include <asio/post.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace coramfs::tests {

namespace {

using asio::awaitable;

/// What one producer has written, and how that ended.
struct flight {
  std::uint64_t number;
  bool may_be_stopped;
  bool lingers;
  std::uint64_t committed = 0;
  std::uint64_t followers = 0;  // that are known to follow it
  follow_state state = follow_state::growing;
  error why = errc::abandoned;
  bool has_returned = false;  // its producer, and its file is elsewhere

  // It begins with the number, so that whoever reads it knows whose it is.
  static constexpr std::size_t head = 8;
  std::string text(std::uint64_t begin, std::uint64_t size) const {
    char first[head + 1];
    std::snprintf(first, sizeof first, "%08u", static_cast<unsigned>(number));
    std::string all(static_cast<std::size_t>(size), '\0');
    for (char& c : all) {
      c = begin < head ? first[begin]
                       : static_cast<char>('a' + (number * 7 + begin * 31 + begin / 251) % 26);
      ++begin;
    }
    return all;
  }
  void end(follow_state how, const error& with = errc::abandoned) {
    if (state != follow_state::growing) return;
    state = how;
    why = with;
  }
};
using flight_ptr = std::shared_ptr<flight>;

/// In a producer's frame: what goes without a word has been abandoned.
struct word_of {
  flight_ptr of;
  ~word_of() {
    if (!of->has_returned) of->end(follow_state::abandoned);
  }
};

struct fetcher : request {
  flight_ptr of;
  std::uint64_t first = 0;  // the number of the flight that it may have joined, or the next
  std::uint64_t deaths = 0;
  std::uint64_t position = 0;
  std::uint64_t needs = 0;
  bool waits_for_bytes = false;
};

/// A file that its producer has given away.
struct stray {
  flight_ptr of;
  file handle;
};

class fetch_world final : public world {
 public:
  fetch_world(stage& on, std::uint64_t seed) : world(on, seed) {
    threads_.write_file("/gate", "").value();
    gate_ = threads_.open("/gate", open_mode::update).value();
    for (std::size_t i = 0; i < on.size(); ++i) on_each_.emplace_back(on[i].executor(), volume_);
  }

 private:
  static constexpr std::size_t most_fetchers = 8;

  void act() override {
    if (dice_.one_in(10)) return pass_time();
    if (on_.size() > 1 && dice_.one_in(20)) return kill_one();
    switch (dice_.below(12)) {
      case 0:
      case 1:
      case 2: return cancel_one();
      case 3: return turn_gate();
      case 4: return remove_one();
      case 5: return end_stray();
      default: return begin_one();
    }
  }

  // The producers.
  awaitable<result<void>> produce(flight_ptr f, std::size_t context, file to,
                                  std::shared_ptr<int>) {
    const word_of at_end{f};
    const std::size_t steps = dice_.below(12);
    for (std::size_t i = 0; i < steps; ++i) {
      const std::size_t what = dice_.below(4);
      if (what == 0) {
        co_await asio::post(asio::use_awaitable);
      } else if (what == 1 || f->committed == 0) {
        const auto passed = co_await on_each_[context].open("/gate", open_mode::read);
        if (!passed) {
          note(passed.error() == errc::canceled, "a gate opens, or it is cancelled");
          note(f->may_be_stopped && f->followers == 0, "who is followed is not cancelled");
          f->end(follow_state::abandoned);
          co_return passed.error();
        }
      }
      if (what < 2) continue;
      const std::uint64_t size = (f->committed == 0 ? flight::head : 1) + dice_.below(300);
      const std::string text = f->text(f->committed, size);
      const auto done = co_await to.write(bytes_of(text));
      done.value();
      f->committed += size;
    }
    auto word = co_await end_in_some_way(f, to);
    co_return word;
  }
  awaitable<result<void>> end_in_some_way(flight_ptr f, file& to) {
    const error why = dice_.one_in(2) ? error(errc::corrupt_archive) : error(errc::quota_exceeded);
    switch (dice_.below(9)) {
      case 0: f->end(follow_state::abandoned, why); co_return why;
      case 1: f->end(follow_state::abandoned); co_return errc::timed_out;
      case 2: f->end(follow_state::abandoned); throw std::runtime_error("a producer's own");
      case 3:
        to.finish().value();
        f->end(follow_state::complete);
        co_await asio::post(asio::use_awaitable);
        co_return why;
      case 4:
        f->end(follow_state::abandoned, why);
        to.abandon(why).value();
        co_await asio::post(asio::use_awaitable);
        break;
      case 5: {
        // It is destroyed in here, which is no success with an exception.
        const bool dies = dice_.one_in(2);
        try {
          const file handed_on = std::move(to);
          if (dies) throw std::runtime_error("a producer's own");
        } catch (const std::runtime_error&) {
        }
        f->end(dies ? follow_state::abandoned : follow_state::complete);
        break;
      }
      case 6:
        f->has_returned = true;
        strays_.push_back({f, std::move(to)});
        break;
      default: f->end(follow_state::complete);
    }
    co_return boost::outcome_v2::success();
  }
  void end_stray() {
    if (strays_.empty()) return;
    stray& s = strays_.front();
    if (dice_.one_in(2)) {
      s.handle.finish().value();
      s.of->end(follow_state::complete);
    }
    s.of->end(follow_state::abandoned);
    strays_.pop_front();
  }
  void turn_gate() {
    if (gate_.is_open()) {
      gate_.close().value();
    } else {
      auto closed =
          threads_.open("/gate", open_mode::update, {.timeout = lock_timeout::immediate()});
      if (closed) gate_ = std::move(closed).value();
    }
  }
  // The one before it has ended, or nobody follows it, and never will.
  flight_ptr take_off(const fetch_options& o) {
    for (const flight_ptr& before : flights_)
      note(before->state != follow_state::growing ||
               (before->may_be_stopped && before->followers == 0),
           "one producer at a time");
    flights_.push_back(std::make_shared<flight>(flight{
        flights_.size() + 1, o.when_alone == fetch_options::alone::stop, o.linger.count() > 0}));
    return flights_.back();
  }

  // Those who fetch.
  void begin_one() {
    const auto living = std::count_if(fetchers_.begin(), fetchers_.end(),
                                      [](const fetcher& r) { return !r.has_ended; });
    if (static_cast<std::size_t>(living) == most_fetchers) return;
    fetcher& r = fetchers_.emplace_back();
    r.number = fetchers_.size();
    r.context = dice_.below(on_.size());
    r.patience = any_patience();
    if (r.patience.is_immediate()) r.patience = lock_timeout::forever();
    begin(r, fetch_one(r, alive_));
  }
  awaitable<void> fetch_one(fetcher& r, std::shared_ptr<int> alive) {
    const std::size_t at = dice_.below(on_.size());
    fetch_options o;
    o.when_alone = dice_.one_in(3) ? fetch_options::alone::finish : fetch_options::alone::stop;
    if (dice_.one_in(3)) o.linger = std::chrono::milliseconds(1);
    if (dice_.one_in(2)) o.on = on_[at].executor();
    o.follow.at_least = dice_.below(500);
    if (!r.patience.is_forever()) o.follow.patience = r.patience;
    const std::size_t runs_on = o.on ? at : r.context;
    r.first = std::max<std::uint64_t>(flights_.size(), 1);
    r.deaths = deaths_;
    r.has_begun = true;
    r.is_late = false;
    auto by = [this, o, runs_on, alive](file to) {
      return produce(take_off(o), runs_on, std::move(to), alive);
    };
    auto fetched = co_await on_each_[r.context].fetch("/f", std::move(by), o);
    if (!fetched) {
      r.has_ended = true;
      co_return refused(r, fetched.error());
    }
    follower f = std::move(fetched).value();
    while (co_await read_one(r, f, o.follow)) {
    }
    r.has_ended = true;
    // It leaves only now.
    if (r.of != nullptr && !dice_.one_in(4)) co_await asio::post(asio::use_awaitable);
    leave(r);
  }
  static void leave(fetcher& r) {
    if (r.of != nullptr) --r.of->followers;
    r.of = nullptr;
  }
  void refused(const fetcher& r, const error& e) {
    if (e == errc::timed_out) return require(r.is_over(true), "a wait ends when its time is over");
    if (e == errc::canceled) return require(r.is_canceled, "only a cancellation cancels");
    const bool is_of_a_flight =
        std::any_of(flights_.begin(), flights_.end(), [&](const flight_ptr& f) {
          return f->number >= r.first && f->committed == 0 && f->state == follow_state::abandoned &&
                 f->why.code() == e.code();
        });
    // A producer that has not begun has died with its context, too.
    const bool is_of_a_death = e == errc::abandoned && r.deaths != deaths_;
    require(is_of_a_flight || is_of_a_death, "an error is a producer's, before its first byte");
  }

  // Returns whether it goes on.
  awaitable<bool> read_one(fetcher& r, follower& f, const follow_options& o) {
    const std::size_t at_most = flight::head + dice_.below(500);
    r.needs = r.position + std::clamp<std::size_t>(o.at_least, 1, at_most);
    r.waits_for_bytes = r.of != nullptr;
    r.is_late = false;
    const auto piece = co_await f.next(at_most);
    r.waits_for_bytes = false;
    if (!piece) co_return goes_on_after(r, piece.error());
    const std::size_t count = piece.value().size();
    if (count == 0) {
      if (r.of == nullptr) co_return ended_without_bytes(r);
      require(r.of->state == follow_state::complete, "no bytes mean complete");
      require(r.position == r.of->committed, "complete is all of it");
      co_return false;
    }
    std::string seen(count, '\0');
    asio::buffer_copy(asio::buffer(seen), piece.value());
    if (r.of == nullptr) know(r, seen);
    require(r.position + count <= r.of->committed, "only what is committed");
    require(seen == r.of->text(r.position, count), "what is read is what was written");
    r.position += count;
    // Some leave in the middle.
    co_return !dice_.one_in(8);
  }
  void know(fetcher& r, const std::string& seen) {
    require(seen.size() >= flight::head, "the head is written at once");
    const auto number = static_cast<std::size_t>(std::stoul(seen.substr(0, flight::head)));
    r.of = flights_.at(number - 1);
    ++r.of->followers;
  }
  bool ended_without_bytes(const fetcher& r) {
    require(std::any_of(flights_.begin(), flights_.end(),
                        [](const flight_ptr& f) {
                          return f->committed == 0 && f->state == follow_state::complete;
                        }),
            "nothing is the content of a flight without bytes");
    return r.of != nullptr;
  }
  bool goes_on_after(fetcher& r, const error& e) {
    if (e == errc::timed_out) {
      require(r.is_over(true), "a wait ends when its time is over");
      return !dice_.one_in(3);
    }
    if (e == errc::canceled) {
      require(r.is_canceled, "only a cancellation cancels");
      return false;
    }
    require(r.of != nullptr || r.deaths != deaths_, "who fails before the first byte is told so");
    if (r.of == nullptr) return false;
    require(r.of->state == follow_state::abandoned, "an error is no end of another kind");
    require(e.code() == r.of->why.code(), "it is the producer's");
    require(r.position == r.of->committed, "the bytes come before the error");
    return false;
  }

  void cancel_one() {
    if (fetchers_.empty()) return;
    fetcher& r = fetchers_[dice_.below(fetchers_.size())];
    if (!r.has_ended) cancel(r);
  }
  void kill_one() {
    const std::size_t doomed = dice_.below(on_.size());
    ++deaths_;
    on_.destroy(doomed);
    for (fetcher& r : fetchers_) {
      if (r.context != doomed || r.is_dead) continue;
      r.has_ended = r.is_dead = true;
      leave(r);
    }
    on_.replace(doomed);
    on_each_[doomed] = file_system(on_[doomed].executor(), volume_);
  }
  void pass_time() {
    const bool much = dice_.one_in(2);
    for (fetcher& r : fetchers_) r.is_late = r.is_late || r.is_over(much);
    let_time_pass(much);
  }
  void remove_one() { static_cast<void>(threads_.remove("/f")); }

  bool relieve() override {
    if (gate_.is_open()) {
      gate_.close().value();
      return true;
    }
    if (!strays_.empty()) {
      end_stray();
      return true;
    }
    if (++times_passed_ > 40) return false;
    let_time_pass(true);
    return true;
  }

  void check() override { require(wrong_.empty(), wrong_.c_str()); }
  // In a producer, of which nothing that is thrown comes out.
  void note(bool holds, const char* what) {
    if (!holds && wrong_.empty()) wrong_ = what;
  }
  // Nobody waits for what is there, and nothing flies for nobody.
  void check_quiet() override {
    const auto growing = std::find_if(flights_.begin(), flights_.end(), [](const flight_ptr& f) {
      return f->state == follow_state::growing;
    });
    bool is_followed = false;
    for (const fetcher& r : fetchers_) {
      if (r.has_ended || !r.has_begun) continue;
      is_followed = true;
      require(!r.is_canceled, "who is cancelled leaves");
      require(growing != flights_.end(), "nobody waits where nothing grows");
      if (!r.waits_for_bytes) continue;
      require(r.of->state == follow_state::growing, "nobody waits once it has ended");
      require(r.of->committed < r.needs, "nobody waits for what is there");
    }
    for (const flight_ptr& f : flights_) {
      const bool goes_on = f->state == follow_state::growing && !f->has_returned;
      require(!goes_on || is_followed || !f->may_be_stopped || f->lingers,
              "nothing flies on for nobody");
    }
  }

  void check_end() override {
    for (const fetcher& r : fetchers_) require(r.has_ended, "nobody is stuck");
    for (const flight_ptr& f : flights_)
      require(f->state != follow_state::growing, "no producer is stuck");
    require(alive_.use_count() == 1, "every coroutine has ended, and every producer has gone");
    static_cast<void>(threads_.remove("/f"));
    threads_.remove("/gate").value();
    const volume_stats s = volume_.stats();
    require(s.used_bytes == 0 && s.file_count == 0 && s.open_handles == 0 && s.held_bytes == 0,
            "nothing is left");
  }

  volume volume_ = volume::create(on_[0].options({})).value();
  sync::file_system threads_{volume_};
  std::vector<file_system> on_each_;
  sync::file gate_;  // while it is open, who comes to the gate waits
  std::vector<flight_ptr> flights_;
  std::deque<stray> strays_;
  std::deque<fetcher> fetchers_;
  std::uint64_t deaths_ = 0;
  int times_passed_ = 0;
  std::string wrong_;
  const std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

void explore(std::size_t contexts, std::uint64_t count) {
  for_each_schedule(contexts, count, [&](stage& on, std::uint64_t seed) {
    fetch_world w(on, seed);
    w.run(60);
  });
}

}  // namespace

TEST_CASE("fetch schedules: one context", "[deterministic][fetch]") { explore(1, 20'000); }

TEST_CASE("fetch schedules: contexts that die", "[deterministic][fetch]") { explore(2, 10'000); }

}  // namespace coramfs::tests
