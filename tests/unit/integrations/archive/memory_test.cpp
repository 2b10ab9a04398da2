// SPDX-License-Identifier: BSL-1.0
// Memory that is refused in the middle of an expansion or a creation, to all that is ours.
// libarchive's own allocations are left alone: it ends the process where one for a string fails.
#include <coramfs/archive.hpp>

#include "support/catch.hpp"
#include "support/describe.hpp"
#include "unit/integrations/archive/expand_by.hpp"
#include "unit/integrations/archive/makers.hpp"

#include <cstddef>
#include <cstdlib>
#include <functional>
#include <new>
#include <string>
#include <utility>

namespace {

// How many allocations are yet to come before one fails, and perhaps all after it. 0: none does.
thread_local std::size_t until_failure = 0;
thread_local bool fails_for_ever = false, has_failed = false;

void* allocated(std::size_t size) noexcept {
  if (until_failure > 0 && (--until_failure == 0)) {
    has_failed = true;
    if (fails_for_ever) until_failure = 1;
    return nullptr;
  }
  return std::malloc(size == 0 ? 1 : size);
}

}  // namespace

void* operator new(std::size_t size) {
  if (void* const p = allocated(size)) return p;
  throw std::bad_alloc();
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return allocated(size); }
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }

namespace coramfs::tests {

namespace {

// Runs a call with each of its allocations refused, and checks that it has done all, or nothing.
// Returns how many were refused.
std::size_t refuse_each(const volume& v, bool for_ever,
                        const std::function<std::function<result<void>()>()>& prepare,
                        const std::function<void(sync::file_system&)>& undo) {
  std::size_t refused = 0;
  sync::file_system fs(v);
  for (std::size_t nth = 1;; ++nth) {
    INFO("the allocation that fails: " << nth);
    const figures before(v);
    // Its arguments are there before anything fails.
    const auto call = prepare();
    result<void> made = errc::canceled;
    has_failed = false;
    fails_for_ever = for_ever;
    until_failure = nth;
    made = call();
    until_failure = 0;
    if (made) {
      undo(fs);
      if (!has_failed) return refused;
      continue;
    }
    ++refused;
    if (made.error() != errc::out_of_memory) FAIL(made.error().message());
    if (!(figures(v) == before)) FAIL("something is left");
  }
}

}  // namespace

TEST_CASE("archives and allocations: all is there, or nothing", "[archive]") {
  const bool for_ever = GENERATE(false, true);
  const auto v = volume::create().value();
  sync::file_system made(v);
  made.create_directories("/in/d/empty").value();
  made.write_text("/in/a name that is too long to be in a string itself", "1").value();
  made.write_text("/in/d/b", std::string(100'000, 'x')).value();
  struct sample {
    std::string name;
    archive_format format;
  };
  for (const sample& s :
       {sample{"zip", archive_format::zip}, sample{"tar", archive_format::tar},
        sample{"tar.gz", archive_format::tar_gz}, sample{"tar.xz", archive_format::tar_xz},
        sample{"tar.zst", archive_format::tar_zst}, sample{"7z", archive_format::seven_zip}}) {
    INFO(s.name);
    const std::string path = "/an archive whose path is too long for a string." + s.name;
    const auto created = refuse_each(
        v, for_ever,
        [&] {
          return [&, from = std::string("/in"), to = path]() mutable -> result<void> {
            archive_options o;
            o.level = 0;
            BOOST_OUTCOME_TRYV(create_archive(made, std::move(from), std::move(to), s.format, o));
            return success();
          };
        },
        [&](sync::file_system& fs) { fs.remove(path).value(); });
    CHECK(created > 10);
    create_archive(made, "/in", path, s.format).value();
    const auto expanded = refuse_each(
        v, for_ever,
        [&] {
          std::string to = "/a directory whose name is too long/for a string";
          return [&made, from = archive_source::in_volume(path), to]() mutable -> result<void> {
            BOOST_OUTCOME_TRYV(expand_archive(made, std::move(from), std::move(to)));
            return success();
          };
        },
        [&](sync::file_system& fs) {
          fs.remove_tree("/a directory whose name is too long").value();
        });
    CHECK(expanded > 10);
    made.remove(path).value();
  }
}

}  // namespace coramfs::tests
