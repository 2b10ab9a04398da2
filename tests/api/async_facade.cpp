// SPDX-License-Identifier: BSL-1.0
#include <coramfs/file.hpp>
#include <coramfs/file_system.hpp>

#include "api/facade_over.hpp"

#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>

#include <exception>

namespace coramfs::tests {

namespace {

/// Runs one operation at a time to its end, on a context of its own.
class coroutine_driver {
 public:
  static constexpr bool has_token = false;

  template <class Call>
  auto operator()(Call call) const {
    return run(call());
  }

  template <class T>
  result<T> run(asio::awaitable<result<T>> operation) const {
    asio::io_context& context = state_->context;
    observation<T> seen;
    std::exception_ptr thrown;
    context.restart();
    asio::co_spawn(context, observe(std::move(operation), seen),
                   [&thrown](std::exception_ptr e) { thrown = e; });
    while (!seen.started && context.run_one() != 0) {
    }
    // What does not suspend is done when the handler that began it returns.
    if (!seen.value && !thrown) ++state_->suspensions;
    context.run();
    if (thrown) std::rethrow_exception(thrown);
    // The context ran out of work: the operation was lost.
    if (!seen.value) return error(std::make_error_code(std::errc::state_not_recoverable));
    return std::move(*seen.value);
  }

  std::uint64_t suspensions() const { return state_->suspensions; }
  asio::any_io_executor executor() const { return state_->context.get_executor(); }

 private:
  struct state {
    asio::io_context context{1};
    std::uint64_t suspensions = 0;
  };
  template <class T>
  struct observation {
    bool started = false;
    std::optional<result<T>> value;
  };

  template <class T>
  static asio::awaitable<void> observe(asio::awaitable<result<T>> operation, observation<T>& seen) {
    seen.started = true;
    seen.value.emplace(co_await std::move(operation));
  }

  std::shared_ptr<state> state_ = std::make_shared<state>();
};

std::unique_ptr<any_file_system> wrap(file_system fs, const coroutine_driver& driver) {
  return std::make_unique<file_system_over<file_system, file, coroutine_driver>>(std::move(fs),
                                                                                 driver);
}

}  // namespace

std::unique_ptr<any_file_system> make_async(const volume& over) {
  const coroutine_driver driver;
  return wrap(file_system(driver.executor(), over), driver);
}

result<std::unique_ptr<any_file_system>> create_async(const volume_options& options) {
  const coroutine_driver driver;
  auto fs = file_system::create(driver.executor(), options);
  if (!fs) return fs.error();
  return wrap(std::move(fs).value(), driver);
}

}  // namespace coramfs::tests
