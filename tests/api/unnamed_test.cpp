// SPDX-License-Identifier: BSL-1.0
// Files that have no name, until they are given one.
#include <coramfs/sync/file_system.hpp>

#include "api/scenario.hpp"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace coramfs::tests {

namespace {

using file_set = any_file_system::file_set;

std::unique_ptr<any_file> unnamed(const scenario& fs, std::string_view content) {
  auto f = fs->open_unnamed().value();
  f->write(content).value();
  return f;
}

std::string all_of(any_file& f) {
  std::string all(f.size().value(), '\0');
  f.read_at(0, all).value();
  return all;
}

constexpr naming_options replacing{.existing = if_exists::replace};

}  // namespace

TEST_CASE("unnamed: a file as any other, which nobody finds", "[api][unnamed]") {
  const scenario fs;
  auto f = fs->open_unnamed({.label = "part"}).value();
  CHECK(f->path().empty());
  CHECK(f->mode() == open_mode::write_read);
  CHECK(fs.stats().file_count == 1);
  CHECK(fs.stats().open_handles == 1);
  const auto handles = fs.volume().open_handles().value();
  REQUIRE(handles.size() == 1);
  CHECK(handles.front().path.empty());
  CHECK(handles.front().label == "part");
  CHECK(f->write("0123456789").value() == 10);
  CHECK(f->seek(2).value() == 2);
  auto room = f->prepare(3).value();
  std::copy_n("abc", 3, static_cast<char*>((*room.begin()).data()));
  f->commit(2).value();
  CHECK(f->tell().value() == 4);
  f->truncate(8).value();
  f->reserve(1000).value();
  CHECK(all_of(*f) == "01ab4567");
  const auto pinned = f->pin(0, 4).value();
  f->write_at(0, "xx").value();
  CHECK(std::string(static_cast<const char*>((*pinned.begin()).data()), 2) == "01");
  CHECK(all_paths(*fs).empty());
  CHECK(f->size().value() == 8);
  const std::uint64_t used = fs.used();
  CHECK(used > 0);
  f->close().value();
  CHECK(fs.used() < used);
  CHECK(error_of(f->size()) == errc::not_open);
  CHECK(fs.stats().file_count == 0);
}

TEST_CASE("unnamed: it goes with all that it is charged", "[api][unnamed][quota]") {
  const scenario fs;
  fs.expect_slices();
  SECTION("closed") { unnamed(fs, "content")->close().value(); }
  SECTION("destroyed") { static_cast<void>(unnamed(fs, std::string(100'000, 'x'))); }
  SECTION("large") { unnamed(fs, std::string(20 << 20, 'x'))->close().value(); }
  SECTION("with prepared and reserved room") {
    const auto f = unnamed(fs, "content");
    f->reserve(300'000).value();
    static_cast<void>(f->prepare(100'000).value());
  }
  SECTION("overwritten by another handle") {
    auto f = unnamed(fs, "content");
    f->assign(std::move(*fs->open_unnamed().value()));
    CHECK(f->size().value() == 0);
    CHECK(fs.stats().file_count == 1);
    f.reset();
  }
  SECTION("moved") {
    auto f = unnamed(fs, "content");
    const auto moved = f->moved();
    CHECK(!f->is_open());
    CHECK(all_of(*moved) == "content");
  }
  SECTION("with zeros of its own") {
    const auto f = fs->open_unnamed({.preallocate = 3'000'000}).value();
    CHECK(f->size().value() == 3'000'000);
    CHECK(f->tell().value() == 0);
    CHECK(f->write("abc").value() == 3);
    CHECK(f->size().value() == 3'000'000);
  }
  CHECK(fs.used() == 0);
  CHECK(fs.stats().file_count == 0);
  CHECK(fs.stats().open_handles == 0);
}

TEST_CASE("unnamed: what is pinned of it is charged until its last pin goes",
          "[api][unnamed][pin]") {
  const scenario fs(accounting::memory);
  auto f = unnamed(fs, std::string(100'000, 'x'));
  auto pinned = std::make_optional(f->pin(0, 100'000).value());
  f->close().value();
  CHECK(fs.used() >= 100'000);
  CHECK(fs.stats().file_count == 0);
  pinned.reset();
  CHECK(fs.used() == 0);
}

TEST_CASE("unnamed: an open that is refused leaves nothing", "[api][unnamed][quota]") {
  SECTION("bytes") {
    const scenario fs(accounting::payload, {.max_quota = 1000});
    const error e = fs.refusal([&] { return fs->open_unnamed({.preallocate = 1001}); });
    CHECK(e == errc::quota_exceeded);
    CHECK(e.requested() == 1001);
    CHECK(e.available() == 1000);
    CHECK(e.details().operation == "open_unnamed");
    CHECK(fs->open_unnamed({.preallocate = 1000}));
    CHECK(fs.refusal([&] { return fs->open_unnamed({.preallocate = UINT64_MAX}); }) ==
          errc::too_large);
    CHECK(fs.refusal([&] { return fs->open_unnamed({.on_full = static_cast<when_full>(7)}); }) ==
          errc::invalid_argument);
  }
  SECTION("its node") {
    const scenario fs(accounting::memory, {.max_quota = 10});
    CHECK(fs.refusal([&] { return fs->open_unnamed(); }) == errc::quota_exceeded);
  }
  SECTION("nodes") {
    const scenario fs({.max_nodes = 2});
    const auto f = unnamed(fs, "content");
    const error e = fs.refusal([&] { return fs->open_unnamed(); });
    CHECK(e == errc::node_limit_exceeded);
    CHECK(e.requested() == 1);
    CHECK(e.available() == 0);
    fs->give_name(*f, "/a").value();
  }
}

TEST_CASE("give_name: the file appears whole, and its handle is closed", "[api][unnamed]") {
  const scenario fs;
  const auto f = unnamed(fs, "content");
  f->write(" and more").value();
  fs->give_name(*f, "/new/deep/a").value();
  CHECK(!f->is_open());
  CHECK(f->path().empty());
  CHECK(fs.stats().open_handles == 0);
  CHECK(fs->read_file("/new/deep/a").value() == "content and more");
  const auto status = fs->stat("/new/deep/a").value();
  CHECK(status.generation == 2);
  CHECK(status.modified_at >= status.created_at);
  CHECK(error_of(fs->give_name(*f, "/b")) == errc::not_open);
  fs->rename("/new/deep/a", "/b").value();
  fs->open("/b", open_mode::update).value()->write("C").value();
  CHECK(fs->read_file("/b").value() == "Content and more");
}

TEST_CASE("give_name: a file may count as unchanged", "[api][unnamed]") {
  const scenario fs;
  const auto f = unnamed(fs, "content");
  fs->give_name(*f, "/a", {.as_unchanged = true}).value();
  const auto status = fs->stat("/a").value();
  CHECK(status.generation == 0);
  CHECK(status.modified_at == status.created_at);
  CHECK(fs->export_tree("/", {.only_dirty = true}).value().empty());
}

TEST_CASE("give_name: it replaces a file, and nothing else", "[api][unnamed]") {
  const scenario fs;
  fs->create_directory("/d").value();
  fs->write_file("/a", std::string(5000, 'o')).value();
  const auto f = unnamed(fs, "new");
  CHECK(error_of(fs->give_name(*f, "/a")) == errc::already_exists);
  fs->give_name(*f, "/a", replacing).value();
  CHECK(fs->read_file("/a").value() == "new");
  CHECK(fs.stats().file_count == 1);
}

TEST_CASE("give_name: what can not be is refused, and the file stays as it was",
          "[api][unnamed][errors]") {
  const scenario fs, elsewhere;
  fs->create_directory("/d").value();
  fs->write_file("/f", "old").value();
  const auto f = unnamed(fs, "content");
  f->seek(3).value();
  // The first attempt gives the slack back.
  CHECK(error_of(fs->give_name(*f, "/f")) == errc::already_exists);
  const auto refused = [&](std::string_view path, naming_options o = {}) {
    return fs.refusal([&] { return fs->give_name(*f, path, o); });
  };
  CHECK(refused("/f") == errc::already_exists);
  CHECK(refused("/") == errc::is_a_directory);
  CHECK(refused("/d", replacing) == errc::is_a_directory);
  CHECK(refused("/f/x", replacing) == errc::not_a_directory);
  CHECK(refused("/..") == errc::invalid_path);
  CHECK(refused("/" + std::string(256, 'n')) == errc::name_too_long);
  CHECK(refused("/x", {.existing = static_cast<if_exists>(7)}) == errc::invalid_argument);
  const error e = refused("/f/x");
  CHECK(e.details().operation == "give_name");
  CHECK(e.details().path == "/f/x");
  {
    const auto open = fs->open("/f", open_mode::read, {.label = "reader"}).value();
    const error busy = refused("/f", replacing);
    CHECK(busy == errc::busy);
    REQUIRE(busy.details().holders.size() == 1);
    CHECK(busy.details().holders.front().label == "reader");
    CHECK(fs.refusal([&] { return fs->give_name(*open, "/x"); }) == errc::invalid_argument);
  }
  CHECK(error_of(elsewhere->give_name(*f, "/x")) == errc::invalid_argument);
  CHECK(f->is_open());
  CHECK(f->tell().value() == 3);
  CHECK(all_of(*f) == "content");
  f->write("ENT and so on").value();
  fs->give_name(*f, "/x").value();
  CHECK(fs->read_file("/x").value() == "conENT and so on");
  CHECK(fs->stat("/x").value().generation == 2);
}

TEST_CASE("give_name: a refused name leaves the handle as it was listed", "[api][unnamed]") {
  const scenario fs;
  fs->write_file("/f", "old").value();
  const std::string label(30, 'l');
  const auto f = fs->open_unnamed({.label = label.c_str()}).value();
  CHECK(error_of(fs->give_name(*f, "/f", {.as_unchanged = true})) == errc::already_exists);
  const auto handles = fs.volume().open_handles().value();
  REQUIRE(handles.size() == 1);
  CHECK(handles.front().label == label);
  CHECK(handles.front().mode == open_mode::write_read);
}

TEST_CASE("give_name: a name takes what it takes, or is refused", "[api][unnamed][quota]") {
  const scenario fs(accounting::memory);
  const auto f = unnamed(fs, "content");
  const std::string path = "/" + std::string(200, 'n');
  CHECK(error_of(fs->give_name(*f, "/..")) == errc::invalid_path);
  volume v = fs.volume();
  const std::uint64_t before = fs.used(), quota = fs.stats().quota_bytes;
  v.set_quota(before + 100).value();
  CHECK(fs.refusal([&] { return fs->give_name(*f, path); }) == errc::quota_exceeded);
  v.set_quota(quota).value();
  fs->give_name(*f, path).value();
  CHECK(fs.used() > before + 200);
  // It is charged as if it had been made there.
  const std::uint64_t used = fs.used();
  fs->remove(path).value();
  fs->write_file(path, "content").value();
  CHECK(fs.used() == used);
}

TEST_CASE("give_name: one that is replaced is judged by the difference", "[api][unnamed][quota]") {
  const scenario fs(accounting::payload, {.max_quota = 1000});
  fs->write_file("/a", std::string(500, 'o')).value();
  const auto f = unnamed(fs, std::string(500, 'n'));
  fs->give_name(*f, "/a", replacing).value();
  CHECK(fs.used() == 500);
  CHECK(fs->read_file("/a").value() == std::string(500, 'n'));
}

TEST_CASE("give_names: files and directories, those with nothing in them too", "[api][unnamed]") {
  const scenario fs;
  fs->create_directories("/there/kept").value();
  fs->write_file("/there/old", "old").value();
  file_set files;
  files["/there/old"] = unnamed(fs, "1");
  files["new/deep/a"] = unnamed(fs, "2");
  files["/new/deep/b"] = unnamed(fs, "3");
  files["/new-er"] = unnamed(fs, "4");
  files["/z"] = unnamed(fs, "5");
  fs->give_names(
        files,
        {"/", "/new", "/new/empty", "/new/empty/", "/there", "/there/kept", "/there/more/x", "/y"},
        replacing)
      .value();
  for (const auto& [path, f] : files) CHECK(!f->is_open());
  const auto text = [](std::string_view t) { return bytes_of(t); };
  CHECK(fs->export_tree().value() == file_map{{"/there/old", text("1")},
                                              {"/new/deep/a", text("2")},
                                              {"/new/deep/b", text("3")},
                                              {"/new-er", text("4")},
                                              {"/z", text("5")}});
  for (const char* const path : {"/new/empty", "/there/kept", "/there/more/x", "/y"}) {
    INFO(path);
    CHECK(fs->is_directory(path).value());
    CHECK(fs->list(path).value().empty());
  }
  CHECK(fs.stats().directory_count == 9);
  CHECK(fs.stats().open_handles == 0);
}

TEST_CASE("give_names: nothing at all, and directories alone", "[api][unnamed]") {
  const scenario fs;
  file_set none;
  fs->give_names(none).value();
  CHECK(all_paths(*fs).empty());
  fs->give_names(none, {"/a/b", "/a/c"}).value();
  CHECK(fs->list("/a").value() == std::vector<std::string>{"b", "c"});
  fs->give_names(none, {"/a/b", "/a/c"}).value();
  CHECK(fs.stats().directory_count == 4);
}

TEST_CASE("give_names: what can not be is refused as a whole", "[api][unnamed][errors]") {
  const scenario fs;
  fs->create_directory("/d").value();
  fs->write_file("/f", "old").value();
  file_set files;
  files["/new/a"] = unnamed(fs, "1");
  files["/b"] = unnamed(fs, "2");
  CHECK(error_of(fs->give_names(files, {"/f"})) == errc::not_a_directory);
  const auto refused = [&](std::vector<std::string> directories) {
    return fs.refusal([&] { return fs->give_names(files, directories); });
  };
  CHECK(refused({"/f"}) == errc::not_a_directory);
  CHECK(refused({"/x/..", "/f/x"}) == errc::not_a_directory);
  CHECK(refused({".."}) == errc::invalid_path);
  CHECK(refused({"/b"}) == errc::invalid_argument);
  CHECK(refused({"/b/c"}) == errc::not_a_directory);
  const auto with = [&](std::string path, errc why) {
    files[path] = unnamed(fs, "3");
    CHECK(error_of(fs->give_names(files)) == why);
    CHECK(fs.refusal([&] { return fs->give_names(files); }) == why);
    files.erase(path);
  };
  with("/f", errc::already_exists);
  with("/d", errc::is_a_directory);
  with("b", errc::invalid_argument);
  with("/b/c", errc::not_a_directory);
  with("/f/c", errc::not_a_directory);
  files["/c"] = fs->open("/f", open_mode::update).value();
  CHECK(error_of(fs->give_names(files)) == errc::invalid_argument);
  files["/c"]->close().value();
  CHECK(error_of(fs->give_names(files)) == errc::not_open);
  files.erase("/c");
  CHECK(all_of(*files["/b"]) == "2");
  fs->give_names(files).value();
  CHECK(fs->read_file("/new/a").value() == "1");
}

TEST_CASE("give_names: it is one request, for bytes and for nodes", "[api][unnamed][quota]") {
  const scenario fs({.max_nodes = 6});
  file_set files;
  files["/x/y/z"] = unnamed(fs, "1");
  files["/x/w"] = unnamed(fs, "2");
  CHECK(error_of(fs->give_names(files, {"/v"})).requested() == 0);
  for (auto& [path, f] : files) CHECK(!f->is_open());
  CHECK(fs.stats().directory_count == 4);
  fs->remove_tree("/x").value();
  files["/x/y/z"] = unnamed(fs, "1");
  files["/x/w"] = unnamed(fs, "2");
  const error e = error_of(fs->give_names(files, {"/x/u"}));
  CHECK(e == errc::node_limit_exceeded);
  CHECK(e.requested() == 3);
  CHECK(e.available() == 2);
  CHECK(all_of(*files["/x/w"]) == "2");
}

TEST_CASE("unnamed: threads come and go, and others look at their handles", "[api][unnamed]") {
  sync::file_system fs(volume::create().value());
  fs.create_directory("/d").value();
  std::atomic<int> working{3};
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 300; ++i) {
        auto f = fs.open_unnamed({.label = "part"}).value();
        f.write(std::string(100, 'x')).value();
        const std::string path = "/d/" + std::string(30, 'n') + std::to_string(t);
        if (i % 3 != 0) fs.give_name(f, path, replacing).value();
        if (i % 5 == 0) static_cast<void>(fs.give_name(f, "/d"));
      }
      --working;
    });
  }
  while (working > 0) {
    for (const open_handle& h : fs.get_volume().open_handles().value()) CHECK(h.path.empty());
    CHECK(fs.stats().value().file_count <= 6);
  }
  for (std::thread& t : threads) t.join();
  CHECK(fs.stats().value().file_count == 3);
  fs.remove_tree("/d").value();
  CHECK(fs.stats().value().used_bytes == 0);
}

TEST_CASE("unnamed: a file outlives its file system, and the volume ends with it",
          "[api][unnamed][lifetime]") {
  for (const auto facade : {facade_kind::coroutines, facade_kind::tokens, facade_kind::threads}) {
    auto fs = create_file_system(facade, {}).value();
    auto f = fs->open_unnamed().value();
    fs.reset();
    f->write("content").value();
    CHECK(all_of(*f) == "content");
    f->close().value();
  }
}

}  // namespace coramfs::tests
