// SPDX-License-Identifier: BSL-1.0
#include "api/scenario.hpp"

namespace coramfs::tests {

namespace {

file_map map_of(std::initializer_list<std::pair<const char*, std::string_view>> files) {
  file_map m;
  for (const auto& [path, content] : files) m.emplace(path, bytes_of(content));
  return m;
}

}  // namespace

TEST_CASE("export: all files at and below a prefix, whole", "[api][export]") {
  const scenario fs;
  fs->create_directories("/a/empty").value();
  fs->write_file("/a/f", "content").value();
  fs->write_file("/g", "").value();
  CHECK(fs->export_tree().value() == map_of({{"/a/f", "content"}, {"/g", ""}}));
  CHECK(fs->export_tree("/a").value() == map_of({{"/a/f", "content"}}));
  CHECK(fs->export_tree("/a/f").value() == map_of({{"/a/f", "content"}}));
  CHECK(fs->export_tree("/gone").value().empty());
  CHECK(fs->export_tree("/g/below").value().empty());
  CHECK(fs.refusal([&] { return fs->export_tree("/.."); }) == errc::invalid_path);
}

TEST_CASE("export: only what was changed, where that is asked for", "[api][export]") {
  const scenario fs;
  fs->import_tree(map_of({{"/a", "1"}, {"/b", "2"}})).value();
  fs->write_file("/b", "3").value();
  CHECK(fs->export_tree("/", {.only_dirty = true}).value() == map_of({{"/b", "3"}}));
}

TEST_CASE("export: a lock that is not had in time fails it", "[api][export][lock]") {
  const scenario fs({.default_lock_timeout = lock_timeout::immediate()});
  fs->write_file("/a", "content").value();
  const auto writer = fs->open("/a", open_mode::append).value();
  CHECK(fs.refusal([&] { return fs->export_tree(); }) == errc::would_block);
}

TEST_CASE("export_each: the visitor gets one file after the other, and may end it",
          "[api][export]") {
  const scenario fs;
  fs->import_tree(map_of({{"/a", "1"}, {"/b/c", "2"}, {"/b/d", "3"}})).value();
  std::string seen;
  const auto twin = fs.twin();
  const auto all = fs->export_each("/", [&](const std::string& path, bytes content) {
    seen += path + "=" + text_of(content) + " ";
    twin->remove(path).value();  // no lock is held
    return result<void>(boost::outcome_v2::success());
  });
  CHECK(all);
  CHECK(seen == "/a=1 /b/c=2 /b/d=3 ");
  fs->import_tree(map_of({{"/a", "1"}, {"/b/c", "2"}})).value();
  int calls = 0;
  const auto ended = fs->export_each("/", [&](const std::string&, bytes) -> result<void> {
    ++calls;
    return errc::invalid_encoding;
  });
  CHECK(error_of(ended) == errc::invalid_encoding);
  CHECK(calls == 1);
}

TEST_CASE("export_each: what the visitor throws passes through", "[api][export]") {
  const auto facade = GENERATE(facade_kind::coroutines, facade_kind::threads);
  const auto fs = create_file_system(facade, {}).value();
  fs->write_file("/a", "content").value();
  const auto throws = [](const std::string&, bytes) -> result<void> { throw 42; };
  CHECK_THROWS_AS(fs->export_each("/", throws), int);
  CHECK(fs->get_volume().stats().open_handles == 0);
}

TEST_CASE("import: all files with the directories above them, as new ones", "[api][import]") {
  const scenario fs;
  fs->create_directories("/a/kept").value();
  fs->write_file("/a/f", "old").value();
  fs->write_file("/a/kept/g", "kept").value();
  const file_map files =
      map_of({{"/a/f", "new"}, {"a/b/c/h", "deep"}, {"/a/b/i", ""}, {"\\x\\y", "z"}});
  fs->import_tree(files).value();
  CHECK(fs->export_tree().value() == map_of({{"/a/f", "new"},
                                             {"/a/kept/g", "kept"},
                                             {"/a/b/c/h", "deep"},
                                             {"/a/b/i", ""},
                                             {"/x/y", "z"}}));
  CHECK(fs->stat("/a/f").value().generation == 0);
  fs->import_tree({}).value();
}

TEST_CASE("import: what can not be is refused, and changes nothing", "[api][import][errors]") {
  const scenario fs;
  fs->create_directories("/d").value();
  fs->write_file("/f", "content").value();
  const auto refused = [&](file_map files) {
    return fs.refusal([&] { return fs->import_tree(files); });
  };
  CHECK(refused(map_of({{"/new", "x"}, {"/..", "x"}})) == errc::invalid_path);
  CHECK(refused(map_of({{"/", "x"}})) == errc::is_a_directory);
  CHECK(refused(map_of({{"/new", "x"}, {"/d", "x"}})) == errc::is_a_directory);
  CHECK(refused(map_of({{"/n", "x"}, {"n", "x"}})) == errc::invalid_argument);
  CHECK(refused(map_of({{"/n", "x"}, {"/n-", "x"}, {"/n/m", "x"}})) == errc::not_a_directory);
  CHECK(refused(map_of({{"/new", "x"}, {"/f/m", "x"}})) == errc::not_a_directory);
  const auto open = fs->open("/f", open_mode::read).value();
  CHECK(refused(map_of({{"/new", "x"}, {"/f", "x"}})) == errc::busy);
  fs->import_tree(map_of({{"/new", "x"}})).value();
}

TEST_CASE("import: it is one request, for bytes and for nodes", "[api][import][quota]") {
  const scenario fs(accounting::payload, {.max_quota = 1000, .max_nodes = 5});
  fs->write_file("/a", std::string(600, 'a')).value();
  const std::string large(500, 'x');
  const error bytes = fs.refusal([&] { return fs->import_tree(map_of({{"/b", large}})); });
  CHECK(bytes == errc::quota_exceeded);
  CHECK(bytes.requested() == 500);
  CHECK(bytes.available() == 400);
  fs->import_tree(map_of({{"/a", large}, {"/b", large}})).value();
  const error nodes = fs.refusal([&] { return fs->import_tree(map_of({{"/x/y/z", ""}})); });
  CHECK(nodes == errc::node_limit_exceeded);
  CHECK(nodes.requested() == 3);
  CHECK(nodes.available() == 2);
}

TEST_CASE("import: what is exported from one volume is the same in another", "[api][import]") {
  const scenario fs;
  fs.expect_slices();
  file_map files;
  for (int i = 0; i < 300; ++i)
    files.emplace("/d" + std::to_string(i % 7) + "/f" + std::to_string(i),
                  bytes_of(std::string(static_cast<std::size_t>(i), 'x')));
  fs->import_tree(files).value();
  CHECK(fs->export_tree().value() == files);
  fs->import_tree(files).value();
  CHECK(fs.stats().file_count == 300);
}

}  // namespace coramfs::tests
