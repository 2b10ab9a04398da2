// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace coramfs::bench {

/// One operation, or a short round of them that leaves all as it was, to be run many times: for
/// its time, for its allocations, for its instructions.
struct operation {
  std::string name;  ///< "<question>/<who>"
  std::function<void(std::size_t times)> run;
};

/// Each operation of both facades that ought to be cheap, on a small volume, and the baselines
/// that it is measured by: `co_await` of a ready coroutine, a bare `asio::post`, a map.
std::vector<operation> operations();

/// The lock by itself: had at once, and handed from one coroutine to the next on one thread,
/// each of which holds it across a post; with their baselines, the ready coroutine and the post.
///
/// The floor of a hand-off is two posts of one coroutine that is alone: one in the hold, and one
/// that takes the lock to the next, which goes on in a turn of the loop of its own. Of those who
/// hand the lock on one is ready at a time, so the two are in series, and each turn of the loop of
/// a context that has a timer asks the system for events.
std::vector<operation> lock_operations();

/// As a case that measures the time of one.
void register_operation(const operation& o);

}  // namespace coramfs::bench
