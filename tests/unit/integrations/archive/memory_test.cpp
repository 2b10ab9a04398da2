// SPDX-License-Identifier: BSL-1.0
// Memory that is refused in the middle of an expansion or a creation, to all that is ours: the call
// says so, and leaves nothing.
#include <coramfs/archive.hpp>

#include "support/catch.hpp"
#include "support/describe.hpp"
#include "unit/integrations/archive/arriving_streams.hpp"
#include "unit/integrations/archive/expand_by.hpp"
#include "unit/integrations/archive/refused_memory.hpp"
#include "unit/integrations/archive/small_archives.hpp"

#include <cstddef>
#include <functional>
#include <new>
#include <optional>
#include <string>
#include <utility>

namespace coramfs::tests {

namespace {

const std::string above = "/a directory whose name is too long";
const std::string dest = above + "/for a string";

// Which allocations are refused.
struct refusal {
  std::size_t nth;
  bool for_ever;
  refused_threads whose;
};

// What a call has come to, no error perhaps, and whether an allocation was refused.
struct outcome {
  error why = errc::out_of_memory;
  bool has_failed = false;
  bool has_thrown = false;  // once it has begun
};

// All that it takes is there before anything is refused.
template <class Call>
outcome on_this_thread(const refusal& which, Call call) {
  outcome o;
  const refused_memory refused(which.nth, which.for_ever, which.whose);
  o.why = error_of(call());
  o.has_failed = refused.has_failed();
  return o;
}

// Awaits a call on a context of its own. Where there is no memory for its frame it has not begun;
// and where Asio has none to resume a coroutine the call ends with its context.
template <class Call>
outcome awaited(way by, const volume& v, const refusal& which, Call call) {
  std::optional<blocking_pool> pool;
  expand_options options;
  if (by == way::pool) options.pool = &pool.emplace(1);
  asio::io_context context;
  const file_system fs(context, v);
  outcome o;
  spawn(context, [&]() -> asio::awaitable<void> {
    auto expansion = call(fs, options);
    try {
      const auto done = co_await std::move(expansion);
      o.why = error_of(done);
    } catch (...) {
      o.has_thrown = true;
    }
  });
  const refused_memory refused(which.nth, which.for_ever, which.whose);
  try {
    context.run();
  } catch (const std::bad_alloc&) {
  }
  o.has_failed = refused.has_failed();
  return o;
}

// Runs a call with one of its allocations refused after the other, and checks that it has done all,
// or nothing. Returns how many it has failed for.
template <class Run, class Undo>
std::size_t refuse_each(const volume& v, bool for_ever, refused_threads whose, Run run, Undo undo) {
  std::size_t refused = 0;
  for (std::size_t nth = 1;; ++nth) {
    const figures before(v);
    const outcome o = run(refusal{nth, for_ever, whose});
    if (!o.why.code()) {
      sync::file_system fs(v);
      undo(fs);
    } else {
      ++refused;
      if (o.has_thrown) FAIL("allocation " << nth << ": something is thrown");
      if (o.why != errc::out_of_memory) FAIL("allocation " << nth << ": " << o.why.message());
    }
    if (!(figures(v) == before)) FAIL("something is left after allocation " << nth);
    if (!o.has_failed) return refused;
  }
}

void remove_expanded(sync::file_system& fs) { fs.remove_tree(above).value(); }

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
        v, for_ever, refused_threads::own,
        [&](const refusal& which) {
          archive_options o;
          o.level = 0;
          std::string from = "/in", to = path;
          return on_this_thread(which, [&] {
            return create_archive(made, std::move(from), std::move(to), s.format, o);
          });
        },
        [&](sync::file_system& fs) { fs.remove(path).value(); });
    CHECK(created > 10);
    create_archive(made, "/in", path, s.format).value();
    const auto expanded = refuse_each(
        v, for_ever, refused_threads::own,
        [&](const refusal& which) {
          auto from = archive_source::in_volume(path);
          std::string to = dest;
          return on_this_thread(
              which, [&] { return expand_archive(made, std::move(from), std::move(to)); });
        },
        remove_expanded);
    CHECK(expanded > 10);
    made.remove(path).value();
  }
}

// With a pool the coroutine uses strands and groups of Asio's, which end the process, or never go
// on, where they are refused memory. Its thread does what the blocking form does.
TEST_CASE("archives and allocations: an archive that arrives is all there, or nothing",
          "[arriving]") {
  const bool for_ever = GENERATE(false, true);
  const way by = GENERATE(way::thread, way::coroutine);
  const auto v = volume::create().value();
  for (const small_archive& a : small_archives()) {
    if (!a.is_read_from_its_beginning) continue;
    INFO(a.name);
    const auto run = [&](const refusal& which) {
      std::string to = dest;
      if (by == way::thread) {
        sync::file_system fs(v);
        blocking_text from(a.content);
        return on_this_thread(which, [&] { return expand_arriving(fs, from, std::move(to)); });
      }
      ready_text from(a.content);
      return awaited(by, v, which, [&](const file_system& fs, const expand_options& options) {
        return expand_arriving(fs, from, std::move(to), options);
      });
    };
    CHECK(refuse_each(v, for_ever, refused_threads::own, run, remove_expanded) > 10);
  }
}

TEST_CASE("archives and allocations: an awaited expansion is all there, or nothing", "[archive]") {
  const bool for_ever = GENERATE(false, true);
  const way by = GENERATE(way::coroutine, way::pool);
  const auto whose = GENERATE(refused_threads::own, refused_threads::others);
  if (by != way::pool && whose == refused_threads::others) return;
  const auto v = volume::create().value();
  sync::file_system all(v);
  const std::string path = "/an archive whose path is too long for a string";
  for (const small_archive& a : small_archives()) {
    INFO(a.name);
    all.write_text(path, a.content).value();
    const auto run = [&](const refusal& which) {
      auto from = archive_source::in_volume(path);
      std::string to = dest;
      return awaited(by, v, which, [&](const file_system& fs, const expand_options& options) {
        return expand_archive(fs, std::move(from), std::move(to), options);
      });
    };
    CHECK(refuse_each(v, for_ever, whose, run, remove_expanded) > 4);
    all.remove(path).value();
  }
}

}  // namespace coramfs::tests
