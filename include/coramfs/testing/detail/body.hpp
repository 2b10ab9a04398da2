// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/asio.hpp>
#include <coramfs/detail/asio_compat.hpp>
#include <coramfs/testing/simulation.hpp>

#include <type_traits>
#include <utility>

namespace coramfs::detail {

template <class T>
struct awaited;  // what an awaitable gives
template <class T, class Executor>
struct awaited<asio::awaitable<T, Executor>> {
  using type = T;
};
template <class T>
concept an_awaitable = requires {
  typename awaited<T>::type;
};

/// A body of a test that returns something, which must not be dropped: an awaitable has to be run,
/// and a result to be looked at.
template <class Body, class... Arguments>
concept returning_body = std::is_invocable_v<Body&, Arguments...> &&
    !std::is_void_v<std::invoke_result_t<Body&, Arguments...>>;

/// Throws what a result has for an error.
template <class Result>
void require_success(Result r) {
  static_assert(
      requires {
        r.has_value();
        r.error();
      },
      "the body of a test returns nothing, a result, or an awaitable of one of these");
  std::move(r).value();
}

/// Runs what a body has returned.
template <class Returned>
void run_to_end(testing::simulation& on, Returned r) {
  if constexpr (!an_awaitable<Returned>) {
    require_success(std::move(r));
  } else if constexpr (std::is_void_v<typename awaited<Returned>::type>) {
    on.run(std::move(r));
  } else {
    require_success(on.run(std::move(r)));
  }
}

}  // namespace coramfs::detail
