// SPDX-License-Identifier: BSL-1.0
// What entries are called and what they are: which are taken, refused, left out, or given another
// name (AF3, AF10 to AF12).
#include <coramfs/archive.hpp>

#include "support/catch.hpp"
#include "support/describe.hpp"
#include "unit/integrations/archive/expand_by.hpp"
#include "unit/integrations/archive/makers.hpp"
#include "unit/integrations/host/scratch.hpp"

#include <cstdlib>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace coramfs::tests {

namespace {

using namespace std::string_literals;

// What becomes of a name: for a safe one, its path; for an unsafe one, what is left of it with
// `strip`, or nothing.
struct spelling {
  std::string name;
  bool is_safe;
  std::optional<std::string> path;
};

const std::vector<spelling> spellings = {
    {"a", true, "a"},
    {"./a", true, "a"},
    {"a/./b", true, "a/b"},
    {"a//b", true, "a/b"},
    {"a\\b", true, "a/b"},
    {"...", true, "..."},
    {"a..", true, "a.."},
    {"..a/b", true, "..a/b"},
    {"C", true, "C"},
    {"12:x", true, "12:x"},
    {"\xFF\xFE", true, "\xFF\xFE"},
    {"\xC3\xA4.txt", true, "\xC3\xA4.txt"},
    {" ", true, " "},
    {"..", false, {}},
    {"../a", false, "a"},
    {"..\\a", false, "a"},
    {"a/..", false, "a"},
    {"a/../b", false, "a/b"},
    {"a/../../b", false, "a/b"},
    {"a\\..\\..\\b", false, "a/b"},
    {"./../a", false, "a"},
    {"/a", false, "a"},
    {"//a", false, "a"},
    {"\\a", false, "a"},
    {"\\\\server\\share", false, "server/share"},
    {"/../a", false, "a"},
    {"C:/a", false, "a"},
    {"c:a", false, "a"},
    {"C:\\a", false, "a"},
    {"C:D:/a", false, "a"},
    {"/C:/a", false, "a"},
    {"./D:/a", false, "a"},
    {"../C:/a", false, "a"},
    {"..\\.\\C:D:\\a", false, "a"},
    {"a/C:/b", true, "a/C:/b"},
    {"C:", false, {}},
    {"../C:", false, {}},
    {"/", false, {}},
    {"\\\\", false, {}},
    {"../..", false, {}},
};

expand_options with(unsafe_entries how) {
  expand_options o;
  o.unsafe = how;
  return o;
}

// An archive with that entry, between two good ones.
std::string with_name(bool is_zip, const std::string& name) {
  if (is_zip) return zip_of({{"first", "1"}, {name, "x"}, {"last", "2"}});
  return tar_of({{"first", "1"}, {name, "x"}, {"last", "2"}});
}

}  // namespace

TEST_CASE("expand_archive: names of entries", "[archive]") {
  const bool is_zip = GENERATE(false, true);
  for (const spelling& s : spellings) {
    // A name with a slash at its end is a directory's.
    if (s.name.back() == '/' || (is_zip && s.name.back() == '\\')) continue;
    INFO(s.name);
    const std::string archive = with_name(is_zip, s.name);
    const auto v = volume::create().value();
    const figures before(v);
    const auto refusing = expand_by(way::thread, v, source_of(archive), "/to");
    if (s.is_safe) {
      CHECK(refusing.value().files == 3);
      CHECK(tree_in(v, "/to").at(*s.path) == "x");
    } else {
      CHECK(error_of(refusing) == errc::unsafe_archive_entry);
      CHECK(error_of(refusing).details().path == s.name);
      CHECK(figures(v) == before);
    }
    const auto skipping =
        expand_by(way::thread, v, source_of(archive), "/skip", with(unsafe_entries::skip)).value();
    CHECK(skipping.files == (s.is_safe ? 3 : 2));
    CHECK(skipping.skipped == (s.is_safe ? 0 : 1));
    CHECK(skipping.stripped == 0);
    const auto stripping =
        expand_by(way::thread, v, source_of(archive), "/strip", with(unsafe_entries::strip))
            .value();
    CHECK(stripping.files == (s.path ? 3 : 2));
    CHECK(stripping.stripped == (s.path && !s.is_safe ? 1 : 0));
    CHECK(stripping.skipped == (s.path ? 0 : 1));
    if (s.path) CHECK(tree_in(v, "/strip").at(*s.path) == "x");
  }
}

TEST_CASE("expand_archive: names that name nothing, or more than they show", "[archive]") {
  const auto v = volume::create().value();
  const unsafe_entries how =
      GENERATE(unsafe_entries::refuse, unsafe_entries::skip, unsafe_entries::strip);
  const std::string archive = GENERATE(zip_of({{"", "x"}}), zip_of({{"a\0.txt"s, "x"}}),
                                       zip_of({{"good/\0/../../bad"s, "x"}}));
  const auto done = expand_by(way::thread, v, source_of(archive), "/to", with(how));
  if (how == unsafe_entries::refuse) {
    CHECK(error_of(done) == errc::unsafe_archive_entry);
  } else {
    CHECK(done.value().files == 0);
    CHECK(done.value().skipped == 1);
  }
}

TEST_CASE("expand_archive: a NUL in a name of pax, which libarchive does not show", "[archive]") {
  const auto v = volume::create().value();
  tar_part hidden{"short", "x"}, plain{"short", "y"};
  hidden.pax = pax_record("path", "a\0b"s);
  plain.pax = pax_record("path", "whole");
  // The large one is skipped by a seek where the tar is not compressed.
  const tar_part large{"large", std::string(300'000, 'l')};
  const std::string archive = tar_of({plain, large, hidden, {"last", "z"}});
  for (const std::string& packed : {archive, piped("gzip", archive)}) {
    CHECK(error_of(expand_by(way::thread, v, source_of(packed), "/to")) ==
          errc::unsafe_archive_entry);
    CHECK(list_by(way::thread, v, source_of(packed)).value().at(2).name == "a\0b"s);
    const auto done =
        expand_by(way::thread, v, source_of(packed), "/skip", with(unsafe_entries::skip)).value();
    CHECK(done.files == 3);
    CHECK(done.skipped == 1);
    sync::file_system(v).remove_tree("/skip").value();
  }
}

TEST_CASE("expand_archive: a NUL in names that tars have elsewhere", "[archive]") {
  const std::string evil = "ok\0/../../evil"s;
  const std::string sparse = pax_record("GNU.sparse.major", "1") +
                             pax_record("GNU.sparse.minor", "0") +
                             pax_record("GNU.sparse.realsize", "0");
  tar_part hidden{"q", "x"}, of_sparse{"s", "0\n"s + std::string(510, '\0')};
  hidden.pax = pax_record("path", evil);
  of_sparse.pax = sparse + pax_record("GNU.sparse.name", evil);
  // What comes before it makes it hard to say where its header begins.
  tar_part blank{"f", std::string(600, 'y')}, map_before = of_sparse;
  blank.pax = pax_record("size", " 600");
  map_before.pax = sparse + pax_record("GNU.sparse.name", "before");
  tar_part old_sparse{"o", std::string(512, '\0'), 'S'};
  const std::vector<std::vector<tar_part>> samples = {
      {{"././@LongLink", evil + "\0"s, 'L'}, {"q", "x"}},
      {of_sparse},
      {blank, hidden},
      {map_before, hidden},
      {old_sparse, hidden},
      {{"link", "body", '1', "ok"}, hidden}};
  for (const auto& parts : samples) {
    const std::string archive = tar_of(parts);
    for (const std::string& packed : {archive, piped("gzip", archive)}) {
      const auto v = volume::create().value();
      const error why = error_of(expand_by(way::thread, v, source_of(packed), "/to"));
      CHECK((why == errc::unsafe_archive_entry || why == errc::corrupt_archive));
      const auto all =
          expand_by(way::thread, v, source_of(packed), "/to", with(unsafe_entries::skip));
      if (all) CHECK(tree_in(v, "/to").count("ok") == 0);
      const auto listed = list_by(way::thread, v, source_of(packed));
      REQUIRE((listed || listed.error() == errc::corrupt_archive));
      if (listed) CHECK(listed.value().back().name == evil);
    }
  }
}

TEST_CASE("expand_archive: of several names of a tar it is the one that others take", "[archive]") {
  tar_part both{"short", "x"};
  both.pax = pax_record("path", "of pax");
  const tar_part of_gnu{"././@LongLink", "of GNU\0"s, 'L'};
  const auto names = [](const std::vector<tar_part>& parts) {
    const auto v = volume::create().value();
    std::vector<std::string> all;
    for (const auto& e : list_by(way::thread, v, source_of(tar_of(parts))).value())
      all.push_back(e.name);
    return all;
  };
  CHECK(names({of_gnu, both}) == std::vector<std::string>{"of GNU"});
  tar_part before = of_gnu;
  before.pax = both.pax;
  CHECK(names({before, {"short", "x"}}) == std::vector<std::string>{"of pax"});
}

TEST_CASE("expand_archive: names of a tar that comes in small pieces", "[archive]") {
  const std::string apart = "cafe\xCC\x81.txt";
  tar_part one{"short", "x"}, two{"short", "y"};
  one.pax = pax_record("path", apart);
  two.pax = pax_record("path", "long " + std::string(200, 'n'));
  const std::string tar = tar_of({one, two});
  for (const std::string filter : {"gzip", "bzip2", "xz", "zstd -q", "lz4 -q", "lzip"}) {
    if (std::system(("command -v " + filter.substr(0, filter.find(' ')) + " > /dev/null").c_str()))
      continue;
    INFO(filter);
    std::string archive;
    for (std::size_t at = 0; at < tar.size(); at += 100)
      archive += piped(filter, tar.substr(at, 100));
    const auto v = volume::create().value();
    CHECK(expand_by(way::thread, v, source_of(archive), "/").value().files == 2);
    CHECK(tree_in(v) ==
          std::map<std::string, std::string>{{apart, "x"}, {"long " + std::string(200, 'n'), "y"}});
  }
}

TEST_CASE("expand_archive: a letter with a mark is not the letter that looks like it",
          "[archive]") {
  const std::string apart = "cafe\xCC\x81.txt", together = "caf\xC3\xA9.txt";
  const std::map<std::string, std::string> tree = {{apart, "x"}, {together, "y"}};
  const auto v = volume::create().value();
  sync::file_system fs(v);
  SECTION("in archives of other programs") {
    const scratch s;
    std::filesystem::create_directory(s / "in");
    for (const auto& [name, content] : tree) put(s / "in" / name, content);
    for (const std::string command :
         {"tar --format=pax -cf $out *", "tar --format=gnu -cf $out *",
          "tar --format=ustar -cf $out *", "bsdtar --format=pax -cf $out *",
          "zip -q $out.zip * && mv $out.zip $out",
          "7z a -t7z $out.7z . > /dev/null && mv $out.7z $out",
          "7z a -t7z -mhc=off $out.7z . > /dev/null && mv $out.7z $out"}) {
      INFO(command);
      const std::string program = command.substr(0, command.find(' '));
      if (std::system(("command -v " + program + " > /dev/null").c_str()) != 0) continue;
      const std::string out = (s / "out").native();
      std::filesystem::remove(out);
      const std::string line = "cd " + (s / "in").native() +
                               " && export LC_ALL=C.UTF-8 && out=" + out + " && " + command;
      REQUIRE(std::system(line.c_str()) == 0);
      CHECK(expand_by(way::thread, v, archive_source::on_host(out), "/to").value().files == 2);
      CHECK(tree_in(v, "/to") == tree);
      fs.remove_tree("/to").value();
    }
    tar_part one{"a", "x"}, two{"b", "y"};
    one.pax = pax_record("path", apart);
    two.pax = pax_record("path", together);
    CHECK(expand_by(way::thread, v, source_of(tar_of({one, two})), "/to").value().files == 2);
    CHECK(tree_in(v, "/to") == tree);
  }
  SECTION("in those that are written here") {
    fs.create_directory("/in").value();
    for (const auto& [name, content] : tree) fs.write_text("/in/" + name, content).value();
    for (const archive_format format :
         {archive_format::zip, archive_format::tar, archive_format::tar_gz, archive_format::tar_xz,
          archive_format::tar_zst, archive_format::seven_zip}) {
      INFO(static_cast<int>(format));
      create_by(way::thread, v, "/in", "/out", format).value();
      CHECK(expand_by(way::thread, v, archive_source::in_volume("/out"), "/to").value().files == 2);
      CHECK(tree_in(v, "/to") == tree);
      fs.remove_tree("/to").value();
      fs.remove("/out").value();
    }
  }
}

TEST_CASE("expand_archive: a zip's name in UTF-8 beside the other", "[archive]") {
  const auto v = volume::create().value();
  const std::string plain = "\x84.txt", better = "\xC3\xA4.txt";
  const auto field = [&](std::uint32_t crc) {
    const std::string data = "\1" + le(crc, 4) + better;
    return le(0x7075, 2) + le(data.size(), 2) + data;
  };
  zip_part good{plain, "x"}, stale{plain, "y"};
  good.extra = field(crc_of(plain));
  stale.extra = field(crc_of("another"));
  expand_by(way::thread, v, source_of(zip_of({good, stale})), "/").value();
  CHECK(tree_in(v) == std::map<std::string, std::string>{{better, "x"}, {plain, "y"}});
}

TEST_CASE("expand_archive: a zip whose member has another name in the directory", "[archive]") {
  const way by = GENERATE(way::thread, way::coroutine, way::pool);
  const auto v = volume::create().value();
  const figures before(v);
  zip_part p{"evil.exe", "x"};
  p.listed_name = "good.txt";
  const std::string archive = zip_of({{"first", "1"}, p});
  CHECK(error_of(expand_by(by, v, source_of(archive), "/")) == errc::corrupt_archive);
  CHECK(error_of(list_by(by, v, source_of(archive))) == errc::corrupt_archive);
  CHECK(figures(v) == before);
}

TEST_CASE("expand_archive: links, devices and pipes", "[archive]") {
  const auto v = volume::create().value();
  const auto before = figures(v);
  struct sample {
    std::string archive;
    entry_kind kind;
  };
  zip_part link{"l", "../etc"};
  link.attributes = 0120777u << 16;
  const std::vector<sample> samples = {
      {tar_of({{"f", "1"}, {"l", "", '2', "/etc/passwd"}}), entry_kind::symbolic_link},
      {tar_of({{"f", "1"}, {"l", "", '1', "f"}}), entry_kind::hard_link},
      {tar_of({{"f", "1"}, {"l", "", '1', "../outside"}}), entry_kind::hard_link},
      {tar_of({{"f", "1"}, {"l", "", '3'}}), entry_kind::device},
      {tar_of({{"f", "1"}, {"l", "", '4'}}), entry_kind::device},
      {tar_of({{"f", "1"}, {"l", "", '6'}}), entry_kind::other},
      {zip_of({{"f", "1"}, link}), entry_kind::symbolic_link},
  };
  for (const sample& s : samples) {
    CHECK(list_by(way::thread, v, source_of(s.archive)).value().at(1).kind == s.kind);
    CHECK(error_of(expand_by(way::thread, v, source_of(s.archive), "/to")) ==
          errc::unsafe_archive_entry);
    CHECK(figures(v) == before);
    for (const unsafe_entries how : {unsafe_entries::skip, unsafe_entries::strip}) {
      const std::string to = how == unsafe_entries::skip ? "/skip" : "/strip";
      const auto done = expand_by(way::thread, v, source_of(s.archive), to, with(how)).value();
      CHECK(done.files == 1);
      CHECK(done.skipped == 1);
      CHECK(tree_in(v, to) == std::map<std::string, std::string>{{"f", "1"}});
      sync::file_system(v).remove_tree(to).value();
    }
  }
}

TEST_CASE("expand_archive: names that are too long", "[archive]") {
  const auto v = volume::create().value();
  std::string deep;
  while (deep.size() < 5000) deep += "0123456789/";
  for (const std::string& name : {std::string(256, 'n'), std::string(5000, 'n'), deep + "f"}) {
    const std::string archive = zip_of({{name, "x"}});
    CHECK(error_of(expand_by(way::thread, v, source_of(archive), "/")) == errc::name_too_long);
  }
  const std::string longest = zip_of({{std::string(255, 'n'), "x"}});
  CHECK(expand_by(way::thread, v, source_of(longest), "/").value().files == 1);
}

}  // namespace coramfs::tests
