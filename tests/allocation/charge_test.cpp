// SPDX-License-Identifier: BSL-1.0
// A file that an operation changes inside before it finds no memory: what is charged for it stays
// as it was until an operation succeeds, and is right from then on.
#include <coramfs/sync/file_system.hpp>

#include "allocation/failing_malloc.hpp"
#include "support/catch.hpp"
#include "support/describe.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <ostream>
#include <string>
#include <utility>

namespace coramfs::tests {

namespace {

constexpr std::uint64_t block = 65'536;  // bytes of a table's block

// Made before memory is refused.
const std::string xs(2 << 20, 'x'), ys(10, 'y');

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

/// A file in some layout under some quota, which is written, and then something is done to it that
/// may find no memory.
struct setting {
  storage_layout layout;
  std::uint64_t quota;
  std::function<void(sync::file&)> write;
  act op;
};

/// A volume with such a file, which is open.
struct subject {
  explicit subject(const setting& s) : fs(create(s)) {
    fs.write_file("/a", asio::const_buffer()).value();
    f = fs.open("/a", open_mode::update).value();
    s.write(f);
  }

  static sync::file_system create(const setting& s) {
    volume_options options;
    options.accounting = accounting::memory;
    options.default_storage = s.layout;
    options.max_quota = s.quota;
    return sync::file_system::create(options).value();
  }
  std::uint64_t used() { return fs.stats().value().used_bytes; }

  sync::file_system fs;
  sync::file f;
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
      const failing_malloc failing(nth, for_ever);
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

std::uint64_t cost_of_pieces(std::uint64_t pieces) {
  subject s({storage_layout::random_access,
             std::uint64_t{1} << 30,
             [&](sync::file& f) {
               for (std::uint64_t i = 0; i < pieces; ++i) write_piece(f, i).value();
             },
             {}});
  s.f.close().value();
  return s.used();
}

// The first of such pieces that other slack gives way to, which is to be seen in the charge.
std::uint64_t first_in_need(std::uint64_t quota) {
  subject s({storage_layout::random_access, quota, [](sync::file&) {}, {}});
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
  const setting s{storage_layout::random_access, quota,
                  [&](sync::file& f) {
                    for (std::uint64_t i = 0; i < at; ++i) write_piece(f, i).value();
                  },
                  [&](sync::file& f) { return error_of(write_at(f, at * block, 1'000)); }};
  const std::size_t failures =
      sweep(s, [](subject& t, const ending& expected) { REQUIRE(end_of(t) == expected); });
  CHECK(failures > 40);
}

}  // namespace coramfs::tests
