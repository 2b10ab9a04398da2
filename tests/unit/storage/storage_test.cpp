// SPDX-License-Identifier: BSL-1.0
#include "storage/storage.hpp"

#include "support/catch.hpp"
#include "support/describe.hpp"
#include "unit/storage/bench.hpp"

#include <algorithm>
#include <random>
#include <set>
#include <vector>

namespace coramfs::detail {

TEST_CASE("storage: in each layout random operations read back as in a plain vector",
          "[storage][property]") {
  const auto layout = GENERATE(from_range(std::begin(layouts), std::end(layouts)));
  const auto counting = GENERATE(accounting::memory, accounting::payload);
  for (unsigned seed = 0; seed < 40; ++seed) {
    CAPTURE(static_cast<int>(layout), static_cast<int>(counting), seed);
    std::mt19937_64 random(seed);
    const auto below = [&](std::uint64_t n) { return random() % n; };
    const auto scale = [&] { return below(std::uint64_t{1} << below(21)); };
    bench b(layout, 100'000 + below(3'000'000), counting);
    bytes model;
    for (int step = 0; step < 200; ++step) {
      const std::uint64_t used = b.used();
      const bytes piece = filled(scale(), step % 255 + 1);
      result<void> done = errc::busy;
      switch (below(6)) {
        case 0:
        case 1: {
          const std::uint64_t offset = below(3) == 0 ? scale() : below(model.size() + 1);
          if (piece.empty()) continue;
          done = b.write(offset, piece);
          if (!done) break;
          model.resize(std::max<std::size_t>(model.size(), offset + piece.size()));
          std::copy(piece.begin(), piece.end(),
                    model.begin() + static_cast<std::ptrdiff_t>(offset));
          break;
        }
        case 2: {
          bytes taken = piece;
          if (piece.empty()) continue;
          done = b.content.write(b.payer, b.content.size(), std::move(taken));
          if (done) model.insert(model.end(), piece.begin(), piece.end());
          CHECK(taken.empty() == done.has_value());
          break;
        }
        case 3:
          done = b.content.resize(b.payer, piece.size());
          if (done) model.resize(piece.size());
          break;
        case 4:
          done = b.content.assign(b.payer, piece);
          if (done) model = piece;
          break;
        default: b.content.trim(b.payer); continue;
      }
      if (!done) {
        const bool gap = done.error() == errc::not_supported;
        REQUIRE(
            (gap ? layout == storage_layout::sequential : done.error() == errc::quota_exceeded));
        REQUIRE(b.used() == used);
      }
      REQUIRE(b.used() == b.payer.of(b.content.totals_now()).bytes);
      REQUIRE(b.content.size() == model.size());
    }
    REQUIRE(b.all() == model);
    REQUIRE(b.content.resize(b.payer, 0));
    CHECK(b.used() == 0);
  }
}

TEST_CASE("storage: where there is room, bytes may be stored in pieces", "[storage]") {
  const auto layout = GENERATE(from_range(std::begin(layouts), std::end(layouts)));
  const bool gap = GENERATE(false, true);
  if (gap && layout == storage_layout::sequential) return;
  CAPTURE(static_cast<int>(layout), gap);
  bench b(layout);
  REQUIRE(b.write(0, filled(1000, 'a')));
  const std::uint64_t offset = gap ? 200'000 : 500;
  REQUIRE(b.content.make_room(b.payer, offset, 300'000));
  const std::uint64_t used = b.used();
  CHECK(b.content.size() == offset + 300'000);
  for (std::uint64_t i = 0; i < 300'000; i += 1000)
    b.content.store(offset + i, filled(1000, static_cast<int>(i / 1000 % 250 + 1)));
  CHECK(b.used() == used);
  bytes model = filled(gap ? 1000 : 500, 'a');
  model.resize(offset);
  for (int i = 0; i < 300; ++i) model.insert(model.end(), 1000, std::byte(i % 250 + 1));
  CHECK(b.all() == model);
}

TEST_CASE("storage: room that is refused changes nothing", "[storage][quota]") {
  const auto layout = GENERATE(from_range(std::begin(layouts), std::end(layouts)));
  bench b(layout, 100'000);
  REQUIRE(b.write(0, filled(1000, 'a')));
  const std::uint64_t used = b.used();
  CHECK(tests::error_of(b.content.make_room(b.payer, 500, 100'000)) == errc::quota_exceeded);
  CHECK(tests::error_of(b.content.make_room(b.payer, 1 << 20, 100'000)) ==
        (layout == storage_layout::sequential ? errc::not_supported : errc::quota_exceeded));
  CHECK(b.used() == used);
  CHECK(b.all() == filled(1000, 'a'));
}

TEST_CASE("chain: the chunks of a file that is written in small pieces are few",
          "[storage][chain]") {
  bench b(storage_layout::sequential);
  for (int i = 0; i < 100'000; ++i) REQUIRE(b.write(b.content.size(), filled(10, 'x')));
  CHECK(b.content.totals_now().chunks < 25);
  b.content.trim(b.payer);
  CHECK(b.used() < 1'010'000);
}

TEST_CASE("chain: a file that is written once takes no more than it needs", "[storage][chain]") {
  for (const std::size_t size : {1u, 100u, 4096u, 100'000u}) {
    bench b(storage_layout::automatic);
    REQUIRE(b.write(0, filled(size, 'x')));
    CHECK(b.used() == storage::totals_for(storage_layout::automatic, size).footprint);
    CHECK(b.used() >= size);
    CHECK(b.used() <= size + size / 20 + 64);
  }
}

TEST_CASE("chain: what fits in one piece also fits when it is appended piece by piece",
          "[storage][chain][quota]") {
  const std::uint64_t exact = storage::totals_for(storage_layout::sequential, 20'000).footprint;
  bench b(storage_layout::sequential, exact);
  for (int i = 0; i < 2000; ++i) REQUIRE(b.write(b.content.size(), filled(10, 'x')));
  CHECK(b.used() <= exact);
  // Chunks that grow are cut in other places, which may take a little less.
  bench short_of_one(storage_layout::sequential, exact - 1'000);
  result<void> last = boost::outcome_v2::success();
  while (last && short_of_one.content.size() < 20'000)
    last = short_of_one.write(short_of_one.content.size(), filled(10, 'x'));
  CHECK(tests::error_of(last) == errc::quota_exceeded);
}

TEST_CASE("chain: a moved-in buffer at the end is not copied", "[storage][chain]") {
  bench b(storage_layout::automatic);
  REQUIRE(b.write(0, filled(10, 'a')));
  bytes large = filled(1'000'000, 'b');
  const std::uint64_t before = b.used();
  REQUIRE(b.content.write(b.payer, 10, std::move(large)));
  CHECK(b.content.totals_now().chunks == 2);
  CHECK(b.used() - before >= 1'000'000);
  CHECK(b.used() - before < 1'010'000);
}

TEST_CASE("chain: what is cut away is charged no more, nor what is left less",
          "[storage][chain][quota]") {
  bench b(storage_layout::sequential);
  // So much that it is not merged with what comes.
  const bytes kept = filled(1'000'000, 'a');
  REQUIRE(b.write(0, kept));
  b.content.trim(b.payer);
  const std::uint64_t used = b.used();
  for (int i = 1; i <= 3; ++i) {
    REQUIRE(b.write(b.content.size(), filled(i * 100'000u, 'b')));
    b.content.trim(b.payer);
  }
  REQUIRE(b.content.totals_now().chunks > 1);
  REQUIRE(b.content.resize(b.payer, kept.size()));
  b.content.trim(b.payer);
  CHECK(b.content.totals_now().chunks == 1);
  CHECK(b.used() == used);
  CHECK((b.all() == kept));
}

TEST_CASE("chain: a file that is appended to and closed again and again has few chunks",
          "[storage][chain]") {
  const std::size_t line = GENERATE(1u, 40u, 300u, 5'000u);
  const int times = line < 1'000 ? 20'000 : 2'000;
  // With room for chunks that are likely to be filled, and without.
  const bool is_tight = GENERATE(false, true);
  CAPTURE(line, is_tight);
  const std::uint64_t in_all = line * static_cast<std::uint64_t>(times);
  bench b(storage_layout::sequential, is_tight ? in_all + in_all / 4 + 20'000 : 1 << 30);
  bytes model;
  for (int i = 0; i < times; ++i) {
    const bytes text = filled(line, i % 251);
    REQUIRE(b.write(b.content.size(), text));
    b.content.trim(b.payer);
    model.insert(model.end(), text.begin(), text.end());
    const std::uint64_t size = b.content.size();
    REQUIRE(b.content.totals_now().chunks <= 40 + size / (chain::max_chunk / 4));
    // What a block and its entry take, and what is rounded up, of few.
    REQUIRE(b.used() <= size + size / 8 + 5'000);
    REQUIRE(b.used() == b.payer.of(b.content.totals_now()).bytes);
  }
  CHECK((b.all() == model));
}

TEST_CASE("chain: little of a file that is opened, appended to and closed is ever copied",
          "[storage][chain]") {
  const auto counting = GENERATE(accounting::memory, accounting::payload);
  const std::size_t piece = GENERATE(16u, 300u, 4'096u, 5'000u);
  CAPTURE(piece);
  bench b(storage_layout::automatic, 1 << 30, counting);
  // Where a byte of the file is, which changes when it is copied.
  const auto place_of = [&](std::uint64_t offset) {
    pieces found;
    b.content.list_pieces(offset, offset + 1, found);
    return found.at(0).data;
  };
  constexpr std::uint64_t sample = 4'000;  // bytes that each of these places stands for
  std::vector<std::pair<std::uint64_t, std::byte*>> seen;
  std::uint64_t copied = 0;
  while (b.content.size() < 500'000) {
    const std::uint64_t begin = b.content.size();
    REQUIRE(b.write(begin, filled(piece, 'x')));
    b.content.trim(b.payer);
    for (auto& [offset, place] : seen)
      if (std::byte* const now = place_of(offset); now != std::exchange(place, now))
        copied += sample;
    if (seen.empty() || seen.back().first + sample <= begin)
      seen.push_back({begin, place_of(begin)});
  }
  // What is smaller than a page is copied to pieces of slabs that become larger step by step.
  CHECK(copied <= (piece < block_memory::page_size ? 6 : 1) * b.content.size());
  CHECK(b.content.totals_now().chunks <= 10);
  CHECK(b.used() == b.payer.of(b.content.totals_now()).bytes);
}

TEST_CASE("chain: files that stand in each other's way are appended to and closed in turn",
          "[storage][chain]") {
  bench b(storage_layout::sequential);
  storage others[] = {storage(storage_layout::sequential), storage(storage_layout::sequential)};
  storage* const all[] = {&b.content, &others[0], &others[1]};
  bytes models[3];
  std::mt19937_64 random(11);
  const std::size_t most = GENERATE(2'000u, 20'000u);
  for (int step = 0; step < 1'500; ++step) {
    const std::size_t which = random() % 3;
    storage& content = *all[which];
    const bytes text = filled(1 + random() % most, step % 251);
    REQUIRE(content.write(b.payer, content.size(), std::span<const std::byte>(text)));
    // Now and then some more is written before the close.
    if (random() % 4 != 0) content.trim(b.payer);
    models[which].insert(models[which].end(), text.begin(), text.end());
    REQUIRE(content.totals_now().chunks <= 40 + content.size() / (chain::max_chunk / 4));
  }
  std::uint64_t footprint = 0;
  for (std::size_t which = 0; which < 3; ++which) {
    all[which]->trim(b.payer);
    bytes content(all[which]->size());
    all[which]->read(0, content);
    CHECK((content == models[which]));
    const totals now = all[which]->totals_now();
    CHECK(now.footprint <= now.size + now.size / 8 + 5'000);
    footprint += now.footprint;
  }
  CHECK(b.used() == footprint);
  for (storage* content : all) REQUIRE(content->resize(b.payer, 0));
  CHECK(b.used() == 0);
}

TEST_CASE("chain: growth in its place that the guard refuses leaves all as it was",
          "[storage][chain][guard]") {
  constexpr std::size_t page = block_memory::page_size;
  std::uint64_t there = 1 << 30;
  memory_guard_options options{.mode = guard_mode::per_write,
                               .action = guard_action::reject,
                               .interval = {},
                               .available_memory = [&] { return std::optional(there); }};
  quota limits(1 << 30, std::nullopt);
  memory_guard guard(options);
  block_memory blocks(limits, accounting::memory, 1 << 29);
  const account payer(limits, guard, blocks, accounting::memory, 1 << 29);
  storage content(storage_layout::sequential);
  REQUIRE(content.resize(payer, 4 * page));
  content.trim(payer);
  const totals before = content.totals_now();
  const std::uint64_t used = limits.read().committed.bytes, kept = blocks.kept_bytes();
  there = 0;
  CHECK(tests::error_of(content.resize(payer, 6 * page)) == errc::memory_guard);
  CHECK(content.size() == before.size);
  CHECK(content.totals_now().footprint == before.footprint);
  CHECK(limits.read().committed.bytes == used);
  CHECK(limits.taken() == used);
  CHECK(blocks.kept_bytes() == kept);
  there = 1 << 30;
  REQUIRE(content.resize(payer, 6 * page));
  CHECK(content.totals_now().chunks == 1);
  CHECK(limits.read().committed.bytes == used + 2 * page);
  REQUIRE(content.resize(payer, 0));
}

TEST_CASE("chain: what was pinned at a close is given back at one after it",
          "[storage][chain][pin]") {
  bench b(storage_layout::sequential);
  for (int i = 0; i < 20; ++i) REQUIRE(b.write(b.content.size(), filled(1'500, i)));
  const std::uint64_t with_slack = b.used();
  {
    const piece_list pinned = b.pin(b.content.size() - 10, 10);
    b.content.trim(b.payer);
    CHECK(b.used() == with_slack);
  }
  b.content.trim(b.payer);
  CHECK(b.used() < with_slack);
  const std::uint64_t trimmed = b.used();
  b.content.trim(b.payer);
  CHECK(b.used() == trimmed);
  // What grew and was cut again is as if it had not.
  REQUIRE(b.content.resize(b.payer, 100'000));
  REQUIRE(b.content.resize(b.payer, 30'000));
  b.content.trim(b.payer);
  CHECK(b.used() <= trimmed + trimmed / 20);
}

TEST_CASE("chain: room that was pinned when a buffer was moved in behind it is given back later",
          "[storage][chain][pin]") {
  const bool is_long = GENERATE(false, true);
  bench b(storage_layout::sequential);
  std::uint64_t size = 0;
  const auto append = [&](std::size_t count) {
    REQUIRE(b.write(size, filled(count, 'x')));
    size += count;
  };
  append(50'000);
  append(10'000);
  auto pinned = std::make_unique<piece_list>(b.pin(size - 1, 1));
  bytes moved = filled(200'000, 'y');
  REQUIRE(b.content.adopt(b.payer, size, moved).value());
  size += 200'000;
  for (int i = 0; is_long && i < 40; ++i) append(200'000);
  b.content.trim(b.payer);
  const std::uint64_t with_pin = b.used();
  CHECK(b.content.totals_now().footprint < with_pin);  // the pin has what it keeps
  pinned.reset();
  b.content.trim(b.payer);
  CHECK(b.used() < size + 20'000);
  CHECK(b.used() == b.content.totals_now().footprint);
  CHECK(b.content.size() == size);
}

// Whether a close has looked at a pinned block shows in it: its charge has been left to it.
TEST_CASE("chain: a close looks at few chunks of a long file, whatever is pinned",
          "[storage][chain][pin]") {
  constexpr std::size_t long_buffer = 256 * 1024;
  bench b(storage_layout::sequential);
  std::vector<piece_list> pins;
  std::vector<block*> pinned;
  const auto pin_last = [&] {
    const std::uint64_t last = b.content.size() - 1;
    pieces listed;
    b.content.list_pieces(last, last + 1, listed);
    pinned.push_back(listed.front().owner);
    pins.push_back(b.pin(last, 1));
  };
  const auto adopt = [&] {
    bytes moved = filled(long_buffer, 'y');
    REQUIRE(b.content.adopt(b.payer, b.content.size(), moved).value());
  };
  const auto left = [&] {
    return std::count_if(pinned.begin(), pinned.end(),
                         [](const block* each) { return each->has_charge(); });
  };

  SECTION("one chunk has room, and others are pinned too") {
    REQUIRE(b.write(0, filled(50'000, 'x')));
    REQUIRE(b.write(50'000, filled(10'000, 'x')));
    pin_last();
    for (int i = 0; i < 40; ++i) {
      adopt();
      pin_last();
    }
    adopt();
    b.content.trim(b.payer);
    CHECK(left() == 1);
    pins.clear();
    b.content.trim(b.payer);
  }
  SECTION("many chunks have room") {
    for (int i = 0; i < 40; ++i) {
      REQUIRE(b.write(b.content.size(), filled(10'000, 'x')));
      REQUIRE(b.write(b.content.size(), filled(1'000, 'x')));
      pin_last();
      adopt();
    }
    const std::uint64_t with_slack = b.used();
    b.content.trim(b.payer);
    CHECK(left() > 0);
    CHECK(left() <= 16);
    b.content.trim(b.payer);
    CHECK(left() <= 16);
    CHECK(b.used() > with_slack - 10'000);
    // Those behind them have their turn as soon as they are not in the way.
    pins.clear();
    for (int i = 0; i < 5; ++i) b.content.trim(b.payer);
  }
  CHECK(b.used() < b.content.size() + 250'000);
  CHECK(b.used() == b.content.totals_now().footprint);
  REQUIRE(b.content.resize(b.payer, 0));
  CHECK(b.used() == 0);
}

namespace {

// Counts how often it is asked to move what is in use.
class counting_relief final : public memory_relief {
 public:
  int asked() const noexcept { return asked_; }

 private:
  bool free_a_slab() noexcept override {
    ++asked_;
    return false;
  }
  int asked_ = 0;
};

}  // namespace

TEST_CASE("chain: a close that was refused memory asks for relief once, and is made up for later",
          "[storage][chain]") {
  bench b(storage_layout::sequential, 20'000'000);
  if (b.blocks.most_resident() > 100'000'000) return;  // where the system takes no pages back
  REQUIRE(b.write(0, filled(30'000, 'x')));
  REQUIRE(b.write(30'000, filled(10'100, 'x')));
  REQUIRE(b.content.totals_now().chunks == 1);
  const std::uint64_t with_slack = b.used();
  while (b.blocks.relieve()) continue;
  b.blocks.keep_at_most(0);
  const std::uint64_t rest = b.blocks.most_resident() - b.blocks.resident_bytes();
  REQUIRE(b.blocks.add_foreign(rest));
  counting_relief relief;
  b.blocks.set_relief(&relief);
  b.content.trim(b.payer);
  CHECK(b.content.totals_now().chunks == 1);
  CHECK(b.used() <= with_slack);
  const int at_first = relief.asked();
  CHECK(at_first > 0);
  for (int i = 0; i < 5; ++i) b.content.trim(b.payer);
  CHECK(relief.asked() == at_first);
  b.blocks.drop_foreign(rest);
  b.content.trim(b.payer);
  CHECK(b.content.totals_now().chunks == 2);
  CHECK(b.used() < 40'100 + 1'000);
  CHECK(b.used() == b.content.totals_now().footprint);
  REQUIRE(b.content.resize(b.payer, 0));
}

TEST_CASE("chain: what is pinned is not merged", "[storage][chain][pin]") {
  bench b(storage_layout::sequential);
  std::vector<piece_list> pins;
  for (int i = 0; i < 100; ++i) {
    REQUIRE(b.write(b.content.size(), filled(40, i)));
    b.content.trim(b.payer);
    pins.push_back(b.pin(b.content.size() - 40, 40));
  }
  const std::uint64_t used = b.used();
  for (int i = 0; i < 100; ++i) CHECK(bytes_of(pins[static_cast<std::size_t>(i)]) == filled(40, i));
  pins.clear();
  CHECK(b.used() == used);
  // Nothing was there twice.
  CHECK(used <= 100 * (storage::totals_for(storage_layout::sequential, 40).footprint + 32));
  REQUIRE(b.content.resize(b.payer, 0));
  CHECK(b.used() == 0);
}

TEST_CASE("chain: many moved-in buffers and closes cost no table for each", "[storage][chain]") {
  bench b(storage_layout::sequential);
  std::set<std::uint64_t> tables;
  for (int i = 0; i < 2'000; ++i) {
    constexpr std::size_t size = 64 * 1024;
    const std::uint64_t before = b.used();
    REQUIRE(b.content.write(b.payer, b.content.size(), filled(size, 'x')));
    const std::uint64_t appended = b.used();
    b.content.trim(b.payer);
    // A table that was made anew, larger or smaller, is another charge.
    if (i > 1'000 && (b.used() != appended || b.used() - before > size + 400))
      tables.insert(b.used());
  }
  CHECK(tables.size() < 40);
}

TEST_CASE("table: a hole takes no memory, however large it is", "[storage][table]") {
  bench b(storage_layout::random_access, 10'000);
  constexpr std::uint64_t size = std::uint64_t{1} << 40;
  REQUIRE(b.content.resize(b.payer, size));
  CHECK(b.used() == 0);
  REQUIRE(b.write(std::uint64_t{1} << 39, filled(3, 'x')));
  CHECK(b.used() < 10'000);
  std::byte read[3];
  CHECK(b.content.read((std::uint64_t{1} << 39) + 1, read) == 3);
  CHECK(read[0] == std::byte{'x'});
  CHECK(read[2] == std::byte{0});
  CHECK(tests::error_of(b.content.make_room(b.payer, size, size)) == errc::quota_exceeded);
}

namespace {

// The begin of each of the first `blocks` blocks has `piece` bytes, and all else is a hole.
result<void> fill_sparsely(bench& b, std::uint64_t blocks, const bytes& piece) {
  for (std::uint64_t i = 0; i < blocks; ++i) {
    BOOST_OUTCOME_TRY(b.write(i * block_table::block_size, piece));
  }
  return boost::outcome_v2::success();
}

std::uint64_t tight_cost(std::uint64_t blocks, const bytes& piece) {
  bench b(storage_layout::random_access);
  fill_sparsely(b, blocks, piece).value();
  b.content.trim(b.payer);
  return b.used();
}

}  // namespace

TEST_CASE("table: a hole reads as zeros, whatever the reader's buffer had in it",
          "[storage][table]") {
  bench b(storage_layout::random_access);
  REQUIRE(b.write(10, filled(1, 'x')));
  REQUIRE(b.write(3 * block_table::block_size, filled(1, 'y')));
  bytes expected(3 * block_table::block_size + 1);
  expected[10] = std::byte{'x'};
  expected.back() = std::byte{'y'};
  bytes read = filled(expected.size(), 'z');
  REQUIRE(b.content.read(0, read) == expected.size());
  CHECK((read == expected));
}

TEST_CASE("table: the slack of all blocks gives way to what would not fit",
          "[storage][table][quota]") {
  const std::size_t size = GENERATE(1u, 1'000u, 30'000u);
  const bytes piece = filled(size, 'x');
  const std::uint64_t most = 300, quota = tight_cost(most, piece);
  bench b(storage_layout::random_access, quota);
  REQUIRE(fill_sparsely(b, most, piece));
  const bytes all = b.all();
  CHECK(static_cast<std::size_t>(std::count(all.begin(), all.end(), std::byte{'x'})) ==
        most * size);
  const std::uint64_t used = b.used();
  const error e = tests::error_of(b.write(most * block_table::block_size, piece));
  CHECK(e == errc::quota_exceeded);
  CHECK(e.requested() == tight_cost(most + 1, piece) - used);
  CHECK(e.available() == quota - used);
  CHECK(b.used() == used);
  b.content.trim(b.payer);
  CHECK(b.used() == quota);
}

TEST_CASE("table: of blocks that are begun and not filled, a bounded number has room to spare",
          "[storage][table]") {
  constexpr std::uint64_t most = block_table::most_with_slack, blocks = 3 * most;
  const bytes piece = filled(100, 'x');
  const std::uint64_t whole = block::footprint(block_table::block_size),
                      one = block::footprint(100);
  bench b(storage_layout::random_access);
  REQUIRE(fill_sparsely(b, blocks, piece));
  // The first block of a file is never one that is likely to be filled.
  CHECK(b.used() == tight_cost(blocks, piece) + most * (whole - one));
  // What is filled makes room for others to have some.
  const std::uint64_t before = b.used();
  REQUIRE(b.write(block_table::block_size, filled(block_table::block_size, 'y')));
  REQUIRE(b.write((blocks + 1) * block_table::block_size, piece));
  CHECK(b.used() >= before + whole);
  b.content.trim(b.payer);
  CHECK(b.used() < tight_cost(blocks + 3, piece) + whole);
}

TEST_CASE("table: a write that slack gives way to may end in a block that has some",
          "[storage][table][quota]") {
  const bytes piece = filled(1'000, 'x');
  const std::uint64_t quota = tight_cost(2, piece) + block::footprint(1'100) -
                              block::footprint(1'000) + block::footprint(block_table::block_size);
  bench b(storage_layout::random_access, quota);
  REQUIRE(b.write(2 * block_table::block_size, piece));
  REQUIRE(b.write(block_table::block_size, filled(1, 'x')));
  // Fills a hole up to the second block, whose room for more does not give way to itself.
  const bytes across = filled(block_table::block_size + 1'100, 'y');
  REQUIRE(b.write(0, across));
  bytes model = across;
  model.resize(2 * block_table::block_size);
  model.insert(model.end(), piece.begin(), piece.end());
  CHECK(b.all() == model);
  CHECK(b.used() <= quota);
}

TEST_CASE("table: slack that is pinned does not give way, and is found later",
          "[storage][table][quota][pin]") {
  constexpr std::uint64_t block_size = block_table::block_size;
  // What looks at all blocks while one is pinned leaves that one's charge to the pin.
  const bool pin_pays = GENERATE(false, true);
  const bytes piece = filled(1'000, 'x');
  const std::uint64_t whole = block::footprint(block_size), one = block::footprint(1'000);
  bench b(storage_layout::random_access, 2 * whole + 20 * one);
  std::uint64_t blocks = 1;
  // As many as there is room for, beside one that must stay as it is.
  const auto fill_up = [&](std::uint64_t pinned) {
    while (b.write(blocks * block_size, piece)) ++blocks;
    const std::uint64_t snug = tight_cost(blocks, piece) - one;
    CHECK(b.used() == snug + pinned);
    CHECK(tight_cost(blocks + 1, piece) - one + pinned > b.limits.max_bytes());
  };
  REQUIRE(b.write(blocks++ * block_size, piece));
  {
    const piece_list p = b.pin(block_size, 1'000);
    fill_up(whole - one);
    if (pin_pays) b.content.settle_pins();
    CHECK(bytes_of(p) == piece);
  }
  fill_up(0);
}

TEST_CASE("table: a new content that costs no more than the old one is never refused",
          "[storage][table][quota]") {
  constexpr std::size_t block = block_table::block_size;
  bench probe(storage_layout::random_access);
  REQUIRE(probe.write(block, filled(block, 'a')));
  bench b(storage_layout::random_access, probe.used() + 200);
  REQUIRE(b.write(block, filled(block, 'a')));
  // The hole is filled, and the block behind it is cut to a byte.
  REQUIRE(b.content.assign(b.payer, filled(block + 1, 'b')));
  CHECK(b.all() == filled(block + 1, 'b'));
  const std::uint64_t used = b.used();
  CHECK(tests::error_of(b.content.assign(b.payer, filled(3 * block, 'c'))) == errc::quota_exceeded);
  CHECK(b.used() == used);
  CHECK(b.all() == filled(block + 1, 'b'));
}

TEST_CASE("table: what gives way is not kept for reuse beyond the quota",
          "[storage][table][quota]") {
  const bytes piece = filled(30'000, 'x');
  const std::uint64_t quota = tight_cost(1'000, piece);
  bench b(storage_layout::random_access, quota);
  for (std::uint64_t i = 0; i < 1'000; ++i) {
    REQUIRE(b.write(i * block_table::block_size, piece));
    REQUIRE(b.used() + b.blocks.kept_bytes() <= quota);
  }
}

// A pinned block that somebody has looked at is no part of the file's totals any more.
TEST_CASE("storage: what little is written, cut or closed looks at no other part of the file",
          "[storage][pin][quota]") {
  const auto layout = GENERATE(storage_layout::sequential, storage_layout::random_access);
  constexpr std::uint64_t size = 8 << 20;
  bench b(layout, 9 << 20);
  for (std::uint64_t i = 0; i < 8; ++i) REQUIRE(b.write(i << 20, filled(1 << 20, 'x')));
  const piece_list pin = b.pin(0, 100);
  const auto is_whole = [&] { return b.content.totals_now().footprint == b.used(); };
  REQUIRE(b.write(size, filled(100, 'y')));
  b.content.trim(b.payer);
  CHECK(is_whole());
  REQUIRE(b.content.resize(b.payer, size + 10));
  CHECK(is_whole());
  REQUIRE(b.content.resize(b.payer, size + 20));
  CHECK(is_whole());
  CHECK(tests::error_of(b.write(size, filled(1 << 20, 'z'))) == errc::quota_exceeded);
  CHECK(is_whole());
  if (layout == storage_layout::random_access) {
    // Slack gives way where that is enough.
    for (std::uint64_t i = 64; b.write(i << 20, filled(1, 'z')); ++i) REQUIRE(i < 100'000);
    CHECK(is_whole());
  }
  b.content.settle_pins();
  CHECK(!is_whole());
}

TEST_CASE("promotion: a large chain becomes a table of no more memory", "[storage][promotion]") {
  bench b(storage_layout::automatic, 12 << 20);
  REQUIRE(b.write(0, filled(10 << 20, 'x')));
  REQUIRE(b.write((10 << 20) + 100'000, filled(1, 'y')));
  CHECK(b.content.totals_now().chunks == 0);
  CHECK(b.used() < (10 << 20) + 200'000);
  const bytes all = b.all();
  CHECK(std::count(all.begin(), all.end(), std::byte{'x'}) == 10 << 20);
  CHECK(all.back() == std::byte{'y'});
}

TEST_CASE("promotion: what has no room leaves the chain as it was", "[storage][promotion]") {
  bench b(storage_layout::automatic, 110'000);
  REQUIRE(b.write(0, filled(100'000, 'x')));
  const totals before = b.content.totals_now();
  CHECK(tests::error_of(b.write(200'000, filled(50'000, 'y'))) == errc::quota_exceeded);
  CHECK(b.content.totals_now().footprint == before.footprint);
  CHECK(b.content.totals_now().chunks == before.chunks);
  CHECK(b.all() == filled(100'000, 'x'));
}

TEST_CASE("clone: a large copy is made piece by piece, and no time is spent on holes",
          "[storage]") {
  bench b(storage_layout::automatic);
  constexpr std::uint64_t far = std::uint64_t{1} << 40;
  REQUIRE(b.write(0, filled(200'000, 'x')));
  REQUIRE(b.write(far, filled(10, 'y')));
  storage copy(storage_layout::automatic);
  REQUIRE(copy.clone_room(b.payer.prepaid(), b.content));
  std::uint64_t copied = 0;
  int steps = 0;
  for (; copied < copy.size(); ++steps) copied = copy.clone_bytes(b.content, copied, 65'536);
  CHECK(steps == 5);
  bytes read(10);
  CHECK(copy.read(far, read) == 10);
  CHECK(read == filled(10, 'y'));
}

TEST_CASE("clone: a copy has the content and the holes", "[storage]") {
  bench b(storage_layout::automatic);
  REQUIRE(b.write(10'000'000, filled(10, 'x')));
  storage copy(storage_layout::automatic);
  REQUIRE(copy.clone_room(b.payer.prepaid(), b.content));
  CHECK(copy.clone_bytes(b.content, 0, 1) == b.content.size());
  CHECK(copy.size() == b.content.size());
  CHECK(copy.totals_now().footprint == b.content.clone_totals().footprint);
  CHECK(copy.totals_now().footprint < 100'000);
  bytes read(copy.size());
  copy.read(0, read);
  CHECK(read == b.all());
}

TEST_CASE("storage: a content that goes gives all pieces of memory back", "[storage][memory]") {
  const auto layout = GENERATE(storage_layout::automatic, storage_layout::sequential,
                               storage_layout::random_access);
  quota limits(1 << 30, std::nullopt);
  memory_guard_options options;
  memory_guard guard(options);
  block_memory blocks(limits, accounting::memory, 0);
  const account payer(limits, guard, blocks, accounting::memory, 1 << 29);
  std::mt19937_64 random(11);
  for (int round = 0; round < 20; ++round) {
    storage content(layout);
    for (int step = 0; step < 20; ++step) {
      const std::size_t size = random() % 200'000;
      bytes piece = filled(size, step);
      switch (random() % 4) {
        case 0: REQUIRE(content.write(payer, content.size(), std::move(piece))); break;
        case 1: REQUIRE(content.resize(payer, size)); break;
        case 2: REQUIRE(content.assign(payer, piece)); break;
        default: {
          const std::span<const std::byte> all(piece);
          REQUIRE(content.write(payer, random() % (content.size() + 1), all));
        }
      }
    }
    CHECK((content.size() == 0 || !blocks.small().is_unused()));
  }
  CHECK(blocks.small().is_unused());
}

}  // namespace coramfs::detail
