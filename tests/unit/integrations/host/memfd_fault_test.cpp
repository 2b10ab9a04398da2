// SPDX-License-Identifier: BSL-1.0
// Each call of the host's fails in turn, and files change while they are read.
#include <coramfs/memfd.hpp>

#include "support/catch.hpp"
#include "support/describe.hpp"
#include "unit/integrations/host/host_calls.hpp"
#include "unit/integrations/host/memfd_by.hpp"
#include "unit/integrations/host/scratch.hpp"

#include <cerrno>
#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <sys/mman.h>
#include <unistd.h>

namespace coramfs::tests {

TEST_CASE("to_memfd and faults: nothing is left, and nothing stays charged", "[memfd][faults]") {
  const auto v = volume::create().value();
  sync::file_system fs(v);
  fs.write_text("/a", std::string((2 << 20) + 5, 'a')).value();
  const auto before = v.stats().used_bytes;
  std::set<std::string> met;
  bool has_failed = true;
  for (std::size_t nth = 1; has_failed; ++nth) {
    const std::size_t descriptors = open_descriptors();
    {
      const host_faults failing(nth_host_call(nth), ENOMEM);
      const auto made = to_memfd(fs, "/a");
      has_failed = failing.has_failed();
      INFO("the call that fails: " << nth << ", " << failing.which());
      met.insert(std::string(failing.which()));
      CHECK(made.has_value() == !has_failed);
      if (!made) {
        CHECK(made.error() == std::errc::not_enough_memory);
        CHECK(made.error().details().operation == "to_memfd");
      }
    }
    CHECK(open_descriptors() == descriptors);
    CHECK(v.stats().used_bytes == before);
    CHECK(v.stats().open_handles == 0);
    CHECK(v.stats().pins == 0);
  }
  CHECK(met == std::set<std::string>{"", "memfd_create", "writev", "lseek64", "fcntl"});
}

TEST_CASE("from_memfd and faults: the volume is as before", "[memfd][faults]") {
  const auto existing = GENERATE(if_exists::fail, if_exists::replace);
  const int fd = ::memfd_create("test", MFD_CLOEXEC);
  const std::string content((2 << 20) + 5, 'n');
  REQUIRE(::pwrite(fd, content.data(), content.size(), 0) == static_cast<ssize_t>(content.size()));
  const auto v = volume::create().value();
  sync::file_system fs(v);
  if (existing == if_exists::replace) fs.write_text("/a", "old").value();
  const auto before = v.stats().used_bytes;
  const auto names = fs.list("/").value();
  std::set<std::string> met;
  bool has_failed = true;
  for (std::size_t nth = 1; has_failed; ++nth) {
    result<std::uint64_t> made = errc::canceled;
    std::string which;
    {
      const host_faults failing(nth_host_call(nth), EIO);
      made = from_memfd(fs, fd, "/a", existing);
      has_failed = failing.has_failed();
      which = failing.which();
    }
    INFO("the call that fails: " << nth << ", " << which);
    met.insert(which);
    CHECK(made.has_value() == !has_failed);
    if (made) break;
    CHECK(made.error() == std::errc::io_error);
    CHECK(made.error().details().operation == "from_memfd");
    CHECK(v.stats().used_bytes == before);
    CHECK(v.stats().open_handles == 0);
    CHECK(fs.list("/").value() == names);
  }
  CHECK(met == std::set<std::string>{"", "fcntl", "fstat64", "preadv64"});
  CHECK(fs.read_text("/a").value() == content);
  ::close(fd);
}

TEST_CASE("from_memfd: a file that changes while it is read", "[memfd]") {
  const auto v = volume::create({.max_quota = 4 << 20, .accounting = accounting::payload}).value();
  sync::file_system fs(v);
  const int fd = ::memfd_create("test", MFD_CLOEXEC);
  const std::string content((2 << 20) + 100, 'n');
  REQUIRE(::pwrite(fd, content.data(), content.size(), 0) == static_cast<ssize_t>(content.size()));
  const auto [changed_to, expected] = GENERATE(table<std::int64_t, std::uint64_t>({
      {std::int64_t{1} << 40, (2 << 20) + 100},  // it grows beyond all bounds
      {0, 1 << 20},                              // and shrinks, after the first piece
      {(1 << 20) + 50, (1 << 20) + 50},
  }));
  int reads = 0;
  {
    const host_call_watch watch([&, to = changed_to](std::string_view call) {
      if (call == "preadv64" && ++reads == 2) REQUIRE(::ftruncate(fd, to) == 0);
    });
    CHECK(from_memfd(fs, fd, "/a").value() == expected);
  }
  CHECK(fs.read_text("/a").value() == content.substr(0, expected));
  CHECK(v.stats().used_bytes == expected);
  ::close(fd);
}

}  // namespace coramfs::tests
