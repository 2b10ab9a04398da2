// SPDX-License-Identifier: BSL-1.0
// Single steps of files that share, each of them with nothing beside it but what it is about.
#include "storage/block_table.hpp"
#include "storage/promotion.hpp"
#include "storage/small_memory.hpp"
#include "storage/unsharer.hpp"

#include "support/catch.hpp"
#include "support/describe.hpp"
#include "unit/storage/shared_files.hpp"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <span>
#include <thread>
#include <utility>

namespace coramfs::detail {

namespace {

constexpr std::uint64_t mib = 1024 * 1024;

std::unique_ptr<file> make(volume_of_files& v, storage_layout layout, std::size_t size) {
  auto made = std::make_unique<file>(v, layout);
  made->model = filled(size, 'x');
  REQUIRE(made->content.write(v.payer, 0, std::span<const std::byte>(made->model)));
  made->content.trim(v.payer);
  return made;
}

void drop(std::unique_ptr<file>& f) {
  remove(*f);
  f.reset();
}

result<void> overwrite(file& f, std::size_t offset, std::size_t size) {
  const bytes piece = filled(size, 'y');
  BOOST_OUTCOME_TRY(f.content.write(f.in->payer, offset, std::span<const std::byte>(piece)));
  f.model.resize(std::max(f.model.size(), offset + size));
  std::copy(piece.begin(), piece.end(), f.model.begin() + static_cast<std::ptrdiff_t>(offset));
  return boost::outcome_v2::success();
}

/// Checks what a volume is charged, and what is in its files.
void check(const volume_of_files& v, std::initializer_list<std::unique_ptr<file>*> all,
           const std::list<pin>& pins = {}) {
  files list;
  for (auto* const f : all) list.push_back(std::move(*f));
  const books b = books_of(v, list, pins);
  CHECK(v.used() == b.used);
  CHECK(v.held() == b.held);
  for (const auto& f : list) CHECK(f->all() == f->model);
  auto at = list.begin();
  for (auto* const f : all) *f = std::move(*at++);
}

}  // namespace

TEST_CASE("share: a copy has the layout of its source, whatever it was made for",
          "[storage][share]") {
  const auto from = GENERATE(from_range(std::begin(layouts), std::end(layouts)));
  const auto to = GENERATE(from_range(std::begin(layouts), std::end(layouts)));
  const std::size_t size = GENERATE(0, 100, 200'000);
  CAPTURE(static_cast<int>(from), static_cast<int>(to), size);
  volume_of_files v(10'000'000, accounting::memory), other(10'000'000, accounting::memory);
  auto a = make(v, from, size);
  file b(other, to);
  REQUIRE(b.content.share(other.payer.prepaid(), a->content));
  CHECK(b.all() == a->model);
  // A gap shows which layout it is.
  const auto behind_gap = [&](file& f) {
    return f.content.write(f.in->payer, size + 300'000, std::span<const std::byte>(a->model));
  };
  if (size == 0) return;
  CHECK(behind_gap(b).has_value() == (from != storage_layout::sequential));
  CHECK(behind_gap(*a).has_value() == (from != storage_layout::sequential));
}

TEST_CASE("share: a block is taken over although pins have had the charge of its loan",
          "[storage][share][pins]") {
  const auto layout = GENERATE(from_range(std::begin(layouts), std::end(layouts)));
  volume_of_files v(10'000'000, accounting::memory);
  auto a = make(v, layout, 60'000);
  auto b = share(v, *a).value();
  std::list<pin> pins;
  pins.push_back(take_pin(*b, 0, 60'000));
  b->content.trim(v.payer);  // leaves the charge to the pin
  b->content.settle_pins();
  check(v, {&a, &b}, pins);
  pins.clear();
  drop(a);
  v.limits.set_max_bytes(v.used());
  REQUIRE(overwrite(*b, 1000, 10));
  check(v, {&b});
  drop(b);
  CHECK(v.used() == 0);
}

TEST_CASE("share: what is taken over in the middle of a chain brings no slack",
          "[storage][share]") {
  volume_of_files v(10'000'000, accounting::memory);
  auto a = make(v, storage_layout::sequential, mib);
  auto b = share(v, *a).value();
  REQUIRE(a->content.resize(v.payer, 10'000));
  a->model.resize(10'000);
  auto c = share(v, *a).value();
  drop(a);
  drop(b);
  REQUIRE(overwrite(*c, 10'000, 100'000));
  c->content.trim(v.payer);
  CHECK(v.used() > mib);
  REQUIRE(overwrite(*c, 0, 10));
  c->content.trim(v.payer);
  check(v, {&c});
  CHECK(v.used() < 130'000);
  drop(c);
  CHECK(v.used() == 0);
}

TEST_CASE("share: a copy of a loan holds the lender's volume as soon as it is there",
          "[storage][share]") {
  const auto layout = GENERATE(from_range(std::begin(layouts), std::end(layouts)));
  volume_of_files v(10'000'000, accounting::memory), other(10'000'000, accounting::memory);
  volume_of_files third(10'000'000, accounting::memory);
  {
    auto a = make(v, layout, 60'000);
    auto b = share(other, *a).value();
    drop(a);
    v.whole.drop_owner();
    file c(third, layout);
    c.model = b->model;
    // It makes those of other files, too, so it is there when the first source is let go of.
    loan_maker loans(third.payer.blocks(), b->content.block_count());
    REQUIRE(c.content.share(third.payer.prepaid(), b->content, loans));
    drop(b);
    CHECK_FALSE(v.whole.has_ended());
    CHECK(c.all() == c.model);
  }
  CHECK(v.whole.has_ended());
  CHECK(v.used() == 0);
}

TEST_CASE("share: a copy that is refused memory half way holds the lender's volume until it goes",
          "[storage][share]") {
  volume_of_files v(100 * mib, accounting::memory), other(100 * mib, accounting::memory);
  if (other.blocks.most_resident() > 200 * mib) return;  // where the system takes no pages back
  constexpr std::size_t slab = small_memory::slab_size;
  constexpr std::uint64_t count = 4 * slab / sizeof(block);
  file a(v, storage_layout::random_access);
  const bytes one = filled(1, 'x');
  for (std::uint64_t i = 0; i < count; ++i)
    REQUIRE(a.content.write(v.payer, i * block_table::block_size, std::span(one)));
  // For a slab of pages of the table, and some of loans.
  REQUIRE(other.blocks.add_foreign(other.blocks.most_resident() - other.blocks.resident_bytes() -
                                   3 * slab));
  std::optional<file> b(std::in_place, other, storage_layout::random_access);
  loan_maker loans(other.payer.blocks(), count);
  REQUIRE_FALSE(b->content.share(other.payer.prepaid(), a.content, loans));
  CHECK(v.whole.has_loans());
  b.reset();
  CHECK_FALSE(v.whole.has_loans());
  remove(a);
}

TEST_CASE("share: room that could not be given back when a block was taken over goes at a close",
          "[storage][share]") {
  volume_of_files v(10'000'000, accounting::memory);
  if (v.blocks.most_resident() > 100 * mib) return;  // where the system takes no pages back
  auto a = make(v, storage_layout::sequential, mib);
  auto b = share(v, *a).value();
  REQUIRE(a->content.resize(v.payer, 1'000));
  a->model.resize(1'000);
  auto c = share(v, *a).value();
  drop(a);
  drop(b);
  REQUIRE(overwrite(*c, 1'000, 100'000));
  c->content.trim(v.payer);
  // A smaller block needs memory, which there is none of: others have what the loan was in.
  auto other = make(v, storage_layout::sequential, mib);
  auto copy = share(v, *other).value();
  v.blocks.keep_at_most(0);
  const std::uint64_t rest = v.blocks.most_resident() - v.blocks.resident_bytes();
  REQUIRE(v.blocks.add_foreign(rest));
  REQUIRE(overwrite(*c, 0, 10));
  c->content.trim(v.payer);
  CHECK(v.used() > 2 * mib);
  check(v, {&c, &other, &copy});
  v.blocks.drop_foreign(rest);
  c->content.trim(v.payer);
  CHECK(v.used() < mib + 130'000);
  check(v, {&c, &other, &copy});
  drop(c);
  drop(other);
  drop(copy);
  CHECK(v.used() == 0);
}

TEST_CASE("share: a promotion that is dropped half way charges for what it has copied",
          "[storage][share]") {
  const auto counting = GENERATE(accounting::memory, accounting::payload);
  const int slices = GENERATE(0, 1, 3, 7);
  const bool is_short = GENERATE(false, true);
  CAPTURE(slices, is_short);
  volume_of_files v(100 * mib, counting);
  auto a = make(v, storage_layout::automatic, 8 * mib);
  auto b = share(v, *a, storage_layout::automatic).value();
  const std::uint64_t before = v.used();
  {
    std::unique_ptr<promotion> rest;
    REQUIRE(b->content.make_room(v.payer, 20 * mib, 3, &rest));
    REQUIRE(rest != nullptr);
    for (int i = 0; i < slices; ++i) REQUIRE_FALSE(rest->advance(mib).value());
    if (is_short) v.limits.set_max_bytes(before);
  }
  CHECK(b->all() == b->model);
  if (counting == accounting::memory) {
    CHECK(v.used() >= before + static_cast<unsigned>(slices) * mib - 4096);
    CHECK(v.used() <= before + static_cast<unsigned>(slices) * (mib + 8192));
  } else {
    CHECK(v.used() == before);
  }
  v.limits.set_max_bytes(100 * mib);
  {
    auto rest = b->content.unshare(v.payer).value();
    while (rest != nullptr && !rest->advance(mib)) continue;
  }
  b->content.trim(v.payer);
  if (counting == accounting::memory) check(v, {&a, &b});
  drop(b);
  drop(a);
  CHECK(v.used() == 0);
  CHECK(v.held() == 0);
  CHECK(v.limits.read().committed.chunks == 0);
}

// Whoever moves memory asks for the owner at any time, under no lock of the file's.
TEST_CASE("share: who sees that a block was taken over sees its new owner",
          "[storage][share][race]") {
  for (int round = 0; round < 300; ++round) {
    volume_of_files v(10'000'000, accounting::memory);
    auto a = make(v, storage_layout::sequential, 100);
    auto b = share(v, *a).value();
    pieces listed;
    b->content.list_pieces(0, 100, listed);
    block& lender = listed[0].owner->source();
    drop(a);
    std::atomic<bool> looks{false};
    storage* seen = nullptr;
    std::thread beside([&] {
      looks = true;
      while ((seen = lender.sole_owner()) == nullptr) std::this_thread::yield();
    });
    while (!looks) std::this_thread::yield();
    REQUIRE(overwrite(*b, 0, 1));
    beside.join();
    REQUIRE(seen == &b->content);
    drop(b);
  }
}

}  // namespace coramfs::detail
