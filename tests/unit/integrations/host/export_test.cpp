// SPDX-License-Identifier: BSL-1.0
#include <coramfs/host.hpp>

#include "unit/integrations/host/export_by.hpp"
#include "unit/integrations/host/host_calls.hpp"
#include "unit/integrations/host/scratch.hpp"

#include <asio/buffer.hpp>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>
#include <system_error>

#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

namespace coramfs::tests {

namespace {

namespace stdfs = std::filesystem;
using tree = std::map<std::string, std::string>;

const std::string odd_name = "\xff\xfe caf\xe9\n";

void fill(sync::file_system& fs) {
  fs.create_directories("/site/empty/er").value();
  fs.create_directories("/site/sub/deep").value();
  fs.create_directory("/elsewhere").value();
  fs.write_text("/site/none", "").value();
  fs.write_text("/site/one", "1").value();
  fs.write_text("/site/sub/large", std::string((3 << 20) + 17, 'x')).value();
  fs.write_text("/site/sub/deep/" + odd_name, "odd").value();
  fs.write_text("/site/" + std::string(255, 'n'), "long").value();
  auto sparse = fs.open("/site/sub/sparse", open_mode::create).value();
  sparse.write_at(1 << 20, asio::buffer("end", 3)).value();
}

tree filled() {
  return {{"empty/", ""},
          {"empty/er/", ""},
          {"sub/", ""},
          {"sub/deep/", ""},
          {"none", ""},
          {"one", "1"},
          {"sub/large", std::string((3 << 20) + 17, 'x')},
          {"sub/deep/" + odd_name, "odd"},
          {std::string(255, 'n'), "long"},
          {"sub/sparse", std::string(1 << 20, '\0') + "end"}};
}

}  // namespace

TEST_CASE("export_to_host: writes a tree with its empty directories", "[host]") {
  const bool by_coroutine = GENERATE(false, true), with_least = GENERATE(false, true);
  const auto sync_to = GENERATE(host_sync::none, host_sync::data);
  const least_host host(with_least);
  const scratch s;
  const auto v = volume::create().value();
  sync::file_system fs(v);
  fill(fs);
  const auto used = v.stats().used_bytes;
  host_options options;
  options.sync = sync_to;
  CHECK(export_by(by_coroutine, v, "/site", s / "out", options).value() == 6);
  CHECK(tree_of(s / "out") == filled());
  CHECK(v.stats().used_bytes == used);
  CHECK(v.stats().open_handles == 0);
  // The root, into a directory that is there.
  CHECK(export_by(by_coroutine, v, "/", s.path()).value() == 6);
  CHECK(tree_of(s / "site") == filled());
  CHECK(stdfs::is_directory(s / "elsewhere"));
}

TEST_CASE("export_to_host: writes one file under its name", "[host]") {
  const bool by_coroutine = GENERATE(false, true);
  const scratch s;
  const auto v = volume::create().value();
  sync::file_system fs(v);
  fill(fs);
  CHECK(export_by(by_coroutine, v, "/site/x/../one", s / "out").value() == 1);
  CHECK(tree_of(s / "out") == tree{{"one", "1"}});
}

TEST_CASE("export_to_host: real trees come out as they are", "[host]") {
  const bool by_coroutine = GENERATE(false, true);
  const scratch s;
  for (const stdfs::path from :
       {"/usr/include/linux/netfilter", "/usr/include/boost/outcome", "/usr/share/doc/apt"}) {
    if (!stdfs::is_directory(from)) continue;
    INFO(from);
    volume_options room;
    room.max_quota = std::uint64_t{1} << 30;
    const auto v = volume::create(room).value();
    sync::file_system fs(v);
    std::uint64_t files = 0;
    stdfs::remove_all(s / "copy");
    stdfs::create_directory(s / "copy");
    fs.create_directory("/empty").value();
    stdfs::create_directory(s / "copy/empty");
    for (const auto& e : stdfs::recursive_directory_iterator(from)) {
      const stdfs::path below = e.path().lexically_relative(from);
      if (e.is_symlink()) continue;
      if (e.is_directory()) {
        fs.create_directories("/" + below.native()).value();
        stdfs::create_directories(s / "copy" / below);
      } else {
        fs.write_text("/" + below.native(), content_of(e.path())).value();
        stdfs::copy_file(e.path(), s / "copy" / below);
        ++files;
      }
    }
    CHECK(export_by(by_coroutine, v, "/", s / "out").value() == files);
    const std::string diff =
        "diff -r '" + (s / "copy").native() + "' '" + (s / "out").native() + "'";
    CHECK(std::system(diff.c_str()) == 0);
    stdfs::remove_all(s / "out");
  }
}

TEST_CASE("export_to_host: what is there stays, or is replaced", "[host]") {
  const bool by_coroutine = GENERATE(false, true), with_least = GENERATE(false, true);
  const least_host host(with_least);
  const scratch s;
  const auto v = volume::create().value();
  sync::file_system fs(v);
  fs.write_text("/a", "new a").value();
  fs.write_text("/b", "new b").value();
  put(s / "b", "old b");
  put(s / "other", "stays");
  ::chmod((s / "b").c_str(), 0600);

  const auto refused = export_by(by_coroutine, v, "/", s.path());
  REQUIRE(error_of(refused) == errc::already_exists);
  CHECK(refused.error().details().path == (s / "b").native());
  CHECK(refused.error().details().operation == "export_to_host");
  CHECK(content_of(s / "b") == "old b");

  CHECK(export_by(by_coroutine, v, "/", s.path(), replacing()).value() == 2);
  CHECK(tree_of(s.path()) == tree{{"a", "new a"}, {"b", "new b"}, {"other", "stays"}});
  struct stat found;
  ::stat((s / "b").c_str(), &found);
  CHECK((found.st_mode & 0777) == 0644);
}

TEST_CASE("export_to_host: directories and files do not take each other's place", "[host]") {
  const bool by_coroutine = GENERATE(false, true), with_least = GENERATE(false, true);
  const auto existing = GENERATE(if_exists::fail, if_exists::replace);
  const least_host host(with_least);
  const scratch s;
  const auto v = volume::create().value();
  sync::file_system fs(v);
  host_options options;
  options.existing = existing;

  fs.write_text("/a", "file").value();
  stdfs::create_directory(s / "a");
  CHECK(error_of(export_by(by_coroutine, v, "/", s.path(), options)) == errc::is_a_directory);
  CHECK(tree_of(s.path()) == tree{{"a/", ""}});

  stdfs::remove(s / "a");
  fs.remove("/a").value();
  fs.create_directory("/a").value();
  put(s / "a", "file");
  const auto refused = export_by(by_coroutine, v, "/", s.path(), options);
  CHECK(error_of(refused) == errc::not_a_directory);
  CHECK(refused.error().details().path == (s / "a").native());
  CHECK(tree_of(s.path()) == tree{{"a", "file"}});
}

TEST_CASE("export_to_host: follows no link below the directory", "[host]") {
  const bool by_coroutine = GENERATE(false, true), with_least = GENERATE(false, true);
  const least_host host(with_least);
  const scratch s, decoy;
  const auto v = volume::create().value();
  sync::file_system fs(v);
  fs.create_directories("/a/b/c").value();
  fs.write_text("/a/b/c/file", "1").value();
  fs.write_text("/z", "2").value();
  fs.write_text("/link", "3").value();
  stdfs::create_directory(s / "a");
  stdfs::create_symlink(decoy.path(), s / "a/b");
  put(decoy / "target", "kept");
  stdfs::create_symlink(decoy / "target", s / "link");

  host_options options = replacing();
  const auto refused = export_by(by_coroutine, v, "/", s.path(), options);
  CHECK(error_of(refused) == errc::not_supported);
  CHECK(refused.error().details().path == (s / "a/b").native());

  options.special = host_links::skip;
  CHECK(export_by(by_coroutine, v, "/", s.path(), options).value() == 2);
  // A link in the place of a file is replaced, and what it leads to stays.
  CHECK(tree_of(s.path()) ==
        tree{{"a/", ""}, {"a/b@", decoy.path().native()}, {"z", "2"}, {"link", "3"}});
  CHECK(tree_of(decoy.path()) == tree{{"target", "kept"}});

  // The directory itself was named by the caller.
  const scratch real;
  stdfs::create_directory_symlink(real.path(), s / "to");
  CHECK(export_by(by_coroutine, v, "/z", s / "to").value() == 1);
  CHECK(tree_of(real.path()) == tree{{"z", "2"}});
}

TEST_CASE("export_to_host: errors have the host's code, and say where", "[host]") {
  const bool by_coroutine = GENERATE(false, true);
  const scratch s;
  const auto v = volume::create().value();
  sync::file_system fs(v);
  fs.write_text("/a", "1").value();

  const auto above = export_by(by_coroutine, v, "/", s / "no/out");
  REQUIRE(!above);
  CHECK(above.error().code() == std::error_code(ENOENT, std::system_category()));
  CHECK(above.error().message() ==
        "No such file or directory: export_to_host \"" + (s / "no/out").native() + "\"");
  put(s / "file", "");
  CHECK(error_of(export_by(by_coroutine, v, "/", s / "file")).code() ==
        std::error_code(ENOTDIR, std::system_category()));
  CHECK(error_of(export_by(by_coroutine, v, "/none", s / "out")) == errc::not_found);
  CHECK(!stdfs::exists(s / "out"));

  for (int wrong = 0; wrong < 8; ++wrong) {
    host_options options;
    if (wrong == 0) options.existing = static_cast<if_exists>(7);
    if (wrong == 1) options.special = static_cast<host_links>(7);
    if (wrong == 2) options.sync = static_cast<host_sync>(7);
    if (wrong == 3) options.parallel = 0;
    if (wrong == 4) options.file_mode = 010000;
    if (wrong == 5) options.file_mode = 04755;
    if (wrong == 6) options.directory_mode = 02775;
    const std::string to = (s / "out").native() + (wrong == 7 ? std::string("\0x", 2) : "");
    CHECK(error_of(export_by(by_coroutine, v, "/", to, options)) == errc::invalid_argument);
  }
  CHECK(!stdfs::exists(s / "out"));
}

TEST_CASE("export_to_host: a directory without permission", "[host]") {
  const scratch s;
  const auto v = volume::create().value();
  sync::file_system fs(v);
  fs.write_text("/a", "1").value();
  REQUIRE(::chmod(s.path().c_str(), 0555) == 0);
  // To root all is permitted, so it is somebody else meanwhile.
  const bool is_root = ::geteuid() == 0;
  if (is_root && ::seteuid(65534) != 0) {
    WARN("skipped: root can not be somebody else here");
    return;
  }
  const auto refused = export_to_host(fs, "/", s.path());
  if (is_root) REQUIRE(::seteuid(0) == 0);
  ::chmod(s.path().c_str(), 0755);
  REQUIRE(!refused);
  CHECK(refused.error() == std::errc::permission_denied);
  CHECK(refused.error().details().path == (s / "a").native());
  CHECK(tree_of(s.path()).empty());
}

TEST_CASE("export_to_host: a full disk has whole files only", "[host]") {
  const bool by_coroutine = GENERATE(false, true), with_least = GENERATE(false, true);
  const least_host host(with_least);
  const scratch s;
  if (::mount("none", s.path().c_str(), "tmpfs", 0, "size=1m") != 0) {
    WARN("skipped: a tmpfs can not be mounted here");
    return;
  }
  const auto v = volume::create().value();
  sync::file_system fs(v);
  for (int i = 0; i < 5; ++i)
    fs.write_text("/f" + std::to_string(i), std::string(300000, 'x')).value();
  const auto full = export_by(by_coroutine, v, "/", s.path());
  const auto found = tree_of(s.path());
  ::umount(s.path().c_str());
  REQUIRE(!full);
  CHECK(full.error() == std::errc::no_space_on_device);
  CHECK(full.error().details().path == (s / "f3").native());
  const std::string whole(300000, 'x');
  CHECK(found == tree{{"f0", whole}, {"f1", whole}, {"f2", whole}});
}

TEST_CASE("export_to_host: what comes before a file that can not be had is written", "[host]") {
  const bool by_coroutine = GENERATE(false, true);
  const scratch s;
  volume_options impatient;
  impatient.default_lock_timeout = lock_timeout::immediate();
  const auto v = volume::create(impatient).value();
  sync::file_system fs(v);
  for (const char* path : {"/a", "/b", "/c", "/d"}) fs.write_text(path, path).value();
  const auto writer = fs.open("/c", open_mode::update).value();
  const auto made = export_by(by_coroutine, v, "/", s.path());
  CHECK(error_of(made) == errc::would_block);
  CHECK(tree_of(s.path()) == tree{{"a", "/a"}, {"b", "/b"}});
}

TEST_CASE("export_to_host: thousands of levels need neither stack nor descriptors", "[host]") {
  const bool with_least = GENERATE(false, true);
  const least_host host(with_least);
  const scratch s(scratch::place::for_many_files);
  const auto v = volume::create().value();
  sync::file_system fs(v);
  std::string path;
  for (int i = 0; i < 2000; ++i) path += "/a";
  fs.create_directories(path).value();
  fs.write_text(path + "/f", "deep").value();
  fs.create_directories("/a/a/b").value();
  fs.write_text("/a/a/b/f", "back at the top").value();
  CHECK(export_by(with_least, v, "/", s.path()).value() == 2);
  CHECK(content_of(s / "a/a/b/f") == "back at the top");
  std::size_t levels = 0;
  for (const auto& e : stdfs::recursive_directory_iterator(s.path()))
    levels += e.is_directory() ? 1 : 0;
  CHECK(levels == 2001);
}

TEST_CASE("export_to_host: a file below the deepest path that can be said", "[host]") {
  const bool by_coroutine = GENERATE(false, true);
  const scratch s;
  const auto v = volume::create().value();
  sync::file_system fs(v);
  const std::string name(250, 'p');
  std::string path;
  for (int i = 0; i < 15; ++i) path += "/" + name;
  fs.create_directories(path).value();
  fs.write_text(path + "/file", "deep").value();
  fs.create_directories("/above/" + name).value();
  fs.write_text("/above/a", "1").value();
  fs.rename("/" + name, "/above/" + name + "/below").value();
  CHECK(export_by(by_coroutine, v, "/", s.path()).value() == 2);
  const std::string top = "/" + name + "/" + name;
  fs.create_directories(top).value();
  fs.rename("/above", top + "/above").value();
  const auto refused = export_by(by_coroutine, v, "/", s / "out");
  CHECK(error_of(refused) == errc::name_too_long);
  CHECK(content_of(s / ("out" + top) / "above/a") == "1");
}

}  // namespace coramfs::tests
