// SPDX-License-Identifier: BSL-1.0
#include "async/flight.hpp"

#include <coramfs/detail/stream.hpp>

#include "async/asio_spawn.hpp"
#include "async/run.hpp"
#include "async/turns.hpp"
#include "core/made_by.hpp"
#include "handles/alone_operation.hpp"

#include <exception>
#include <new>
#include <utility>

namespace coramfs::detail {

namespace {

/// What is called when the coroutine has ended that stops a producer.
struct watcher_ended {
  void operator()(const std::exception_ptr&) const noexcept {}
};

}  // namespace

/// What is called on the strand when the producer's coroutine has ended, wherever that was, or is
/// destroyed behind it, with its context. The coroutine is cancelled by the signal, which has to be
/// there as long as that is, wherever it is destroyed.
class flight::completion {
 public:
  using cancellation_slot_type = asio::cancellation_slot;

  explicit completion(std::shared_ptr<flight> of) noexcept
      : of_(std::move(of)), slot_(of_->signal_.slot()) {}
  completion(completion&&) noexcept = default;
  completion& operator=(completion&&) = delete;
  ~completion() {
    if (of_ != nullptr) of_->end(false);
  }

  cancellation_slot_type get_cancellation_slot() const noexcept { return slot_; }
  void operator()(const std::exception_ptr&) noexcept {
    const auto of = std::move(of_);
    of->end(of->has_begun_ && !of->is_stopped_);
  }

 private:
  std::shared_ptr<flight> of_;
  asio::cancellation_slot slot_;
};

/// Goes with the producer's coroutine. What that has not taken ends by its word, too; what it keeps
/// elsewhere does so no more.
class flight::returning {
 public:
  explicit returning(flight& of) noexcept : of_(of) {}
  returning(const returning&) = delete;
  returning& operator=(const returning&) = delete;
  ~returning() {
    of_.file_.reset();
    of_.produced_.of().end_flight();
  }

 private:
  flight& of_;
};

flight::flight(std::unique_ptr<any_fetch> wanted, fetch_operation::fresh_file of, volume_state& v,
               executor_ptr executor) noexcept
    : executor_(std::move(executor)),
      wanted_(std::move(wanted)),
      produced_(v, std::move(of.flow), {of.name, wanted_->options.negative}),
      file_(made_by([&] { return file(of.opened, executor_, done_in_turn(executor_.get())); })) {}

// What stops it begins first: if there is no memory for that, nothing has been produced.
result<void> flight::begin(std::unique_ptr<any_fetch> wanted, fetch_operation::fresh_file of,
                           volume_state& v, executor_ptr executor) noexcept {
  std::shared_ptr<flight> self;
  error why = errc::out_of_memory;
  try {
    const fetch_options& o = wanted->options;
    if (o.on) {
      const volume& over = static_cast<const executor_and_volume&>(*executor).over;
      executor = std::make_shared<executor_and_volume>(o.on, over);
    }
    if (!*executor) return errc::invalid_argument;
    // It must not outlive its context, which the file may, wherever that is moved to.
    const asio::any_io_executor strand = asio::make_strand(*executor);
    const bool stops = o.when_alone == fetch_options::alone::stop;
    const lock_timeout linger = o.linger;
    self = std::make_shared<flight>(std::move(wanted), std::move(of), v, std::move(executor));
    if (stops) {
      auto is_alone = run(alone_operation(v, self->produced_.of().share(), linger));
      asio::co_spawn(strand, stop_when(self, std::move(is_alone)), watcher_ended());
    }
    asio::co_spawn(strand, fly(self), completion(self));
    return boost::outcome_v2::success();
  } catch (const std::bad_alloc&) {
  } catch (const asio_system_error& e) {
    why = error(e.code());
  } catch (...) {
    why = errc::abandoned;
  }
  if (self != nullptr) self->end(false);
  return why;
}

// It gives its caller the turn before it begins: on the thread of a context, Asio's strand may run
// inside the call. Until then it is not cancelled, which some versions of Asio do not take well, so
// a producer that was stopped by then is not begun.
//
// The producer may have left the strand, so from there on nothing is touched but its word, and the
// flow, which any thread may tell that the producer has returned.
asio::awaitable<void> flight::fly(std::shared_ptr<flight> self) {
  const returning at_end(*self);
  co_await asio::post(suspend);
  self->has_begun_ = true;
  if (self->is_stopped_) co_return;
  auto produced = self->wanted_->produce(*self->file_);
  self->word_ = co_await std::move(produced);
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

// What the producer is made of goes before others are told.
void flight::end(bool answers) noexcept {
  if (std::exchange(has_ended_, true)) return;
  file_.reset();
  wanted_.reset();
  if (!word_) word_ = told_to_followers(word_.error());
  produced_.end(word_, answers);
}

}  // namespace coramfs::detail
