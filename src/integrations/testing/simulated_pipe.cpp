// SPDX-License-Identifier: BSL-1.0
#include "integrations/testing/simulated_pipe.hpp"

#include <algorithm>
#include <limits>
#include <new>
#include <utility>

namespace coramfs::detail {

namespace {

constexpr std::size_t all = std::numeric_limits<std::size_t>::max();

simulation_core::alarm_key key_of(const simulated_place& place) {
  return {place.when, place.number};
}

}  // namespace

/// Wakes who waits for bytes when they have come.
class simulated_pipe::arrival final : public simulated_wait {
 public:
  explicit arrival(std::weak_ptr<simulated_pipe> at) noexcept : at_(std::move(at)) {}
  void end(const asio_error_code&) override {
    if (const auto pipe = at_.lock()) pipe->advance();
  }

 private:
  const std::weak_ptr<simulated_pipe> at_;
};

/// A step that does what there was no memory for. If there is still none, it fails.
class simulated_pipe::another_try final : public simulated_task {
 public:
  explicit another_try(std::weak_ptr<simulated_pipe> at) noexcept : at_(std::move(at)) {}
  void run() override {
    const auto pipe = at_.lock();
    if (pipe == nullptr) return;
    pipe->another_try_ = std::make_unique<another_try>(at_);
    pipe->advance();
  }

 private:
  const std::weak_ptr<simulated_pipe> at_;
};

simulated_pipe::simulated_pipe(simulation_core& in, const testing::stream_options& how)
    : in_(in),
      how_(how),
      reads_(in.new_timer()),
      writes_(in.new_timer()),
      arrivals_(in.new_timer()),
      read_dice_(in.new_seed()),
      write_dice_(in.new_seed()),
      last_arrival_(in.now()) {}

void simulated_pipe::begin(const simulated_place& place, std::shared_ptr<simulated_read> r) {
  if (another_try_ == nullptr) another_try_ = std::make_unique<another_try>(weak_from_this());
  if (r->wanted() == 0) {
    r->end(asio_error_code());
    return;
  }
  if (in_.first_wait(reads_) == nullptr && can_receive()) {
    r->end(asio_error_code());
    receive(*r);
  } else {
    in_.begin_wait(key_of(place), reads_, std::move(r));
  }
  go_on();
}

void simulated_pipe::begin(const simulated_place& place, std::shared_ptr<simulated_write> w) {
  if (another_try_ == nullptr) another_try_ = std::make_unique<another_try>(weak_from_this());
  if (w->wanted() == 0) {
    w->end(asio_error_code());
    return;
  }
  if (in_.first_wait(writes_) == nullptr && can_send()) {
    send(*w, [&] { w->end(asio_error_code()); });
  } else {
    in_.begin_wait(key_of(place), writes_, std::move(w));
  }
  go_on();
}

simulated_place simulated_pipe::next_place() noexcept {
  const auto key = in_.next_place(time_point::max());
  return {&in_, key.first, key.second};
}

void simulated_pipe::advance() {
  for (bool has_moved = true; std::exchange(has_moved, false);) {
    while (const auto first = in_.first_wait(reads_)) {
      if (!can_receive()) break;
      in_.cancel_waits(reads_, 1);
      receive(static_cast<simulated_read&>(*first));
      has_moved = true;
    }
    while (const auto first = in_.first_wait(writes_)) {
      if (!can_send()) break;
      send(static_cast<simulated_write&>(*first), [&] { in_.cancel_waits(writes_, 1); });
      has_moved = true;
    }
  }
}

// What has been done can not be taken back where others can not be told.
void simulated_pipe::go_on() noexcept try { advance(); } catch (const std::bad_alloc&) {
  if (another_try_ != nullptr) in_.add(std::move(another_try_));
}

void simulated_pipe::cancel_reads() { in_.cancel_waits(reads_, all); }

void simulated_pipe::cancel_writes() { in_.cancel_waits(writes_, all); }

void simulated_pipe::finish() noexcept {
  is_finished_ = true;
  go_on();
}

void simulated_pipe::stop_receiving() noexcept {
  is_deaf_ = true;
  drop();
  go_on();
}

void simulated_pipe::leave() noexcept {
  is_left_ = true;
  drop();
  go_on();
}

void simulated_pipe::break_off() noexcept {
  is_broken_ = true;
  drop();
  go_on();
}

bool simulated_pipe::can_receive() noexcept {
  return is_broken_ || is_deaf_ || (bytes_.empty() ? is_finished_ : arrived() > 0);
}

bool simulated_pipe::can_send() const noexcept {
  return is_broken_ || is_finished_ || is_left_ || is_deaf_ || bytes_.size() < how_.capacity_bytes;
}

// It has been ended already, since that may fail, and its handler is called later.
void simulated_pipe::receive(simulated_read& r) noexcept {
  r.moved = 0;
  if (is_broken_) {
    r.result = asio::error::connection_reset;
  } else if (is_deaf_ || bytes_.empty()) {
    r.result = asio::error::eof;
  } else {
    r.result = asio_error_code();
    std::size_t left =
        read_dice_.up_to(std::min({how_.largest_piece_bytes, arrived(), r.wanted()}));
    r.moved = left;
    for (const asio::mutable_buffer& b : r.buffers) {
      const std::size_t n = std::min(left, b.size());
      const auto end = bytes_.begin() + static_cast<std::ptrdiff_t>(n);
      std::copy(bytes_.begin(), end, static_cast<std::byte*>(b.data()));
      bytes_.erase(bytes_.begin(), end);
      left -= n;
    }
    arrived_ -= r.moved;
  }
}

// Its bytes are there before it ends, and go if it does not.
template <class End>
void simulated_pipe::send(simulated_write& w, End end) {
  asio_error_code how;
  std::size_t bytes = 0;
  if (is_broken_) {
    how = asio::error::connection_reset;
  } else if (is_finished_ || is_left_) {
    how = asio::error::broken_pipe;
  } else {
    const std::size_t room = is_deaf_ ? all : how_.capacity_bytes - bytes_.size();
    bytes = write_dice_.up_to(std::min({how_.largest_piece_bytes, room, w.wanted()}));
  }
  const bool is_kept = bytes > 0 && !is_deaf_;
  if (is_kept) keep(w, bytes);
  try {
    end();
  } catch (const std::bad_alloc&) {
    if (is_kept) take_back(bytes);
    throw;
  }
  w.result = how;
  w.moved = bytes;
  if (bytes > 0 && write_dice_.falls(how_.reset_rate)) {
    if (const auto back = back_.lock()) back->break_off();
    break_off();
  }
}

// Throws `std::bad_alloc`, and then nothing is kept.
void simulated_pipe::keep(const simulated_write& w, std::size_t bytes) {
  const std::size_t before = bytes_.size();
  try {
    std::size_t left = bytes;
    for (const asio::const_buffer& b : w.buffers) {
      const auto* const from = static_cast<const std::byte*>(b.data());
      const std::size_t n = std::min(left, b.size());
      bytes_.insert(bytes_.end(), from, from + n);
      left -= n;
    }
    const time_point when = next_arrival();
    if (when > in_.now()) {
      in_.begin_wait(in_.next_place(when), arrivals_, std::make_shared<arrival>(weak_from_this()));
      pieces_.push_back({when, bytes});
    } else {
      arrived_ += bytes;
    }
    last_arrival_ = when;
  } catch (const std::bad_alloc&) {
    bytes_.resize(before);
    throw;
  }
}

void simulated_pipe::take_back(std::size_t bytes) noexcept {
  bytes_.resize(bytes_.size() - bytes);
  if (last_arrival_ > in_.now()) {
    pieces_.pop_back();
  } else {
    arrived_ -= bytes;
  }
}

void simulated_pipe::drop() noexcept {
  bytes_.clear();
  pieces_.clear();
  arrived_ = 0;
}

std::size_t simulated_pipe::arrived() noexcept {
  for (; !pieces_.empty() && pieces_.front().arrives <= in_.now(); pieces_.pop_front())
    arrived_ += pieces_.front().bytes;
  return arrived_;
}

simulated_pipe::time_point simulated_pipe::next_arrival() noexcept {
  using duration = time_point::duration;
  const auto range = static_cast<std::size_t>((how_.longest_delay - how_.shortest_delay).count());
  duration delay = how_.shortest_delay;
  if (range > 0) delay += duration(static_cast<duration::rep>(write_dice_.up_to(range + 1) - 1));
  const bool is_over_once = delay < time_point::max() - in_.now();
  return std::max(last_arrival_, is_over_once ? in_.now() + delay : time_point::max());
}

simulated_end_of_stream::simulated_end_of_stream(std::shared_ptr<simulated_pipe> in,
                                                 std::shared_ptr<simulated_pipe> out) noexcept
    : in_(std::move(in)), out_(std::move(out)) {}

simulated_place simulated_end_of_stream::next_place() const noexcept { return in_->next_place(); }

void simulated_end_of_stream::begin(const simulated_place& place,
                                    std::shared_ptr<simulated_read> r) const {
  in_->begin(place, std::move(r));
}

void simulated_end_of_stream::begin(const simulated_place& place,
                                    std::shared_ptr<simulated_write> w) const {
  out_->begin(place, std::move(w));
}

void simulated_end_of_stream::stop_sending() const noexcept { out_->finish(); }

void simulated_end_of_stream::stop_receiving() const noexcept { in_->stop_receiving(); }

void simulated_end_of_stream::cancel() const {
  in_->cancel_reads();
  out_->cancel_writes();
}

void simulated_end_of_stream::close() const noexcept {
  out_->finish();
  in_->leave();
}

void simulated_end_of_stream::reset() const noexcept {
  out_->break_off();
  in_->break_off();
}

}  // namespace coramfs::detail
