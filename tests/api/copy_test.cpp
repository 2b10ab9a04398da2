// SPDX-License-Identifier: BSL-1.0
#include "api/scenario.hpp"

#include "support/await_waiting.hpp"
#include "support/node_clock.hpp"

#include <thread>

namespace coramfs::tests {

TEST_CASE("copy: the copy is a file of its own", "[api][copy]") {
  const scenario fs;
  fs->write_file("/a", "content").value();
  fs->write_file("/empty", "").value();
  fs->copy("/a", "/b").value();
  fs->copy("/empty", "/e").value();
  fs->write_file("/a", "changed").value();
  CHECK(fs->read_file("/b").value() == "content");
  CHECK(fs->stat("/b").value().generation == 1);
  CHECK(fs->stat("/e").value().generation == 0);
  CHECK(fs->stat("/b").value().created_at == fs->stat("/b").value().modified_at);
}

TEST_CASE("copy: with replace it takes the place of a file, as a new one", "[api][copy]") {
  const scenario fs;
  fs->write_file("/a", "content").value();
  fs->write_file("/b", "old").value();
  const auto created = fs->stat("/b").value().created_at;
  tick();
  fs->copy("/a", "/b", if_exists::replace).value();
  CHECK(fs->read_file("/b").value() == "content");
  CHECK(fs->stat("/b").value().created_at > created);
  CHECK(fs.stats().file_count == 2);
}

TEST_CASE("copy: what can not be is refused, and leaves nothing", "[api][copy][errors]") {
  const scenario fs;
  fs->create_directory("/d").value();
  fs->write_file("/a", "content").value();
  fs->write_file("/b", "other").value();
  const auto refused = [&](std::string_view from, std::string_view to,
                           if_exists e = if_exists::fail) {
    return fs.refusal([&] { return fs->copy(from, to, e); });
  };
  CHECK(refused("/gone", "/x") == errc::not_found);
  CHECK(refused("/d", "/x") == errc::is_a_directory);
  CHECK(refused("/", "/x") == errc::is_a_directory);
  CHECK(refused("/a", "/b") == errc::already_exists);
  CHECK(refused("/a", "/d") == errc::already_exists);
  CHECK(refused("/a", "/a") == errc::already_exists);
  CHECK(refused("/a", "/a", if_exists::replace) == errc::already_exists);
  CHECK(refused("/a", "/d", if_exists::replace) == errc::is_a_directory);
  CHECK(refused("/a", "/gone/x") == errc::not_found);
  CHECK(refused("/a", "/b/x") == errc::not_a_directory);
  CHECK(refused("/a", "/x", static_cast<if_exists>(2)) == errc::invalid_argument);
  const auto open = fs->open("/b", open_mode::read).value();
  CHECK(refused("/a", "/b", if_exists::replace) == errc::busy);
}

TEST_CASE("copy: it works beside readers, and waits for a writer", "[api][copy][lock]") {
  const scenario fs;
  fs->write_file("/a", "content").value();
  auto reader = fs->open("/a", open_mode::read).value();
  fs->copy("/a", "/b").value();
  reader->close().value();
  auto writer = fs->open("/a", open_mode::append).value();
  std::thread copier([other = fs.twin()] { other->copy("/a", "/c").value(); });
  await_waiting(fs.volume(), 1);
  CHECK_FALSE(fs->exists("/c").value());
  writer->write("!").value();
  writer->close().value();
  copier.join();
  CHECK(fs->read_file("/c").value() == "content!");
}

TEST_CASE("copy: a full volume refuses it, unless what is replaced pays", "[api][copy][quota]") {
  const scenario fs(accounting::payload, {.max_quota = 1000});
  fs->write_file("/a", std::string(400, 'a')).value();
  fs->write_file("/b", std::string(400, 'b')).value();
  const error e = fs.refusal([&] { return fs->copy("/a", "/c"); });
  CHECK(e == errc::quota_exceeded);
  CHECK(e.requested() == 400);
  CHECK(e.available() == 200);
  fs->copy("/a", "/b", if_exists::replace).value();
  CHECK(fs->read_file("/b").value() == std::string(400, 'a'));
}

TEST_CASE("copy: holes stay holes", "[api][copy][layout]") {
  const scenario fs(storage_layout::random_access);
  const auto f = fs->open("/a", open_mode::create).value();
  f->write_at(10'000'000, "end").value();
  f->close().value();
  fs->copy("/a", "/b").value();
  CHECK(fs->file_size("/b").value() == 10'000'003);
  if (fs.counting() == accounting::memory) CHECK(fs.used() < 200'000);
}

TEST_CASE("copy_tree: all below is copied, as new files", "[api][copy]") {
  const scenario fs;
  fs->create_directories("/a/b/empty").value();
  fs->write_file("/a/f", "content").value();
  fs->write_file("/a/b/g", "other").value();
  fs->copy_tree("/a", "/copy").value();
  CHECK(fs->read_file("/copy/f").value() == "content");
  CHECK(fs->read_file("/copy/b/g").value() == "other");
  CHECK(fs->is_directory("/copy/b/empty").value());
  CHECK(fs->stat("/copy/f").value().generation == 0);
  const std::uint64_t used = fs.used();
  fs->copy_tree("/a", "/again").value();
  fs->remove_tree("/again").value();
  CHECK(fs.used() == used);
}

TEST_CASE("copy_tree: what can not be is refused, and leaves nothing", "[api][copy][errors]") {
  const scenario fs;
  fs->create_directories("/a/b").value();
  fs->write_file("/f", "content").value();
  const auto refused = [&](std::string_view from, std::string_view to) {
    return fs.refusal([&] { return fs->copy_tree(from, to); });
  };
  CHECK(refused("/f", "/x") == errc::not_a_directory);
  CHECK(refused("/gone", "/x") == errc::not_found);
  CHECK(refused("/a", "/f") == errc::already_exists);
  CHECK(refused("/a", "/a") == errc::already_exists);
  CHECK(refused("/a", "/a/b/c") == errc::invalid_argument);
  CHECK(refused("/", "/x") == errc::invalid_argument);
  CHECK(refused("/", "/") == errc::invalid_argument);
  CHECK(refused("/a", "/gone/x") == errc::not_found);
}

TEST_CASE("copy_tree: it is one request of the quota", "[api][copy][quota]") {
  const scenario fs(accounting::payload, {.max_quota = 399});
  fs->create_directory("/a").value();
  fs->write_file("/a/f", std::string(100, 'f')).value();
  fs->write_file("/a/g", std::string(100, 'g')).value();
  const error e = fs.refusal([&] { return fs->copy_tree("/a", "/b"); });
  CHECK(e == errc::quota_exceeded);
  CHECK(e.requested() == 200);
  CHECK(e.available() == 199);
}

}  // namespace coramfs::tests
