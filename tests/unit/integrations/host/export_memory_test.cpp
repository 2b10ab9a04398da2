// SPDX-License-Identifier: BSL-1.0
// Memory that is refused in the middle of an export.
#include <coramfs/host.hpp>

#include "allocation/malloc_faults.hpp"
#include "support/catch.hpp"
#include "support/describe.hpp"
#include "unit/integrations/host/host_calls.hpp"
#include "unit/integrations/host/scratch.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <utility>

namespace coramfs::tests {

TEST_CASE("export_to_host and allocations: whole files only, and nothing else", "[host]") {
  const bool with_least = GENERATE(false, true), for_ever = GENERATE(false, true);
  const least_host host(with_least);
  const auto v = volume::create().value();
  sync::file_system fs(v);
  const std::string a = "a name that is too long to be in a string itself";
  fs.create_directory("/d").value();
  fs.write_text("/" + a, "new a").value();
  fs.write_text("/d/b", "new b").value();
  const auto used = v.stats().used_bytes;
  bool has_failed = true;
  std::size_t refused = 0;
  for (std::size_t nth = 1; has_failed; ++nth) {
    INFO("the allocation that fails: " << nth);
    const scratch s;
    put(s / a, "old a");
    const std::size_t descriptors = open_descriptors();
    host_options options;
    options.existing = if_exists::replace;
    options.sync = host_sync::data;
    std::string from = "/";
    std::filesystem::path to = s.path();
    result<std::uint64_t> made = errc::canceled;
    {
      const malloc_faults failing(nth_allocation(nth, for_ever));
      made = export_to_host(fs, std::move(from), std::move(to), options);
      has_failed = failing.has_failed();
    }
    if (!made) ++refused;
    CHECK((made || made.error() == errc::out_of_memory));
    CHECK(open_descriptors() == descriptors);
    for (const auto& [name, content] : tree_of(s.path())) {
      INFO(name);
      const bool is_whole = name == "d/" || (name == "d/b" && content == "new b") ||
                            (name == a && (content == "new a" || content == "old a"));
      CHECK(is_whole);
    }
    if (made) CHECK(content_of(s / a) == "new a");
    CHECK(v.stats().used_bytes == used);
    CHECK(v.stats().open_handles == 0);
  }
  CHECK(refused > 10);
}

}  // namespace coramfs::tests
