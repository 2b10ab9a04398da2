// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/asio.hpp>
#include <coramfs/detail/asio_compat.hpp>

#include "core/callback_scope.hpp"

#include <type_traits>
#include <utility>

namespace coramfs::detail {

/// An executor like another one, but whatever it runs is in a `callback_scope` while it runs. So a
/// coroutine of the user's that is spawned on it is known wherever it is resumed.
///
/// Thread safety: as that of the other executor.
class scoped_executor {
 public:
  scoped_executor(asio::any_io_executor inner, const void* of) noexcept
      : inner_(std::move(inner)), of_(of) {}

  template <class Function>
  void execute(Function&& f) const {
    inner_.execute([of = of_, run = std::decay_t<Function>(std::forward<Function>(f))]() mutable {
      const callback_scope scope(of);
      std::move(run)();
    });
  }

  template <class Property>
  auto query(const Property& p) const
      -> decltype(asio::query(std::declval<const asio::any_io_executor&>(), p)) {
    return asio::query(inner_, p);
  }
  template <class Property>
  requires asio::can_require_v<const asio::any_io_executor&, Property> scoped_executor
  require(const Property& p)
  const { return {asio::require(inner_, p), of_}; }
  template <class Property>
  requires asio::can_prefer_v<const asio::any_io_executor&, Property> scoped_executor
  prefer(const Property& p)
  const { return {asio::prefer(inner_, p), of_}; }

  friend bool operator==(const scoped_executor& a, const scoped_executor& b) noexcept {
    return a.of_ == b.of_ && a.inner_ == b.inner_;
  }
  friend bool operator!=(const scoped_executor& a, const scoped_executor& b) noexcept {
    return !(a == b);
  }

 private:
  asio::any_io_executor inner_;
  const void* of_;
};

}  // namespace coramfs::detail
