// SPDX-License-Identifier: BSL-1.0
#include <coramfs/error.hpp>

#include "support/catch.hpp"
#include "support/describe.hpp"

#include <set>
#include <string>

namespace coramfs::tests {

TEST_CASE("error: each code equals its standard counterpart", "[core][error]") {
  const struct {
    errc code;
    std::errc standard;
  } pairs[] = {{errc::quota_exceeded, std::errc::no_space_on_device},
               {errc::node_limit_exceeded, std::errc::no_space_on_device},
               {errc::memory_guard, std::errc::not_enough_memory},
               {errc::out_of_memory, std::errc::not_enough_memory},
               {errc::abandoned, std::errc::connection_aborted},
               {errc::not_found, std::errc::no_such_file_or_directory},
               {errc::already_exists, std::errc::file_exists},
               {errc::is_a_directory, std::errc::is_a_directory},
               {errc::not_a_directory, std::errc::not_a_directory},
               {errc::directory_not_empty, std::errc::directory_not_empty},
               {errc::busy, std::errc::device_or_resource_busy},
               {errc::would_block, std::errc::operation_would_block},
               {errc::timed_out, std::errc::timed_out},
               {errc::canceled, std::errc::operation_canceled},
               {errc::invalid_path, std::errc::invalid_argument},
               {errc::name_too_long, std::errc::filename_too_long},
               {errc::invalid_argument, std::errc::invalid_argument},
               {errc::not_open, std::errc::bad_file_descriptor},
               {errc::not_readable, std::errc::operation_not_permitted},
               {errc::not_writable, std::errc::operation_not_permitted},
               {errc::not_supported, std::errc::operation_not_supported},
               {errc::too_large, std::errc::file_too_large},
               {errc::invalid_encoding, std::errc::illegal_byte_sequence}};
  for (const auto& [code, standard] : pairs) {
    const std::error_code as_code = code;
    INFO(as_code.message());
    CHECK(as_code == standard);
    CHECK(error(code) == standard);
    CHECK(error(code) == code);
    CHECK(as_code != std::errc::no_link);
  }
  // An archive's faults are nobody else's.
  for (const errc code :
       {errc::unsafe_archive_entry, errc::corrupt_archive, errc::unsupported_archive})
    CHECK(std::error_code(code).default_error_condition().category() == error_category());
}

TEST_CASE("error: every code has a text and a place of its own", "[core][error]") {
  std::set<std::string> texts;
  const int last = static_cast<int>(errc::abandoned);
  for (int i = 1; i <= last; ++i) {
    const auto code = static_cast<errc>(i);
    texts.insert(std::error_code(code).message());
    CHECK((error(code) == static_cast<errc>(i % last + 1)) == (last == 1));
  }
  CHECK(last == 26);
  CHECK(texts.size() == 26);
  CHECK(texts.count("") == 0);
  CHECK(texts.count(error_category().message(0)) == 0);
}

TEST_CASE("error: all codes of one copy have one category", "[core][error]") {
  const std::error_code code = errc::busy;
  CHECK(&code.category() == &error_category());
  CHECK(std::string(error_category().name()) == "coramfs");
  CHECK(make_error_code(errc::busy) == code);
  CHECK(code.value() == static_cast<int>(errc::busy));
}

TEST_CASE("error: the limits say how much was asked and how much was left", "[core][error]") {
  CHECK(error(errc::quota_exceeded, 2097152, 1048576).message() ==
        "quota exceeded: requested 2097152 bytes, 1048576 available");
  CHECK(error(errc::node_limit_exceeded, 1, 0).message() ==
        "node limit exceeded: requested 1 nodes, 0 available");
  const error e(errc::too_large, ~std::uint64_t{0}, 7);
  CHECK(e.requested() == ~std::uint64_t{0});
  CHECK(e.available() == 7);
  CHECK(e.message().find("18446744073709551615") != std::string::npos);
  const error guard(errc::memory_guard, 4096, 512);
  CHECK(guard.message().find("4096") != std::string::npos);
  CHECK(guard.message().find("512") != std::string::npos);
}

TEST_CASE("error: one without numbers has zeros and only its text", "[core][error]") {
  const error e(errc::not_found);
  CHECK(e.requested() == 0);
  CHECK(e.available() == 0);
  CHECK(e.message() == std::error_code(errc::not_found).message());
}

// As of the error code of a stream operation, which had no numbers.
TEST_CASE("error: one that is made of a code alone tells no numbers", "[core][error]") {
  for (const errc code : {errc::quota_exceeded, errc::node_limit_exceeded, errc::memory_guard,
                          errc::too_large, errc::timed_out})
    CHECK(error(code).message() == make_error_code(code).message());
}

TEST_CASE("error: a foreign code is passed through", "[core][error]") {
  const std::error_code foreign = std::make_error_code(std::errc::no_link);
  const error e(foreign);
  CHECK(e.code() == foreign);
  CHECK(e == std::errc::no_link);
  CHECK(e.message() == foreign.message());
  CHECK(!(e == errc::not_found));
  // The same number in another category is another error.
  CHECK(!(error(std::error_code(static_cast<int>(errc::busy), std::generic_category())) ==
          errc::busy));
}

// What another copy of the library has, linked into another part of the same program.
class category_of_a_copy final : public std::error_category {
 public:
  const char* name() const noexcept override { return "coramfs"; }
  std::string message(int) const override { return {}; }
};

TEST_CASE("error: a code of another copy of the library is equal by name and number",
          "[core][error]") {
  const category_of_a_copy copy;
  const int busy = static_cast<int>(errc::busy);
  const std::error_code theirs(busy, copy);
  REQUIRE(theirs.category() != error_category());
  CHECK(theirs == errc::busy);
  CHECK(errc::busy == theirs);
  CHECK(error(theirs) == errc::busy);
  CHECK(theirs != errc::not_found);
  CHECK(!(error(theirs) == errc::not_found));
  // As conditions, from either side.
  CHECK(theirs == std::error_condition(busy, error_category()));
  CHECK(std::error_code(errc::busy) == std::error_condition(busy, copy));
  CHECK(theirs != std::error_condition(busy + 1, error_category()));
  CHECK(std::error_code(errc::busy) != std::error_condition(busy + 1, copy));
  // The same number in a category of another name is another error.
  const std::error_code foreign(busy, std::generic_category());
  CHECK(foreign != errc::busy);
  CHECK(foreign != std::error_condition(busy, error_category()));
}

}  // namespace coramfs::tests
