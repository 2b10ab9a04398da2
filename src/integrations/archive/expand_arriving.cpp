// SPDX-License-Identifier: BSL-1.0
#include <coramfs/archive.hpp>

#include <coramfs/asio.hpp>
#include <coramfs/detail/arriving.hpp>
#include <coramfs/detail/asio_compat.hpp>
#include <coramfs/detail/held_charge.hpp>

#include "integrations/archive/archive_input.hpp"
#include "integrations/archive/arrival.hpp"
#include "integrations/archive/asio_race.hpp"
#include "integrations/archive/expanding.hpp"
#include "integrations/archive/reading.hpp"
#include "integrations/archive/sides.hpp"
#include "integrations/host/cancellation_result.hpp"

#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>

namespace coramfs::detail {

namespace {

// Decodes on this thread what comes from a source.
result<expand_summary> decode(sync::file_system fs, arriving_bytes& from, expanding& work,
                              const expand_options& options, std::stop_token stop) {
  opened_archive archive(fs.get_volume(), options);
  BOOST_OUTCOME_TRY(archive.open_arriving(from));
  archive_by_thread side(fs, std::move(stop));
  auto task = work.run(side, archive);
  return task.take();
}

// Says that the thread has ended, also where its work is dropped.
class closing_arrival {
 public:
  explicit closing_arrival(std::shared_ptr<arrival> of) noexcept : of_(std::move(of)) {}
  closing_arrival(closing_arrival&& other) noexcept = default;
  closing_arrival& operator=(closing_arrival&&) = delete;
  ~closing_arrival() {
    if (of_) of_->close();
  }

  arrival& operator*() const noexcept { return *of_; }

 private:
  std::shared_ptr<arrival> of_;
};

// The thread ends, too, where the coroutine is destroyed with its context.
class abandoning_arrival {
 public:
  explicit abandoning_arrival(arrival& of) noexcept : of_(of) {}
  abandoning_arrival(const abandoning_arrival&) = delete;
  abandoning_arrival& operator=(const abandoning_arrival&) = delete;
  ~abandoning_arrival() { of_.abandon(); }

 private:
  arrival& of_;
};

asio::awaitable<result<void>> require_uncancelled() {
  const auto state = co_await asio::this_coro::cancellation_state;
  if (state.cancelled() != asio::cancellation_type::none) co_return errc::canceled;
  co_return success();
}

// Reads the stream as long as the thread wants more of it.
asio::awaitable<result<void>> feed_all(arrival& to, arriving_source& from) {
  for (;;) {
    BOOST_OUTCOME_CO_TRY(co_await require_uncancelled());
    BOOST_OUTCOME_CO_TRY(co_await to.wait_for_room());
    if (to.has_ended()) co_return success();
    const auto room = to.room();
    const asio::mutable_buffer buffer(room.data(), room.size());
    BOOST_OUTCOME_CO_TRY(const std::size_t count, co_await from.read_some(buffer));
    if (count == 0) {
      to.end();
      co_return success();
    }
    to.put(count);
  }
}

asio::awaitable<result<void>> fed_by(arrival& to, arriving_source& from) {
  try {
    BOOST_OUTCOME_CO_TRY(co_await feed_all(to, from));
    co_return success();
  } catch (const std::bad_alloc&) {
  }
  co_return errc::out_of_memory;
}

// Does not return before the thread has ended, unless it is cancelled: the one of the two that
// returns first ends the other, but not if it throws.
asio::awaitable<void> feed(std::shared_ptr<arrival> to, arriving_source& from) {
  co_await asio::this_coro::throw_if_cancelled(false);
  const auto fed = co_await fed_by(*to, from);
  if (!fed && fed.error() == errc::canceled) {
    to->abandon();
  } else if (!fed) {
    to->fail(fed.error());
  }
  const auto ended = co_await to->wait_for_end();
  if (!ended && ended.error() != errc::canceled) throw std::bad_alloc();
}

using outcome = std::optional<result<expand_summary>>;

// Returns when the thread has ended, or is not to begin any more. That wait can not fail.
template <class Job>
asio::awaitable<void> run_job(std::shared_ptr<pool_state> pool, std::shared_ptr<Job> job,
                              outcome& made) {
  co_await asio::this_coro::throw_if_cancelled(false);
  try {
    made.emplace(co_await outcome_of(std::move(pool), std::move(job)));
  } catch (const std::bad_alloc&) {
    made.emplace(errc::out_of_memory);
  }
}

// The thread begins first: where there is no memory for the other, nothing has been read.
asio::awaitable<void> run_both(asio::awaitable<void> job, asio::awaitable<void> feeding) {
  using namespace asio::experimental::awaitable_operators;
  co_await asio::this_coro::throw_if_cancelled(false);
  const auto wanted = co_await require_uncancelled();
  if (!wanted) co_return;
  auto first = co_await (std::move(job) || std::move(feeding));
  static_cast<void>(first);
}

// Where the stream is read. The awaiting executor may have many threads, and what cancels a read
// must not meet it: so both have a strand.
class hand_over {
 public:
  hand_over(const asio::any_io_executor& executor, std::shared_ptr<arrival> of)
      : strand_(asio::make_strand(executor)), of_(std::move(of)) {}

  const asio::any_io_executor& strand() const noexcept { return strand_; }
  /// To be connected on the awaiting side, before there is a cancellation.
  asio::cancellation_slot slot() noexcept { return signal_.slot(); }

  /// Has a cancellation of the caller's end all of it. What the slot keeps owns nothing: it may
  /// stay there after the coroutine. Throws `std::bad_alloc`.
  static void hear(asio::cancellation_slot slot, const std::shared_ptr<hand_over>& self) {
    if (!slot.is_connected()) return;
    slot.assign([weak = std::weak_ptr(self)](asio::cancellation_type type) {
      if (type == asio::cancellation_type::none) return;
      if (const auto to = weak.lock()) cancel(to);
    });
  }

 private:
  static void cancel(const std::shared_ptr<hand_over>& self) {
    self->of_->abandon();
    // The caller's filter has let it through, whichever it was.
    asio::post(self->strand_, [self] { self->signal_.emit(asio::cancellation_type::terminal); });
  }

  const asio::any_io_executor strand_;
  const std::shared_ptr<arrival> of_;
  asio::cancellation_signal signal_;
};

asio::awaitable<result<expand_summary>> expand_on_pool(const file_system& fs, arriving_source& from,
                                                       expanding& work,
                                                       const expand_options& options) {
  BOOST_OUTCOME_CO_TRY(co_await require_uncancelled());
  BOOST_OUTCOME_CO_TRY(auto paid, held_charge::take(fs.get_volume(), {}, 0, arrival::memory));
  const auto shared = std::make_shared<arrival>(std::move(paid));
  const abandoning_arrival at_end(*shared);
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  const auto apart = std::make_shared<hand_over>(executor, shared);
  // It has a part of nothing that goes with the context.
  auto work_of_thread = [v = fs.get_volume(), to = closing_arrival(shared), options,
                         work = std::move(work)](std::stop_token stop) mutable {
    const std::stop_callback stopped(stop, [&] { (*to).abandon(); });
    return decode(sync::file_system(v), *to, work, options, (*to).stop_token());
  };
  auto job = std::make_shared<offloaded<decltype(work_of_thread)>>(std::move(work_of_thread));
  outcome made;
  auto both = run_both(run_job(pool_access::state(*options.pool), std::move(job), made),
                       feed(shared, from));
  const asio::cancellation_state state = co_await asio::this_coro::cancellation_state;
  hand_over::hear(state.slot(), apart);
  auto ended = asio::co_spawn(apart->strand(), std::move(both),
                              asio::bind_cancellation_slot(apart->slot(), asio::use_awaitable));
  co_await std::move(ended);
  if (state.slot().is_connected()) state.slot().clear();
  if (!made) co_return errc::canceled;
  co_return std::move(*made);
}

// How much is kept of a stream that never waits before others have a turn.
constexpr std::uint64_t kept_in_turn = 1 << 20;

// What comes is put into a file first, which nobody else sees.
asio::awaitable<result<expand_summary>> expand_kept(const file_system& fs, arriving_source& from,
                                                    expanding& work,
                                                    const expand_options& options) {
  BOOST_OUTCOME_CO_TRY(file kept, co_await fs.open_unnamed());
  for (std::uint64_t since_turn = 0;;) {
    BOOST_OUTCOME_CO_TRY(co_await require_uncancelled());
    BOOST_OUTCOME_CO_TRY(const auto room, co_await kept.prepare(input_piece));
    BOOST_OUTCOME_CO_TRY(const std::size_t count, co_await from.read_some(*room.begin()));
    BOOST_OUTCOME_CO_TRY(kept.commit(count));
    if (count == 0) break;
    since_turn += count;
    if (since_turn < kept_in_turn) continue;
    since_turn = 0;
    BOOST_OUTCOME_CO_TRY(co_await archive_by_coroutine::turn());
  }
  BOOST_OUTCOME_CO_TRY(auto source, pinned_source(kept));
  auto done = co_await read_by_coroutine(fs, std::move(source), options, work, nullptr);
  co_return done;
}

asio::awaitable<result<expand_summary>> expand_valid(const file_system& fs, arriving_source& from,
                                                     expanding& work,
                                                     const expand_options& options) {
  BOOST_OUTCOME_CO_TRY(require_valid(options));
  BOOST_OUTCOME_CO_TRY(work.prepare());
  if (options.pool == nullptr) {
    auto done = co_await expand_kept(fs, from, work, options);
    co_return done;
  }
  auto done = co_await expand_on_pool(fs, from, work, options);
  co_return done;
}

}  // namespace

asio::awaitable<result<expand_summary>> expand_arriving(file_system fs, arriving_source& from,
                                                        std::string dest, expand_options options) {
  expanding work(dest, options, {}, host_call::expand_arriving);
  auto done = co_await with_cancellation_as_result(std::move(dest), host_call::expand_arriving,
                                                   expand_valid(fs, from, work, options));
  co_return done;
}

result<expand_summary> expand_arriving(const sync::file_system& fs, arriving_bytes& from,
                                       std::string dest, const expand_options& options) {
  const auto expand = [&]() -> result<expand_summary> {
    try {
      expanding work(dest, options, {}, host_call::expand_arriving);
      BOOST_OUTCOME_TRY(require_valid(options));
      BOOST_OUTCOME_TRY(work.prepare());
      return decode(fs, from, work, options, std::stop_token());
    } catch (const std::bad_alloc&) {
      return errc::out_of_memory;
    }
  };
  auto done = expand();
  if (!done) return about_host_call(dest, done.error(), host_call::expand_arriving);
  return done;
}

}  // namespace coramfs::detail
