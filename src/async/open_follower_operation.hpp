// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/follow.hpp>

#include "async/turns.hpp"
#include "core/made_by.hpp"
#include "handles/follow_operation.hpp"

#include <memory>
#include <utility>

namespace coramfs::detail {

/// A `follow` that ends with a follower of the asynchronous facade. The executor and the volume are
/// kept alive by one shared pointer, which the follower takes over.
///
/// Guarded by whoever runs it: one thread at a time.
class open_follower_operation : public follow_operation {
 public:
  using executor_ptr = std::shared_ptr<const follower::executor_type>;

  open_follower_operation(volume_state& v, path_argument path, const follow_options& options,
                          executor_ptr executor) noexcept
      : follow_operation({std::shared_ptr<void>(), &v}, std::move(path), options),
        executor_(std::move(executor)) {}

  result<follower> outcome() noexcept {
    if (const auto followed = follow_operation::outcome(); !followed) return followed.error();
    return result<follower>(std::in_place_type<follower>, made_by([&] {
                              const std::uint64_t done = done_in_turn(executor_.get());
                              return follower(*this, std::move(executor_), done);
                            }));
  }

 private:
  executor_ptr executor_;
};

}  // namespace coramfs::detail
