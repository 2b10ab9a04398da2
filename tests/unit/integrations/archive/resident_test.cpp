// SPDX-License-Identifier: BSL-1.0
// What the process has resident while an archive is expanded or listed: never more than the quota,
// what the decoder may take, and 16 MiB, whatever the archive is.
#include <coramfs/archive.hpp>

#include "support/catch.hpp"
#include "support/describe.hpp"
#include "unit/integrations/archive/makers.hpp"

#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <random>
#include <span>
#include <string>
#include <vector>

#include <malloc.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace coramfs::tests {

namespace {

constexpr std::uint64_t mib = 1 << 20;
constexpr std::uint64_t quota = 8 * mib, budget = 16 * mib, slack = 16 * mib;
constexpr std::uint64_t most = quota + budget + slack;

std::uint64_t resident() {
  std::uint64_t all = 0, pages = 0;
  std::ifstream("/proc/self/statm") >> all >> pages;
  return pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

struct outcome {
  int code;  // that of the failure, or 0
  std::uint64_t growth;
};

// In a process of its own, which begins with what this one has resident.
outcome in_child(const std::function<std::error_code()>& act) {
  ::malloc_trim(0);
  const std::uint64_t before = resident();
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) ::_exit(act().value());
  int status = 0;
  rusage used{};
  REQUIRE(::wait4(child, &status, 0, &used) == child);
  REQUIRE(WIFEXITED(status));
  const auto peak = static_cast<std::uint64_t>(used.ru_maxrss) * 1024;
  return {WEXITSTATUS(status), peak > before ? peak - before : 0};
}

enum class call { list, expand, stream };

outcome run(const std::string& archive, call what, std::uint64_t max_quota = quota) {
  return in_child([&]() -> std::error_code {
    volume_options options;
    options.max_quota = max_quota;
    const auto v = volume::create(options).value();
    sync::file_system fs(v);
    expand_options o;
    o.max_decoder_memory = budget;
    const archive_source from(std::as_bytes(std::span(archive)));
    const auto code = [](const auto& done) {
      return done ? std::error_code() : done.error().code();
    };
    if (what == call::list) return code(list_archive(fs, from, o));
    if (what == call::expand) return code(expand_archive(fs, from, "/to", o));
    return code(expand_archive_streaming(fs, from, "/to", o));
  });
}

int number(errc e) { return static_cast<int>(e); }

std::string nested(std::size_t levels) {
  std::string name;
  for (std::size_t i = 0; i < levels; ++i) name += "d/";
  return name;
}

tar_part directory(const std::string& name) {
  tar_part p{name, "", '5'};
  p.pax = pax_record("path", name);
  return p;
}

}  // namespace

TEST_CASE("expand_archive: 100,000 nested directories", "[archive]") {
  // deep.tar, whose one entry is the last of them.
  const std::string deep = tar_of({directory(nested(100'000))});
  for (const call what : {call::list, call::expand, call::stream}) {
    const outcome one = run(deep, what);
    CHECK(one.code == (what == call::list ? 0 : number(errc::name_too_long)));
    CHECK(one.growth <= most);
  }
  // And one that has an entry for each, as far as paths go, and for some more.
  std::vector<tar_part> each;
  for (std::size_t level = 1; level <= 2'100; ++level) each.push_back(directory(nested(level)));
  const std::string steps = tar_of(each);
  for (const call what : {call::expand, call::stream}) {
    const outcome all = run(steps, what);
    CHECK(all.code == number(errc::name_too_long));
    CHECK(all.growth <= most);
  }
  each.resize(2'000);
  const outcome all = run(tar_of(each), call::expand);
  CHECK(all.code == 0);
  CHECK(all.growth <= most);
}

TEST_CASE("expand_archive: members without bytes, by the ten thousand", "[archive]") {
  std::vector<tar_part> parts;
  std::vector<zip_part> members;
  for (int i = 0; i < 50'000; ++i) {
    parts.push_back({"m" + std::to_string(i)});
    members.push_back({"m" + std::to_string(i)});
  }
  const std::string tar = piped("gzip -1", tar_of(parts)), zip = zip_of(members);
  parts = {};
  members = {};
  for (const std::string* archive : {&tar, &zip})
    for (const call what : {call::list, call::expand, call::stream}) {
      const outcome o = run(*archive, what);
      // Of what a tar has the names alone are kept for a list.
      const bool fits = archive == &tar && what == call::list;
      CHECK(o.code == (fits ? 0 : number(errc::quota_exceeded)));
      CHECK(o.growth <= most);
    }
}

TEST_CASE("expand_archive: what decoders have resident", "[archive]") {
  // So much that each of them uses all of its window, which is charged, too.
  constexpr std::uint64_t with_window = 2 * quota;
  std::string content(18 * mib, '\0');
  std::minstd_rand random;
  for (char& c : content) c = static_cast<char>(random() >> 16);
  const std::string tar = tar_of({{"f", content}});
  for (const char* const command : {"gzip -1", "bzip2 -1", "xz --lzma2=preset=0,dict=8MiB",
                                    "zstd -1 -q --long=23", "lz4 -q -B7", "lzip -0 -s 8MiB"}) {
    INFO(command);
    const std::string archive = piped(command, tar);
    const outcome listed = run(archive, call::list, with_window);
    CHECK(listed.code == 0);
    CHECK(listed.growth <= with_window + budget + slack);
    const outcome expanded = run(archive, call::expand, with_window);
    CHECK(expanded.code == number(errc::quota_exceeded));
    CHECK(expanded.growth <= with_window + budget + slack);
  }
}

TEST_CASE("expand_archive: a few kilobytes that are a quarter of a gigabyte", "[archive]") {
  const std::string zip = piped("(head -c 256M /dev/zero | zip -q - -)", "");
  for (const call what : {call::expand, call::stream}) {
    const outcome o = run(zip, what);
    CHECK(o.code == number(errc::quota_exceeded));
    CHECK(o.growth <= most);
  }
}

}  // namespace coramfs::tests
