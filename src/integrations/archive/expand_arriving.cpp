// SPDX-License-Identifier: BSL-1.0
#include <coramfs/archive.hpp>

#include <coramfs/asio.hpp>
#include <coramfs/detail/arriving.hpp>
#include <coramfs/detail/asio_compat.hpp>

#include "integrations/archive/archive_input.hpp"
#include "integrations/archive/arrival.hpp"
#include "integrations/archive/asio_race.hpp"
#include "integrations/archive/expanding.hpp"
#include "integrations/archive/reading.hpp"
#include "integrations/host/cancellation_result.hpp"

#include <memory>
#include <new>
#include <stop_token>
#include <string>
#include <utility>
#include <variant>

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

// Reads the stream as long as the thread wants more of it. A thread that ends ends a read.
asio::awaitable<result<void>> feed(arrival& to, arriving_source& from) {
  using namespace asio::experimental::awaitable_operators;
  for (;;) {
    BOOST_OUTCOME_CO_TRY(co_await require_uncancelled());
    BOOST_OUTCOME_CO_TRY(co_await to.wait_for_room());
    if (to.has_ended()) co_return success();
    const auto room = to.room();
    const asio::mutable_buffer buffer(room.data(), room.size());
    auto first = co_await (from.read_some(buffer) || to.wait_for_end());
    if (first.index() == 1) {
      BOOST_OUTCOME_CO_TRYV(std::get<1>(first));
      co_return success();
    }
    auto& count = std::get<0>(first);
    BOOST_OUTCOME_CO_TRYV(count);
    if (count.value() == 0) {
      to.end();
      co_return success();
    }
    to.put(count.value());
  }
}

asio::awaitable<result<void>> fed_by(arrival& to, arriving_source& from) {
  try {
    BOOST_OUTCOME_CO_TRY(co_await feed(to, from));
    co_return success();
  } catch (const std::bad_alloc&) {
  }
  co_return errc::out_of_memory;
}

asio::awaitable<result<expand_summary>> expand_on_pool(const file_system& fs, arriving_source& from,
                                                       expanding& work,
                                                       const expand_options& options) {
  const auto shared = std::make_shared<arrival>();
  const abandoning_arrival at_end(*shared);
  // It has a part of nothing that goes with the context.
  auto job = [v = fs.get_volume(), to = closing_arrival(shared), options,
              work = std::move(work)](std::stop_token stop) mutable {
    const std::stop_callback stopped(stop, [&] { (*to).abandon(); });
    try {
      (*to).finish(decode(sync::file_system(v), *to, work, options, (*to).stop_token()));
    } catch (const std::bad_alloc&) {
      (*to).finish(errc::out_of_memory);
    }
  };
  run_detached(pool_access::state(*options.pool),
               std::make_shared<offloaded<decltype(job)>>(std::move(job)));
  const auto fed = co_await fed_by(*shared, from);
  if (!fed && fed.error() == errc::canceled) {
    shared->abandon();
  } else if (!fed) {
    shared->fail(fed.error());
  }
  co_await shared->wait_in_any_case();
  co_return shared->take_outcome();
}

// What comes is put into a file first, which nobody else sees.
asio::awaitable<result<expand_summary>> expand_kept(const file_system& fs, arriving_source& from,
                                                    expanding& work,
                                                    const expand_options& options) {
  BOOST_OUTCOME_CO_TRY(file kept, co_await fs.open_unnamed());
  for (;;) {
    BOOST_OUTCOME_CO_TRY(co_await require_uncancelled());
    BOOST_OUTCOME_CO_TRY(const auto room, co_await kept.prepare(input_piece));
    BOOST_OUTCOME_CO_TRY(const std::size_t count, co_await from.read_some(*room.begin()));
    BOOST_OUTCOME_CO_TRY(kept.commit(count));
    if (count == 0) break;
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
