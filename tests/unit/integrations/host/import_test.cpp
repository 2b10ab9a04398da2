// SPDX-License-Identifier: BSL-1.0
// Trees of the host in a volume: what comes, what is refused, and what that leaves.
#include <coramfs/host.hpp>

#include "support/await_waiting.hpp"
#include "support/catch.hpp"
#include "support/describe.hpp"
#include "support/seeds.hpp"
#include "unit/integrations/host/export_by.hpp"
#include "unit/integrations/host/host_calls.hpp"
#include "unit/integrations/host/import_by.hpp"
#include "unit/integrations/host/scratch.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <initializer_list>
#include <ios>
#include <map>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

namespace coramfs::tests {

namespace {

namespace disk = std::filesystem;
using tree = std::map<std::string, std::string>;

// Runs an import that has to fail, and checks that the volume is as before.
error refusal(bool by_coroutine, const volume& v, const disk::path& dir, const std::string& dest,
              host_options options = {}) {
  const tree before = tree_in(v);
  const volume_stats stats = v.stats();
  const error why = error_of(import_by(by_coroutine, v, dir, dest, options));
  CHECK(why.code());
  CHECK(tree_in(v) == before);
  CHECK(v.stats().used_bytes == stats.used_bytes);
  CHECK(v.stats().file_count == stats.file_count);
  CHECK(v.stats().directory_count == stats.directory_count);
  CHECK(v.stats().open_handles == stats.open_handles);
  return why;
}

// What there is below a directory of the host's but links, and what is no file.
struct census {
  std::uint64_t files = 0, directories = 0, bytes = 0;
};

// Compares each with what is in the volume.
census compare(const disk::path& dir, sync::file_system& fs, const std::string& dest) {
  census c;
  for (const auto& e : disk::recursive_directory_iterator(dir)) {
    if (e.is_symlink()) continue;
    const std::string path = dest + "/" + e.path().lexically_relative(dir).native();
    if (e.is_directory()) {
      ++c.directories;
      if (!fs.is_directory(path).value()) FAIL("no directory " << path);
    } else if (e.is_regular_file()) {
      ++c.files;
      c.bytes += e.file_size();
      if (fs.read_text(path).value() != content_of(e.path())) FAIL("it differs: " << path);
    }
  }
  return c;
}

}  // namespace

TEST_CASE("import_from_host: files and directories, those with nothing in them too", "[host]") {
  const bool by_coroutine = GENERATE(false, true), with_least = GENERATE(false, true);
  const least_host host(with_least);
  const scratch s;
  disk::create_directories(s / "d/e/empty");
  put(s / "a", "1");
  put(s / "d/none", "");
  put(s / "d/e/b", "2");
  put(s / "d-e", "3");
  const std::string large((3 << 20) + 17, 'l');
  put(s / "large", large);
  ::chmod((s / "a").c_str(), 0400);
  const auto v = volume::create().value();
  sync::file_system fs(v);
  const auto before = std::chrono::system_clock::now() - std::chrono::seconds(1);
  SECTION("into a new directory") {
    CHECK(import_by(by_coroutine, v, s.path(), "/to/there").value() == 5);
    CHECK(tree_in(v, "/to/there") == tree_of(s.path()));
  }
  SECTION("into the root") {
    CHECK(import_by(by_coroutine, v, s.path(), "/").value() == 5);
    CHECK(tree_in(v) == tree_of(s.path()));
  }
  SECTION("by a path that is not normal, in a directory that is there") {
    fs.create_directories("/to/kept").value();
    CHECK(import_by(by_coroutine, v, s.path() / "", "to//x/..\\").value() == 5);
    auto expected = tree_of(s.path());
    expected["kept/"];
    CHECK(tree_in(v, "/to") == expected);
  }
  SECTION("of nothing") {
    CHECK(import_by(by_coroutine, v, s / "d/e/empty", "/to").value() == 0);
    CHECK(fs.is_directory("/to").value());
    CHECK(import_by(by_coroutine, v, s.path(), "/").value() == 5);
  }
  SECTION("by a link to it") {
    disk::create_directory_symlink(s.path(), s / "d/link");
    CHECK(import_by(by_coroutine, v, s / "d/link/d/e", "/").value() == 1);
    CHECK(import_by(by_coroutine, v, s / "d/link", "/l", skipping()).value() == 5);
    CHECK(import_by(by_coroutine, v, s.path(), "/m", skipping()).value() == 5);
    disk::remove(s / "d/link");
  }
  for (const walk_entry& e : fs.walk().value()) {
    for (const std::string& name : e.files) {
      const auto status = fs.stat((e.path == "/" ? "" : e.path) + "/" + name).value();
      CHECK(status.generation == 0);
      CHECK(status.modified_at >= before);
    }
  }
  CHECK(v.stats().open_handles == 0);
  CHECK(fs.export_tree("/", {.only_dirty = true}).value().empty());
}

TEST_CASE("import_from_host: whole trees of this machine, byte for byte, and back", "[host]") {
  const bool by_coroutine = GENERATE(false, true);
  const auto layout = by_coroutine ? storage_layout::automatic : storage_layout::random_access;
  const disk::path dir = GENERATE("/usr/include", "/usr/share/doc");
  // The larger one takes too long where a sanitizer watches.
  if (sanitizer_slowness > 1 && dir == "/usr/include") return;
  if (!disk::exists(dir)) {
    WARN("not tested: there is no " << dir.native());
    return;
  }
  INFO(dir);
  const auto v =
      volume::create({.max_quota = std::uint64_t{2} << 30, .default_storage = layout}).value();
  sync::file_system fs(v);
  host_options options = skipping();
  options.parallel = by_coroutine ? 16 : 1;
  const auto files = import_by(by_coroutine, v, dir, "/in", options).value();
  const census c = compare(dir, fs, "/in");
  CHECK(files == c.files);
  CHECK(v.stats().file_count == c.files);
  CHECK(v.stats().directory_count == c.directories + 2);  // the root, and /in
  if (!by_coroutine) return;
  const scratch s(scratch::place::for_many_files);
  CHECK(export_by(by_coroutine, v, "/in", s.path()).value() == files);
  const auto again = volume::create({.max_quota = std::uint64_t{2} << 30}).value();
  CHECK(import_by(by_coroutine, again, s.path(), "/").value() == files);
  CHECK(tree_in(again) == tree_in(v, "/in"));
}

TEST_CASE("import_from_host: what is no file is refused, or left out", "[host]") {
  const bool by_coroutine = GENERATE(false, true);
  const scratch s;
  put(s / "file", "1");
  disk::create_directory(s / "dir");
  disk::create_directory(s / "above");
  const std::string name = (s / "above/special").native();
  const std::string what =
      GENERATE("link", "link to a directory", "broken link", "pipe", "socket", "device");
  INFO(what);
  bool is_there = true;
  if (what == "link") disk::create_symlink(s / "file", name);
  if (what == "link to a directory") disk::create_directory_symlink(s / "dir", name);
  if (what == "broken link") disk::create_symlink("nowhere", name);
  if (what == "pipe") REQUIRE(::mkfifo(name.c_str(), 0666) == 0);
  if (what == "socket") {
    const int number = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un to{};
    to.sun_family = AF_UNIX;
    name.copy(to.sun_path, sizeof to.sun_path - 1);
    REQUIRE(::bind(number, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0);
    ::close(number);
  }
  // That takes rights that not everybody has.
  if (what == "device") is_there = ::mknod(name.c_str(), S_IFCHR | 0666, makedev(1, 3)) == 0;
  if (!is_there) {
    WARN("not tested: no " << what << " can be made");
    return;
  }
  const auto v = volume::create().value();
  const error why = refusal(by_coroutine, v, s.path(), "/to");
  CHECK(why == errc::not_supported);
  CHECK(why.details().operation == "import_from_host");
  CHECK(why.details().path == name);
  CHECK(import_by(by_coroutine, v, s.path(), "/to", skipping()).value() == 1);
  CHECK(tree_in(v, "/to") == tree{{"above/", ""}, {"dir/", ""}, {"file", "1"}});
}

TEST_CASE("import_from_host: a directory that is above itself is refused, or left out", "[host]") {
  const bool by_coroutine = GENERATE(false, true);
  const scratch s;
  disk::create_directories(s / "a/b/c");
  put(s / "a/file", "1");
  // That takes rights that not everybody has.
  if (::mount((s / "a").c_str(), (s / "a/b/c").c_str(), nullptr, MS_BIND, nullptr) != 0) {
    WARN("not tested: nothing can be mounted");
    return;
  }
  const auto v = volume::create().value();
  const error why = refusal(by_coroutine, v, s.path(), "/to");
  const auto skipped = import_by(by_coroutine, v, s.path(), "/to", skipping());
  ::umount((s / "a/b/c").c_str());
  CHECK(why == errc::not_supported);
  CHECK(why.details().path == s / "a/b/c");
  CHECK(skipped.value() == 1);
  CHECK(tree_in(v, "/to") == tree{{"a/", ""}, {"a/b/", ""}, {"a/file", "1"}});
}

TEST_CASE("import_from_host: what is no directory has the host's own error", "[host][errors]") {
  const bool by_coroutine = GENERATE(false, true);
  const scratch s;
  put(s / "file", "1");
  const auto v = volume::create().value();
  const error missing = refusal(by_coroutine, v, s / "missing", "/to");
  CHECK(missing == std::errc::no_such_file_or_directory);
  CHECK(missing.code().category() == std::system_category());
  CHECK(missing.details().path == s / "missing");
  const error no_directory = refusal(by_coroutine, v, s / "file/below", "/to");
  CHECK(no_directory == std::errc::not_a_directory);
  CHECK(no_directory.details().path == s / "file/below");
  CHECK(refusal(by_coroutine, v, "/dev/null", "/to") == std::errc::not_a_directory);
  CHECK(refusal(by_coroutine, v, s / std::string_view("a\0b", 3), "/to") == errc::invalid_argument);
  CHECK(refusal(by_coroutine, v, s.path(), "/..") == errc::invalid_path);
  CHECK(refusal(by_coroutine, v, s.path(), std::string(5000, 'x')) == errc::name_too_long);
  host_options odd;
  odd.parallel = 0;
  CHECK(refusal(by_coroutine, v, s.path(), "/to", odd) == errc::invalid_argument);
  odd = {};
  odd.existing = static_cast<if_exists>(7);
  CHECK(refusal(by_coroutine, v, s.path(), "/to", odd) == errc::invalid_argument);
  odd = {};
  odd.open = static_cast<if_open>(7);
  CHECK(refusal(by_coroutine, v, s.path(), "/to", odd) == errc::invalid_argument);
}

TEST_CASE("import_from_host: a file comes by its name, as an export writes one", "[host]") {
  const bool by_coroutine = GENERATE(false, true);
  const scratch s;
  const std::string large((1 << 20) + 17, 'l');
  put(s / "file", large);
  disk::create_symlink("file", s / "link");
  const auto v = volume::create().value();
  CHECK(import_by(by_coroutine, v, s / "file", "/to/there").value() == 1);
  CHECK(tree_in(v) == tree{{"to/", ""}, {"to/there/", ""}, {"to/there/file", large}});
  CHECK(import_by(by_coroutine, v, s / "link", "/").value() == 1);
  CHECK(tree_in(v).at("link") == large);
  const error again = refusal(by_coroutine, v, s / "file", "/to/there");
  CHECK(again == errc::already_exists);
  CHECK(again.details().path == "/to/there/file");
  put(s / "file", "new");
  CHECK(import_by(by_coroutine, v, s / "file", "/to/there", replacing()).value() == 1);
  CHECK(tree_in(v).at("to/there/file") == "new");
  put(s / "a\\b", "");
  CHECK(refusal(by_coroutine, v, s / "a\\b", "/to") == errc::invalid_path);
  CHECK(refusal(by_coroutine, v, s / "file", std::string(4094, 'x')) == errc::name_too_long);
}

TEST_CASE("import_from_host: what is there is replaced where that is asked for", "[host]") {
  const bool by_coroutine = GENERATE(false, true);
  const scratch s;
  disk::create_directory(s / "d");
  put(s / "d/a", "new");
  put(s / "z", "new");
  const auto v = volume::create().value();
  sync::file_system fs(v);
  SECTION("a file") {
    fs.create_directories("/to/d").value();
    fs.write_text("/to/d/a", "old").value();
    fs.write_text("/to/kept", "kept").value();
    const error why = refusal(by_coroutine, v, s.path(), "/to");
    CHECK(why == errc::already_exists);
    CHECK(why.details().path == "/to/d/a");
    CHECK(why.details().operation == "import_from_host");
    {
      const auto reader = fs.open("/to/d/a", open_mode::read).value();
      CHECK(refusal(by_coroutine, v, s.path(), "/to", replacing()) == errc::busy);
    }
    CHECK(import_by(by_coroutine, v, s.path(), "/to", replacing()).value() == 2);
    CHECK(tree_in(v, "/to") == tree{{"d/", ""}, {"d/a", "new"}, {"kept", "kept"}, {"z", "new"}});
  }
  SECTION("a file in use") {
    fs.create_directories("/to/d").value();
    fs.write_text("/to/d/a", "old").value();
    host_options how = replacing();
    SECTION("that is waited for") {
      how.open = if_open::wait;
      how.timeout = lock_timeout::immediate();
      auto reader = fs.open("/to/d/a", open_mode::read).value();
      CHECK(refusal(by_coroutine, v, s.path(), "/to", how) == errc::would_block);
      how.timeout = std::chrono::milliseconds(1);
      CHECK(refusal(by_coroutine, v, s.path(), "/to", how) == errc::timed_out);
      how.timeout = lock_timeout::forever();
      std::uint64_t count = 0;
      std::thread importing(
          [&] { count = import_by(by_coroutine, v, s.path(), "/to", how).value(); });
      await_waiting(v, 1);
      CHECK(!fs.exists("/to/z").value());
      reader.close().value();
      importing.join();
      CHECK(count == 2);
    }
    SECTION("that lives on without a name") {
      how.open = if_open::keep_unnamed;
      auto reader = fs.open("/to/d/a", open_mode::read).value();
      CHECK(import_by(by_coroutine, v, s.path(), "/to", how).value() == 2);
      CHECK(text_of(reader.read_all().value()) == "old");
    }
    CHECK(tree_in(v, "/to") == tree{{"d/", ""}, {"d/a", "new"}, {"z", "new"}});
  }
  SECTION("but no directory by a file") {
    fs.create_directories("/to/d/a").value();
    const error why = refusal(by_coroutine, v, s.path(), "/to", replacing());
    CHECK(why == errc::is_a_directory);
    CHECK(why.details().path == "/to/d/a");
  }
  SECTION("and no file by a directory") {
    fs.create_directory("/to").value();
    fs.write_text("/to/d", "old").value();
    const error why = refusal(by_coroutine, v, s.path(), "/to", replacing());
    CHECK(why == errc::not_a_directory);
    CHECK(why.details().path == "/to/d");
    CHECK(refusal(by_coroutine, v, s.path(), "/to/d", replacing()) == errc::not_a_directory);
    CHECK(refusal(by_coroutine, v, s.path(), "/to/d/x", replacing()) == errc::not_a_directory);
  }
}

TEST_CASE("import_from_host: names are bytes, but for those that no volume can have", "[host]") {
  const bool by_coroutine = GENERATE(false, true);
  const scratch s;
  const auto v = volume::create().value();
  SECTION("kept") {
    const std::string odd("\xff\xfe \x01\n*?", 7);
    const std::string longest(255, 'n');
    disk::create_directory(s / odd);
    put(s / odd / longest, "1");
    CHECK(import_by(by_coroutine, v, s.path(), "/").value() == 1);
    CHECK(tree_in(v) == tree_of(s.path()));
  }
  SECTION("with a backslash") {
    const bool is_directory = GENERATE(false, true);
    put(s / "a", "1");
    if (is_directory) {
      disk::create_directory(s / "b\\c");
    } else {
      put(s / "b\\c", "2");
    }
    const error why = refusal(by_coroutine, v, s.path(), "/to", skipping());
    CHECK(why == errc::invalid_path);
    CHECK(why.details().path == s / "b\\c");
  }
  SECTION("beyond what a path may be") {
    const std::string name(200, 'n');
    std::string deep;
    for (int i = 0; i < 15; ++i) deep += "/" + name;
    disk::create_directories(s.path() / deep.substr(1));
    put(s.path() / deep.substr(1) / "f", "1");
    // 3,015 bytes, "/f", and a slash before it.
    CHECK(import_by(by_coroutine, v, s.path(), "/").value() == 1);
    const std::size_t most = 4096 - deep.size() - 2;
    const auto dest = [](std::size_t size) {
      std::string d;
      while (d.size() + 201 <= size) d += "/" + std::string(200, 'd');
      return d + "/" + std::string(size - d.size() - 1, 'e');
    };
    CHECK(import_by(by_coroutine, v, s.path(), dest(most)).value() == 1);
    CHECK(refusal(by_coroutine, v, s.path(), dest(most + 1)) == errc::name_too_long);
  }
}

TEST_CASE("import_from_host: of several failures that of the first path is told",
          "[host][errors]") {
  const bool by_coroutine = GENERATE(false, true);
  const unsigned parallel = GENERATE(1u, 4u, 100u);
  const scratch s;
  const auto v = volume::create({.max_quota = 1000, .accounting = accounting::payload}).value();
  sync::file_system fs(v);
  host_options options;
  options.parallel = parallel;
  put(s / "b", "1");
  put(s / "c", std::string(2000, 'x'));
  disk::create_symlink("nowhere", s / "d");
  put(s / "e\\", "1");
  const auto refused = [&] { return refusal(by_coroutine, v, s.path(), "/to", options); };
  CHECK(refused() == errc::quota_exceeded);
  disk::create_symlink("nowhere", s / "bb");
  CHECK(refused() == errc::not_supported);
  fs.create_directory("/to").value();
  fs.write_text("/to/b", "").value();
  CHECK(refused() == errc::already_exists);
  put(s / "a\\", "1");
  CHECK(refused() == errc::invalid_path);
}

TEST_CASE("import_from_host: what the quota refuses leaves the volume as it was", "[host][quota]") {
  const bool by_coroutine = GENERATE(false, true);
  const scratch s;
  SECTION("by the byte") {
    for (int i = 0; i < 10; ++i) put(s / ("f" + std::to_string(i)), std::string(1000, 'x'));
    auto v = volume::create({.max_quota = 9500, .accounting = accounting::payload}).value();
    const error why = refusal(by_coroutine, v, s.path(), "/to");
    CHECK(why == errc::quota_exceeded);
    CHECK(why.requested() == 1000);
    CHECK(why.available() == 500);
    CHECK(why.details().path == "/to/f9");
    v.set_quota(10'000).value();
    CHECK(import_by(by_coroutine, v, s.path(), "/to").value() == 10);
  }
  SECTION("in a piece of a large file") {
    put(s / "large", std::string(5 << 20, 'x'));
    const auto v =
        volume::create({.max_quota = (3 << 20) + 10, .accounting = accounting::payload}).value();
    const error why = refusal(by_coroutine, v, s.path(), "/to");
    CHECK(why.requested() == 1 << 20);
    CHECK(why.available() == 10);
  }
  SECTION("nodes") {
    disk::create_directories(s / "d/e");
    put(s / "a", "1");
    put(s / "b", "1");
    auto v = volume::create({.max_nodes = 5}).value();
    const error why = refusal(by_coroutine, v, s.path(), "/to");
    CHECK(why == errc::node_limit_exceeded);
  }
  SECTION("with what is there before, and beside what is replaced") {
    put(s / "a", std::string(600, 'x'));
    auto v = volume::create({.max_quota = 1000, .accounting = accounting::payload}).value();
    CHECK(import_by(by_coroutine, v, s.path(), "/to").value() == 1);
    CHECK(refusal(by_coroutine, v, s.path(), "/to", replacing()) == errc::quota_exceeded);
    v.set_quota(1200).value();
    CHECK(import_by(by_coroutine, v, s.path(), "/to", replacing()).value() == 1);
    CHECK(v.stats().used_bytes == 600);
  }
  SECTION("the guard") {
    put(s / "a", std::string(600, 'x'));
    std::uint64_t left = std::uint64_t{1} << 40;
    volume_options o;
    o.memory_guard = {.mode = guard_mode::per_write,
                      .action = guard_action::reject,
                      .interval = std::chrono::seconds(0),
                      .available_memory = [&left] { return left; }};
    const auto v = volume::create(o).value();
    left = 100;
    CHECK(refusal(by_coroutine, v, s.path(), "/to") == errc::memory_guard);
  }
}

TEST_CASE("import_from_host: it takes no more memory than what is there at the end",
          "[host][quota]") {
  const bool by_coroutine = GENERATE(false, true);
  const scratch s;
  for (int i = 0; i < 300; ++i)
    put(s / ("f" + std::to_string(i)), std::string(static_cast<std::size_t>(i) * 97, 'x'));
  const auto v = volume::create().value();
  CHECK(import_by(by_coroutine, v, s.path(), "/to").value() == 300);
  const auto stats = v.stats();
  CHECK(stats.peak_bytes <= stats.used_bytes + stats.used_bytes / 20);
}

TEST_CASE("import_from_host: holes of 64 KiB stay holes where there is a layout for them",
          "[host][holes]") {
  const bool by_coroutine = GENERATE(false, true);
  const auto layout = GENERATE(storage_layout::automatic, storage_layout::sequential,
                               storage_layout::random_access);
  const scratch s;
  constexpr std::size_t mib = 1 << 20;
  const auto sparse = [&](const char* name, std::size_t size,
                          std::initializer_list<std::size_t> data) {
    const int number = ::open((s / name).c_str(), O_CREAT | O_WRONLY, 0666);
    REQUIRE(::ftruncate(number, static_cast<off_t>(size)) == 0);
    for (const std::size_t at : data)
      REQUIRE(::pwrite(number, "data", 4, static_cast<off_t>(at)) == 4);
    ::close(number);
  };
  sparse("behind", 9 * mib, {0, 2 * mib});
  sparse("before", 9 * mib + 4, {9 * mib});
  sparse("all", 9 * mib, {});
  sparse("small", 64 * 1024 * 2, {0, 100 * 1024});
  sparse("pieces", 9 * mib, {0, 4096, 3 * mib - 2, 5 * mib + 70 * 1024});
  const auto v = volume::create({.default_storage = layout}).value();
  CHECK(import_by(by_coroutine, v, s.path(), "/").value() == 5);
  CHECK(tree_in(v) == tree_of(s.path()));
  struct stat found {};
  REQUIRE(::stat((s / "all").c_str(), &found) == 0);
  const bool host_has_holes = found.st_blocks == 0;
  if (layout == storage_layout::sequential) {
    CHECK(v.stats().used_bytes > 36 * mib);
  } else if (host_has_holes) {
    CHECK(v.stats().used_bytes < mib);
  }
}

TEST_CASE("import_from_host: a file is read to the end that it then has", "[host]") {
  const bool by_coroutine = GENERATE(false, true);
  const scratch s;
  put(s / "a", std::string(1000, 'a'));
  put(s / "b", std::string(3 << 20, 'b'));
  std::string expected_a(1000, 'a'), expected_b(3 << 20, 'b');
  int reads = 0;
  std::function<void()> change;
  SECTION("one that grows") {
    change = [&] {
      std::ofstream(s / "a", std::ios::app | std::ios::binary) << std::string(200'000, 'A');
      std::ofstream(s / "b", std::ios::app | std::ios::binary) << "B";
    };
    expected_a += std::string(200'000, 'A');
    expected_b += "B";
  }
  SECTION("one that shrinks") {
    change = [&] {
      disk::resize_file(s / "a", 10);
      disk::resize_file(s / "b", (1 << 20) + 5);
    };
    expected_a.resize(10);
    expected_b.resize((1 << 20) + 5);
  }
  SECTION("one that is emptied") {
    change = [&] {
      disk::resize_file(s / "a", 0);
      disk::resize_file(s / "b", 0);
    };
    expected_a.clear();
    expected_b.clear();
  }
  SECTION("one that is removed stays until it is closed") {
    change = [&] { disk::remove(s / "a"); };
  }
  const auto v = volume::create().value();
  {
    const host_call_watch watch([&](std::string_view call) {
      if (call == "preadv64" && ++reads == 1) change();
    });
    CHECK(import_by(by_coroutine, v, s.path(), "/").value() == 2);
  }
  CHECK(reads > 0);
  CHECK(tree_in(v) == tree{{"a", expected_a}, {"b", expected_b}});
}

TEST_CASE("import_from_host: a file is cut before the data that a hole led to", "[host]") {
  const bool by_coroutine = GENERATE(false, true);
  const scratch s;
  put(s / "a", std::string(4096, '1'));
  disk::resize_file(s / "a", 9 << 20);
  const bool ends_in_hole = GENERATE(false, true);
  if (!ends_in_hole) {
    std::ofstream end(s / "a", std::ios::in | std::ios::out | std::ios::ate);
    end << "2";
  }
  const auto v = volume::create().value();
  int reads = 0;
  {
    const host_call_watch watch([&](std::string_view call) {
      // The first piece is read, and the hole behind it is stepped over.
      const bool is_behind = ends_in_hole ? call == "pread64" : call == "preadv64" && ++reads == 2;
      if (is_behind) disk::resize_file(s / "a", 4096);
    });
    CHECK(import_by(by_coroutine, v, s.path(), "/").value() == 1);
  }
  CHECK(sync::file_system(v).read_text("/a").value() == std::string(4096, '1'));
}

TEST_CASE("import_from_host: too many directories are refused before all are found",
          "[host][errors]") {
  const bool by_coroutine = GENERATE(false, true);
  const scratch s(scratch::place::for_many_files);
  constexpr int directories = 2000;
  for (int i = 0; i < directories; ++i) disk::create_directory(s / std::to_string(i));
  const auto v = volume::create({.max_nodes = 100}).value();
  int calls = 0;
  {
    const host_call_watch watch([&](std::string_view call) {
      if (call == "getdents64") ++calls;
    });
    CHECK(refusal(by_coroutine, v, s.path(), "/in") == errc::node_limit_exceeded);
  }
  CHECK(calls < directories);
  CHECK(tree_in(v).empty());
  CHECK(v.stats().directory_count == 1);
}

TEST_CASE("import_from_host: a file that says 0 bytes and has some", "[host]") {
  const bool by_coroutine = GENERATE(false, true);
  const disk::path dir = "/proc/sys/kernel/keys";
  if (!disk::exists(dir)) {
    WARN("not tested: there is no " << dir.native());
    return;
  }
  const auto v = volume::create().value();
  const auto files = import_by(by_coroutine, v, dir, "/");
  CHECK(files.value() > 0);
  for (const auto& [name, content] : tree_in(v)) {
    std::string there;
    std::getline(std::ifstream(dir / name), there);
    CHECK(content == there + "\n");
  }
}

TEST_CASE("import_from_host: what others remove before its turn is left out", "[host]") {
  const bool by_coroutine = GENERATE(false, true), with_least = GENERATE(false, true);
  const least_host host(with_least);
  const scratch s;
  disk::create_directories(s / "b/c");
  put(s / "a", "1");
  put(s / "b/c/d", "2");
  put(s / "e", "3");
  put(s / "f", "4");
  const auto v = volume::create().value();
  std::function<void()> change;
  tree expected{{"a", "1"}, {"f", "4"}};
  SECTION("files and directories") {
    change = [&] {
      disk::remove_all(s / "b");
      disk::remove(s / "e");
    };
  }
  SECTION("a directory that becomes a file") {
    change = [&] {
      disk::remove_all(s / "b");
      put(s / "b", "5");
      disk::remove(s / "e");
    };
    // Where the directory does not tell what it has, that is found out at its turn.
    if (with_least) expected["b"] = "5";
  }
  bool is_changed = false;
  {
    const host_call_watch watch([&](std::string_view call) {
      // The names are read, and the first file is open.
      if (call == "preadv64" && !std::exchange(is_changed, true)) change();
    });
    host_options options;
    options.parallel = 1;
    CHECK(import_by(by_coroutine, v, s.path(), "/", options).value() == expected.size());
  }
  CHECK(is_changed);
  CHECK(tree_in(v) == expected);
}

TEST_CASE("import_from_host: files that are one on the host are two in the volume", "[host]") {
  const bool by_coroutine = GENERATE(false, true);
  const scratch s;
  put(s / "a", "1");
  disk::create_hard_link(s / "a", s / "b");
  const auto v = volume::create({.accounting = accounting::payload}).value();
  sync::file_system fs(v);
  CHECK(import_by(by_coroutine, v, s.path(), "/").value() == 2);
  CHECK(v.stats().used_bytes == 2);
  fs.write_text("/a", "other").value();
  CHECK(fs.read_text("/b").value() == "1");
}

TEST_CASE("import_from_host: a directory without permission has the host's own error",
          "[host][errors]") {
  const bool by_coroutine = GENERATE(false, true);
  const scratch s;
  disk::create_directories(s / "a/closed");
  ::chmod(s.path().c_str(), 0755);
  ::chmod((s / "a/closed").c_str(), 0);
  const auto v = volume::create().value();
  // The superuser needs none.
  const bool is_root = ::geteuid() == 0;
  constexpr uid_t nobody = 65534;
  if (is_root) REQUIRE(::seteuid(nobody) == 0);
  const error why = refusal(by_coroutine, v, s.path(), "/to", skipping());
  if (is_root) REQUIRE(::seteuid(0) == 0);
  CHECK(why == std::errc::permission_denied);
  CHECK(why.details().path == s / "a/closed");
}

namespace {

// A chain of directories with a file beside each, deeper than a path may be long.
void make_deep(const disk::path& top, int levels) {
  int in = ::open(top.c_str(), O_RDONLY | O_DIRECTORY);
  for (int i = 0; i < levels; ++i) {
    REQUIRE(::mkdirat(in, "d", 0777) == 0);
    const int file = ::openat(in, "f", O_CREAT | O_WRONLY, 0666);
    REQUIRE(::write(file, "x", 1) == 1);
    ::close(file);
    const int next = ::openat(in, "d", O_RDONLY | O_DIRECTORY);
    ::close(in);
    in = next;
  }
  ::close(in);
}

void import_deep(const disk::path& top, int levels, bool by_coroutine, bool with_least) {
  CAPTURE(by_coroutine, with_least);
  const least_host host(with_least);
  const auto v = volume::create().value();
  const std::size_t before = open_descriptors();
  std::size_t most = 0;
  {
    int calls = 0;
    const host_call_watch watch([&](std::string_view call) {
      if (call == "getdents64" && ++calls % 50 == 0) most = std::max(most, open_descriptors());
    });
    if (levels < 1000) {
      CHECK(import_by(by_coroutine, v, top, "/").value() == static_cast<std::uint64_t>(levels));
      CHECK(v.stats().directory_count == static_cast<std::uint64_t>(levels) + 1);
    } else {
      CHECK(refusal(by_coroutine, v, top, "/") == errc::name_too_long);
    }
  }
  CHECK(most > before);
  CHECK(most <= before + 64 + 64 + 10);
}

}  // namespace

TEST_CASE("import_from_host: deep trees, with few descriptors", "[host][deep]") {
  const int levels = GENERATE(300, 3000);
  const scratch s(scratch::place::for_many_files);
  disk::create_directory(s / "deep");
  make_deep(s / "deep", levels);
  for (const bool by_coroutine : {false, true})
    for (const bool with_least : {false, true})
      import_deep(s / "deep", levels, by_coroutine, with_least);
  // The standard library has a descriptor open for each level.
  REQUIRE(std::system(("rm -rf " + (s / "deep").native()).c_str()) == 0);
}

}  // namespace coramfs::tests
