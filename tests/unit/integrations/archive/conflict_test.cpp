// SPDX-License-Identifier: BSL-1.0
// Entries and what is in their way, in the volume and in the archive itself (AF4 to AF6, AF11).
#include <coramfs/archive.hpp>

#include "support/catch.hpp"
#include "support/describe.hpp"
#include "unit/integrations/archive/expand_by.hpp"
#include "unit/integrations/archive/makers.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace coramfs::tests {

namespace {

using tree = std::map<std::string, std::string>;

struct conflict_case {
  std::vector<tar_part> entries;
  std::optional<errc> fail, skip, overwrite;  // none: it succeeds
  tree skipped, overwritten;                  // what is there in the end
};

// In the volume are /to/file and, in /to/dir, kept.
const tree at_first = {{"dir/", ""}, {"dir/kept", "kept"}, {"file", "old"}};

tree beside(tree more) {
  tree all = at_first;
  for (auto& [path, content] : more) all[path] = content;
  return all;
}

const std::vector<conflict_case> cases = {
    {{{"new", "1"}}, {}, {}, {}, beside({{"new", "1"}}), beside({{"new", "1"}})},
    {{{"file", "1"}}, errc::already_exists, {}, {}, at_first, beside({{"file", "1"}})},
    {{{"a", "1"}, {"a", "2"}},
     errc::already_exists,
     {},
     {},
     beside({{"a", "1"}}),
     beside({{"a", "2"}})},
    {{{"a", "1"}, {"./a", "2"}, {"a", "3"}},
     errc::already_exists,
     {},
     {},
     beside({{"a", "1"}}),
     beside({{"a", "3"}})},
    {{{"a", "1"}, {"A", "2"}},
     {},
     {},
     {},
     beside({{"a", "1"}, {"A", "2"}}),
     beside({{"a", "1"}, {"A", "2"}})},
    {{{"dir", "1"}}, errc::is_a_directory, errc::is_a_directory, errc::is_a_directory, {}, {}},
    {{{"a", "", '5'}, {"a", "1"}},
     errc::is_a_directory,
     errc::is_a_directory,
     errc::is_a_directory,
     {},
     {}},
    {{{"a/b", "1"}, {"a", "1"}},
     errc::is_a_directory,
     errc::is_a_directory,
     errc::is_a_directory,
     {},
     {}},
    {{{"file", "", '5'}},
     errc::not_a_directory,
     errc::not_a_directory,
     errc::not_a_directory,
     {},
     {}},
    {{{"a", "1"}, {"a", "", '5'}},
     errc::not_a_directory,
     errc::not_a_directory,
     errc::not_a_directory,
     {},
     {}},
    {{{"a", "1"}, {"a/b", "1"}},
     errc::not_a_directory,
     errc::not_a_directory,
     errc::not_a_directory,
     {},
     {}},
    {{{"a", "1"}, {"a/b/c", "", '5'}},
     errc::not_a_directory,
     errc::not_a_directory,
     errc::not_a_directory,
     {},
     {}},
    {{{"file/b", "1"}},
     errc::not_a_directory,
     errc::not_a_directory,
     errc::not_a_directory,
     {},
     {}},
    {{{".", "", '5'}, {"dir", "", '5'}, {"dir/x", "1"}},
     {},
     {},
     {},
     beside({{"dir/x", "1"}}),
     beside({{"dir/x", "1"}})},
    {{{"e/f", "", '5'}},
     {},
     {},
     {},
     beside({{"e/", ""}, {"e/f/", ""}}),
     beside({{"e/", ""}, {"e/f/", ""}})},
};

volume with_tree() {
  auto v = volume::create().value();
  sync::file_system fs(v);
  fs.create_directories("/to/dir").value();
  fs.write_text("/to/dir/kept", "kept").value();
  fs.write_text("/to/file", "old").value();
  return v;
}

}  // namespace

TEST_CASE("expand_archive: what is in the way", "[archive]") {
  const bool is_streaming = GENERATE(false, true);
  const way by = GENERATE(way::thread, way::coroutine);
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const conflict_case& c = cases[i];
    const std::string archive = tar_of(c.entries);
    for (const on_conflict mode : {on_conflict::fail, on_conflict::skip, on_conflict::overwrite}) {
      INFO("case " << i << ", mode " << static_cast<int>(mode));
      const volume v = with_tree();
      const figures before(v);
      expand_options o;
      o.conflict = mode;
      const auto expected = mode == on_conflict::fail   ? c.fail
                            : mode == on_conflict::skip ? c.skip
                                                        : c.overwrite;
      error why = std::error_code();
      if (is_streaming) {
        why = error_of(stream_by(by, v, source_of(archive), "/to", o));
      } else {
        why = error_of(expand_by(by, v, source_of(archive), "/to", o));
      }
      if (expected) {
        CHECK(why == *expected);
        if (!is_streaming) CHECK(figures(v) == before);
        CHECK(v.stats().open_handles == 0);
      } else {
        CHECK(!why);
        CHECK(tree_in(v, "/to") == (mode == on_conflict::overwrite ? c.overwritten : c.skipped));
      }
    }
  }
}

TEST_CASE("expand_archive: its summary", "[archive]") {
  const auto v = with_tree();
  expand_options o;
  o.conflict = on_conflict::skip;
  o.unsafe = unsafe_entries::strip;
  const std::string archive = tar_of({{"d", "", '5'},
                                      {"d/a", "12345"},
                                      {"file", "1"},
                                      {"../b", "123"},
                                      {"l", "", '2', "x"},
                                      {"dir", "", '5'}});
  const auto sum = expand_by(way::thread, v, source_of(archive), "/to", o).value();
  CHECK(sum.files == 2);
  CHECK(sum.directories == 2);
  CHECK(sum.bytes == 8);
  CHECK(sum.skipped == 2);
  CHECK(sum.stripped == 1);
}

TEST_CASE("expand_archive: the directory that it goes to", "[archive]") {
  const auto v = with_tree();
  const way by = GENERATE(way::thread, way::coroutine, way::pool);
  const std::string archive = tar_of({{"a", "1"}}), nothing = tar_of({});
  CHECK(expand_by(by, v, source_of(archive), "/x/y\\z").value().files == 1);
  CHECK(tree_in(v, "/x/y/z") == tree{{"a", "1"}});
  CHECK(expand_by(by, v, source_of(nothing), "/n/m").value().files == 0);
  CHECK(sync::file_system(v).is_directory("/n/m").value());
  CHECK(stream_by(by, v, source_of(nothing), "/s").value() == 0);
  CHECK(sync::file_system(v).is_directory("/s").value());
  CHECK(error_of(expand_by(by, v, source_of(archive), "/to/file")) == errc::not_a_directory);
  CHECK(error_of(expand_by(by, v, source_of(archive), "/to/file/x")) == errc::not_a_directory);
  CHECK(error_of(expand_by(by, v, source_of(archive), "/../x")) == errc::invalid_path);
}

TEST_CASE("expand_archive: times are those of the expansion", "[archive]") {
  const auto v = volume::create().value();
  const auto before = std::chrono::system_clock::now() - std::chrono::seconds(1);
  const std::string archive = tar_of({{"a", "1"}});
  expand_by(way::thread, v, source_of(archive), "/").value();
  const file_status s = sync::file_system(v).stat("/a").value();
  CHECK(s.modified_at > before);
  CHECK(s.generation == 0);
}

TEST_CASE("expand_archive_streaming: what came before a failure stays", "[archive]") {
  const auto v = volume::create().value();
  const way by = GENERATE(way::thread, way::coroutine, way::pool);
  zip_part wrong{"b/wrong", "2"};
  wrong.local_crc = 77;
  const std::string archive = zip_of({{"a", "1"}, wrong, {"c", "3"}});
  CHECK(error_of(stream_by(by, v, source_of(archive), "/")) == errc::corrupt_archive);
  CHECK(tree_in(v) == tree{{"a", "1"}});
  CHECK(v.stats().open_handles == 0);
}

TEST_CASE("expand_archive: files that are in the root already", "[archive]") {
  const way by = GENERATE(way::thread, way::coroutine, way::pool);
  const std::string tar = tar_of({{"a", "new"}, {"b", "new"}, {"d/c", "new"}});
  for (const std::string top : {"/", "/top"}) {
    INFO(top);
    const auto v = volume::create().value();
    sync::file_system fs(v);
    const std::string in = top == "/" ? top : top + "/";
    fs.create_directories(in + "d").value();
    fs.write_text(in + "a", "old").value();
    fs.write_text(in + "d/c", "old").value();
    const figures before(v);
    expand_options o;
    CHECK(error_of(expand_by(by, v, source_of(tar), top, o)) == errc::already_exists);
    CHECK(figures(v) == before);
    o.conflict = on_conflict::skip;
    const auto skipped = expand_by(by, v, source_of(tar), top, o).value();
    CHECK(skipped.files == 1);
    CHECK(skipped.skipped == 2);
    CHECK(tree_in(v, top) == tree{{"a", "old"}, {"b", "new"}, {"d/", ""}, {"d/c", "old"}});
    o.conflict = on_conflict::overwrite;
    CHECK(expand_by(by, v, source_of(tar), top, o).value().files == 3);
    CHECK(tree_in(v, top) == tree{{"a", "new"}, {"b", "new"}, {"d/", ""}, {"d/c", "new"}});
  }
}

}  // namespace coramfs::tests
