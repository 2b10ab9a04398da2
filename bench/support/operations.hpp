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
/// that it is measured by: `co_await` of a ready coroutine, a bare `asio::post`.
std::vector<operation> operations();

/// The lock by itself: had at once, and handed from one coroutine to the next on one thread,
/// each of which holds it across a post; with their baselines, the ready coroutine and the post.
std::vector<operation> lock_operations();

/// As a case that measures the time of one.
void register_operation(const operation& o);

}  // namespace coramfs::bench
