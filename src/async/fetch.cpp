// SPDX-License-Identifier: BSL-1.0
#include <coramfs/fetch.hpp>

#include "async/flight.hpp"
#include "async/later.hpp"
#include "async/run.hpp"
#include "async/turns.hpp"
#include "core/made_by.hpp"
#include "handles/fetch_operation.hpp"
#include "tree/volume_state.hpp"

#include <memory>
#include <utility>

namespace coramfs {

namespace detail {

/// A `fetch` that ends with a follower of the asynchronous facade, and whose producer is a
/// coroutine.
///
/// Guarded by whoever runs it: one thread at a time.
class fetch_follower_operation final : public fetch_operation {
 public:
  using executor_ptr = flight::executor_ptr;

  fetch_follower_operation(std::shared_ptr<volume_state> v, path_argument path,
                           std::unique_ptr<any_fetch> wanted, executor_ptr executor) noexcept
      : fetch_operation(v, std::move(path), wanted->options.follow, wanted->options.max_followers,
                        opened_to_fetch(wanted->options)),
        of_(*v),
        executor_(std::move(executor)),
        wanted_(std::move(wanted)) {}

  result<follower> outcome() noexcept {
    if (const auto followed = fetch_operation::outcome(); !followed) return followed.error();
    return result<follower>(std::in_place_type<follower>, made_by([&] {
                              const std::uint64_t done = done_in_turn(executor_.get());
                              return follower(*this, std::move(executor_), done);
                            }));
  }

 private:
  result<void> begin(fresh_file of) noexcept override {
    return flight::begin(std::move(wanted_), std::move(of), of_, executor_);
  }

  volume_state& of_;
  executor_ptr executor_;
  std::unique_ptr<any_fetch> wanted_;
};

}  // namespace detail

asio::awaitable<result<follower>> file_system::begin_fetch(
    path_argument path, std::unique_ptr<detail::any_fetch> wanted) const {
  return detail::with_turn(executor_, detail::run(detail::fetch_follower_operation(
                                          detail::volume_access::state(volume_), std::move(path),
                                          std::move(wanted), executor_)));
}

detail::initiation<result<follower>> file_system::later::begin_fetch(
    path_argument path, std::unique_ptr<detail::any_fetch> wanted) {
  return detail::later(*of_.executor_,
                       [v = detail::volume_access::state(of_.volume_), executor = of_.executor_,
                        path = std::move(path), wanted = std::move(wanted)]() mutable {
                         return detail::fetch_follower_operation(
                             std::move(v), std::move(path), std::move(wanted), std::move(executor));
                       });
}

}  // namespace coramfs
