// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/asio.hpp>
#include <coramfs/blocking_pool.hpp>
#include <coramfs/detail/blocking_job.hpp>
#include <coramfs/host.hpp>
#include <coramfs/result.hpp>

#include <filesystem>
#include <functional>
#include <memory>
#include <stop_token>
#include <type_traits>
#include <utility>

namespace coramfs::detail {

using pool_ptr = std::shared_ptr<pool_state>;

/// The pool that the options name, or the library's. May throw `std::bad_alloc`.
pool_ptr pool_of(const host_options& options);

/// Checks what does not depend on the host. Errors: `invalid_argument`.
result<void> require_valid(const std::filesystem::path& dir, const host_options& options) noexcept;

/// An object whose functions make calls of the host's, for a coroutine: they run on a pool, and so
/// does its destructor, which closes what is open.
///
/// Thread safety: one thread at a time. While a call on it runs, nobody else looks at the object.
template <class Object>
class pooled {
 public:
  /// Throws `std::bad_alloc`.
  template <class... Arguments>
  explicit pooled(pool_ptr pool, Arguments&&... of)
      : pool_(std::move(pool)), object_(std::make_shared<Object>(std::forward<Arguments>(of)...)) {
    auto drop = [object = object_]() mutable { object.reset(); };
    last_ = std::make_shared<offloaded<decltype(drop)>>(std::move(drop));
  }
  pooled(const pooled&) = delete;
  pooled& operator=(const pooled&) = delete;
  ~pooled() {
    object_.reset();
    run_detached(pool_, std::move(last_));
  }

  Object& object() noexcept { return *object_; }
  const Object& object() const noexcept { return *object_; }

  /// Calls `work(object)`, or `work(object, stop_token)`, on the pool. A context that dies does not
  /// wait for that, so the work owns what it uses.
  template <class Work>
  asio::awaitable<result<void>> run(Work work) {
    auto on = [object = object_, work = std::move(work)](const std::stop_token& stop) mutable {
      if constexpr (std::is_invocable_v<Work&, Object&, const std::stop_token&>) {
        return work(*object, stop);
      } else {
        return work(*object);
      }
    };
    return outcome_of(pool_, std::make_shared<offloaded<decltype(on)>>(std::move(on)));
  }

 private:
  const pool_ptr pool_;
  std::shared_ptr<Object> object_;
  std::shared_ptr<blocking_job> last_;
};

}  // namespace coramfs::detail
