// SPDX-License-Identifier: BSL-1.0
// AB4 and AB7 to AB9: growth that is paid for before it comes, and room over a preallocation.
#include "api/scenario.hpp"
#include "api/space.hpp"

#include "support/dice.hpp"
#include "support/seeds.hpp"

#include <asio/buffer.hpp>

#include <algorithm>
#include <optional>

namespace coramfs::tests {

namespace {

constexpr std::uint64_t largest = (std::uint64_t{1} << 63) - 1;

std::string letters(std::size_t n, char first) {
  std::string text(n, '\0');
  for (std::size_t i = 0; i < n; ++i) text[i] = static_cast<char>('a' + (first + 5 * i) % 26);
  return text;
}

std::string zeros(std::size_t n) { return std::string(n, '\0'); }

void put(const prepared& room, std::string_view text) {
  asio::buffer_copy(room, asio::const_buffer(text.data(), text.size()));
}

std::string all_of(any_file& f) {
  std::string all(f.size().value(), '-');
  CHECK(f.read_at(0, all).value() == all.size());
  return all;
}

// One handle with a reserve, in a volume that has nothing left, and what its file should be.
class reserved_file {
 public:
  reserved_file(const scenario& fs, std::uint64_t seed) : fs_(fs), random_(seed) {
    if (random_.one_in(2)) {
      content_ = letters(random_.below(random_.one_in(3) ? 300'000 : 3'000), 'a');
      fs->write_file("/a", content_).value();
    }
    file_ = fs->open("/a", open_mode::write_read).value();
    if (random_.one_in(2)) {
      file_->write(content_).value();
    } else {
      content_.clear();
    }
    if (random_.one_in(2)) grow(content_.size() + random_.below(100'000));
    size_ = content_.size() + random_.below(random_.one_in(4) ? 2'200'000 : 100'000);
    file_->reserve(size_).value();
    CHECK(file_->size().value() == content_.size());
    fill_up(*fs, "/filler");
    used_ = fs.used();
  }

  void run(int steps) {
    for (int i = 0; i < steps; ++i) {
      step();
      require(file_->size().value() == content_.size(), "the size is that of the content");
      require(fs_.used() == used_, "nothing is taken or given back");
    }
    require(all_of(*file_) == content_, "the content is what was written");
    file_->close().value();
    require(fs_->read_file("/a").value() == content_, "the file is what was written");
    require(fs_.used() <= used_, "a close takes nothing");
    fs_->remove("/a").value();
    fs_->remove("/filler").value();
    require(fs_.used() == 0, "all is given back");
  }

 private:
  void step() {
    const std::size_t end = content_.size();
    switch (random_.below(5)) {
      case 0: return write(end, some(size_ - end));
      case 1: {
        // A gap would make a table of a chain.
        const bool may_leave_gaps = fs_.layout() == storage_layout::random_access;
        const std::size_t at = random_.below((may_leave_gaps ? size_ : end) + 1);
        return write(at, some(size_ - at));
      }
      case 2: return grow(random_.below(end + 1));
      case 3: return grow(end + some(size_ - end));
      default: return fill(end, some(size_ - end));
    }
  }
  std::size_t some(std::size_t most) {
    return std::min(most, random_.below(random_.one_in(3) ? 200'000 : 500));
  }
  void write(std::size_t at, std::size_t n) {
    const std::string text = letters(n, static_cast<char>('a' + n % 26));
    require(file_->write_at(at, text).value() == n, "a write is whole");
    if (content_.size() < at + n) content_.resize(at + n);
    content_.replace(at, n, text);
  }
  void grow(std::size_t size) {
    file_->truncate(size).value();
    content_.resize(size);
  }
  // Prepares more than it commits.
  void fill(std::size_t at, std::size_t n) {
    file_->seek(static_cast<std::int64_t>(at)).value();
    const std::size_t used = random_.below(n + 1);
    const std::string text = letters(n, 'q');
    put(file_->prepare(n).value(), text);
    if (random_.one_in(4)) return;  // it is given back by whatever comes next
    file_->commit(used).value();
    content_ += text.substr(0, used);
  }

  const scenario& fs_;
  dice random_;
  std::string content_;
  std::unique_ptr<any_file> file_;
  std::size_t size_ = 0;
  std::uint64_t used_ = 0;
};

}  // namespace

TEST_CASE("reserve: whatever is done below it can not fail for space", "[api][reserve][quota]") {
  const scenario fs({.max_quota = 5 << 20});
  fs.expect_slices();
  for_each_seed(10, [&](std::uint64_t seed) { reserved_file(fs, seed).run(25); });
}

TEST_CASE("reserve: a file that is extended first can be filled piece by piece",
          "[api][reserve][quota]") {
  const scenario fs({.max_quota = 4 << 20});
  fs.expect_slices();
  const std::size_t size = GENERATE(100'000, 300'000, 2'000'000), piece = 871;
  const auto f = fs->open("/a", open_mode::create).value();
  f->reserve(size).value();
  fs->create_directory("/fillers").value();
  fill_up(*fs, "/fillers/large");
  // Pages are whole, so there may be room for what is smaller.
  for (int i = 0; fs->write_file("/fillers/" + std::to_string(i), "x"); ++i) continue;
  f->truncate(size).value();
  for (std::size_t at = 0; at < size; at += piece) {
    const std::size_t n = std::min(piece, size - at);
    REQUIRE(f->write_at(at, xs(n)).has_value());
  }
  f->close().value();
  CHECK(fs->read_file("/a").value() == xs(size));
  fs->remove_tree("/fillers").value();
}

TEST_CASE("reserve: it is charged at once, and the file stays as it is", "[api][reserve][quota]") {
  const scenario fs(accounting::payload, {.max_quota = 1000});
  fs->write_file("/a", "abc").value();
  const auto before = fs->stat("/a").value();
  const auto f = fs->open("/a", open_mode::update).value();
  f->seek(2).value();
  CHECK(f->reserve(600).has_value());
  CHECK(fs.used() == 600);
  CHECK(fs.stats().free_bytes == 400);
  CHECK(f->size().value() == 3);
  CHECK(f->tell().value() == 2);
  CHECK(fs->file_size("/a").value() == 3);
  CHECK(fs->stat("/a").value().generation == before.generation);
  CHECK(fs->stat("/a").value().modified_at == before.modified_at);
  // What is below it is paid for, and what is beyond is not.
  CHECK(f->write_at(3, xs(597)).value() == 597);
  CHECK(fs.used() == 600);
  CHECK(f->write_at(600, xs(50)).value() == 50);
  CHECK(fs.used() == 650);
  CHECK(f->truncate(100).value() == 100);
  CHECK(fs.used() == 600);
  f->close().value();
  CHECK(fs.used() == 100);
}

TEST_CASE("reserve: less than there is, or than is paid for, changes nothing", "[api][reserve]") {
  const scenario fs({.max_quota = 1 << 20});
  fs->write_file("/a", xs(5000)).value();
  const auto f = fs->open("/a", open_mode::update).value();
  const std::uint64_t used = fs.used();
  CHECK(f->reserve(0).has_value());
  CHECK(f->reserve(4999).has_value());
  CHECK(fs.used() == used);
  CHECK(f->reserve(100'000).has_value());
  const std::uint64_t paid = fs.used();
  CHECK(paid >= used + 95'000);
  CHECK(f->reserve(50'000).has_value());
  CHECK(f->reserve(100'000).has_value());
  CHECK(fs.used() == paid);
}

TEST_CASE("reserve: a refusal tells how much it is, and loses nothing", "[api][reserve][quota]") {
  const scenario fs(accounting::payload, {.max_quota = 1000});
  fs->write_file("/a", xs(300)).value();
  const auto f = fs->open("/a", open_mode::update).value();
  f->reserve(500).value();
  const error e = fs.refusal([&] { return f->reserve(1001); });
  CHECK(e == errc::quota_exceeded);
  CHECK(e.requested() == 501);
  CHECK(e.available() == 500);
  CHECK(f->write_at(300, xs(200)).value() == 200);
  CHECK(fs.used() == 500);
}

TEST_CASE("reserve: what may not be", "[api][reserve]") {
  const scenario fs({.max_quota = 1 << 20});
  fs->write_file("/a", "abc").value();
  {
    const auto f = fs->open("/a", open_mode::read).value();
    CHECK(fs.refusal([&] { return f->reserve(10); }) == errc::not_writable);
  }
  const auto f = fs->open("/a", open_mode::update).value();
  const error e = fs.refusal([&] { return f->reserve(largest + 1); });
  CHECK(e == errc::too_large);
  CHECK(e.available() == largest);
  CHECK(fs.refusal([&] { return f->reserve(largest); }) == errc::quota_exceeded);
  f->close().value();
  CHECK(error_of(f->reserve(10)) == errc::not_open);
}

TEST_CASE("reserve: it is with the handle, wherever that goes", "[api][reserve]") {
  const scenario fs(accounting::payload, {.max_quota = 1000});
  auto f = fs->open("/a", open_mode::create).value();
  f->reserve(700).value();
  auto moved = f->moved();
  CHECK(fs.used() == 700);
  CHECK(error_of(f->reserve(800)) == errc::not_open);
  CHECK(moved->write(xs(700)).value() == 700);
  CHECK(fs.used() == 700);
  auto other = fs->open("/b", open_mode::create).value();
  other->reserve(300).value();
  CHECK(fs.used() == 1000);
  moved->assign(std::move(*other));
  CHECK(fs.used() == 1000);
  CHECK(moved->write(xs(300)).value() == 300);
  CHECK(fs.used() == 1000);
  fs->remove("/a").value();
  CHECK(fs.used() == 300);
}

TEST_CASE("reserve: what was prepared is given back", "[api][reserve]") {
  const scenario fs(accounting::payload, {.max_quota = 1000});
  const auto f = fs->open("/a", open_mode::create_read).value();
  put(f->prepare(400).value(), "lost");
  CHECK(fs.used() == 400);
  CHECK(f->reserve(100).has_value());
  CHECK(fs.used() == 100);
  CHECK(error_of(f->commit(4)) == errc::invalid_argument);
  CHECK(f->read_all().value().empty());
}

TEST_CASE("reserve: pinned bytes that are written over are paid for beside it",
          "[api][reserve][pin]") {
  const scenario fs(accounting::memory, {.max_quota = 1 << 20});
  const auto f = fs->open("/a", open_mode::create_read).value();
  f->reserve(300'000).value();
  f->write(xs(300'000)).value();
  {
    const pinned p = f->pin(0, 300'000).value();
    CHECK(f->write_at(0, letters(300'000, 'a')).value() == 300'000);
    CHECK(fs.used() > 600'000);
    fill_up(*fs, "/filler");
    CHECK(error_of(f->write_at(300'000, xs(100'000))) == errc::quota_exceeded);
    CHECK(asio::buffer_size(p) == 300'000);
  }
  fs->remove("/filler").value();
  f->truncate(0).value();
  CHECK(f->write_at(0, letters(300'000, 'b')).value() == 300'000);
  f->close().value();
  CHECK(fs->read_file("/a").value() == letters(300'000, 'b'));
}

TEST_CASE("reserve: one that waits for space, and a write beyond it that does",
          "[api][reserve][space]") {
  const scenario fs(accounting::payload, {.max_quota = 1000});
  fs->write_file("/filler", xs(600)).value();
  std::uint64_t charged = 0;
  background waiter(fs.twin(), [&](any_file_system& own) {
    const auto f = own.open("/a", open_mode::create, waits).value();
    f->reserve(300).value();
    if (const auto more = f->reserve(500); !more) return more.error();
    charged = own.stats().value().used_bytes;
    if (const auto rest = f->write(xs(500)); !rest) return rest.error();
    return error_of(f->close());
  });
  await_waiting(fs.volume(), 1);
  CHECK(fs.used() == 900);
  fs->remove("/filler").value();
  CHECK(!waiter.get().code());
  CHECK(charged == 500);
  CHECK(fs.used() == 500);

  // Only what the reserve lacks is waited for: 100 of 600 bytes.
  fs->write_file("/filler", xs(450)).value();
  background writer(fs.twin(), [&](any_file_system& own) {
    const auto f = own.open("/a", open_mode::write, waits).value();
    if (const auto paid = f->reserve(500); !paid) return paid.error();
    return error_of(f->write(xs(600)));
  });
  await_waiting(fs.volume(), 1);
  fs->write_file("/filler", xs(400)).value();
  CHECK(!writer.get().code());
  CHECK(fs.used() == 1000);
}

TEST_CASE("reserve: a wait that ends in vain leaves what was paid for", "[api][reserve][space]") {
  const scenario fs(accounting::payload, {.max_quota = 1000});
  fs->write_file("/filler", xs(500)).value();
  const auto f = fs->open("/a", open_mode::create,
                          {.timeout = std::chrono::milliseconds(1), .on_full = when_full::wait})
                     .value();
  fs.expect_slices();
  f->reserve(400).value();
  CHECK(error_of(f->reserve(501)) == errc::timed_out);
  CHECK(error_of(f->write(xs(501))) == errc::timed_out);
  CHECK(fs.used() == 900);
  CHECK(fs->write_file("/b", xs(100)).has_value());
  CHECK(f->write(xs(400)).value() == 400);
  CHECK(fs.used() == 1000);
}

TEST_CASE("reserve: the guard counts it as promised", "[api][reserve][guard]") {
  std::uint64_t available = 10'000;
  memory_guard_options guard;
  guard.mode = guard_mode::per_write;
  guard.action = guard_action::reject;
  guard.interval = std::chrono::seconds(0);
  guard.available_memory = [&] { return std::optional(available); };
  const scenario fs(accounting::payload, {.max_quota = 10'000, .memory_guard = guard});
  available = 1000;
  const auto f = fs->open("/a", open_mode::create).value();
  CHECK(fs.refusal([&] { return f->reserve(1001); }) == errc::memory_guard);
  f->reserve(700).value();
  // The machine shows nothing of it yet, and still it is not there for others.
  const error e = fs.refusal([&] { return fs->write_file("/b", xs(301)); });
  CHECK(e == errc::memory_guard);
  CHECK(f->write(xs(700)).value() == 700);
  CHECK(fs->write_file("/b", xs(300)).has_value());
}

TEST_CASE("prepare: over a preallocation the room is the file's own", "[api][prepare][quota]") {
  const scenario fs({.max_quota = 1 << 20});
  fs.expect_slices();
  const auto f = fs->open("/a", open_mode::create_read, {.preallocate = 400'000}).value();
  fill_up(*fs, "/filler");
  const std::uint64_t used = fs.used();
  std::string model = zeros(400'000);
  dice random(GENERATE(range(0, 4)));
  for (std::size_t at = 0; at + 70'000 < model.size();) {
    const std::size_t n = 1 + random.below(70'000), kept = random.below(n + 1);
    f->seek(static_cast<std::int64_t>(at)).value();
    put(f->prepare(n).value(), letters(n, 'k'));
    // Nobody sees what is in it, this handle neither.
    CHECK(all_of(*f) == model);
    {
      const pinned seen = f->pin(at, 10).value();
      CHECK(std::string(static_cast<const char*>((*seen.begin()).data()), 10) == zeros(10));
    }
    if (random.one_in(3)) {
      f->seek(0).value();  // gives the room back
      CHECK(all_of(*f) == model);
      continue;
    }
    f->commit(kept).value();
    model.replace(at, kept, letters(n, 'k').substr(0, kept));
    CHECK(all_of(*f) == model);
    at += kept;
  }
  CHECK(fs.used() == used);
  put(f->prepare(1000).value(), xs(1000));
  f->close().value();
  CHECK(fs->read_file("/a").value() == model);
  fs->remove("/filler").value();
}

TEST_CASE("prepare: from a preallocation over the end of the file", "[api][prepare]") {
  const scenario fs;
  fs->write_file("/a", "abc").value();
  const auto f = fs->open("/a", open_mode::update, {.preallocate = 10}).value();
  f->seek(3).value();
  put(f->prepare(20).value(), "0123456789ABCDEFGHIJ");
  CHECK(f->size().value() == 10);
  CHECK(all_of(*f) == "abc" + zeros(7));
  f->commit(12).value();
  CHECK(all_of(*f) == "abc0123456789AB");
  // Those are zeros no longer, so the next room stands apart.
  f->seek(5).value();
  put(f->prepare(4).value(), "wxyz");
  CHECK(all_of(*f) == "abc0123456789AB");
  f->commit(1).value();
  CHECK(all_of(*f) == "abc01w3456789AB");
}

TEST_CASE("prepare: what was written, cut or appended to a preallocation is no zeros any more",
          "[api][prepare]") {
  const scenario fs;
  const auto f = fs->open("/a", open_mode::write_read, {.preallocate = 10}).value();
  std::string model;
  SECTION("written") {
    f->write_at(4, "WW").value();
    model = zeros(4) + "WW" + zeros(4);
  }
  SECTION("cut and extended") {
    f->truncate(2).value();
    f->write_at(2, "WWWW").value();
    f->truncate(10).value();
    model = zeros(2) + "WWWW" + zeros(4);
  }
  SECTION("appended") {
    f->write_at(10, "WWWW").value();
    model = zeros(10) + "WWWW";
  }
  SECTION("taken over") {
    f->seek(10).value();
    f->write(bytes(100'000, std::byte{'W'})).value();
    model = zeros(10) + std::string(100'000, 'W');
  }
  for (const std::size_t at : {0, 3, 5, 8}) {
    f->seek(static_cast<std::int64_t>(at)).value();
    put(f->prepare(50).value(), xs(50));
    CHECK(all_of(*f) == model);
    f->commit(0).value();
    CHECK(all_of(*f) == model);
  }
}

}  // namespace coramfs::tests
