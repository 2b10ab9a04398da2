// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/asio.hpp>
#include <coramfs/detail/asio_compat.hpp>
#include <coramfs/detail/file_system_tokens.hpp>
#include <coramfs/detail/initiation.hpp>
#include <coramfs/detail/path_argument.hpp>
#include <coramfs/file.hpp>
#include <coramfs/file_system.hpp>
#include <coramfs/follow.hpp>
#include <coramfs/follow_options.hpp>
#include <coramfs/open_options.hpp>
#include <coramfs/options.hpp>
#include <coramfs/result.hpp>

#include <chrono>
#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

namespace coramfs {

/// How a file is fetched. What follows the file is the caller's own; all else is said by the caller
/// who begins the producer, but for `max_followers`, which each says for himself.
///
///     coramfs::fetch_options o;
///     o.linger = std::chrono::seconds(5);
///     auto make = [data](coramfs::file to) -> asio::awaitable<coramfs::result<void>> {
///       auto done = co_await to.write(asio::buffer(data));
///       if (!done) co_return done.error();
///       co_return boost::outcome_v2::success();
///     };
///     auto f = co_await fs.fetch("/page", make, o);
struct fetch_options {
  // g++ 12 destroys some temporaries of a co_await expression twice, which those of a type with a
  // constructor of its own are not among.
  fetch_options() noexcept {}

  /// What becomes of the producer when nobody follows the file any more.
  enum class alone : unsigned char {
    finish,  ///< it goes on to its end, for those who come later
    stop,    ///< it is cancelled, and the file goes
  };

  /// How the caller follows the file.
  follow_options follow;
  /// What the producer does without followers.
  alone when_alone = alone::stop;
  /// How long nobody has to follow the file until the producer is cancelled, by the time of `on`.
  std::chrono::milliseconds linger{0};
  /// The call is refused if as many follow the file already; never more than 10,000 do.
  std::uint32_t max_followers = 10000;
  /// Where the producer runs, on a strand; if empty, on the file system's executor.
  asio::any_io_executor on;
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

namespace detail {

/// What a `fetch` may have to begin: its producer, without its type.
class any_fetch {
 public:
  explicit any_fetch(fetch_options chosen) noexcept : options(std::move(chosen)) {}
  any_fetch(const any_fetch&) = delete;
  any_fetch& operator=(const any_fetch&) = delete;
  virtual ~any_fetch() = default;

  /// Makes the producer's coroutine, which has the file on return. This must live as long as that.
  virtual asio::awaitable<result<void>> produce(file& to) = 0;

  fetch_options options;
};

template <class Producer>
class fetch_with final : public any_fetch {
 public:
  fetch_with(Producer by, fetch_options chosen)
      : any_fetch(std::move(chosen)), producer_(std::move(by)) {}

 private:
  asio::awaitable<result<void>> produce(file& to) override { return producer_(std::move(to)); }

  Producer producer_;
};

/// What makes a file's content: `producer(file)`, a coroutine.
template <class Producer>
concept file_producer = std::move_constructible<Producer> && requires(Producer& p, file f) {
  { p(std::move(f)) } -> std::same_as<asio::awaitable<result<void>>>;
};

template <class Producer>
std::unique_ptr<any_fetch> make_fetch(Producer by, fetch_options options) {
  static_assert(file_producer<Producer>,
                "a producer takes a coramfs::file and returns an awaitable<result<void>>");
  return std::make_unique<fetch_with<Producer>>(std::move(by), std::move(options));
}

/// @cond
template <class FileSystem, class Default, class Derived>
template <class Producer, token_for<follower> Token>
auto file_system_tokens<FileSystem, Default, Derived>::fetch(path_argument path, Producer producer,
                                                             fetch_options options,
                                                             Token&& token) const {
  auto wanted = make_fetch(std::move(producer), std::move(options));
  return call<Token>(token,
                     [&](auto&& on) { return on.begin_fetch(std::move(path), std::move(wanted)); });
}

template <class FileSystem, class Default, class Derived>
template <class Producer, token_for<follower> Token>
auto file_system_tokens<FileSystem, Default, Derived>::fetch(path_argument path, Producer producer,
                                                             Token&& token) const {
  auto wanted = make_fetch(std::move(producer), fetch_options());
  return call<Token>(token,
                     [&](auto&& on) { return on.begin_fetch(std::move(path), std::move(wanted)); });
}

/// @endcond

}  // namespace detail

/// @cond
template <class Producer>
asio::awaitable<result<follower>> file_system::fetch(path_argument path, Producer producer) const {
  return begin_fetch(std::move(path), detail::make_fetch(std::move(producer), fetch_options()));
}

template <class Producer>
asio::awaitable<result<follower>> file_system::fetch(path_argument path, Producer producer,
                                                     fetch_options options) const {
  return begin_fetch(std::move(path), detail::make_fetch(std::move(producer), std::move(options)));
}
/// @endcond

}  // namespace coramfs
