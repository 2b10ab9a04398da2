// SPDX-License-Identifier: BSL-1.0
// Each call of the host's fails in turn.
#include <coramfs/host.hpp>

#include "support/catch.hpp"
#include "support/describe.hpp"
#include "unit/integrations/host/host_calls.hpp"
#include "unit/integrations/host/import_by.hpp"
#include "unit/integrations/host/scratch.hpp"

#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <set>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

namespace coramfs::tests {

TEST_CASE("import_from_host and faults: all is there, or the volume is as before",
          "[host][faults]") {
  const bool by_coroutine = GENERATE(false, true);
  host_features features;
  features.has_openat2 = features.tells_kinds = GENERATE(true, false);
  const scratch s;
  std::filesystem::create_directories(s / "d/e/empty");
  put(s / "a", "1");
  put(s / "d/large", std::string((2 << 20) + 5, 'l'));
  put(s / "d/e/b", "2");
  const int sparse = ::open((s / "sparse").c_str(), O_CREAT | O_WRONLY, 0666);
  REQUIRE(::ftruncate(sparse, 1 << 20) == 0);
  ::close(sparse);
  const auto all = tree_of(s.path());
  std::set<std::string> met;
  bool has_failed = true;
  std::size_t refused = 0;
  for (std::size_t nth = 1; has_failed; ++nth) {
    const auto v = volume::create().value();
    const std::size_t descriptors = open_descriptors();
    features.apply();
    std::string which;
    result<std::uint64_t> made = errc::canceled;
    {
      const host_faults failing(nth_host_call(nth), EIO);
      made = import_by(by_coroutine, v, s.path(), "/to");
      has_failed = failing.has_failed();
      which = failing.which();
    }
    host_features().apply();
    INFO("the call that fails: " << nth << ", " << which);
    met.insert(which);
    CHECK(open_descriptors() == descriptors);
    CHECK(v.stats().open_handles == 0);
    if (made) {
      // What is not known of holes is taken for data, and what was only read is closed in any case.
      CHECK((!has_failed || which == "lseek64" || which == "close" || which == "openat2"));
      CHECK(tree_in(v, "/to") == all);
      continue;
    }
    ++refused;
    CHECK(made.error() == std::errc::io_error);
    CHECK(made.error().details().operation == "import_from_host");
    CHECK(made.error().details().path.starts_with(s.path().native()));
    CHECK(tree_in(v).empty());
    CHECK(v.stats().used_bytes == 0);
  }
  CHECK(refused > 20);
  CHECK(met.count("fstatat64") == (features.tells_kinds ? 0 : 1));
  for (const char* const call :
       {"openat", "fstat64", "getdents64", "preadv64", "pread64", "lseek64", "close"}) {
    INFO(call);
    CHECK(met.count(call) == 1);
  }
}

}  // namespace coramfs::tests
