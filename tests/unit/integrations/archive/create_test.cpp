// SPDX-License-Identifier: BSL-1.0
// Archives that are written here, read by other programs and by ourselves (AF8, AF19).
#include <coramfs/archive.hpp>

#include "support/catch.hpp"
#include "support/describe.hpp"
#include "unit/integrations/archive/expand_by.hpp"
#include "unit/integrations/archive/makers.hpp"
#include "unit/integrations/host/scratch.hpp"

#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace coramfs::tests {

namespace {

struct format_case {
  std::string name;
  archive_format format;
  std::vector<std::pair<std::string, std::string>> readers;  // a program, and its command
};

const std::vector<format_case> formats = {
    {"zip",
     archive_format::zip,
     {{"unzip", "unzip -q $in"},
      {"7z", "7z x $in > /dev/null"},
      {"python3", "python3 -m zipfile -e $in ."},
      {"bsdtar", "bsdtar -xf $in"}}},
    {"tar",
     archive_format::tar,
     {{"tar", "tar -xf $in"},
      {"7z", "7z x $in > /dev/null"},
      {"python3", "python3 -m tarfile -e $in ."}}},
    {"tar.gz",
     archive_format::tar_gz,
     {{"gzip", "tar -xzf $in"}, {"python3", "python3 -m tarfile -e $in ."}}},
    {"tar.xz",
     archive_format::tar_xz,
     {{"xz", "tar -xJf $in"}, {"python3", "python3 -m tarfile -e $in ."}}},
    {"tar.zst",
     archive_format::tar_zst,
     {{"zstd", "zstd -dqc $in | tar -x"}, {"bsdtar", "bsdtar -xf $in"}}},
    {"7z",
     archive_format::seven_zip,
     {{"7z", "7z x $in > /dev/null"}, {"bsdtar", "bsdtar -xf $in"}}},
};

volume with_tree() {
  auto v = volume::create().value();
  sync::file_system fs(v);
  fs.create_directories("/in/d/empty").value();
  fs.write_text("/in/a", "first").value();
  fs.write_text("/in/d/none", "").value();
  fs.write_text("/in/d/\xC3\xA4 \xE2\x82\xAC \xF0\x9F\x98\x80", "names").value();
  std::string varied;
  for (std::size_t i = 0; i < 1'000'000; ++i) varied += static_cast<char>(i * i >> 9);
  fs.write_text("/in/d/large", varied).value();
  fs.write_text("/in/d.x", "sorted").value();
  fs.write_text("/in/" + std::string(150, 'n'), "long").value();
  return v;
}

constexpr std::uint64_t files_in_tree = 6;

bool is_installed(const std::string& program) {
  return std::system(("command -v " + program + " > /dev/null").c_str()) == 0;
}

}  // namespace

TEST_CASE("create_archive: other programs read it, and so do we", "[archive]") {
  const auto v = with_tree();
  sync::file_system fs(v);
  const auto tree = tree_in(v, "/in");
  for (const format_case& c : formats) {
    INFO(c.name);
    const std::string path = "/out/of." + c.name;
    REQUIRE(create_by(way::thread, v, "/in", path, c.format).value() == files_in_tree);
    CHECK(expand_by(way::coroutine, v, archive_source::in_volume(path), "/back").value().files ==
          files_in_tree);
    CHECK(tree_in(v, "/back") == tree);
    fs.remove_tree("/back").value();
    for (const auto& [program, command] : c.readers) {
      INFO(command);
      if (!is_installed(program)) {
        WARN("left out, for want of the program: " << command);
        continue;
      }
      const scratch s;
      put(s / "archive", fs.read_text(path).value());
      std::filesystem::create_directory(s / "to");
      const std::string line = "cd " + (s / "to").native() +
                               " && export LC_ALL=C.UTF-8 && in=" + (s / "archive").native() +
                               " && " + command;
      REQUIRE(std::system(line.c_str()) == 0);
      CHECK(tree_of(s / "to") == tree);
    }
  }
}

TEST_CASE("create_archive: two runs, and both facades, give equal bytes", "[archive]") {
  const auto one = with_tree(), two = with_tree();
  sync::file_system in_one(one), in_two(two);
  // Neither times nor the order of what happened are in it.
  in_two.remove("/in/a").value();
  in_two.write_text("/in/a", "first").value();
  for (const format_case& c : formats) {
    INFO(c.name);
    for (const int level : {-1, 1}) {
      archive_options o;
      o.level = level;
      create_by(way::thread, one, "/in", "/x", c.format, o).value();
      create_by(way::coroutine, two, "/in", "/x", c.format, o).value();
      CHECK(in_one.read_file("/x").value() == in_two.read_file("/x").value());
      in_one.remove("/x").value();
      in_two.remove("/x").value();
    }
  }
}

TEST_CASE("create_archive: times of the volume, where they are wanted", "[archive]") {
  const auto v = with_tree();
  sync::file_system fs(v);
  fs.set_modified("/in/a", std::chrono::system_clock::from_time_t(1'000'000'000)).value();
  archive_options o;
  o.reproducible = false;
  create_by(way::thread, v, "/in/a", "/a.tar", archive_format::tar, o).value();
  CHECK(fs.read_text("/a.tar").value().substr(136, 11) == "07346545000");
}

TEST_CASE("create_archive: what it is of, and where it goes", "[archive]") {
  const way by = GENERATE(way::thread, way::coroutine);
  const auto v = with_tree();
  sync::file_system fs(v);
  const auto create = [&](const std::string& prefix, const std::string& to) {
    return create_by(by, v, prefix, to, archive_format::tar);
  };
  const figures before(v);
  CHECK(error_of(create("/none", "/x")) == errc::not_found);
  CHECK(error_of(create("/in", "/in/a")) == errc::already_exists);
  CHECK(error_of(create("/in", "/in/d")) == errc::is_a_directory);
  CHECK(error_of(create("/in", "/in/a/x")) == errc::not_a_directory);
  CHECK(error_of(create("/in", "/../x")) == errc::invalid_path);
  CHECK(error_of(create_by(by, v, "/in", "/x", static_cast<archive_format>(99))) ==
        errc::invalid_argument);
  archive_options o;
  for (const int level : {-2, 10, 100}) {
    o.level = level;
    CHECK(error_of(create_by(by, v, "/in", "/x", archive_format::tar_xz, o)) ==
          errc::invalid_argument);
  }
  CHECK(figures(v) == before);
  // One file, by its own name; and an archive that is not in itself.
  CHECK(create("in/d/../a", "/one").value() == 1);
  CHECK(list_by(by, v, archive_source::in_volume("/one")).value().at(0).name == "a");
  CHECK(create("/in", "/in/in.tar").value() == files_in_tree);
  for (const archive_entry& e : list_by(by, v, archive_source::in_volume("/in/in.tar")).value())
    CHECK(e.name != "in.tar");
  fs.create_directory("/empty").value();
  for (const format_case& c : formats) {
    CHECK(create_by(by, v, "/empty", "/e." + c.name, c.format).value() == 0);
    CHECK(expand_by(by, v, archive_source::in_volume("/e." + c.name), "/none").value().files == 0);
  }
}

TEST_CASE("create_archive: names that are not UTF-8", "[archive]") {
  const auto v = volume::create().value();
  sync::file_system fs(v);
  fs.create_directory("/in").value();
  for (const std::string bad : {"\xFF", "\xC3", "a\x80", "\xED\xA0\x80", "\xC0\x80"}) {
    fs.write_text("/in/" + bad, "x").value();
    for (const format_case& c : formats) {
      INFO(c.name);
      const auto done = create_by(way::thread, v, "/in", "/out", c.format);
      if (c.format == archive_format::seven_zip) {
        CHECK(error_of(done) == errc::invalid_encoding);
        continue;
      }
      CHECK(done.value() == 1);
      expand_by(way::thread, v, archive_source::in_volume("/out"), "/to").value();
      CHECK(tree_in(v, "/to") == tree_in(v, "/in"));
      fs.remove_tree("/to").value();
      fs.remove("/out").value();
    }
    fs.remove("/in/" + bad).value();
  }
}

TEST_CASE("create_archive: names by which nothing would come back", "[archive]") {
  const way by = GENERATE(way::thread, way::coroutine);
  const auto v = volume::create().value();
  sync::file_system fs(v);
  fs.create_directories("/in/d").value();
  fs.write_text("/in/d/C:x", "below another it is no drive").value();
  for (const format_case& c : formats) {
    INFO(c.name);
    CHECK(create_by(by, v, "/in", "/out", c.format).value() == 1);
    expand_by(by, v, archive_source::in_volume("/out"), "/to").value();
    CHECK(tree_in(v, "/to") == tree_in(v, "/in"));
    fs.remove_tree("/to").value();
    fs.remove("/out").value();
    for (const std::string path : {"/in/C:x", "/in/z:"}) {
      fs.write_text(path, "x").value();
      const figures before(v);
      const error why = error_of(create_by(by, v, "/in", "/out", c.format));
      CHECK(why == errc::unsafe_archive_entry);
      CHECK(why.details().path == path);
      CHECK(error_of(create_by(by, v, path, "/out", c.format)) == errc::unsafe_archive_entry);
      CHECK(figures(v) == before);
      fs.remove(path).value();
    }
  }
}

TEST_CASE("create_archive: no archive where there is no room for it", "[archive]") {
  const way by = GENERATE(way::thread, way::coroutine);
  const auto v = with_tree();
  auto limited = v;
  limited.set_quota(v.stats().used_bytes + 2048).value();
  const figures before(v);
  for (const format_case& c : formats) {
    INFO(c.name);
    CHECK(error_of(create_by(by, v, "/in", "/x", c.format)) == errc::quota_exceeded);
    CHECK(figures(v) == before);
  }
}

TEST_CASE("create_archive: a cancellation between slices leaves nothing", "[archive]") {
  const auto v = with_tree();
  const figures before(v);
  for (const format_case& c : formats) {
    asio::io_context context;
    file_system fs(context, v);
    asio::cancellation_signal signal;
    bool has_ended = false;
    spawn(context, signal, [&]() -> asio::awaitable<void> {
      co_await asio::this_coro::throw_if_cancelled(false);
      const auto done = co_await create_archive(fs, "/in", "/x", c.format);
      has_ended = true;
      CHECK(error_of(done) == errc::canceled);
    });
    for (int i = 0; i < 4; ++i) context.run_one();
    signal.emit(asio::cancellation_type::terminal);
    context.run();
    CHECK(has_ended);
    CHECK(figures(v) == before);
  }
}

}  // namespace coramfs::tests
