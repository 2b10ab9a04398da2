// SPDX-License-Identifier: BSL-1.0
// One writer and those who follow it, who come and go, are cancelled, wait too long or die with
// their context: every schedule that the dice come upon gives each of them a prefix of what was
// written, and the end that there was.
#include <coramfs/file_system.hpp>
#include <coramfs/sync/file_system.hpp>

#include "deterministic/request.hpp"
#include "deterministic/world.hpp"

#include "support/catch.hpp"
#include "support/describe.hpp"

#include <asio/buffer.hpp>
#include <asio/error.hpp>
#include <asio/redirect_error.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace coramfs::tests {

namespace {

using asio::awaitable;

/// What one writer has written to the file, and how it ended.
struct flight {
  std::uint64_t number;
  std::uint64_t committed = 0;
  follow_state state = follow_state::growing;
  error why = errc::abandoned;  // what those hear who followed it then
  bool is_kept = false;         // its file is there, and incomplete

  char at(std::uint64_t offset) const {
    return static_cast<char>('a' + (number * 7 + offset * 31 + offset / 251) % 26);
  }
  std::string text(std::uint64_t begin, std::uint64_t size) const {
    std::string all(static_cast<std::size_t>(size), '\0');
    for (char& c : all) c = at(begin++);
    return all;
  }
};

struct reader : request {
  std::shared_ptr<flight> of;
  std::uint64_t position = 0;
  std::uint64_t needs = 0;  // the offset that it waits for, if it does
  bool waits = false;
  bool waits_for_lock = false;
  bool is_seen = false;  // to wait, when nothing was ready

  void begin_to_wait() { is_seen = is_late = false; }
};

/// Bytes that somebody goes on holding.
struct kept_pin {
  std::shared_ptr<flight> of;
  std::uint64_t begin;
  pinned bytes;
};

class follow_world final : public world {
 public:
  follow_world(stage& on, std::uint64_t seed) : world(on, seed) {
    for (std::size_t i = 0; i < on.size(); ++i) on_each_.emplace_back(on[i].executor(), volume_);
  }

 private:
  void act() override {
    if (has_time_ && dice_.one_in(10)) return pass_time();
    if (on_.size() > 1 && dice_.one_in(20)) return kill_one();
    switch (dice_.below(14)) {
      case 0: return cancel_one();
      case 1: return end_one();
      case 2: return remove_one();
      case 3: return let_go_of_pin();
      case 4:
      case 5:
      case 6:
      case 7: return write_some();
      case 8: return open_unwanted();
      case 9: return follow_unwanted();
      default: return begin_one();
    }
  }

  // The writer.
  void write_some() {
    if (!writer_.is_open()) return open_one();
    const std::uint64_t size = dice_.one_in(40) ? 70'000 : 1 + dice_.below(400);
    const std::string text = now_->text(now_->committed, size);
    if (dice_.one_in(4)) {
      auto room = writer_.prepare(size);
      if (is_finished_) return require(error_of(room) == errc::not_supported, "it has ended");
      asio::buffer_copy(room.value(), asio::buffer(text));
      const std::uint64_t used = dice_.below(size + 1);
      writer_.commit(used).value();
      now_->committed += used;
      return;
    }
    const auto done = dice_.one_in(4) ? writer_.write(bytes_of(text)) : writer_.write(text);
    if (is_finished_) return require(error_of(done) == errc::not_supported, "it has ended");
    done.value();
    now_->committed += size;
  }
  void open_one() {
    open_options o{.timeout = lock_timeout::immediate(), .followable = true};
    keeps_ = dice_.one_in(3);
    o.abandoned = keeps_ ? on_abandon::keep : on_abandon::remove;
    const auto mode = goes_on() ? open_mode::append : open_mode::write;
    auto opened = threads_.open("/f", mode, o);
    if (!opened) return require(opened.error() == errc::would_block, "only a lock is lacking");
    writer_ = std::move(opened).value();
    is_finished_ = false;
    take_off(mode);
  }
  bool goes_on() const { return is_there_ && now_ != nullptr && now_->is_kept; }
  void take_off(open_mode mode) {
    const std::uint64_t there = mode == open_mode::append ? now_->committed : 0;
    const std::uint64_t number = mode == open_mode::append ? now_->number : ++flights_;
    now_ = std::make_shared<flight>(flight{number, there});
    is_there_ = true;
  }
  // Opens it, or follows it, by a handler that does nothing with what it gets, and that may die
  // with its context before it is called.
  void open_unwanted() {
    if (writer_.is_open() || unwanted_) return;
    {
      const auto free =
          threads_.open("/f", open_mode::update, {.timeout = lock_timeout::immediate()});
      if (!free && free.error() != errc::not_found) return;
    }
    unwanted_ = dice_.below(on_.size());
    unwanted_keeps_ = dice_.one_in(2);
    const auto mode = goes_on() ? open_mode::append : open_mode::write;
    const auto then = unwanted_keeps_ ? on_abandon::keep : on_abandon::remove;
    on_each_[*unwanted_].open("/f", mode, {.followable = true, .abandoned = then},
                              [this](result<file> opened) {
                                opened.value().close().value();
                                lose_unwanted(unwanted_keeps_);
                              });
    take_off(mode);
    unwanted_appends_ = mode == open_mode::append;
    require(threads_.exists("/f").value(), "it is opened at once");
  }
  void lose_unwanted(bool keeps) {
    unwanted_.reset();
    now_->state = follow_state::abandoned;
    now_->is_kept = is_there_ = keeps;
    require(threads_.exists("/f").value() == is_there_, "what is abandoned has no name");
  }
  void follow_unwanted() {
    on_each_[dice_.below(on_.size())].follow("/f", {.patience = lock_timeout::immediate()},
                                             [](const result<follower>&) {});
  }
  void end_one() {
    if (!writer_.is_open()) return;
    if (is_finished_) {
      writer_.close().value();
      return;
    }
    if (dice_.one_in(2)) {
      writer_.finish().value();
      now_->state = follow_state::complete;
      is_finished_ = true;
      return;
    }
    now_->state = follow_state::abandoned;
    now_->is_kept = keeps_;
    is_there_ = keeps_;
    if (dice_.one_in(2)) {
      abandon_one();
    } else {
      writer_ = sync::file();
    }
    require(threads_.exists("/f").value() == is_there_, "what is abandoned has no name");
  }
  // With what could be taken for an end, or for an error of a follower's own call, or is neither.
  void abandon_one() {
    const auto foreign = [](asio_error_code c) { return error(static_cast<std::error_code>(c)); };
    const error given[] = {errc::corrupt_archive,
                           foreign(asio::error::connection_reset),
                           errc::abandoned,
                           errc::timed_out,
                           errc::canceled,
                           errc::would_block,
                           errc::out_of_memory,
                           foreign(asio::error::eof),
                           foreign(asio::error::operation_aborted)};
    const std::size_t number = dice_.below(std::size(given));
    const error& why = given[number];
    if (number < 2) now_->why = why;
    writer_.abandon(why).value();
  }
  void remove_one() {
    const auto done = threads_.remove("/f");
    if (done) {
      require(is_there_ && !writer_.is_open(), "what is written is busy");
      for (const reader& r : readers_)
        require(!follows(r) || r.of != now_, "what is followed is busy");
      is_there_ = false;
    } else {
      require(done.error() == (is_there_ ? errc::busy : errc::not_found), "it is busy or gone");
    }
  }
  static bool follows(const reader& r) { return !r.has_ended && r.of != nullptr; }

  // Those who follow it.
  void begin_one() {
    reader& r = readers_.emplace_back();
    r.number = readers_.size();
    r.context = dice_.below(on_.size());
    r.patience = any_patience();
    begin(r, read_all(r, alive_));
  }

  awaitable<void> read_all(reader& r, std::shared_ptr<int>) {
    follow_options o;
    o.at_least = dice_.below(3000);
    if (!r.patience.is_forever()) o.patience = r.patience;
    if (dice_.one_in(4)) o.from = dice_.below(2000);
    o.fail_fast = dice_.one_in(5);
    r.position = o.from;
    r.has_begun = r.waits_for_lock = true;
    r.begin_to_wait();
    auto followed = co_await on_each_[r.context].follow("/f", o);
    r.waits_for_lock = false;
    if (!followed) co_return refused(r, followed.error());
    r.of = now_;
    follower f = std::move(followed).value();
    while (co_await read_one(r, f, o)) {
    }
    r.has_ended = true;
  }
  void refused(reader& r, const error& e) {
    r.has_ended = true;
    if (e == errc::not_found) return require(!is_there_, "what is there is found");
    if (e == errc::timed_out) return require(r.is_over(true), "a wait ends when its time is over");
    if (e == errc::canceled) return require(r.is_canceled, "only a cancellation cancels");
    require(e == errc::would_block && r.patience.is_immediate(), "no other error is expected");
  }

  // Returns whether it goes on.
  awaitable<bool> read_one(reader& r, follower& f, const follow_options& o) {
    const std::size_t at_most = dice_.one_in(2) ? 1 << 20 : 1 + dice_.below(500);
    r.needs = r.position + std::clamp<std::size_t>(o.at_least, 1, at_most);
    r.waits = true;
    r.begin_to_wait();
    // Asio's own streams do not look at what was cancelled before.
    const asio::cancellation_state state = co_await asio::this_coro::cancellation_state;
    const bool is_told = state.cancelled() != asio::cancellation_type::none;
    error failed{std::error_code()};
    std::uint64_t count = 0;
    const std::size_t way = dice_.below(is_told ? 2 : 3);
    r.has_handler = way == 2;
    if (way == 0) {
      const auto piece = co_await f.next(at_most);
      if (piece) {
        count = piece.value().size();
        compare(r, piece.value());
        if (count > 0 && dice_.one_in(3)) pins_.push_back({r.of, r.position, piece.value()});
      } else {
        failed = piece.error();
      }
    } else {
      std::string to(std::min<std::size_t>(at_most, 50'000), '\0');
      if (way == 1) {
        const auto done = co_await f.read(asio::buffer(to));
        if (done) count = done.value();
        if (!done) failed = done.error();
      } else {
        asio_error_code ec;
        count = co_await f.async_read_some(asio::buffer(to),
                                           asio::redirect_error(asio::use_awaitable, ec));
        const bool is_end = ec == asio::error::eof;
        if (ec == asio::error::operation_aborted) {
          failed = errc::canceled;
        } else if (ec && !is_end) {
          failed = error(ec);
        }
        require(is_end == (count == 0 && !ec) || ec, "no bytes are the end");
      }
      compare(r, asio::buffer(to.data(), static_cast<std::size_t>(count)));
    }
    r.waits = false;
    r.position += count;
    require(f.position() == r.position, "the position is behind what was read");
    if (failed.code()) co_return goes_on_after(r, failed, o);
    if (count > 0) co_return true;
    require(r.of->state == follow_state::complete, "no bytes mean complete");
    require(r.position >= r.of->committed, "complete is all of it");
    require(f.state() == follow_state::complete, "the state says so");
    co_return false;
  }
  template <class Buffers>
  void compare(const reader& r, const Buffers& bytes) {
    std::string seen(asio::buffer_size(bytes), '\0');
    asio::buffer_copy(asio::buffer(seen), bytes);
    require(r.position + seen.size() <= r.of->committed || seen.empty(), "only what is committed");
    require(seen == r.of->text(r.position, seen.size()), "what is read is what was written");
  }
  bool goes_on_after(reader& r, const error& e, const follow_options& o) {
    const bool was_incomplete = r.of->is_kept && e == errc::abandoned;
    if (e.code() == r.of->why.code() || was_incomplete) {
      require(r.of->state == follow_state::abandoned, "an error is no end of another kind");
      require(o.fail_fast || r.position >= r.of->committed, "the bytes come before the error");
      return false;
    }
    if (e == errc::would_block) {
      require(r.patience.is_immediate(), "who waits is not refused");
      // A handler is called later than the operation has ended.
      require(r.has_handler || r.of->state == follow_state::growing, "there is no wait at the end");
      return false;
    }
    if (e == errc::timed_out) {
      require(r.is_over(true), "a wait ends when its time is over");
      return !dice_.one_in(3);
    }
    require(e == errc::canceled && r.is_canceled, "only a cancellation cancels");
    return false;
  }

  void cancel_one() {
    if (readers_.empty()) return;
    reader& r = readers_[dice_.below(readers_.size())];
    if (!r.has_ended) cancel(r);
  }
  void kill_one() {
    const std::size_t doomed = dice_.below(on_.size());
    on_.destroy(doomed);
    // An append that has come to nothing has changed nothing.
    if (unwanted_ == doomed) lose_unwanted(unwanted_keeps_ || unwanted_appends_);
    for (reader& r : readers_)
      if (r.context == doomed) r.has_ended = true;
    on_.replace(doomed);
    on_each_[doomed] = file_system(on_[doomed].executor(), volume_);
  }
  void pass_time() {
    const bool much = dice_.one_in(4);
    for (reader& r : readers_) r.is_late = r.is_late || (r.is_seen && r.is_over(much));
    let_time_pass(much);
  }

  bool relieve() override {
    if (!writer_.is_open()) return false;
    end_one();
    return true;
  }

  void check() override {
    if (writer_.is_open()) {
      require(threads_.file_size("/f").value() == now_->committed, "what is committed is the size");
      require(writer_.size().value() == now_->committed, "the writer sees the same");
    }
  }
  void let_go_of_pin() {
    if (pins_.empty()) return;
    const kept_pin& p = pins_.front();
    std::string seen(p.bytes.size(), '\0');
    asio::buffer_copy(asio::buffer(seen), p.bytes);
    require(seen == p.of->text(p.begin, seen.size()), "pins keep their bytes");
    pins_.pop_front();
  }

  // Nobody waits for what is there.
  void check_quiet() override {
    std::uint64_t waiting = 0;
    for (reader& r : readers_) {
      if (r.has_ended || !r.has_begun) continue;
      require(!r.is_canceled && !r.is_late, "who is cancelled or late leaves");
      ++waiting;
      r.is_seen = true;
      if (r.waits_for_lock) {
        require(writer_.is_open(), "a lock that is free is had");
        continue;
      }
      require(r.of->state == follow_state::growing, "nobody waits once it has ended");
      require(r.of->committed < r.needs, "nobody waits for what is there");
    }
    require(volume_.stats().waiting == waiting, "the figures count who waits");
  }

  void check_end() override {
    for (const reader& r : readers_) require(r.has_ended, "nobody is stuck");
    require(alive_.use_count() == 1, "every coroutine has ended");
    while (!pins_.empty()) let_go_of_pin();
    if (is_there_) threads_.remove("/f").value();
    const volume_stats s = volume_.stats();
    require(s.used_bytes == 0 && s.file_count == 0 && s.open_handles == 0 && s.held_bytes == 0,
            "nothing is left");
  }

  static volume make(const staged_context& on, dice& d) {
    volume_options o;
    const auto layout = d.below(3);
    o.default_storage = layout == 0   ? storage_layout::automatic
                        : layout == 1 ? storage_layout::sequential
                                      : storage_layout::random_access;
    return volume::create(on.options(o)).value();
  }

  volume volume_ = make(on_[0], dice_);
  sync::file_system threads_{volume_};
  std::vector<file_system> on_each_;
  sync::file writer_;
  std::shared_ptr<flight> now_;  // the last one
  std::uint64_t flights_ = 0;
  bool keeps_ = false, is_finished_ = false;
  bool is_there_ = false;                // the file has its name
  std::optional<std::size_t> unwanted_;  // the context of an open that nobody waits for
  bool unwanted_keeps_ = false, unwanted_appends_ = false;
  std::deque<reader> readers_;
  std::deque<kept_pin> pins_;
  const std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

void explore(std::size_t contexts, std::uint64_t count) {
  for_each_schedule(contexts, count, [&](stage& on, std::uint64_t seed) {
    follow_world w(on, seed);
    w.run(60);
  });
}

}  // namespace

TEST_CASE("follow schedules: one context", "[deterministic][follow]") { explore(1, 20'000); }

TEST_CASE("follow schedules: contexts that die", "[deterministic][follow]") { explore(2, 10'000); }

}  // namespace coramfs::tests
