// SPDX-License-Identifier: BSL-1.0
// What may be written without a buffer of Asio's: text and bytes, of every kind that people have.
#include <coramfs/asio.hpp>
#include <coramfs/file_system.hpp>
#include <coramfs/sync/file_system.hpp>

#include "api/coroutines.hpp"
#include "support/catch.hpp"
#include "support/describe.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace coramfs::tests {

namespace {

const std::string with_nul("a\0b", 3);
const std::vector<std::byte> some_bytes{std::byte{'x'}, std::byte{'y'}};
const std::array<std::byte, 2> more_bytes{std::byte{'z'}, std::byte{0}};

}  // namespace

TEST_CASE("content: a thread writes literals, strings and bytes", "[api][content]") {
  auto fs = sync::file_system::create().value();
  fs.write_file("/literal", "text").value();
  fs.write_file("/string", with_nul).value();
  fs.write_file("/view", std::string_view("view")).value();
  fs.write_file("/temporary", std::string("temporary")).value();
  fs.write_file("/vector", some_bytes).value();
  fs.write_file("/array", more_bytes).value();
  fs.write_file("/span", std::span<const std::byte>(more_bytes)).value();
  fs.write_text("/written", "as text").value();
  CHECK(fs.read_text("/literal").value() == "text");
  CHECK(fs.read_text("/string").value() == with_nul);
  CHECK(fs.read_text("/view").value() == "view");
  CHECK(fs.read_text("/temporary").value() == "temporary");
  CHECK(fs.read_text("/vector").value() == "xy");
  CHECK(fs.read_text("/array").value() == std::string("z\0", 2));
  CHECK(fs.read_text("/span").value() == std::string("z\0", 2));
  CHECK(fs.read_text("/written").value() == "as text");

  auto f = fs.open("/file", open_mode::create).value();
  CHECK(f.write("abc").value() == 3);
  CHECK(f.write(with_nul).value() == 3);
  CHECK(f.write(some_bytes).value() == 2);
  CHECK(some_bytes.size() == 2);
  CHECK(f.write_at(1, std::string_view("BC")).value() == 2);
  f.close().value();
  CHECK(fs.read_text("/file").value() == "aBC" + with_nul + "xy");
}

TEST_CASE("content: an array of char ends with its first NUL, or with itself", "[api][content]") {
  auto fs = sync::file_system::create().value();
  // From the heap, so that a read beyond the end is seen.
  const auto magic = std::make_unique<char[][4]>(1);
  std::copy_n("PK\3\4", 4, magic[0]);
  char padded[8] = "abc";
  fs.write_file("/magic", magic[0]).value();
  fs.write_file("/padded", padded).value();
  CHECK(fs.read_text("/magic").value() == "PK\3\4");
  CHECK(fs.read_text("/padded").value() == "abc");
  fs.write_file("/padded", asio::buffer(padded)).value();
  CHECK(fs.file_size("/padded").value() == 8);
}

TEST_CASE("content: a coroutine does, too", "[api][content]") {
  asio::io_context context;
  auto fs = file_system::create(context.get_executor()).value();
  spawn(context, [&]() -> asio::awaitable<void> {
    auto written = co_await fs.write_file("/literal", "text");
    written.value();
    written = co_await fs.write_file("/string", with_nul);
    written.value();
    written = co_await fs.write_file("/vector", some_bytes);
    written.value();
    written = co_await fs.write_text("/written", "as text");
    written.value();
    auto f = co_await fs.open("/file", open_mode::create);
    auto count = co_await f->write("abc");
    CHECK(count.value() == 3);
    count = co_await f->write_at(1, std::string("BC"));
    CHECK(count.value() == 2);
    count = co_await f->write(more_bytes);
    CHECK(count.value() == 2);
    f->close().value();
    auto all = co_await fs.read_text("/file");
    CHECK(all.value() == std::string("aBCz\0", 5));
    all = co_await fs.read_text("/written");
    CHECK(all.value() == "as text");
    all = co_await fs.read_text("/string");
    CHECK(all.value() == with_nul);
    all = co_await fs.read_text("/literal", 3);
    CHECK(all.error() == errc::too_large);
    CHECK(all.error().requested() == 4);
    all = co_await fs.read_text("/none");
    CHECK(all.error() == errc::not_found);
  });
  context.run();
}

TEST_CASE("content: a large text is read in slices, as bytes are", "[api][content][slices]") {
  asio::io_context context;
  auto fs = file_system::create(context.get_executor()).value();
  const std::string large(5'000'000, 'l');
  sync::file_system(fs.get_volume()).write_file("/large", large).value();
  int turns = 0;
  bool has_ended = false;
  spawn(context, [&]() -> asio::awaitable<void> {
    auto all = co_await fs.read_text("/large");
    has_ended = true;
    CHECK((all.value() == large));
  });
  spawn(context, [&]() -> asio::awaitable<void> {
    while (!has_ended) {
      ++turns;
      co_await asio::post(asio::use_awaitable);
    }
  });
  context.run();
  CHECK(turns >= 4);
}

}  // namespace coramfs::tests
