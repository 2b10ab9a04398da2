// SPDX-License-Identifier: BSL-1.0
// What errors tell beside their codes: the call, the path that is meant, and who has it.
#include <coramfs/error_details.hpp>

#include "api/scenario.hpp"
#include "support/await_waiting.hpp"

#include <functional>
#include <string>
#include <thread>

namespace coramfs::tests {

namespace {

constexpr open_options at_once{.timeout = lock_timeout::immediate()};

struct failing_call {
  const char* operation;
  const char* path;
  errc code;
  std::function<error()> act;
};

void check(const std::vector<failing_call>& all) {
  for (const failing_call& c : all) {
    INFO(c.operation << ' ' << c.path);
    const error e = c.act();
    CHECK(e == c.code);
    CHECK(e.details().operation == c.operation);
    CHECK(e.details().path == c.path);
  }
}

file_map one_file(const char* path) {
  file_map files;
  files[path];
  return files;
}

}  // namespace

TEST_CASE("error details: each call tells its name and the path that failed",
          "[api][errors][details]") {
  const scenario fs;
  fs->create_directories("/d/e").value();
  fs->write_file("/f", "abc").value();
  fs->write_file("/g", "abc").value();
  const auto no = [](auto r) { return error_of(r); };
  check({
      {"open", "/no", errc::not_found, [&] { return no(fs->open("/no", open_mode::read)); }},
      {"open", "/f", errc::already_exists, [&] { return no(fs->open("/f", open_mode::create)); }},
      {"open", "/no/f", errc::not_found, [&] { return no(fs->open("/no/f", open_mode::create)); }},
      {"create_directory", "/d", errc::already_exists,
       [&] { return no(fs->create_directory("/d")); }},
      {"create_directories", "/f/x", errc::not_a_directory,
       [&] { return no(fs->create_directories("/f/x")); }},
      {"remove", "/d", errc::is_a_directory, [&] { return no(fs->remove("/d")); }},
      {"remove_directory", "/d", errc::directory_not_empty,
       [&] { return no(fs->remove_directory("/d")); }},
      {"remove_tree", "/", errc::invalid_argument, [&] { return no(fs->remove_tree("/")); }},
      {"list", "/f", errc::not_a_directory, [&] { return no(fs->list("/f")); }},
      {"list_entries", "/f", errc::not_a_directory, [&] { return no(fs->list_entries("/f")); }},
      {"list_some", "/no", errc::not_found, [&] { return no(fs->list_some("/no", "", 1)); }},
      {"list_some", "/d", errc::invalid_argument, [&] { return no(fs->list_some("/d", "", 0)); }},
      {"each", "/no", errc::not_found, [&] { return no(fs->each("/no")); }},
      {"each", "..", errc::invalid_path, [&] { return no(fs->each("..")); }},
      {"each_below", "/f", errc::not_a_directory, [&] { return no(fs->each_below("/f")); }},
      {"walk", "/f", errc::not_a_directory, [&] { return no(fs->walk("/f")); }},
      {"stat", "no", errc::not_found, [&] { return no(fs->stat("no")); }},
      {"set_modified", "/no", errc::not_found, [&] { return no(fs->set_modified("/no", {})); }},
      {"file_size", "/d", errc::is_a_directory, [&] { return no(fs->file_size("/d")); }},
      {"read_file", "/d/", errc::is_a_directory, [&] { return no(fs->read_file("/d/")); }},
      {"read_file", "/f", errc::too_large, [&] { return no(fs->read_file("/f", 2)); }},
      {"write_file", "/no/f", errc::not_found, [&] { return no(fs->write_file("/no/f", "")); }},
      {"export_tree", "/..", errc::invalid_path, [&] { return no(fs->export_tree("/..")); }},
      {"export_each", "/..", errc::invalid_path, [&] { return no(fs->export_each("/..", {})); }},
      {"import_tree", "/f/x", errc::not_a_directory,
       [&] { return no(fs->import_tree(one_file("/f/x"))); }},
      {"import_tree", "/d", errc::is_a_directory,
       [&] { return no(fs->import_tree(one_file("/d"))); }},
      {"import_tree", "..", errc::invalid_path,
       [&] { return no(fs->import_tree(one_file(".."))); }},
  });
}

TEST_CASE("error details: the calls about holes tell theirs", "[api][errors][details]") {
  const scenario fs(storage_layout::sequential);
  fs->write_file("/f", "abc").value();
  const auto f = fs->open("/f", open_mode::update).value();
  check({{"punch_hole", "/f", errc::not_supported, [&] { return error_of(f->punch_hole(0, 1)); }}});
  f->close().value();
  check({{"punch_hole", "/f", errc::not_open, [&] { return error_of(f->punch_hole(0, 1)); }},
         {"next_data", "/f", errc::not_open, [&] { return error_of(f->next_data(0)); }},
         {"next_hole", "/f", errc::not_open, [&] { return error_of(f->next_hole(0)); }}});
}

TEST_CASE("error details: an iteration by a pattern tells its name and the pattern",
          "[api][errors][details]") {
  const scenario fs;
  const std::string pattern(5000, '*');
  const error e = error_of(fs->each_match(pattern));
  CHECK(e == errc::name_too_long);
  CHECK(e.details().operation == "each_match");
}

TEST_CASE("error details: of a path that is too long the end is told", "[api][errors][details]") {
  const scenario fs;
  const std::string end(352, 'x');
  const error e = error_of(fs->glob(std::string(4000, 'y') + end));
  CHECK(e == errc::name_too_long);
  CHECK(e.details().operation == "glob");
  CHECK(e.details().path == "..." + end);
}

TEST_CASE("error details: of two paths it is the one that failed", "[api][errors][details]") {
  const scenario fs;
  fs->create_directory("/d").value();
  fs->write_file("/f", "abc").value();
  fs->write_file("/g", "abc").value();
  const auto no = [](auto r) { return error_of(r); };
  check({
      {"rename", "/no", errc::not_found, [&] { return no(fs->rename("/no", "/x")); }},
      {"rename", "/g", errc::already_exists, [&] { return no(fs->rename("/f", "/g")); }},
      {"rename", "/no/x", errc::not_found, [&] { return no(fs->rename("/f", "/no/x")); }},
      {"move", "/no", errc::not_found, [&] { return no(fs->move("/no", "/a/b")); }},
      {"move", "/g/x", errc::not_a_directory, [&] { return no(fs->move("/f", "/g/x")); }},
      {"copy", "/no", errc::not_found, [&] { return no(fs->copy("/no", "/x")); }},
      {"copy", "/..", errc::invalid_path, [&] { return no(fs->copy("/..", "/x")); }},
      {"copy", "/g", errc::already_exists, [&] { return no(fs->copy("/f", "/g")); }},
      {"copy_tree", "/f", errc::not_a_directory, [&] { return no(fs->copy_tree("/f", "/x")); }},
      {"copy_tree", "/g", errc::already_exists, [&] { return no(fs->copy_tree("/d", "/g")); }},
  });
  // Both are open: the target is looked at first.
  const auto f = fs->open("/f", open_mode::update, {.label = "source"}).value();
  check({{"rename", "/f", errc::busy, [&] { return no(fs->rename("/f", "/x")); }},
         {"move", "/f", errc::busy, [&] { return no(fs->move("/f", "/a/x")); }}});
  const auto g = fs->open("/g", open_mode::update, {.label = "target"}).value();
  const error e = error_of(fs->rename("/f", "/g", if_exists::replace));
  CHECK(e.details().path == "/g");
  REQUIRE(e.details().holders.size() == 1);
  CHECK(e.details().holders[0].label == "target");
  f->close().value();
  check({{"copy", "/g", errc::busy, [&] { return no(fs->copy("/f", "/g", if_exists::replace)); }}});
}

TEST_CASE("error details: each call on a handle tells its name and the handle's path",
          "[api][errors][details]") {
  const scenario fs(storage_layout::sequential, {.max_quota = 100'000});
  fs->write_file("/f", "abc").value();
  const auto writing = fs->open("/w", open_mode::create).value();
  const auto reading = fs->open("/f", open_mode::read).value();
  const auto closed = fs->open("/c", open_mode::create).value();
  closed->close().value();
  const std::string large(200'000, 'x');
  char buffer[1];
  const auto no = [](auto r) { return error_of(r); };
  check({
      {"read", "/w", errc::not_readable, [&] { return no(writing->read(buffer)); }},
      {"read", "/w", errc::not_readable, [&] { return no(writing->read_at(0, buffer)); }},
      {"read", "/w", errc::not_readable, [&] { return no(writing->read_all()); }},
      {"write", "/f", errc::not_writable, [&] { return no(reading->write("x")); }},
      {"write", "/f", errc::not_writable, [&] { return no(reading->write("")); }},
      {"write", "/w", errc::quota_exceeded, [&] { return no(writing->write(large)); }},
      {"write", "/w", errc::quota_exceeded, [&] { return no(writing->write(bytes_of(large))); }},
      {"write", "/w", errc::not_supported, [&] { return no(writing->write_at(1, "x")); }},
      {"truncate", "/f", errc::not_writable, [&] { return no(reading->truncate(0)); }},
      {"truncate", "/w", errc::quota_exceeded, [&] { return no(writing->truncate(200'000)); }},
      {"pin", "/w", errc::not_readable, [&] { return no(writing->pin(0, 1)); }},
      {"reserve", "/w", errc::quota_exceeded, [&] { return no(writing->reserve(200'000)); }},
      {"reserve", "/f", errc::not_writable, [&] { return no(reading->reserve(1)); }},
      {"prepare", "/w", errc::quota_exceeded, [&] { return no(writing->prepare(200'000)); }},
      {"commit", "/w", errc::invalid_argument, [&] { return no(writing->commit(1)); }},
      {"seek", "/f", errc::invalid_argument, [&] { return no(reading->seek(-1)); }},
      {"seek", "/c", errc::not_open, [&] { return no(closed->seek(0)); }},
      {"tell", "/c", errc::not_open, [&] { return no(closed->tell()); }},
      {"size", "/c", errc::not_open, [&] { return no(closed->size()); }},
      {"flush", "/c", errc::not_open, [&] { return no(closed->flush()); }},
      {"read", "/c", errc::not_open, [&] { return no(closed->read(buffer)); }},
      {"write", "/c", errc::not_open, [&] { return no(closed->write("x")); }},
  });
}

TEST_CASE("error details: who can not have a file is told who has it", "[api][errors][details]") {
  const scenario fs;
  fs->write_file("/a", "abc").value();
  const auto f = fs->open("/a", open_mode::update, {.label = "download"}).value();
  const auto twin = fs.twin();
  const open_options soon{.timeout = std::chrono::milliseconds(1)};
  const std::function<error()> all[] = {
      [&] { return error_of(fs->open("/a", open_mode::read, at_once)); },
      [&] { return error_of(twin->open("/a", open_mode::append, soon)); },
      [&] { return error_of(fs->remove("/a")); },
  };
  for (const auto& act : all) {
    const error e = act();
    const error_details d = e.details();
    INFO(e.message());
    CHECK(d.path == "/a");
    REQUIRE(d.holders.size() == 1);
    CHECK(d.holders[0].label == "download");
    CHECK(d.holders[0].mode == open_mode::update);
    CHECK(d.holder_count == 1);
    CHECK(d.waiting == 0);
    CHECK(e.message().find("held by \"download\" (update) for ") != std::string::npos);
    CHECK(e.message().find(", nobody else waits") != std::string::npos);
  }
  const auto again = f->moved();
  CHECK(error_of(fs->remove("/a")).details().holders.at(0).label == "download");
  again->close().value();
  CHECK(!error_of(fs->remove("/a")).code());
}

TEST_CASE("error details: a whole-file call and an export tell who has the file",
          "[api][errors][details]") {
  const scenario fs({.default_lock_timeout = std::chrono::milliseconds(1)});
  fs->create_directory("/d").value();
  const auto f = fs->open("/d/a", open_mode::create, {.label = "log"}).value();
  const auto twin = fs.twin();
  const auto ignore = [](const std::string&, bytes) { return result<void>(success()); };
  const std::pair<const char*, std::function<error()>> all[] = {
      {"read_file", [&] { return error_of(twin->read_file("/d/a")); }},
      {"write_file", [&] { return error_of(twin->write_file("/d/a", "x")); }},
      {"copy", [&] { return error_of(twin->copy("/d/a", "/b")); }},
      {"copy_tree", [&] { return error_of(twin->copy_tree("/d", "/e")); }},
      {"export_tree", [&] { return error_of(twin->export_tree("/")); }},
      {"export_each", [&] { return error_of(twin->export_each("/", ignore)); }},
  };
  for (const auto& [operation, act] : all) {
    const error e = act();
    INFO(operation);
    CHECK(e == errc::timed_out);
    CHECK(e.details().operation == operation);
    CHECK(e.details().path == "/d/a");
    REQUIRE(e.details().holders.size() == 1);
    CHECK(e.details().holders[0].label == "log");
    CHECK(e.details().holders[0].mode == open_mode::create);
  }
}

TEST_CASE("error details: a directory is busy with a file below it, which is told",
          "[api][errors][details]") {
  const scenario fs;
  fs->create_directories("/d/e").value();
  const auto f = fs->open("/d/e/deep", open_mode::create, {.label = "deep one"}).value();
  file_map over;
  over["/d/e/deep"];
  over["/d/e/other"];
  const std::pair<const char*, std::function<error()>> all[] = {
      {"remove_tree", [&] { return error_of(fs->remove_tree("/d")); }},
      {"rename", [&] { return error_of(fs->rename("/d", "/x")); }},
      {"import_tree", [&] { return error_of(fs->import_tree(over)); }},
  };
  for (const auto& [operation, act] : all) {
    const error e = act();
    INFO(operation);
    CHECK(e == errc::busy);
    CHECK(e.details().operation == operation);
    CHECK(e.details().path == "/d/e/deep");
    REQUIRE(e.details().holders.size() == 1);
    CHECK(e.details().holders[0].path == "/d/e/deep");
    CHECK(e.details().holders[0].label == "deep one");
  }
}

TEST_CASE("error details: of many busy files an import tells of the first",
          "[api][errors][details]") {
  const scenario fs;
  fs.expect_slices();
  std::vector<std::unique_ptr<any_file>> open;
  file_map over;
  for (int i = 100; i < 150; ++i) {
    const std::string path = "/f" + std::to_string(i);
    open.push_back(fs->open(path, open_mode::create, {.label = path.c_str()}).value());
    over[path];
  }
  const error e = error_of(fs->import_tree(over));
  CHECK(e == errc::busy);
  CHECK(e.details().path == "/f100");
  CHECK(e.details().holders.at(0).label == "/f100");
}

TEST_CASE("error details: they tell how many wait", "[api][errors][details]") {
  const scenario fs;
  fs->write_file("/a", "abc").value();
  auto f = fs->open("/a", open_mode::update).value();
  const auto twin = fs.twin();
  std::thread waiter([&] { twin->open("/a", open_mode::read).value()->close().value(); });
  await_waiting(fs.volume(), 1);
  CHECK(error_of(fs->open("/a", open_mode::read, at_once)).details().waiting == 1);
  CHECK(error_of(fs->remove("/a")).message().find(", 1 other waits") != std::string::npos);
  const auto handles = fs.volume().open_handles().value();
  REQUIRE(handles.size() == 1);
  CHECK(handles[0].waiting == 1);
  f->close().value();
  waiter.join();
}

TEST_CASE("error details: what an exception says is what the error said",
          "[api][errors][details]") {
  const scenario fs;
  try {
    fs->stat("/missing").value();
    FAIL("nothing was thrown");
  } catch (const failure& e) {
    CHECK(std::string(e.what()) == "not found: stat \"/missing\"");
    CHECK(e.why().details().path == "/missing");
    // The text stays when the note has gone.
    for (int i = 0; i < 100; ++i) CHECK(!fs->stat("/other"));
    CHECK(std::string(e.what()) == "not found: stat \"/missing\"");
  }
}

TEST_CASE("error details: they can be read when the volume has gone", "[api][errors][details]") {
  error e(errc::busy);
  {
    const scenario fs;
    const auto f = fs->open("/a", open_mode::create, {.label = "gone"}).value();
    e = error_of(fs->remove("/a"));
  }
  CHECK(e.details().path == "/a");
  CHECK(e.details().holders.at(0).label == "gone");
}

}  // namespace coramfs::tests
