// SPDX-License-Identifier: BSL-1.0
// Sparse members of tars become holes (AF20).
#include <coramfs/archive.hpp>

#include "support/catch.hpp"
#include "support/describe.hpp"
#include "unit/integrations/archive/expand_by.hpp"
#include "unit/integrations/archive/makers.hpp"
#include "unit/integrations/host/scratch.hpp"

#include <cstdlib>
#include <string>

namespace coramfs::tests {

namespace {

// A file of 64 MiB with a few bytes in the middle, in a tar of some KiB.
std::string sparse_tar(const std::string& format) {
  const scratch s;
  const std::string in = s.path().native();
  const std::string line =
      "cd " + in + " && truncate -s 67108864 f && printf middle | dd of=f " +
      "bs=1 seek=33554432 conv=notrunc 2> /dev/null && tar --format=" + format + " -Scf out f";
  if (std::system(line.c_str()) != 0) throw std::runtime_error("it failed: " + line);
  return content_of(s / "out");
}

}  // namespace

TEST_CASE("expand_archive: holes of a sparse member", "[archive]") {
  const std::string archive = sparse_tar(GENERATE("gnu", "pax"));
  const way by = GENERATE(way::thread, way::coroutine);
  REQUIRE(archive.size() < 100'000);
  volume_options options;
  options.max_quota = 8 << 20;
  SECTION("stay holes, and the bytes count") {
    options.default_storage = GENERATE(storage_layout::automatic, storage_layout::random_access);
    const auto v = volume::create(options).value();
    CHECK(expand_by(by, v, source_of(archive), "/").value().bytes == 64 << 20);
    sync::file_system fs(v);
    auto f = fs.open("/f", open_mode::read).value();
    CHECK(f.size().value() == 64 << 20);
    std::string middle(6, '\0');
    f.read_at(32 << 20, asio::buffer(middle)).value();
    CHECK(middle == "middle");
    CHECK(v.stats().used_bytes < 2 << 20);
  }
  SECTION("are zeros, and do not fit, where the layout has none") {
    options.default_storage = storage_layout::sequential;
    const auto v = volume::create(options).value();
    CHECK(error_of(expand_by(by, v, source_of(archive), "/")) == errc::quota_exceeded);
    CHECK(v.stats().used_bytes == 0);
  }
  SECTION("count for the limits") {
    const auto v = volume::create(options).value();
    expand_options o;
    o.max_bytes = 1 << 20;
    CHECK(error_of(expand_by(by, v, source_of(archive), "/", o)) == errc::too_large);
  }
}

}  // namespace coramfs::tests
