// SPDX-License-Identifier: BSL-1.0
// Which of several failures is told: the first in the order of the checks.
#include "api/scenario.hpp"

namespace coramfs::tests {

namespace {

constexpr open_options at_once{.timeout = lock_timeout::immediate()};
constexpr auto no_mode = static_cast<open_mode>(9);

}  // namespace

TEST_CASE("order: option values come before paths", "[api][order]") {
  const scenario fs;
  const open_options wrong{.on_full = static_cast<when_full>(2)};
  for (const char* path : {"/../x", "/missing/x", "/"}) {
    INFO(path);
    CHECK(error_of(fs->open(path, no_mode)) == errc::invalid_argument);
    CHECK(error_of(fs->open(path, open_mode::write, wrong)) == errc::invalid_argument);
    CHECK(error_of(fs->open(path, open_mode::read, {.preallocate = 1})) == errc::invalid_argument);
  }
}

TEST_CASE("order: the parent comes before existence, existence before kind", "[api][order]") {
  const scenario fs({.max_nodes = 3});
  fs->write_file("/f", "").value();
  fs->create_directory("/d").value();
  CHECK(error_of(fs->open("/f/x", open_mode::create)) == errc::not_a_directory);
  CHECK(error_of(fs->open("/missing/x", open_mode::create)) == errc::not_found);
  CHECK(error_of(fs->open("/d", open_mode::create)) == errc::is_a_directory);
  CHECK(error_of(fs->open("/f", open_mode::create)) == errc::already_exists);
  CHECK(error_of(fs->create_directory("/f")) == errc::already_exists);
  CHECK(error_of(fs->create_directories("/f/x")) == errc::not_a_directory);
  CHECK(error_of(fs->write_file("/d", "x")) == errc::is_a_directory);
}

TEST_CASE("order: the kind comes before the lock, and before busy", "[api][order]") {
  const scenario fs;
  fs->create_directory("/d").value();
  const auto f = fs->open("/d/f", open_mode::create).value();
  CHECK(error_of(fs->open("/d/f", open_mode::create, at_once)) == errc::already_exists);
  CHECK(error_of(fs->remove("/d")) == errc::is_a_directory);
  CHECK(error_of(fs->remove_tree("/d/f")) == errc::not_a_directory);
  CHECK(error_of(fs->remove_tree("/")) == errc::invalid_argument);
  CHECK(error_of(fs->remove_directory("/d/f")) == errc::not_a_directory);
  CHECK(error_of(fs->remove_directory("/")) == errc::invalid_argument);
  CHECK(error_of(fs->remove_directory("/d")) == errc::directory_not_empty);
  CHECK(error_of(fs->remove("/d/f")) == errc::busy);
}

TEST_CASE("order: the kind of every target comes before one that is busy", "[api][order]") {
  const scenario fs;
  const auto f = fs->open("/a", open_mode::create).value();
  fs->create_directory("/d").value();
  fs->write_file("/f", "").value();
  CHECK(error_of(fs->import_tree({{"/a", {}}, {"/d", {}}})) == errc::is_a_directory);
  CHECK(error_of(fs->import_tree({{"/a", {}}, {"/f/x", {}}})) == errc::not_a_directory);
  CHECK(error_of(fs->import_tree({{"/a", {}}, {"/b", {}}})) == errc::busy);
}

TEST_CASE("order: the lock comes before bytes", "[api][order]") {
  const scenario fs({.max_quota = 4000, .default_lock_timeout = lock_timeout::immediate()});
  const auto f = fs->open("/f", open_mode::create).value();
  CHECK(error_of(fs->open("/f", open_mode::update, {.preallocate = 4001})) == errc::would_block);
  CHECK(error_of(fs->write_file("/f", std::string(4001, 'x'))) == errc::would_block);
  f->write("abc").value();
  CHECK(error_of(fs->read_file("/f", 2)) == errc::would_block);
}

TEST_CASE("order: nodes come before bytes", "[api][order]") {
  const scenario fs({.max_quota = 4000, .max_nodes = 1});
  CHECK(error_of(fs->open("/f", open_mode::create, {.preallocate = 4001})) ==
        errc::node_limit_exceeded);
  CHECK(error_of(fs->write_file("/f", std::string(4001, 'x'))) == errc::node_limit_exceeded);
  const scenario nothing({.max_quota = 0, .max_nodes = 1});
  CHECK(error_of(nothing->create_directory("/d")) == errc::node_limit_exceeded);
  CHECK(error_of(nothing->create_directories("/d/e")) == errc::node_limit_exceeded);
}

TEST_CASE("order: on a handle, being open comes before what it may do and before arguments",
          "[api][order]") {
  const scenario fs;
  char buffer[1];
  for (const open_mode mode : {open_mode::create, open_mode::read}) {
    const auto f = fs->open("/f", mode).value();
    f->close().value();
    CHECK(error_of(f->read(buffer)) == errc::not_open);
    CHECK(error_of(f->write("x")) == errc::not_open);
    CHECK(error_of(f->seek(-1)) == errc::not_open);
    CHECK(error_of(f->seek(0, static_cast<seek_from>(9))) == errc::not_open);
    CHECK(error_of(f->truncate(~std::uint64_t{0})) == errc::not_open);
    CHECK(error_of(f->write_at(~std::uint64_t{0}, "x")) == errc::not_open);
  }
}

TEST_CASE("order: on a handle, what it may do comes before arguments", "[api][order]") {
  const scenario fs;
  fs->write_file("/f", "abc").value();
  const auto f = fs->open("/f", open_mode::read).value();
  CHECK(error_of(f->truncate(~std::uint64_t{0})) == errc::not_writable);
  CHECK(error_of(f->write_at(~std::uint64_t{0}, "x")) == errc::not_writable);
  CHECK(error_of(f->write_at(9, "x")) == errc::not_writable);
}

TEST_CASE("order: on a handle, arguments come before the layout, and that before bytes",
          "[api][order]") {
  const scenario fs(storage_layout::sequential, {.max_quota = 4000});
  const auto f = fs->open("/f", open_mode::create).value();
  const std::string large(4001, 'x');
  CHECK(error_of(f->write_at(std::uint64_t{1} << 63, large)) == errc::too_large);
  CHECK(error_of(f->write_at(1, large)) == errc::not_supported);
  CHECK(error_of(f->write_at(0, large)) == errc::quota_exceeded);
  f->seek(1).value();
  CHECK(error_of(f->write(large)) == errc::not_supported);
  CHECK(error_of(f->write(bytes_of(large))) == errc::not_supported);
}

TEST_CASE("order: on an append handle, the largest offset comes before the end", "[api][order]") {
  const scenario fs;
  const auto f = fs->open("/f", open_mode::append).value();
  CHECK(error_of(f->write_at(std::uint64_t{1} << 63, "x")) == errc::too_large);
  CHECK(error_of(f->write_at(1, "x")) == errc::not_supported);
}

}  // namespace coramfs::tests
