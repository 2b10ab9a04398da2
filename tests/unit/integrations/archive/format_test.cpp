// SPDX-License-Identifier: BSL-1.0
// Archives of other programs, read here. What a program that is not installed would have made is
// left out, and said.
#include <coramfs/archive.hpp>

#include "support/catch.hpp"
#include "support/describe.hpp"
#include "unit/integrations/archive/arriving_streams.hpp"
#include "unit/integrations/archive/expand_by.hpp"
#include "unit/integrations/archive/makers.hpp"
#include "unit/integrations/host/scratch.hpp"

#include <cstdlib>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <archive.h>
#include <archive_entry.h>

namespace coramfs::tests {

namespace {

bool is_installed(const std::string& program) {
  return std::system(("command -v " + program + " > /dev/null").c_str()) == 0;
}

// What all archives are made of: files of some sizes, and directories with nothing in them.
void make_tree(const scratch& s) {
  std::filesystem::create_directories(s / "in/d/empty");
  put(s / "in/a", "first");
  put(s / "in/none", "");
  put(s / "in/d/b", std::string(200'000, 'b') + "end");
  std::string varied;
  for (std::size_t i = 0; i < 300'000; ++i) varied += static_cast<char>(i * i >> 7);
  put(s / "in/d/c.bin", varied);
  put(s / "in/\xC3\xA4 name", "umlaut");
}

struct maker {
  std::string program;
  std::string command;  // in the directory of the tree; the archive is $out
};

const std::vector<maker> makers = {
    {"tar", "tar -cf $out ."},
    {"tar", "tar --format=ustar -cf $out ."},
    {"tar", "tar --format=pax -cf $out ."},
    {"tar", "tar --format=v7 -cf $out ."},
    {"tar", "tar --format=gnu -cf $out *"},
    {"gzip", "tar -czf $out ."},
    {"bzip2", "tar -cjf $out ."},
    {"xz", "tar -cJf $out ."},
    {"xz", "tar -c . | xz --block-size=50000 -T2 > $out"},
    {"xz", "tar -c . | xz --x86 --lzma2 > $out"},
    {"zstd", "tar -c . | zstd -q > $out"},
    {"zstd", "tar -c . | zstd -q --long=24 > $out"},
    {"lz4", "tar -c . | lz4 -q > $out"},
    {"lzip", "tar -c . | lzip > $out"},
    {"zip", "zip -qr $out ."},
    {"zip", "zip -q0r $out ."},
    {"zip", "zip -qr -Z bzip2 $out ."},
    {"zip", "zip -qrz $out . < /dev/null"},
    {"zip", "zip -qr $out.zip . && cat /bin/true $out.zip > $out && rm $out.zip"},
    {"zip", "zip -qr - . | cat > $out"},
    {"7z", "7z a -t7z $out . > /dev/null"},
    {"7z", "7z a -t7z -m0=lzma $out . > /dev/null"},
    {"7z", "7z a -t7z -m0=ppmd $out . > /dev/null"},
    {"7z", "7z a -t7z -m0=bzip2 $out . > /dev/null"},
    {"7z", "7z a -t7z -m0=deflate $out . > /dev/null"},
    {"7z", "7z a -t7z -mx=0 $out . > /dev/null"},
    {"7z", "7z a -t7z -ms=off -mhc=off $out . > /dev/null"},
    {"7z", "7z a -tzip -mm=lzma $out . > /dev/null"},
    {"7z", "7z a -tzip -mm=ppmd $out . > /dev/null"},
    {"7z", "7z a -tzip -mm=bzip2 $out . > /dev/null"},
    {"7z", "7z a -tzip -mm=xz $out . > /dev/null"},
    {"python3",
     "python3 -c \"import shutil; shutil.make_archive('$out', 'zip', '.')\" && mv $out.zip $out"},
    {"python3",
     "python3 -c \"import os, sys, zipfile\n"
     "z = zipfile.ZipFile(sys.stdout.buffer, 'w', 8)\n"
     "for top, folders, files in os.walk('.'):\n"
     "  for n in folders + files: z.write(os.path.join(top, n))\n"
     "z.close()\" | cat > $out"},
    {"python3",
     "python3 -c \"import shutil; shutil.make_archive('$out', 'gztar', '.')\" && mv $out.tar.gz "
     "$out"},
    {"python3",
     "python3 -c \"import shutil; shutil.make_archive('$out', 'xztar', '.')\" && mv $out.tar.xz "
     "$out"},
};

}  // namespace

TEST_CASE("expand_archive: what other programs write", "[archive]") {
  const scratch s;
  make_tree(s);
  const auto tree = tree_of(s / "in");
  std::size_t read = 0;
  for (const maker& m : makers) {
    INFO(m.command);
    if (!is_installed(m.program)) {
      WARN("left out, for want of the program: " << m.command);
      continue;
    }
    const auto out = (s / "out").native();
    std::filesystem::remove(out);
    const std::string line = "cd " + (s / "in").native() + " && out=" + out + " && " + m.command;
    // 7-Zip adds what it names to what the file is called.
    REQUIRE(std::system(line.c_str()) == 0);
    if (std::filesystem::exists(out + ".7z")) std::filesystem::rename(out + ".7z", out);
    if (std::filesystem::exists(out + ".zip")) std::filesystem::rename(out + ".zip", out);
    const std::string archive = content_of(out);
    const auto v = volume::create().value();
    sync::file_system fs(v);
    for (const way by : all_ways) {
      fs.create_directories("/to").value();
      CHECK(expand_by(by, v, source_of(archive), "/to").value().files == 5);
      CHECK(tree_in(v, "/to") == tree);
      fs.remove_tree("/to").value();
    }
    CHECK(stream_by(way::thread, v, source_of(archive), "/to").value() == 5);
    CHECK(tree_in(v, "/to") == tree);
    fs.remove_tree("/to").value();
    // While it arrives, in pieces: but for what only its end tells how to read.
    const bool is_7z = archive.starts_with("7z"), is_program = archive.starts_with(
                                                      "\x7F"
                                                      "ELF");
    blocking_text arriving(archive, 5000);
    const auto arrived = expand_arriving(fs, arriving, "/to");
    if (is_7z || is_program) {
      CHECK(error_of(arrived) == errc::unsupported_archive);
    } else {
      CHECK(arrived.value().files == 5);
      CHECK(tree_in(v, "/to") == tree);
      fs.remove_tree("/to").value();
    }
    // From a file of the volume, where it is in several pieces, and of the host.
    fs.write_file("/archive", archive).value();
    for (const way by : all_ways) {
      CHECK(expand_by(by, v, archive_source::in_volume("/archive"), "/to").value().files == 5);
      CHECK(tree_in(v, "/to") == tree);
      fs.remove_tree("/to").value();
      CHECK(expand_by(by, v, archive_source::on_host(out), "/to").value().files == 5);
      CHECK(tree_in(v, "/to") == tree);
      fs.remove_tree("/to").value();
      std::size_t files = 0;
      std::set<std::string> names;
      for (const archive_entry& e : list_by(by, v, source_of(archive)).value()) {
        if (e.kind != entry_kind::file) continue;
        ++files;
        CHECK(e.size.has_value());
      }
      CHECK(files == 5);
    }
    CHECK(v.stats().open_handles == 0);
    CHECK(v.stats().pins == 0);
    ++read;
  }
  // All that is made with tar alone, without which nothing here works, was read.
  CHECK(read >= 5);
}

TEST_CASE("expand_archive: a zip of more than 65,535 members, and of their directory alone",
          "[archive]") {
  if (!is_installed("python3")) return;
  const scratch s;
  const auto out = (s / "out").native();
  const std::string line =
      "python3 -c \"import zipfile\nz = zipfile.ZipFile('" + out +
      "', 'w')\nfor i in range(66000): z.writestr('d%d/f%d' % (i % 100, i), b'')\nz.close()\"";
  REQUIRE(std::system(line.c_str()) == 0);
  const auto v = volume::create().value();
  CHECK(expand_by(way::coroutine, v, archive_source::on_host(out), "/to").value().files == 66000);
  CHECK(list_by(way::coroutine, v, archive_source::on_host(out)).value().size() == 66000);
}

TEST_CASE("expand_archive: a zip whose members are xz", "[archive]") {
  const auto v = volume::create().value();
  std::vector<zip_part> parts;
  std::map<std::string, std::string> tree;
  for (const std::string name : {"a", "b", "c"}) {
    tree[name] = name + std::string(100'000, 'x');
    zip_part p{name, piped("xz", tree[name]), 95};
    p.size = static_cast<std::uint32_t>(tree[name].size());
    p.crc = crc_of(tree[name]);
    parts.push_back(p);
  }
  CHECK(expand_by(way::thread, v, source_of(zip_of(parts)), "/to").value().files == 3);
  CHECK(tree_in(v, "/to") == tree);
}

TEST_CASE("expand_archive: what is none", "[archive]") {
  const auto v = volume::create().value();
  const figures before(v);
  const way by = GENERATE(way::thread, way::coroutine, way::pool);
  for (const std::string& none :
       {std::string(), std::string("x"), std::string("text, and no more"),
        std::string(100'000, 'x'), piped("gzip", std::string(9999, 'x'))}) {
    CHECK(error_of(expand_by(by, v, source_of(none), "/to")) == errc::unsupported_archive);
    CHECK(error_of(list_by(by, v, source_of(none))) == errc::unsupported_archive);
  }
  CHECK(figures(v) == before);
}

TEST_CASE("expand_archive: a tar of zeros, a zip of its end alone, and what follows an archive",
          "[archive]") {
  const auto v = volume::create().value();
  CHECK(expand_by(way::thread, v, source_of(std::string(10240, '\0')), "/to").value().files == 0);
  CHECK(expand_by(way::thread, v, source_of(zip_of({})), "/to").value().files == 0);
  const std::string tar = tar_of({{"a", "1"}}), zip = zip_of({{"b", "2"}});
  CHECK(expand_by(way::thread, v, source_of(tar + tar_of({{"no", ""}})), "/to").value().files == 1);
  CHECK(expand_by(way::thread, v, source_of(tar + "garbage"), "/to2").value().files == 1);
  CHECK(expand_by(way::thread, v, source_of(zip + "garbage"), "/to3").value().files == 1);
  for (const std::string filter : {"gzip", "bzip2", "xz", "zstd -q"}) {
    INFO(filter);
    const std::string packed = piped(filter, tar);
    CHECK(expand_by(way::thread, v, source_of(packed + "garbage, not a stream"), "/p")
              .value()
              .files == 1);
    CHECK(
        expand_by(way::thread, v, source_of(packed + piped(filter, "more")), "/q").value().files ==
        1);
    sync::file_system(v).remove_tree("/p").value();
    sync::file_system(v).remove_tree("/q").value();
  }
}

TEST_CASE("expand_archive: what is compressed twice is no archive", "[archive]") {
  const auto v = volume::create().value();
  const std::string tar = tar_of({{"a", "1"}});
  const std::string twice = piped("gzip", piped("xz", tar));
  CHECK(error_of(expand_by(way::thread, v, source_of(twice), "/")) == errc::unsupported_archive);
}

TEST_CASE("expand_archive: formats beside the common ones have to be asked for", "[archive]") {
  const auto v = volume::create().value();
  const std::string ar =
      "!<arch>\n"
      "name/           "
      "0           "
      "0     "
      "0     "
      "100644  "
      "4         "
      "`\n"
      "abcd";
  CHECK(error_of(expand_by(way::thread, v, source_of(ar), "/")) == errc::unsupported_archive);
  expand_options o;
  o.formats = archive_formats::all;
  CHECK(expand_by(way::thread, v, source_of(ar), "/", o).value().files == 1);
  CHECK(tree_in(v) == std::map<std::string, std::string>{{"name", "abcd"}});
}

TEST_CASE("expand_archive: what is encrypted", "[archive]") {
  const auto v = volume::create().value();
  zip_part secret{"b", "01234567890123456789"};
  secret.flags = 1;
  const std::string zip = zip_of({{"a", "1"}, secret});
  CHECK(list_by(way::thread, v, source_of(zip)).value().size() == 2);
  CHECK(error_of(expand_by(way::thread, v, source_of(zip), "/")) == errc::unsupported_archive);
  CHECK(error_of(stream_by(way::thread, v, source_of(zip), "/")) == errc::unsupported_archive);
  CHECK(tree_in(v) == std::map<std::string, std::string>{{"a", "1"}});
  zip_part unknown{"c", "1"};
  unknown.method = 77;
  CHECK(error_of(expand_by(way::thread, v, source_of(zip_of({unknown})), "/")) ==
        errc::unsupported_archive);
  if (!is_installed("7z")) return;
  const scratch s;
  put(s / "f", "content");
  for (const std::string how : {"-mhe=off", "-mhe=on"}) {
    INFO(how);
    const std::string out = (s / how).native() + ".7z";
    REQUIRE(std::system(("cd " + s.path().native() + " && 7z a -psecret " + how + " " + out +
                         " f > /dev/null")
                            .c_str()) == 0);
    CHECK(error_of(expand_by(way::thread, v, archive_source::on_host(out), "/7")) ==
          errc::unsupported_archive);
  }
}

namespace {

// An image of a disc with one file, by libarchive.
std::string disc_of(const std::string& name, const std::string& content) {
  std::string image(4 << 20, '\0');
  std::size_t used = 0;
  ::archive* const a = ::archive_write_new();
  ::archive_write_set_format_iso9660(a);
  ::archive_write_open_memory(a, image.data(), image.size(), &used);
  ::archive_entry* const e = ::archive_entry_new();
  ::archive_entry_set_pathname(e, name.c_str());
  ::archive_entry_set_filetype(e, AE_IFREG);
  ::archive_entry_set_perm(e, 0644);
  ::archive_entry_set_size(e, static_cast<la_int64_t>(content.size()));
  REQUIRE(::archive_write_header(a, e) == ARCHIVE_OK);
  ::archive_write_data(a, content.data(), content.size());
  ::archive_entry_free(e);
  REQUIRE(::archive_write_close(a) == ARCHIVE_OK);
  ::archive_write_free(a);
  image.resize(used);
  return image;
}

}  // namespace

TEST_CASE("expand_archive: an image of a disc begins as an empty tar does", "[archive]") {
  const std::string image = disc_of("name", "content");
  const auto v = volume::create().value();
  CHECK(error_of(expand_by(way::thread, v, source_of(image), "/to")) == errc::unsupported_archive);
  expand_options o;
  o.formats = archive_formats::all;
  CHECK(expand_by(way::thread, v, source_of(image), "/to", o).value().files == 1);
  // And zeros alone are an empty tar, however many.
  const std::string zeros(64 * 1024, '\0');
  CHECK(expand_by(way::thread, v, source_of(zeros), "/zeros").value().files == 0);
}

TEST_CASE("expand_archive: a stream whose first frames are to be skipped", "[archive]") {
  using namespace std::string_literals;
  const way by = GENERATE(way::thread, way::coroutine, way::pool);
  const auto skipped = [](std::size_t size) {
    return "\x5A\x2A\x4D\x18"s + le(size, 4) + std::string(size, 's');
  };
  const std::string tar = tar_of({{"a", "content"}});
  for (const char* const command : {"zstd -q", "lz4 -q"}) {
    const std::string stream = piped(command, tar);
    for (const std::string& before : {skipped(0), skipped(3), skipped(4) + skipped(100'000)}) {
      const auto v = volume::create().value();
      CHECK(expand_by(by, v, source_of(before + stream), "/to").value().files == 1);
      CHECK(tree_in(v, "/to").at("a") == "content");
    }
    const auto v = volume::create().value();
    for (const std::string& other : {skipped(2 << 20) + stream, skipped(3), skipped(3) + tar})
      CHECK(error_of(expand_by(by, v, source_of(other), "/to")) == errc::unsupported_archive);
  }
}

TEST_CASE("expand_archive: a zip whose last record leaves its numbers to a larger one",
          "[archive]") {
  const way by = GENERATE(way::thread, way::coroutine, way::pool);
  const auto v = volume::create().value();
  const std::vector<zip_part> parts = {{"a", "1"}, {"b", "2"}};
  CHECK(expand_by(by, v, source_of(zip64_of(parts, 45)), "/to").value().files == 2);
  // That is what an encrypted directory has, of which nothing can be read.
  CHECK(error_of(list_by(by, v, source_of(zip64_of(parts, 62)))) == errc::unsupported_archive);
}

}  // namespace coramfs::tests
