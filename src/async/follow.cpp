// SPDX-License-Identifier: BSL-1.0
#include <coramfs/follow.hpp>

#include <coramfs/detail/buffer_span.hpp>

#include "async/in_turn.hpp"
#include "async/later.hpp"
#include "async/run.hpp"
#include "async/start.hpp"
#include "async/turns.hpp"
#include "handles/follow_operation.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace coramfs {

namespace {

// A `next` whose outcome is of the public type.
class pin_next_operation : public detail::pin_next_operation {
 public:
  using detail::pin_next_operation::pin_next_operation;

  result<pinned> outcome() noexcept {
    BOOST_OUTCOME_TRY(auto list, detail::pin_next_operation::outcome());
    return pinned(std::move(list));
  }
};

using next_in_turn = detail::in_turn<pin_next_operation>;
using read_in_turn = detail::in_turn<detail::read_next_operation>;

// What a `next` counts for, at most.
std::size_t at_once(std::size_t at_most) noexcept {
  return static_cast<std::size_t>(std::min<std::uint64_t>(at_most, detail::slice_size));
}

}  // namespace

// A call takes no more than is there, and a sequence of them no more than a few slices' worth
// before others have a turn. A long read gives turns by itself, and a `next`, which copies nothing,
// is as short as a slice at most.
bool follower::is_due(std::size_t at_most) noexcept {
  const std::uint64_t there = file_.committed() - std::min(file_.committed(), file_.position());
  return detail::is_turn_due(done_in_turn_, std::min<std::uint64_t>(at_most, there),
                             executor_.get());
}

asio::awaitable<result<pinned>> follower::next(std::size_t at_most) {
  return detail::run(next_in_turn(is_due(at_once(at_most)), file_, at_most));
}

asio::awaitable<result<std::size_t>> follower::read(asio::mutable_buffer to) {
  return detail::run(read_in_turn(is_due(to.size()), file_, detail::to_span(to)));
}

void follower::start_read(detail::completion<result<std::size_t>>& to, follower& f,
                          asio::mutable_buffer into) {
  detail::start(to, read_in_turn(f.is_due(into.size()), f.file_, detail::to_span(into)));
}

detail::initiation<result<pinned>> follower::later::next(std::size_t at_most) {
  return detail::later(executor_, [&f = of_, at_most]() mutable {
    return next_in_turn(f.is_due(at_once(at_most)), f.file_, at_most);
  });
}

detail::initiation<result<std::size_t>> follower::later::read(asio::mutable_buffer to) {
  return detail::later(executor_, [&f = of_, to]() mutable {
    return read_in_turn(f.is_due(to.size()), f.file_, detail::to_span(to));
  });
}

}  // namespace coramfs
