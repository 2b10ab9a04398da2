// SPDX-License-Identifier: BSL-1.0
// Memory that is refused while work is given to a pool.
#include <coramfs/blocking_pool.hpp>

#include "allocation/malloc_faults.hpp"
#include "support/catch.hpp"
#include "support/describe.hpp"

#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>

#include <atomic>
#include <cstddef>
#include <exception>
#include <new>
#include <optional>

namespace coramfs::tests {

TEST_CASE("offload and allocations: work that is refused memory has not begun",
          "[allocation][offload]") {
  const bool for_ever = GENERATE(false, true);
  bool has_failed = true;
  std::size_t refused = 0;
  for (std::size_t nth = 1; has_failed; ++nth) {
    INFO("the allocation that fails: " << nth);
    blocking_pool pool(1);
    asio::io_context context;
    std::atomic<int> ran{0};
    std::optional<error> why;
    bool works_again = false;
    const auto body = [&]() -> asio::awaitable<void> {
      {
        const malloc_faults failing(nth_allocation(nth, for_ever));
        try {
          const auto r = co_await offload(pool, [&ran] { return ++ran; });
          if (!r) why = r.error();
        } catch (const std::bad_alloc&) {
          why = errc::out_of_memory;
        }
        has_failed = failing.has_failed();
      }
      if (why) ++refused;
      const int before = ran;
      const auto r = co_await offload(pool, [&ran] { return ++ran; });
      works_again = r.has_value() && r.value() == before + 1;
    };
    asio::co_spawn(context, body, [](std::exception_ptr e) {
      if (e) std::rethrow_exception(e);
    });
    context.run();
    CHECK(works_again);
    CHECK(ran == (why ? 1 : 2));
    if (why) CHECK(*why == errc::out_of_memory);
  }
  CHECK(refused > 2);
}

}  // namespace coramfs::tests
