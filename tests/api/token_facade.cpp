// SPDX-License-Identifier: BSL-1.0
// The asynchronous facade by its completion tokens. The token is one of our own, as a program may
// have that has no coroutines.
#include <coramfs/asio.hpp>
#include <coramfs/file.hpp>
#include <coramfs/file_system.hpp>

#include "api/facade_over.hpp"

#include <asio/async_result.hpp>
#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>

#include <exception>
#include <memory>
#include <optional>
#include <utility>

namespace coramfs::tests {

namespace {

/// With it an operation returns a place where its result will be. The executor is that of the
/// handler, since a file that is closed may have none but the system's.
struct observed {
  asio::io_context::executor_type executor;
};

template <class T>
using place = std::shared_ptr<std::optional<result<T>>>;

template <class T>
struct observing {
  using executor_type = asio::io_context::executor_type;

  executor_type get_executor() const noexcept { return executor; }
  void operator()(result<T> r) const { to->emplace(std::move(r)); }

  executor_type executor;
  place<T> to;
};

}  // namespace

}  // namespace coramfs::tests

// This specialization is named in full, because a namespace can not be opened by an alias.
template <class T>
struct coramfs::asio::async_result<coramfs::tests::observed, void(coramfs::result<T>)> {
  using return_type = coramfs::tests::place<T>;

  template <class Initiation, class... Arguments>
  static return_type initiate(Initiation initiation, coramfs::tests::observed token,
                              Arguments... arguments) {
    const auto seen = std::make_shared<std::optional<coramfs::result<T>>>();
    std::move(initiation)(coramfs::tests::observing<T>{token.executor, seen},
                          std::move(arguments)...);
    return seen;
  }
};

namespace coramfs::tests {

namespace {

/// Runs one operation at a time to its end, on a context of its own.
class token_driver {
 public:
  static constexpr bool has_token = true;

  template <class Call>
  auto operator()(Call call) const {
    state_->context.restart();
    observed token{state_->context.get_executor()};
    return run(call(token));
  }

  std::uint64_t suspensions() const { return state_->suspensions; }
  asio::any_io_executor executor() const { return state_->context.get_executor(); }

 private:
  template <class T>
  result<T> run(const place<T>& seen) const {
    asio::io_context& context = state_->context;
    // The handler is called later, and what does not wait is done by then.
    if (*seen) return error(std::make_error_code(std::errc::protocol_error));
    context.run_one();
    if (!*seen) ++state_->suspensions;
    context.run();
    // The context ran out of work: the operation was lost.
    if (!*seen) return error(std::make_error_code(std::errc::state_not_recoverable));
    return std::move(**seen);
  }

  // What takes no token.
  template <class T>
  result<T> run(asio::awaitable<result<T>> operation) const {
    std::optional<result<T>> seen;
    std::exception_ptr thrown;
    asio::co_spawn(state_->context, std::move(operation), [&](std::exception_ptr e, result<T> r) {
      thrown = e;
      seen.emplace(std::move(r));
    });
    state_->context.run();
    if (thrown) std::rethrow_exception(thrown);
    return std::move(*seen);
  }

  struct state {
    asio::io_context context{1};
    std::uint64_t suspensions = 0;
  };

  std::shared_ptr<state> state_ = std::make_shared<state>();
};

std::unique_ptr<any_file_system> wrap(file_system fs, const token_driver& driver) {
  return std::make_unique<file_system_over<file_system, file, token_driver>>(std::move(fs), driver);
}

}  // namespace

std::unique_ptr<any_file_system> make_by_token(const volume& over) {
  const token_driver driver;
  return wrap(file_system(driver.executor(), over), driver);
}

result<std::unique_ptr<any_file_system>> create_by_token(const volume_options& options) {
  const token_driver driver;
  auto fs = file_system::create(driver.executor(), options);
  if (!fs) return fs.error();
  return wrap(std::move(fs).value(), driver);
}

}  // namespace coramfs::tests
