// SPDX-License-Identifier: BSL-1.0
// Memory that is refused in the middle of an import.
#include <coramfs/host.hpp>

#include "allocation/malloc_faults.hpp"
#include "support/catch.hpp"
#include "support/describe.hpp"
#include "unit/integrations/host/host_calls.hpp"
#include "unit/integrations/host/scratch.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>

namespace coramfs::tests {

TEST_CASE("import_from_host and allocations: all is there, or nothing", "[host]") {
  const bool with_least = GENERATE(false, true), for_ever = GENERATE(false, true);
  const least_host host(with_least);
  const scratch s;
  const std::string a = "a name that is too long to be in a string itself";
  std::filesystem::create_directories(s / "d/empty");
  put(s / a, "1");
  put(s / "d/b", std::string(100'000, 'x'));
  bool has_failed = true;
  std::size_t refused = 0;
  for (std::size_t nth = 1; has_failed; ++nth) {
    INFO("the allocation that fails: " << nth);
    const auto v = volume::create().value();
    sync::file_system fs(v);
    fs.write_text("/kept", "kept").value();
    const auto used = v.stats().used_bytes;
    const std::size_t descriptors = open_descriptors();
    std::filesystem::path from = s.path();
    std::string to = "/to/where/it/is/too/long/to/be/in/a/string/itself";
    result<std::uint64_t> made = errc::canceled;
    {
      const malloc_faults failing(nth_allocation(nth, for_ever));
      made = import_from_host(fs, std::move(from), std::move(to));
      has_failed = failing.has_failed();
    }
    CHECK(open_descriptors() == descriptors);
    CHECK(v.stats().open_handles == 0);
    if (made) {
      CHECK(v.stats().file_count == 3);
      continue;
    }
    ++refused;
    CHECK(made.error() == errc::out_of_memory);
    CHECK(v.stats().used_bytes == used);
    CHECK(v.stats().file_count == 1);
    CHECK(!fs.exists("/to").value());
  }
  CHECK(refused > 10);
}

}  // namespace coramfs::tests
