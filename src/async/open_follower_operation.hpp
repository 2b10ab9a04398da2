// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/follow.hpp>

#include "async/turns.hpp"
#include "core/made_by.hpp"
#include "core/operation.hpp"
#include "handles/follow_operation.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

namespace coramfs::detail {

/// A `follow` that ends with a follower of the asynchronous facade. The executor and the volume are
/// kept alive by one shared pointer, which the follower takes over.
///
/// Guarded by whoever runs it: one thread at a time.
class open_follower_operation {
 public:
  using executor_ptr = std::shared_ptr<const follower::executor_type>;

  open_follower_operation(volume_state& v, path_argument path, const follow_options& options,
                          executor_ptr executor) noexcept
      : executor_(std::move(executor)),
        in_steps_({std::shared_ptr<void>(), &v}, std::move(path), options) {}

  progress advance() noexcept { return in_steps_.advance(); }
  claim& awaited() noexcept { return in_steps_.awaited(); }
  lock_timeout patience() const noexcept { return in_steps_.patience(); }
  std::atomic<std::uint64_t>* waiting() const noexcept { return in_steps_.waiting(); }
  void refuse(const error& why) noexcept { in_steps_.refuse(why); }
  error unmet() const noexcept { return in_steps_.unmet(); }
  result<follower> outcome() noexcept {
    if (const auto followed = in_steps_.outcome(); !followed) return followed.error();
    return result<follower>(std::in_place_type<follower>, made_by([&] {
                              const std::uint64_t done = done_in_turn(executor_.get());
                              return follower(in_steps_, std::move(executor_), done);
                            }));
  }

 private:
  executor_ptr executor_;  // outlives what may still have a hold on the volume
  follow_operation in_steps_;
};

}  // namespace coramfs::detail
