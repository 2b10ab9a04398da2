// SPDX-License-Identifier: BSL-1.0
// A file that an operation changes inside before it finds no memory: what is charged for it stays
// as it was until an operation succeeds, and is right from then on.
#include <coramfs/sync/file_system.hpp>

#include "allocation/malloc_faults.hpp"
#include "support/catch.hpp"
#include "support/describe.hpp"
#include "support/largest_that_fits.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace coramfs::tests {

namespace {

constexpr std::uint64_t block = 65'536;  // bytes of a table's block
constexpr std::uint64_t plenty = std::uint64_t{1} << 30;

// Made before memory is refused.
const std::string xs(2 << 20, 'x'), ys(10, 'y');
bytes moved_in;

result<std::size_t> write_at(sync::file& f, std::uint64_t offset, std::size_t n) {
  return f.write_at(offset, asio::buffer(xs.data(), n));
}

std::string content_of(sync::file& f) {
  f.seek(0, seek_from::start).value();
  return text_of(f.read_all().value());
}

/// All that can be seen of a file that is open, and of what is charged for it.
struct picture {
  std::uint64_t used, chunks, size, generation;
  std::chrono::system_clock::time_point modified_at;
  std::string content;

  bool operator==(const picture&) const = default;
  friend std::ostream& operator<<(std::ostream& to, const picture& p) {
    return to << "used " << p.used << " chunks " << p.chunks << " size " << p.size << " generation "
              << p.generation;
  }
};

picture picture_of(sync::file_system& fs, sync::file& f) {
  const volume_stats s = fs.stats().value();
  const file_status at = fs.stat("/a").value();
  return {s.used_bytes,  s.chunk_count,  f.size().value(),
          at.generation, at.modified_at, content_of(f)};
}

using act = std::function<error(sync::file&)>;

struct subject;

/// A file in some layout under some quota, which is written, and then something is done to it that
/// may find no memory.
struct setting {
  storage_layout layout;
  coramfs::accounting counting;
  std::uint64_t quota;
  std::function<void(subject&)> write;
  act op;
};

/// A volume with such a file, which is open.
struct subject {
  explicit subject(const setting& s) : counting(s.counting), fs(create(s)) {
    fs.write_file("/a", asio::const_buffer()).value();
    f = fs.open("/a", open_mode::update).value();
    s.write(*this);
    moved_in = bytes(1'000, std::byte{'x'});
  }

  static sync::file_system create(const setting& s) {
    volume_options options;
    options.accounting = s.counting;
    options.default_storage = s.layout;
    options.max_quota = s.quota;
    return sync::file_system::create(options).value();
  }
  std::uint64_t used() { return fs.stats().value().used_bytes; }

  coramfs::accounting counting;
  sync::file_system fs;
  sync::file f;
  std::vector<pinned> pins;
};

/// What comes after a failure.
struct sequel {
  const char* name;
  act run;
};

const sequel sequels[] = {
    {"nothing", [](sync::file&) { return error(std::error_code()); }},
    {"append", [](sync::file& f) { return error_of(write_at(f, f.size().value(), 10)); }},
    {"overwrite", [](sync::file& f) { return error_of(f.write_at(0, asio::buffer(ys))); }},
    {"cut", [](sync::file& f) { return error_of(f.truncate(f.size().value() / 2 + 7)); }},
    {"empty", [](sync::file& f) { return error_of(f.truncate(0)); }},
};

/// Of a closed file: its content, and what the volume is charged for it.
struct ending {
  std::string content;
  std::uint64_t used;

  bool operator==(const ending&) const = default;
  friend std::ostream& operator<<(std::ostream& to, const ending& e) {
    return to << e.content.size() << " bytes cost " << e.used;
  }
};

ending end_of(subject& s) {
  s.pins.clear();
  s.f.close().value();
  return {text_of(s.fs.read_file("/a").value()), s.used()};
}

// Where nothing fails.
ending undisturbed(const setting& s, bool with_op, const sequel& then) {
  subject t(s);
  if (with_op) REQUIRE(!s.op(t.f).code());
  REQUIRE(!then.run(t.f).code());
  return end_of(t);
}

using check = std::function<void(subject&, const ending& expected)>;

// Has each allocation of the operation fail in turn, up to the last. Returns how often it did.
std::size_t sweep(const setting& s, const sequel& then, bool again, bool for_ever,
                  const check& is_right) {
  const ending with = undisturbed(s, true, then), without = undisturbed(s, false, then);
  std::size_t failures = 0;
  for (std::size_t nth = 1;; ++nth) {
    CAPTURE(then.name, again, for_ever, nth);
    subject t(s);
    const picture before = picture_of(t.fs, t.f);
    bool failed = false;
    error e{std::error_code()};
    {
      const malloc_faults failing(nth_allocation(nth, for_ever));
      e = s.op(t.f);
      failed = failing.has_failed();
    }
    if (e.code()) {
      ++failures;
      REQUIRE(e == errc::out_of_memory);
      REQUIRE(picture_of(t.fs, t.f) == before);
      if (again) REQUIRE(!s.op(t.f).code());
    }
    REQUIRE(!then.run(t.f).code());
    if (!e.code() || again) {
      REQUIRE(end_of(t) == with);
    } else {
      is_right(t, without);
    }
    t.fs.remove("/a").value();
    REQUIRE(t.used() == 0);
    if (!failed) return failures;
  }
}

// With all that may come afterwards.
std::size_t sweep(const setting& s, const check& is_right) {
  std::size_t failures = 0;
  for (const bool for_ever : {false, true}) {
    for (const sequel& then : sequels) failures += sweep(s, then, false, for_ever, is_right);
    failures += sweep(s, sequels[0], true, for_ever, is_right);
  }
  return failures;
}

// Some pieces have a block of their own that they do not fill, some grow in small steps.
result<std::size_t> write_piece(sync::file& f, std::uint64_t i) {
  if (i % 2 == 0) return write_at(f, i * block, 1'000);
  auto done = write_at(f, i * block + 10, 600);
  return done ? write_at(f, i * block + 610, 100) : done;
}

std::function<void(subject&)> write_pieces(std::uint64_t pieces) {
  return [pieces](subject& s) {
    for (std::uint64_t i = 0; i < pieces; ++i) write_piece(s.f, i).value();
  };
}

std::uint64_t cost_of_pieces(std::uint64_t pieces) {
  subject s({storage_layout::random_access, accounting::memory, plenty, write_pieces(pieces), {}});
  s.f.close().value();
  return s.used();
}

// The first of such pieces that other slack gives way to, which is to be seen in the charge.
std::uint64_t first_in_need(std::uint64_t quota) {
  subject s({storage_layout::random_access, accounting::memory, quota, write_pieces(0), {}});
  for (std::uint64_t i = 0;; ++i) {
    const std::uint64_t before = s.used();
    write_piece(s.f, i).value();
    if (s.used() < before) return i;
  }
}

}  // namespace

TEST_CASE("charge: slack that has given way in vain is charged as before",
          "[allocation][errors][quota]") {
  const std::uint64_t quota = cost_of_pieces(90), at = first_in_need(quota);
  const setting s{storage_layout::random_access, accounting::memory, quota, write_pieces(at),
                  [&](sync::file& f) { return error_of(write_at(f, at * block, 1'000)); }};
  const std::size_t failures =
      sweep(s, [](subject& t, const ending& expected) { REQUIRE(end_of(t) == expected); });
  CHECK(failures > 20);
}

namespace {

// Chains of more than twelve blocks, of few chunks and of many.
void append_in_pieces(subject& s) {
  pinned last;  // a chunk that is pinned is made no longer, nor merged with another
  for (int i = 0; i < 20; ++i) {
    write_at(s.f, s.f.size().value(), 50'000).value();
    last = s.f.pin(s.f.size().value() - 1, 1).value();
  }
}

void append_moved_in(subject& s) {
  s.f.seek(0, seek_from::end).value();
  for (int i = 0; i < 40; ++i) s.f.write(bytes(25'000, std::byte{'x'})).value();
}

void append_and_pin(subject& s) {
  append_moved_in(s);
  s.pins.push_back(s.f.pin(100'000, 200'000).value());
  s.pins.push_back(s.f.pin(900'000, 10).value());
}

error leave_a_gap(sync::file& f) { return error_of(write_at(f, 1'100'000, 1'000)); }

// More than a slice: what may yield goes on in steps, as it does in a coroutine.
void append_much(subject& s) {
  for (int i = 0; i < 3; ++i) write_at(s.f, s.f.size().value(), 600'000).value();
}

error move_in_behind_a_gap(sync::file& f) {
  f.seek(1'900'000).value();
  const auto done = f.write(std::move(moved_in));
  // The cursor is no part of the picture.
  if (!done && f.tell().value() != 1'900'000) return errc::invalid_argument;
  return error_of(done);
}

error prepare_behind_a_gap(sync::file& f) {
  f.seek(1'900'000).value();
  const auto room = f.prepare(1'000);
  if (!room) return room.error();
  asio::buffer_copy(room.value(), asio::buffer(xs.data(), 1'000));
  return error_of(f.commit(1'000));
}

std::uint64_t chunks_of(sync::file& f) {
  const pinned all = f.pin(0, f.size().value()).value();
  return static_cast<std::uint64_t>(std::distance(all.begin(), all.end()));
}

/// Of a file that stayed a chain, which may have other chunks by now: what it is charged is what
/// it takes.
void check_chain(subject& s, const ending& expected) {
  const ending e = end_of(s);
  REQUIRE(e.content == expected.content);
  {
    auto f = s.fs.open("/a", open_mode::read).value();
    const std::uint64_t chunks = chunks_of(f);
    REQUIRE(s.fs.stats().value().chunk_count == chunks);
    // A block, its entry and what is rounded up take some.
    REQUIRE(e.used <= e.content.size() + block + 200 * (chunks + 10));
  }
  REQUIRE(e.used >= e.content.size());
  const bool is_exact = e.content.empty() || s.counting == accounting::payload;
  if (is_exact) REQUIRE(e.used == expected.used);
}

// Uses up what is left of a volume.
void fill_up(sync::file_system& fs) {
  const auto write = [&](std::uint64_t size) {
    return fs.write_file("/b", asio::const_buffer(xs.data(), size));
  };
  write(largest_that_fits(fs.stats().value().free_bytes, [&](std::uint64_t size) {
    const bool fits = write(size).has_value();
    if (fits) fs.remove("/b").value();
    return fits;
  })).value();
}

}  // namespace

TEST_CASE("charge: a promotion in steps that finds no memory is as if it had not begun",
          "[allocation][errors][promotion][slices]") {
  const auto op = GENERATE(move_in_behind_a_gap, prepare_behind_a_gap);
  const auto counting = GENERATE(accounting::memory, accounting::payload);
  const setting s{storage_layout::automatic, counting, plenty, append_much, op};
  CHECK(sweep(s, check_chain) > 40);
}

TEST_CASE("charge: a chain whose promotion found no memory is charged as before",
          "[allocation][errors][promotion]") {
  const auto write = GENERATE(append_in_pieces, append_moved_in, append_and_pin);
  const auto counting = GENERATE(accounting::memory, accounting::payload);
  const setting s{storage_layout::automatic, counting, plenty, write, leave_a_gap};
  CHECK(sweep(s, check_chain) > 40);
}

namespace {

constexpr std::uint64_t small_quota = 2'000'000;

/// A file whose promotion has failed in the middle, so that it takes more than it is charged for,
/// in a volume where the difference can not be had.
struct debtor : subject {
  debtor()
      : subject({storage_layout::automatic, accounting::memory, small_quota, append_in_pieces,
                 leave_a_gap}) {
    const picture before = picture_of(fs, f);
    error e{std::error_code()};
    {
      const malloc_faults failing(nth_allocation(30));
      e = leave_a_gap(f);
    }
    REQUIRE(e == errc::out_of_memory);
    REQUIRE(picture_of(fs, f) == before);
    REQUIRE(before.chunks != chunks_of(f));
    fill_up(fs);
  }
};

}  // namespace

TEST_CASE("charge: what a chain takes after such a promotion is paid when it can be had",
          "[allocation][errors][promotion][quota]") {
  for (const sequel& then : sequels) {
    if (std::string_view(then.name) == "append") continue;
    CAPTURE(then.name);
    const ending expected = undisturbed(
        {storage_layout::automatic, accounting::memory, small_quota, append_in_pieces, {}}, false,
        then);
    debtor t;
    REQUIRE(!then.run(t.f).code());
    t.fs.remove("/b").value();
    check_chain(t, expected);
    t.fs.remove("/a").value();
    REQUIRE(t.used() == 0);
  }
}

TEST_CASE("charge: the first operation that succeeds pays for what it can",
          "[allocation][errors][promotion][quota]") {
  for (const sequel& then : sequels) {
    if (std::string_view(then.name) == "nothing") continue;
    CAPTURE(then.name);
    debtor t;
    t.fs.remove("/b").value();
    REQUIRE(!then.run(t.f).code());
    REQUIRE(t.fs.stats().value().chunk_count == chunks_of(t.f));
  }
}

TEST_CASE("charge: what was never paid for is not given back, by the file or by its pins",
          "[allocation][errors][promotion][quota][pin]") {
  const bool is_pinned = GENERATE(false, true);
  const bool is_cut = GENERATE(false, true);
  debtor t;
  const std::uint64_t used = t.used();
  if (is_pinned) t.pins.push_back(t.f.pin(0, t.f.size().value()).value());
  if (is_cut) t.f.truncate(10).value();
  REQUIRE(t.used() <= used);
  t.f.close().value();
  t.fs.remove("/a").value();
  REQUIRE(t.used() <= used);
  t.pins.clear();
  t.fs.remove("/b").value();
  REQUIRE(t.used() == 0);
}

TEST_CASE("charge: what a close found no memory to give back the next one does",
          "[allocation][close]") {
  const auto write = GENERATE(
      +[](sync::file& f) { write_at(f, 0, 3 * 4096 + 10).value(); },
      +[](sync::file& f) {
        for (std::uint64_t at = 0; at < 1 << 20; at += 60'000) write_at(f, at, 60'000).value();
      },
      +[](sync::file& f) {
        bytes roomy;
        roomy.reserve(1 << 20);
        roomy.resize(100'000);
        f.write(std::move(roomy)).value();
      });
  volume_options o;
  o.accounting = accounting::memory;
  auto fs = sync::file_system::create(o).value();
  const auto used_after = [&](bool is_refused) {
    auto f = fs.open("/a", open_mode::create).value();
    write_at(f, 0, 1).value();
    f.seek(1, seek_from::start).value();
    write(f);
    std::optional<malloc_faults> failing;
    if (is_refused) failing.emplace(nth_allocation(1, true));
    f.close().value();
    failing.reset();
    fs.open("/a", open_mode::update).value().close().value();
    const std::uint64_t used = fs.stats().value().used_bytes;
    fs.remove("/a").value();
    return used;
  };
  const std::uint64_t least = used_after(false);
  CHECK(used_after(true) == least);
}

}  // namespace coramfs::tests
