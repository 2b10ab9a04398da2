// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/path_argument.hpp>
#include <coramfs/follow_options.hpp>
#include <coramfs/open_options.hpp>
#include <coramfs/options.hpp>
#include <coramfs/result.hpp>
#include <coramfs/sync/file.hpp>
#include <coramfs/sync/file_system.hpp>
#include <coramfs/sync/follower.hpp>

#include <chrono>
#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace coramfs::detail {

/// The producer of a `fetch`, without its type, for as long as the call lasts.
struct producer_ref {
  void* producer;
  result<void> (*call)(void* producer, sync::file& to);
};

/// What makes a file's content: `producer(file)` or `producer(file&)`.
template <class Producer>
concept blocking_producer = requires(Producer& p, sync::file f) {
  { p(std::move(f)) } -> std::convertible_to<result<void>>;
}
|| requires(Producer& p, sync::file f) {
  { p(f) } -> std::convertible_to<result<void>>;
};

template <class Producer>
producer_ref refer_to(Producer& by) noexcept {
  static_assert(blocking_producer<Producer>,
                "a producer takes a coramfs::sync::file and returns a result<void>");
  const auto call = [](void* producer, sync::file& to) -> result<void> {
    Producer& p = *static_cast<Producer*>(producer);
    if constexpr (std::is_invocable_v<Producer&, sync::file&>) {
      return p(to);
    } else {
      return p(std::move(to));
    }
  };
  return {std::addressof(by), call};
}

}  // namespace coramfs::detail

namespace coramfs::sync {

/// How a file is fetched by a thread. It has no choice of where the producer runs, nor of what
/// becomes of it without followers: the caller whose thread it runs on follows the file to its end.
///
///     auto make = [](coramfs::sync::file& to) -> coramfs::result<void> {
///       if (auto done = to.write("the page"); !done) return done.error();
///       return boost::outcome_v2::success();
///     };
///     auto f = fs.fetch("/page", make, {.negative = std::chrono::seconds(1)});
struct fetch_options {
  /// How the caller follows the file.
  follow_options follow = {};
  /// The call is refused if as many follow the file already; never more than 10,000 do.
  std::uint32_t max_followers = 10000;
  /// How long the error of a producer that fails before its first byte is the answer to all who
  /// fetch the file, by the volume's clock; it can not be withdrawn. The volume keeps 1,024 such
  /// answers at most, in 64 KiB that are not charged; if there are more, others are forgotten.
  std::chrono::milliseconds negative{0};
  /// How the file is opened if it is made, as by the `open_options` of the same names: what its
  /// opening and the producer do when the quota is full, how long each wait for space may take, and
  /// a name for people, which must live until the call has completed.
  /// @{
  when_full on_full = when_full::reject;
  std::optional<lock_timeout> timeout = {};
  const char* label = nullptr;
  /// @}
};

/// @cond
template <class Producer>
result<follower> file_system::fetch(path_argument path, Producer producer) const {
  return run_fetch(std::move(path), detail::refer_to(producer), {});
}

template <class Producer>
result<follower> file_system::fetch(path_argument path, Producer producer,
                                    fetch_options options) const {
  return run_fetch(std::move(path), detail::refer_to(producer), options);
}
/// @endcond

}  // namespace coramfs::sync
