// SPDX-License-Identifier: BSL-1.0
#include "core/sip_hash.hpp"
#include "core/random_key.hpp"

#include "support/catch.hpp"

#include <cstdint>
#include <set>
#include <string>
#include <utility>

namespace coramfs::detail {

namespace {

constexpr hash_key paper_key{0x0706050403020100, 0x0f0e0d0c0b0a0908};

std::string counted(std::size_t size) {
  std::string text;
  for (std::size_t i = 0; i < size; ++i) text += static_cast<char>(i);
  return text;
}

}  // namespace

// From the paper's appendix A, and from the authors' reference implementation (vectors.h).
TEST_CASE("sip hash: the published values come out", "[core][hash]") {
  using published = sip_hash<2, 4>;
  CHECK(published::of(counted(15), paper_key) == 0xa129ca6149be45e5);
  CHECK(published::of(counted(0), paper_key) == 0x726fdb47dd0e0e31);
  CHECK(published::of(counted(1), paper_key) == 0x74f839c593dc67fd);
  CHECK(published::of(counted(2), paper_key) == 0x0d6c8009d9a94f5a);
  CHECK(published::of(counted(3), paper_key) == 0x85676696d7fb7e2d);
  CHECK(published::of(counted(4), paper_key) == 0xcf2794e0277187b7);
  CHECK(published::of(counted(5), paper_key) == 0x18765564cd99a68d);
  CHECK(published::of(counted(6), paper_key) == 0xcbc9466e58fee3ce);
  CHECK(published::of(counted(7), paper_key) == 0xab0200f58b01d137);
  CHECK(published::of(counted(8), paper_key) == 0x93f5f5799a932462);
}

TEST_CASE("sip hash: each byte of a text and of the key counts, and so does the size",
          "[core][hash]") {
  using used = sip_hash<1, 3>;
  std::set<std::uint64_t> seen;
  std::size_t texts = 0;
  const auto see = [&](const std::string& text, const hash_key& key) {
    seen.insert(used::of(text, key));
    ++texts;
  };
  for (std::size_t size = 0; size < 40; ++size) {
    see(std::string(size, '\0'), paper_key);
    for (std::size_t i = 0; i < size; ++i) {
      for (const char c : {'\x01', '\x40', '\x80'}) {
        std::string text(size, '\0');
        text[i] = c;
        see(text, paper_key);
      }
    }
  }
  for (int bit = 0; bit < 64; ++bit) {
    see("a name", {paper_key.low ^ std::uint64_t{1} << bit, paper_key.high});
    see("a name", {paper_key.low, paper_key.high ^ std::uint64_t{1} << bit});
  }
  CHECK(seen.size() == texts);
}

TEST_CASE("sip hash: a text is read where it stands, and nothing beside it", "[core][hash]") {
  const std::string text = counted(64);
  for (std::size_t begin = 0; begin < 16; ++begin) {
    for (std::size_t size = 0; size < 40; ++size) {
      const std::string apart = text.substr(begin, size);
      REQUIRE(sip_hash<1, 3>::of(std::string_view(text).substr(begin, size), paper_key) ==
              sip_hash<1, 3>::of(apart, paper_key));
    }
  }
}

TEST_CASE("random key: no two are the same", "[core][hash]") {
  std::set<std::pair<std::uint64_t, std::uint64_t>> keys;
  for (int i = 0; i < 100; ++i) {
    const hash_key k = random_key();
    keys.insert({k.low, k.high});
  }
  CHECK(keys.size() == 100);
}

}  // namespace coramfs::detail
