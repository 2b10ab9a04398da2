// SPDX-License-Identifier: BSL-1.0
// Each point of a volume that an expansion comes to fails in turn: the call says so, and leaves
// nothing.
#include <coramfs/archive.hpp>
#include <coramfs/testing.hpp>

#include "support/catch.hpp"
#include "support/describe.hpp"
#include "unit/integrations/archive/arriving_streams.hpp"
#include "unit/integrations/archive/expand_by.hpp"
#include "unit/integrations/archive/small_archives.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace coramfs::tests {

namespace {

// What is told of faults that a call has succeeded in spite of.
using told_lines = std::vector<std::string>;

// Returns how many runs it took.
template <class Expand>
unsigned fail_each(told_lines& told, bool is_atomic, Expand expand) {
  testing::each_failure_options how;
  how.tell = [&told](std::string_view line) { told.emplace_back(line); };
  const auto body = [&](sync::file_system& fs) {
    const volume v = fs.get_volume();
    const figures before(v);
    const auto done = expand(v);
    if (!done && is_atomic && !(figures(v) == before))
      FAIL("something is left: " << done.error().message());
    done.value();
  };
  return testing::each_failure({}, std::function<void(sync::file_system&)>(body), how);
}

}  // namespace

TEST_CASE("archives and faults: an expansion is all there, or nothing", "[archive]") {
  const way by = GENERATE(way::thread, way::coroutine, way::pool);
  told_lines told;
  for (const small_archive& a : small_archives()) {
    INFO(a.name);
    const unsigned runs = fail_each(told, true, [&](const volume& v) {
      return expand_by(by, v, source_of(a.content), "/to/there");
    });
    CHECK(runs > 10);
  }
  CHECK(told.empty());
}

TEST_CASE("archives and faults: a streamed expansion leaves whole files", "[archive]") {
  const way by = GENERATE(way::thread, way::coroutine, way::pool);
  told_lines told;
  for (const small_archive& a : small_archives()) {
    INFO(a.name);
    const auto whole = [&] {
      const auto v = volume::create().value();
      expand_by(way::thread, v, source_of(a.content), "/").value();
      return tree_in(v);
    }();
    const unsigned runs = fail_each(told, false, [&](const volume& v) {
      const auto done = stream_by(by, v, source_of(a.content), "/");
      for (const auto& [path, content] : tree_in(v))
        if (whole.at(path) != content) FAIL("a part of " << path);
      return done;
    });
    CHECK(runs > 10);
  }
  CHECK(told.empty());
}

TEST_CASE("archives and faults: an archive that arrives is all there, or nothing", "[arriving]") {
  const way by = GENERATE(way::thread, way::coroutine, way::pool);
  told_lines told;
  for (const small_archive& a : small_archives()) {
    if (!a.is_read_from_its_beginning) continue;
    INFO(a.name);
    const unsigned runs = fail_each(
        told, true, [&](const volume& v) { return arrive_by(by, v, {a.content}, "/to/there"); });
    CHECK(runs > 10);
  }
  CHECK(told.empty());
}

}  // namespace coramfs::tests
