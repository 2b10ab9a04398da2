// SPDX-License-Identifier: BSL-1.0
// Who is asked where a volume is full, where memory is refused: a function, for what Asio does
// where it begins a coroutine without memory is its own.
#include <coramfs/file_system.hpp>
#include <coramfs/least_recently_used.hpp>
#include <coramfs/sync/file_system.hpp>

#include "allocation/malloc_faults.hpp"
#include "support/catch.hpp"
#include "support/describe.hpp"

#include <asio/buffer.hpp>
#include <asio/io_context.hpp>

#include <new>
#include <optional>
#include <string>

namespace coramfs::tests {

namespace {

void run(asio::io_context& context) {
  context.restart();
  context.run();
}

}  // namespace

TEST_CASE("reclaim and allocations: who is short succeeds, or is refused, and nothing is lost",
          "[allocation][reclaim]") {
  bool has_failed = true;
  for (std::size_t nth = 1; has_failed; ++nth) {
    CAPTURE(nth);
    asio::io_context context{1};
    volume_options o;
    o.max_quota = 1000;
    o.accounting = accounting::payload;
    o.reclaim = least_recently_used();
    const volume v = volume::create(o).value();
    sync::file_system threads(v);
    const file_system fs(context.get_executor(), v);
    const std::string all(1000, 'x');
    const auto write = [&](const char* path, std::size_t n, std::optional<error>& ended) {
      fs.write_file(path, asio::buffer(all.data(), n),
                    [&ended](const result<void>& r) { ended.emplace(error_of(r)); });
    };
    threads.write_file("/a", asio::buffer(all.data(), 400)).value();
    threads.write_file("/b", asio::buffer(all.data(), 600)).value();
    std::optional<error> ended, again;
    try {
      const malloc_faults failing(nth_allocation(nth));
      write("/c", 500, ended);
      run(context);
      has_failed = failing.has_failed();
    } catch (const std::bad_alloc&) {
      has_failed = true;
    }
    run(context);
    if (ended && ended->code()) {
      const bool is_refused = *ended == errc::out_of_memory || *ended == errc::quota_exceeded;
      REQUIRE(is_refused);
      REQUIRE(!threads.exists("/c").value());
    } else if (ended) {
      REQUIRE(threads.file_size("/c").value() == 500);
    }
    REQUIRE((has_failed || (ended && !ended->code())));
    REQUIRE(v.stats().waiting == 0);
    // All of it can be had yet.
    write("/d", 1000, again);
    run(context);
    REQUIRE(again);
    REQUIRE(!again->code());
    REQUIRE(v.stats().used_bytes == 1000);
  }
}

}  // namespace coramfs::tests
