// SPDX-License-Identifier: BSL-1.0
// A directory with very many entries.
#include <coramfs/sync/file_system.hpp>

#include "support/catch.hpp"
#include "support/describe.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

namespace coramfs::tests {

namespace {

constexpr std::size_t many = 100'000;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::size_t a_million = many;
#else
constexpr std::size_t a_million = 1'000'000;
#endif

// Seven digits, so that the order of the names is that of the numbers.
std::string name(std::size_t number) {
  const std::string digits = std::to_string(number);
  return std::string(7 - digits.size(), '0') + digits;
}

// Every entry once, far from the order that they are listed in.
std::size_t scattered(std::size_t i, std::size_t entries) { return i * 7'777'777 % entries; }

std::string path_of(std::size_t i, std::size_t entries) {
  return "/wide/" + name(scattered(i, entries));
}

sync::file_system wide_file_system(std::size_t entries) {
  auto fs = sync::file_system::create({.max_quota = std::uint64_t{1} << 30}).value();
  fs.create_directory("/wide").value();
  for (std::size_t i = 0; i < entries; ++i) {
    const std::string path = path_of(i, entries);
    if (i % 2 == 0) {
      fs.create_directory(path).value();
    } else {
      fs.write_file(path, asio::const_buffer()).value();
    }
  }
  return fs;
}

}  // namespace

TEST_CASE("wide: a million entries are made, listed in order, found, and removed",
          "[scale][wide]") {
  auto fs = wide_file_system(a_million);
  CHECK(fs.stats().value().directory_count == a_million / 2 + 2);
  CHECK(fs.stats().value().file_count == a_million / 2);

  const auto listed = fs.list("/wide").value();
  REQUIRE(listed.size() == a_million);
  for (std::size_t i = 0; i < a_million; ++i) REQUIRE((listed[i] == name(i)));

  for (std::size_t i = 0; i < a_million; ++i) {
    const auto found = fs.stat(path_of(i, a_million));
    REQUIRE(found.has_value());
    REQUIRE(found.value().is_directory == (i % 2 == 0));
  }
  CHECK_FALSE(fs.exists("/wide/" + name(a_million)).value());

  fs.remove_tree("/wide").value();
  CHECK(fs.stats().value().used_bytes == 0);
  CHECK(fs.stats().value().file_count == 0);
  CHECK(fs.stats().value().directory_count == 1);
}

TEST_CASE("wide: entries that go one by one give back what they took", "[scale][wide]") {
  auto fs = wide_file_system(many);
  for (std::size_t i = 0; i < many; ++i) {
    const std::string path = path_of(i, many);
    REQUIRE((i % 2 == 0 ? fs.remove_tree(path) : fs.remove(path)).has_value());
  }
  CHECK(fs.list("/wide").value().empty());
  fs.remove_tree("/wide").value();
  CHECK(fs.stats().value().used_bytes == 0);
}

TEST_CASE("wide: an export and an import carry every file over", "[scale][wide]") {
  auto from = wide_file_system(many);
  const auto files = from.export_tree().value();
  REQUIRE(files.size() == many / 2);
  auto to = sync::file_system::create({.max_quota = std::uint64_t{1} << 30}).value();
  to.import_tree(files).value();
  CHECK(to.stats().value().file_count == many / 2);
  CHECK((to.export_tree().value() == files));
}

}  // namespace coramfs::tests
