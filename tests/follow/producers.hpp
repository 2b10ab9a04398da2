// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/error.hpp>
#include <coramfs/fetch.hpp>
#include <coramfs/sync/fetch.hpp>

#include "support/describe.hpp"

#include <asio/awaitable.hpp>
#include <asio/buffer.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

namespace coramfs::tests {

/// What a producer does, for either facade.
struct script {
  std::string text = {};                   ///< what it writes, in one go
  std::optional<std::uint64_t> size = {};  ///< what it announces before
  std::function<result<void>()> end = [] { return result<void>(boost::outcome_v2::success()); };
  /// How many have begun.
  std::shared_ptr<int> begun = std::make_shared<int>(0);
};

/// A producer for the file systems that `On` is about.
template <class On>
auto producer_of(script s) {
  using file = typename On::file;
  if constexpr (std::is_same_v<file, sync::file>) {
    return [s](file to) -> result<void> {
      ++*s.begun;
      if (s.size) to.announce(*s.size).value();
      if (!s.text.empty()) to.write(s.text).value();
      return s.end();
    };
  } else {
    return [s](file to) -> asio::awaitable<result<void>> {
      ++*s.begun;
      if (s.size) {
        const auto announced = co_await to.announce(*s.size);
        announced.value();
      }
      if (!s.text.empty()) {
        const auto written = co_await to.write(asio::buffer(s.text));
        written.value();
      }
      co_return s.end();
    };
  }
}

/// The options of a fetch through the file systems that `On` is about.
template <class On>
using fetch_options_of = std::conditional_t<std::is_same_v<typename On::file, sync::file>,
                                            sync::fetch_options, coramfs::fetch_options>;

}  // namespace coramfs::tests
