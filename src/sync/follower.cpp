// SPDX-License-Identifier: BSL-1.0
#include <coramfs/sync/follower.hpp>

#include <coramfs/detail/buffer_span.hpp>

#include "handles/follow_operation.hpp"
#include "sync/run.hpp"

#include <utility>

namespace coramfs::sync {

result<pinned> follower::next(std::size_t at_most) {
  BOOST_OUTCOME_TRY(auto list, detail::run_blocking(detail::pin_next_operation(file_, at_most)));
  return pinned(std::move(list));
}

result<std::size_t> follower::read(asio::mutable_buffer to) {
  return detail::run_blocking(detail::read_next_operation(file_, detail::to_span(to)));
}

}  // namespace coramfs::sync
