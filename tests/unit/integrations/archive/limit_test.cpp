// SPDX-License-Identifier: BSL-1.0
// Quotas and limits: a bomb ends, and leaves nothing.
#include <coramfs/archive.hpp>

#include "support/catch.hpp"
#include "support/describe.hpp"
#include "unit/integrations/archive/expand_by.hpp"
#include "unit/integrations/archive/makers.hpp"

#include <string>
#include <vector>

namespace coramfs::tests {

namespace {

volume of_quota(std::uint64_t quota) {
  volume_options o;
  o.max_quota = quota;
  return volume::create(o).value();
}

}  // namespace

TEST_CASE("expand_archive: a bomb ends at the quota, and leaves nothing", "[archive]") {
  const way by = GENERATE(way::thread, way::coroutine, way::pool);
  const std::string filter = GENERATE("gzip", "xz", "zstd -q", "bzip2");
  const std::string bomb = piped(filter, tar_of({{"a", "1"}, {"b", std::string(16 << 20, '\0')}}));
  CHECK(bomb.size() < 100'000);
  const auto v = of_quota(12 << 20);
  sync::file_system(v).write_text("/kept", "kept").value();
  const figures before(v);
  const auto why = error_of(expand_by(by, v, source_of(bomb), "/to"));
  CHECK(why == errc::quota_exceeded);
  CHECK(why.requested() > 0);
  CHECK(figures(v) == before);
  CHECK(error_of(stream_by(by, v, source_of(bomb), "/to")) == errc::quota_exceeded);
  CHECK(tree_in(v, "/to") == std::map<std::string, std::string>{{"a", "1"}});
}

TEST_CASE("expand_archive: members that share their content are charged for each", "[archive]") {
  // Each entry of the directory names the same member.
  const std::string one = zip_of({{"a", std::string(1 << 20, 'x')}});
  const std::size_t begin = one.find("PK\1\2"), end = one.find("PK\5\6");
  const std::string entry = one.substr(begin, end - begin);
  std::string all = one.substr(0, begin);
  for (int i = 0; i < 1000; ++i) all += entry;
  all += "PK\5\6" + le(0, 4) + le(1000, 2) + le(1000, 2) + le(entry.size() * 1000, 4) +
         le(begin, 4) + le(0, 2);
  const auto v = of_quota(64 << 20);
  // It is one member, that the directory has a thousand times.
  CHECK(expand_by(way::thread, v, source_of(all), "/").value().files == 1);
  CHECK(v.stats().used_bytes < 4 << 20);
}

TEST_CASE("expand_archive: more names than there is room for", "[archive]") {
  const way by = GENERATE(way::thread, way::coroutine);
  std::vector<tar_part> many;
  for (int i = 0; i < 20'000; ++i) many.push_back({"d" + std::to_string(i), "", '5'});
  const std::string bomb = piped("gzip", tar_of(many));
  const auto v = of_quota(4 << 20);
  const figures before(v);
  CHECK(error_of(expand_by(by, v, source_of(bomb), "/")) == errc::quota_exceeded);
  CHECK(list_by(by, v, source_of(bomb)).value().size() == many.size());
  CHECK(figures(v) == before);
}

TEST_CASE("expand_archive: limits of the call", "[archive]") {
  const auto v = volume::create().value();
  const figures before(v);
  const way by = GENERATE(way::thread, way::coroutine, way::pool);
  const std::string archive = tar_of(
      {{"a", std::string(100, 'a')}, {"b", std::string(200, 'b')}, {"c", std::string(50, 'c')}});
  const auto refusal = [&](expand_options o) {
    const error why = error_of(expand_by(by, v, source_of(archive), "/", o));
    CHECK(why == errc::too_large);
    CHECK(figures(v) == before);
    return why;
  };
  expand_options o;
  o.max_files = 2;
  CHECK(refusal(o).requested() == 3);
  CHECK(refusal(o).available() == 2);
  o = {};
  o.max_file_bytes = 199;
  CHECK(refusal(o).requested() == 200);
  o = {};
  o.max_bytes = 349;
  CHECK(refusal(o).requested() == 350);
  o.max_bytes = 350;
  o.max_files = 3;
  o.max_file_bytes = 200;
  CHECK(expand_by(by, v, source_of(archive), "/", o).value().files == 3);
}

TEST_CASE("expand_archive: limits are of what is there in the end", "[archive]") {
  const way by = GENERATE(way::thread, way::coroutine, way::pool);
  const std::string archive = tar_of({{"a", std::string(100, '1')},
                                      {"b", std::string(50, '2')},
                                      {"a", std::string(90, '3')},
                                      {"a", std::string(100, '4')}});
  const auto v = volume::create().value();
  expand_options o;
  o.conflict = on_conflict::overwrite;
  o.max_files = 2;
  o.max_bytes = 150;
  const auto done = expand_by(by, v, source_of(archive), "/to", o).value();
  CHECK(done.files == 2);
  CHECK(done.bytes == 150);
  o.max_bytes = 149;
  CHECK(error_of(expand_by(by, v, source_of(archive), "/less", o)) == errc::too_large);
  o.max_bytes = 150;
  o.max_files = 1;
  CHECK(error_of(expand_by(by, v, source_of(archive), "/less", o)) == errc::too_large);
}

TEST_CASE("expand_archive: limits of the volume", "[archive]") {
  volume_options options;
  options.max_nodes = 4;
  const auto v = volume::create(options).value();
  const figures before(v);
  const std::string archive = tar_of({{"a/b/c", "1"}, {"d", "2"}});
  CHECK(error_of(expand_by(way::coroutine, v, source_of(archive), "/")) ==
        errc::node_limit_exceeded);
  CHECK(figures(v) == before);
}

TEST_CASE("expand_archive: nothing is allocated by what is only said", "[archive]") {
  // Counts and sizes of directories that are not there.
  const auto v = of_quota(4 << 20);
  std::string many = zip_of({{"a", "1"}});
  const std::size_t end = many.size() - 22;
  many.replace(end + 8, 4, le(0xFFFFFFFF, 4));
  CHECK(expand_by(way::thread, v, source_of(many), "/").value().files == 1);
  std::string large = tar_of({{"a", "1"}});
  CHECK(large.substr(124, 11) == "00000000001");
  large.replace(124, 12, std::string("\x80\0\0\0\x7F\0\0\0\0\0\0\0", 12));
  CHECK(!expand_by(way::thread, v, source_of(large), "/x"));
}

}  // namespace coramfs::tests
