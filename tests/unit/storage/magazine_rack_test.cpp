// SPDX-License-Identifier: BSL-1.0
#include "storage/magazine_rack.hpp"

#include "support/catch.hpp"

#include <array>
#include <cstddef>
#include <memory>
#include <set>
#include <vector>

namespace coramfs::detail {

namespace {

using put_result = magazine_rack::put_result;

constexpr std::size_t bytes = 64, slab_size = 64 * 1024;

/// A rack, and pieces that are nobody's but the test's.
class fixture {
 public:
  /// A piece of the first slab, or of another one.
  void* next(std::size_t slab = 0) {
    std::byte* const first = memory_.data() + slab * slab_size;
    return first + bytes * given_++;
  }
  put_result put(magazine_rack::kind k, void* piece, std::size_t size = bytes) {
    return rack.put(k, size, slab_size, piece);
  }

  magazine_rack rack;

 private:
  struct alignas(slab_size) room : std::array<std::byte, 2 * slab_size> {};

  std::unique_ptr<room> all_ = std::make_unique<room>();
  room& memory_ = *all_;
  std::size_t given_ = 0;
};

std::set<void*> chained(free_piece* first) {
  std::set<void*> all;
  for (; first != nullptr; first = first->next) all.insert(first);
  return all;
}

}  // namespace

TEST_CASE("magazines: what was put last is taken first, and each piece once", "[storage][slabs]") {
  fixture f;
  CHECK(f.rack.take(1) == nullptr);
  void* const first = f.next();
  void* const second = f.next();
  REQUIRE(f.put(1, first) == put_result::done);
  REQUIRE(f.put(1, second) == put_result::done);
  CHECK(f.rack.take(2) == nullptr);
  CHECK(f.rack.take(1) == second);
  CHECK(f.rack.take(1) == first);
  CHECK(f.rack.take(1) == nullptr);
  CHECK(f.put(1, first) == put_result::done);
  CHECK(f.rack.take(1) == first);
}

TEST_CASE("magazines: one is full, and makes room as a whole", "[storage][slabs]") {
  fixture f;
  std::set<void*> put;
  void* piece = f.next();
  for (; f.put(1, piece) == put_result::done; piece = f.next()) put.insert(piece);
  CHECK(f.put(1, piece) == put_result::full);
  CHECK(put.size() == magazine_rack::capacity(bytes));
  CHECK(f.put(2, f.next()) == put_result::done);
  CHECK(chained(f.rack.make_room(1)) == put);
  CHECK(f.rack.take(1) == nullptr);
  CHECK(f.put(1, piece) == put_result::done);
}

TEST_CASE("magazines: one has pieces of a single slab", "[storage][slabs]") {
  fixture f;
  void* const first = f.next();
  void* const other = f.next(1);
  REQUIRE(f.put(1, first) == put_result::done);
  CHECK(f.put(1, other) == put_result::not_wanted);
  CHECK(f.put(2, other) == put_result::done);
  CHECK(f.rack.take(2) == other);
  CHECK(f.rack.take(1) == first);
  CHECK(f.put(1, other) == put_result::done);
  CHECK(f.put(1, first) == put_result::not_wanted);
}

TEST_CASE("magazines: a kind that has none takes over another's, a different one each time",
          "[storage][slabs]") {
  fixture f;
  std::vector<void*> put;
  void* piece = f.next();
  magazine_rack::kind next = 10;
  for (; f.put(next, piece) == put_result::done; piece = f.next()) {
    put.push_back(piece);
    ++next;
  }
  std::set<void*> gone;
  for (std::size_t i = 0; i < put.size(); ++i, ++next, piece = f.next()) {
    REQUIRE(f.put(next, piece) == put_result::full);
    const auto given_up = chained(f.rack.make_room(next));
    CHECK(given_up.size() == 1);
    gone.insert(given_up.begin(), given_up.end());
    CHECK(f.put(next, piece) == put_result::done);
  }
  CHECK(gone == std::set<void*>(put.begin(), put.end()));
}

TEST_CASE("magazines: all pieces can be taken out", "[storage][slabs]") {
  fixture f;
  std::set<void*> put, taken;
  for (const magazine_rack::kind k : std::array<magazine_rack::kind, 5>{3, 4, 3, 5, 3}) {
    void* const piece = f.next();
    REQUIRE(f.put(k, piece) == put_result::done);
    put.insert(piece);
  }
  const auto collect = [&](free_piece* first) { taken.merge(chained(first)); };
  f.rack.empty_all(collect);
  CHECK(taken == put);
  CHECK(f.rack.take(3) == nullptr);
  taken.clear();
  f.rack.empty_all(collect);
  CHECK(taken.empty());
}

TEST_CASE("magazines: large pieces have none, and a magazine is never large", "[storage][slabs]") {
  fixture f;
  CHECK(magazine_rack::capacity(16) > 8);
  for (std::size_t size = 16; size < 20'000; size += 16) {
    REQUIRE(magazine_rack::capacity(size) != 1);
    REQUIRE(magazine_rack::capacity(size) * size <= 2048);
  }
  CHECK(magazine_rack::capacity(1025) == 0);
  CHECK(f.put(1, f.next(), 1025) == put_result::not_wanted);
}

}  // namespace coramfs::detail
