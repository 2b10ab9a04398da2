// SPDX-License-Identifier: BSL-1.0
#include <coramfs/file_system.hpp>
#include <coramfs/text_file.hpp>

#include "unit/integrations/text/text_facade_over.hpp"

#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>

#include <exception>

namespace coramfs::tests {

namespace {

/// Runs one operation at a time to its end, on a context of its own.
class coroutine_driver {
 public:
  file_system make(const volume& v) { return file_system(context_.get_executor(), v); }

  template <class T>
  result<T> operator()(asio::awaitable<result<T>> operation) {
    observation<T> seen;
    std::exception_ptr thrown;
    context_.restart();
    asio::co_spawn(context_, observe(std::move(operation), seen),
                   [&thrown](std::exception_ptr e) { thrown = e; });
    while (!seen.started && context_.run_one() != 0) {
    }
    // What does not suspend is done when the handler that began it returns.
    if (!seen.value && !thrown) ++suspensions_;
    context_.run();
    if (thrown) std::rethrow_exception(thrown);
    return std::move(seen.value.value());
  }

  std::size_t suspensions() const { return suspensions_; }

 private:
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

  asio::io_context context_{1};
  std::size_t suspensions_ = 0;
};

}  // namespace

std::unique_ptr<any_text> open_text_async(const volume& v, open_mode mode, open_options options) {
  return std::make_unique<text_over<file_system, file, text_file, coroutine_driver>>(v, mode,
                                                                                     options);
}

}  // namespace coramfs::tests
