// SPDX-License-Identifier: BSL-1.0
// Memory that is refused while memory files are made.
#include <coramfs/memfd.hpp>

#include "allocation/malloc_faults.hpp"
#include "support/catch.hpp"
#include "support/describe.hpp"
#include "unit/integrations/host/memfd_by.hpp"
#include "unit/integrations/host/scratch.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include <sys/mman.h>
#include <unistd.h>

namespace coramfs::tests {

TEST_CASE("memory files and allocations: the volume is as before, and nothing is left open",
          "[memfd]") {
  const bool for_ever = GENERATE(false, true);
  const auto v = volume::create().value();
  sync::file_system fs(v);
  const std::string path = "/a name that is too long to be in a string itself";
  const std::string content((1 << 20) + 5, 'c');
  fs.write_text(path, content).value();
  const int fd = ::memfd_create("test", MFD_CLOEXEC);
  REQUIRE(::pwrite(fd, content.data(), content.size(), 0) == static_cast<ssize_t>(content.size()));
  const auto used = v.stats().used_bytes;
  std::size_t refused = 0;
  bool has_failed = true;
  for (std::size_t nth = 1; has_failed; ++nth) {
    INFO("the allocation that fails: " << nth);
    const std::size_t descriptors = open_descriptors();
    std::string from = path, to = path + " to";
    {
      result<memory_file> made = errc::canceled;
      result<std::uint64_t> taken = errc::canceled;
      {
        const malloc_faults failing(nth_allocation(nth, for_ever));
        made = to_memfd(fs, std::move(from));
        taken = from_memfd(fs, fd, std::move(to));
        has_failed = failing.has_failed();
      }
      if (!made || !taken) ++refused;
      CHECK((made || made.error() == errc::out_of_memory));
      CHECK((taken || taken.error() == errc::out_of_memory));
      if (made) CHECK(content_of_descriptor(made.value().fd()) == content);
      if (taken) {
        CHECK(fs.read_text(path + " to").value() == content);
        fs.remove(path + " to").value();
      }
    }
    CHECK(open_descriptors() == descriptors);
    CHECK(fs.list("/").value().size() == 1);
    CHECK(v.stats().used_bytes == used);
    CHECK(v.stats().open_handles == 0);
  }
  CHECK(refused > 5);
  ::close(fd);
}

}  // namespace coramfs::tests
