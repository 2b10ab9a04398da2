// SPDX-License-Identifier: BSL-1.0
// Every error that the operations can give, provoked by name. `canceled` needs a coroutine and
// is provoked where cancellation is tested.
#include "api/scenario.hpp"

#include <functional>
#include <limits>

namespace coramfs::tests {

namespace {

constexpr open_options at_once{.timeout = lock_timeout::immediate()};

struct provocation {
  errc expected;
  std::function<error()> act;
};

}  // namespace

TEST_CASE("errors: each that the tree gives can be provoked", "[api][errors]") {
  const scenario fs({.max_quota = 4000, .max_nodes = 4});
  fs->create_directory("/d").value();
  fs->write_file("/f", "abc").value();
  fs->write_file("/d/open", "abc").value();
  const auto held = fs->open("/d/open", open_mode::update).value();
  const auto twin = fs.twin();
  const open_options soon{.timeout = std::chrono::milliseconds(1)};
  const provocation all[] = {
      {errc::quota_exceeded,
       [&] { return error_of(fs->write_file("/f", std::string(4001, 'x'))); }},
      {errc::node_limit_exceeded, [&] { return error_of(fs->create_directory("/e")); }},
      {errc::not_found, [&] { return error_of(fs->stat("/missing")); }},
      {errc::already_exists, [&] { return error_of(fs->open("/f", open_mode::create)); }},
      {errc::is_a_directory, [&] { return error_of(fs->remove("/d")); }},
      {errc::not_a_directory, [&] { return error_of(fs->list("/f")); }},
      {errc::directory_not_empty, [&] { return error_of(fs->remove_directory("/d")); }},
      {errc::busy, [&] { return error_of(fs->remove("/d/open")); }},
      {errc::would_block, [&] { return error_of(fs->open("/d/open", open_mode::read, at_once)); }},
      {errc::timed_out, [&] { return error_of(twin->open("/d/open", open_mode::read, soon)); }},
      {errc::invalid_path, [&] { return error_of(fs->stat("/../x")); }},
      {errc::name_too_long, [&] { return error_of(fs->stat(std::string(256, 'x'))); }},
      {errc::invalid_argument, [&] { return error_of(fs->remove_tree("/")); }},
      {errc::too_large, [&] { return error_of(fs->read_file("/f", 2)); }},
  };
  for (const provocation& p : all) {
    INFO(error(p.expected).message());
    const std::string before = fs.picture();
    CHECK(p.act() == p.expected);
    CHECK(fs.picture() == before);
  }
}

TEST_CASE("errors: each that a handle gives can be provoked", "[api][errors]") {
  const scenario fs(storage_layout::sequential, {.max_quota = 4000});
  const auto closed = fs->open("/closed", open_mode::create).value();
  closed->close().value();
  const auto writing = fs->open("/w", open_mode::create).value();
  const auto reading = fs->open("/closed", open_mode::read).value();
  char buffer[1];
  const provocation all[] = {
      {errc::not_open, [&] { return error_of(closed->size()); }},
      {errc::not_readable, [&] { return error_of(writing->read(buffer)); }},
      {errc::not_writable, [&] { return error_of(reading->truncate(0)); }},
      {errc::invalid_argument, [&] { return error_of(reading->seek(-1)); }},
      {errc::too_large, [&] { return error_of(writing->truncate(std::uint64_t{1} << 63)); }},
      {errc::not_supported, [&] { return error_of(writing->write_at(1, "x")); }},
      {errc::quota_exceeded, [&] { return error_of(writing->truncate(4001)); }},
  };
  for (const provocation& p : all) {
    INFO(error(p.expected).message());
    const std::string before = fs.picture();
    CHECK(p.act() == p.expected);
    CHECK(fs.picture() == before);
  }
}

TEST_CASE("errors: those with numbers say how much was asked and how much was left",
          "[api][errors]") {
  const scenario fs(accounting::payload, {.max_quota = 1'048'576, .max_nodes = 2});
  const auto f = fs->open("/f", open_mode::create).value();
  const error quota = error_of(f->truncate(2'097'152));
  CHECK(quota.requested() == 2'097'152);
  CHECK(quota.available() == 1'048'576);
  CHECK(quota.message() ==
        "quota exceeded: truncate \"/f\": requested 2097152 bytes, 1048576 available");
  const error nodes = error_of(fs->create_directory("/d"));
  CHECK(nodes.requested() == 1);
  CHECK(nodes.available() == 0);
  CHECK(nodes.message() ==
        "node limit exceeded: create_directory \"/d\": requested 1 nodes, 0 available");
  for (const error& e : {error_of(fs->stat("/missing")), error_of(fs->remove("/f")),
                         error_of(fs->remove_tree("/")), error_of(fs->stat("/.."))}) {
    INFO(e.message());
    CHECK(e.requested() == 0);
    CHECK(e.available() == 0);
  }
}

TEST_CASE("errors: both limits are a device without space", "[api][errors]") {
  const scenario fs(accounting::payload, {.max_quota = 1, .max_nodes = 2});
  const auto f = fs->open("/f", open_mode::create).value();
  CHECK(error_of(f->write("xy")).code() == std::errc::no_space_on_device);
  CHECK(error_of(fs->create_directory("/d")).code() == std::errc::no_space_on_device);
}

TEST_CASE("errors: value() throws the code of a failure", "[api][errors]") {
  const scenario fs;
  try {
    fs->stat("/missing").value();
    FAIL("nothing was thrown");
  } catch (const std::system_error& e) {
    CHECK(e.code() == errc::not_found);
    CHECK(e.code() == std::errc::no_such_file_or_directory);
  }
}

// The sanitizers end the program where an allocator would refuse.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST_CASE("errors: what the allocator refuses has changed nothing", "[api][errors]") {
  const scenario fs(storage_layout::sequential,
                    {.max_quota = std::numeric_limits<std::uint64_t>::max()});
  fs->write_file("/f", "abc").value();
  const auto largest = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  for (const char* path : {"/f", "/new"}) {
    INFO(path);
    CHECK(fs.refusal([&] { return fs->open(path, open_mode::write, {.preallocate = largest}); }) ==
          errc::out_of_memory);
  }
  const auto f = fs->open("/f", open_mode::update).value();
  CHECK(fs.refusal([&] { return f->truncate(largest); }) == errc::out_of_memory);
  CHECK(f->read_all().value() == "abc");
}
#endif

}  // namespace coramfs::tests
