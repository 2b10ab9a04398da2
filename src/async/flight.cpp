// SPDX-License-Identifier: BSL-1.0
#include "async/flight.hpp"

#include <coramfs/detail/stream.hpp>

#include "async/asio_spawn.hpp"
#include "async/run.hpp"
#include "async/turns.hpp"
#include "core/made_by.hpp"
#include "handles/alone_operation.hpp"

#include <new>
#include <utility>

namespace coramfs::detail {

/// What is called when one of the coroutines has ended. The producer's is cancelled by the signal,
/// which has to be there as long as that is, wherever it is destroyed.
struct flight::ended {
  using cancellation_slot_type = asio::cancellation_slot;

  cancellation_slot_type get_cancellation_slot() const noexcept { return slot; }
  void operator()(const std::exception_ptr&) const noexcept {}

  std::shared_ptr<flight> of;
  asio::cancellation_slot slot = {};
};

/// Ends the flight with the coroutine of the producer, which may be destroyed with its context.
class flight::ending {
 public:
  explicit ending(flight& of) noexcept : of_(of) {}
  ending(const ending&) = delete;
  ending& operator=(const ending&) = delete;
  ~ending() { of_.end(errc::abandoned, false); }

 private:
  flight& of_;
};

flight::flight(std::unique_ptr<any_fetch> wanted, fetch_operation::fresh_file of, volume_state& v,
               executor_ptr executor) noexcept
    : executor_(std::move(executor)),
      wanted_(std::move(wanted)),
      landing_(v, std::move(of.flow), {of.name, wanted_->options.negative}),
      file_(made_by([&] { return file(of.opened, executor_, done_in_turn(executor_.get())); })) {}

// What stops it begins first: if there is no memory for that, nothing has been produced.
result<void> flight::begin(std::unique_ptr<any_fetch> wanted, fetch_operation::fresh_file of,
                           volume_state& v, executor_ptr executor) noexcept {
  std::shared_ptr<flight> self;
  error why = errc::out_of_memory;
  try {
    const fetch_options& o = wanted->options;
    const asio::any_io_executor strand = asio::make_strand(o.on ? o.on : *executor);
    const bool stops = o.when_alone == fetch_options::alone::stop;
    const lock_timeout linger = o.linger;
    self = std::make_shared<flight>(std::move(wanted), std::move(of), v, std::move(executor));
    if (stops) {
      auto is_alone = run(alone_operation(v, self->landing_.of().share(), linger));
      asio::co_spawn(strand, stop_when(self, std::move(is_alone)), ended{self});
    }
    asio::co_spawn(strand, fly(self), ended{self, self->signal_.slot()});
    return boost::outcome_v2::success();
  } catch (const std::bad_alloc&) {
  } catch (const asio_system_error& e) {
    why = error(e.code());
  }
  if (self != nullptr) self->end(why, false);
  return why;
}

// It gives its caller the turn before it begins: on the thread of a context, Asio's strand may run
// inside the call. Until then it is not cancelled, which some versions of Asio do not take well, so
// a producer that was stopped by then is not begun.
asio::awaitable<void> flight::fly(std::shared_ptr<flight> self) {
  const ending at_end(*self);
  co_await asio::post(suspend);
  self->has_begun_ = true;
  if (self->is_stopped_) co_return;
  result<void> word = errc::abandoned;
  try {
    auto produced = self->wanted_->produce(*self->file_);
    self->landing_.of().make_home(0);
    word = co_await std::move(produced);
  } catch (...) {
    word = errc::abandoned;
  }
  self->end(word, !self->is_stopped_);
}

asio::awaitable<void> flight::stop_when(std::shared_ptr<flight> self,
                                        asio::awaitable<bool> is_alone) {
  const bool stops = co_await std::move(is_alone);
  if (stops) self->stop();
}

void flight::stop() {
  is_stopped_ = true;
  if (has_begun_ && !has_ended_) signal_.emit(asio::cancellation_type::terminal);
}

// What the producer has not taken lands here, too. What it is made of goes before others are told.
void flight::end(const result<void>& word, bool answers) noexcept {
  if (std::exchange(has_ended_, true)) return;
  file_.reset();
  wanted_.reset();
  if (word) {
    landing_.end(word, answers);
  } else {
    landing_.end(told_to_followers(word.error()), answers);
  }
}

}  // namespace coramfs::detail
