// SPDX-License-Identifier: BSL-1.0
// AB4 to AB6: room in a file that others fill.
#include "api/scenario.hpp"

#include <asio/buffer.hpp>

#include <functional>
#include <iterator>

namespace coramfs::tests {

namespace {

static_assert(asio::is_mutable_buffer_sequence<prepared>::value);

std::string xs(std::size_t n) { return std::string(n, 'x'); }

void put(const prepared& room, std::string_view text) {
  CHECK(asio::buffer_copy(room, asio::const_buffer(text.data(), text.size())) == text.size());
}

std::unique_ptr<any_file> open(const scenario& fs, open_mode mode) {
  return fs->open("/a", mode).value();
}

}  // namespace

TEST_CASE("prepare: the file is as it was until something is committed", "[api][prepare]") {
  const scenario fs;
  const std::uint64_t at = GENERATE(0, 3, 6);
  fs.fill("/a", open_mode::write, "abcdef");
  const auto before = fs->stat("/a").value();
  const auto f = open(fs, open_mode::update);
  f->seek(static_cast<std::int64_t>(at)).value();
  const prepared room = f->prepare(10'000).value();
  CHECK(room.size() == 10'000);
  CHECK(asio::buffer_size(room) == 10'000);
  put(room, "0123456789");
  CHECK(f->size().value() == 6);
  CHECK(f->tell().value() == at);
  CHECK(fs->file_size("/a").value() == 6);
  CHECK(fs->stat("/a").value().generation == before.generation);
  CHECK(fs->stat("/a").value().modified_at == before.modified_at);
  std::string all(20'000, '-');
  CHECK(f->read_at(0, all).value() == 6);
  CHECK(all.substr(0, 7) == "abcdef-");
  CHECK(f->pin(0, 100).value().size() == 6);
  f->close().value();
  CHECK(fs->read_file("/a").value() == "abcdef");
}

TEST_CASE("prepare: what is committed is the file's", "[api][prepare]") {
  const scenario fs;
  struct sample {
    std::int64_t at;
    std::size_t n, k;
    const char* content;
  };
  const auto s =
      GENERATE(sample{6, 5, 5, "abcdef01234"}, sample{6, 5, 2, "abcdef01"},
               sample{0, 5, 5, "01234f"}, sample{2, 4, 1, "ab0def"}, sample{4, 5, 5, "abcd01234"},
               sample{4, 5, 1, "abcd0f"}, sample{4, 5, 2, "abcd01"}, sample{4, 5, 3, "abcd012"});
  fs.fill("/a", open_mode::write, "abcdef");
  const std::uint64_t generation = fs->stat("/a").value().generation;
  const auto f = open(fs, open_mode::update);
  f->seek(s.at).value();
  put(f->prepare(s.n).value(), std::string_view("01234").substr(0, s.n));
  CHECK(f->commit(s.k).has_value());
  CHECK(f->tell().value() == static_cast<std::uint64_t>(s.at) + s.k);
  CHECK(f->size().value() == std::string(s.content).size());
  CHECK(fs->stat("/a").value().generation == generation + 1);
  f->seek(0).value();
  CHECK(f->read_all().value() == s.content);
}

TEST_CASE("prepare: nothing committed is no change", "[api][prepare]") {
  const scenario fs;
  fs.fill("/a", open_mode::write, "abcdef");
  const auto before = fs->stat("/a").value();
  const auto f = open(fs, open_mode::update);
  put(f->prepare(3).value(), "xyz");
  CHECK(f->commit(0).has_value());
  CHECK(f->prepare(0).value().size() == 0);
  CHECK(f->commit(0).has_value());
  CHECK(f->commit(0).has_value());
  CHECK(f->tell().value() == 0);
  CHECK(fs->stat("/a").value().generation == before.generation);
  CHECK(f->read_all().value() == "abcdef");
}

TEST_CASE("prepare: an append is prepared at the end", "[api][prepare]") {
  const scenario fs;
  fs.fill("/a", open_mode::write, "abc");
  const auto f = open(fs, open_mode::append);
  f->seek(0).value();
  put(f->prepare(100).value(), "def");
  CHECK(f->commit(3).has_value());
  CHECK(f->tell().value() == 6);
  f->close().value();
  CHECK(fs->read_file("/a").value() == "abcdef");
}

TEST_CASE("prepare: many in turn make one file", "[api][prepare]") {
  const scenario fs;
  const auto f = open(fs, open_mode::create);
  std::string model;
  for (int i = 0; i < 300; ++i) {
    const std::string piece(static_cast<std::size_t>(i) * 7 + 1, static_cast<char>('a' + i % 26));
    put(f->prepare(4096).value(), piece);
    CHECK(f->commit(piece.size()).has_value());
    model += piece;
  }
  f->close().value();
  CHECK(fs->read_file("/a").value() == model);
}

TEST_CASE("prepare: behind a gap", "[api][prepare][promotion]") {
  const scenario fs;
  fs.fill("/a", open_mode::write, "abc");
  const auto f = open(fs, open_mode::update);
  f->seek(200'000).value();
  if (fs.layout() == storage_layout::sequential) {
    CHECK(error_of(f->prepare(3)) == errc::not_supported);
    return;
  }
  put(f->prepare(100'000).value(), "xyz");
  CHECK(f->size().value() == 3);
  CHECK(f->commit(3).has_value());
  f->seek(0).value();
  CHECK(f->read_all().value() == "abc" + std::string(199'997, '\0') + "xyz");
  f->seek(500'000).value();
  put(f->prepare(3).value(), "xyz");
  CHECK(f->commit(0).has_value());
  CHECK(f->size().value() == 200'003);
}

TEST_CASE("prepare: more than is prepared can not be committed, and the rest stays",
          "[api][prepare][errors]") {
  const scenario fs;
  const auto f = open(fs, open_mode::create);
  CHECK(error_of(f->commit(1)) == errc::invalid_argument);
  put(f->prepare(3).value(), "abc");
  CHECK(error_of(f->commit(4)) == errc::invalid_argument);
  CHECK(f->commit(3).has_value());
  CHECK(error_of(f->commit(1)) == errc::invalid_argument);
  f->close().value();
  CHECK(fs->read_file("/a").value() == "abc");
}

TEST_CASE("prepare: it needs a writable handle", "[api][prepare][errors]") {
  const scenario fs;
  fs.fill("/a", open_mode::write, "abc");
  const auto f = open(fs, open_mode::read);
  CHECK(error_of(f->prepare(1)) == errc::not_writable);
  CHECK(error_of(f->commit(0)) == errc::not_writable);
  f->close().value();
  CHECK(error_of(f->prepare(1)) == errc::not_open);
  CHECK(error_of(f->commit(0)) == errc::not_open);
}

TEST_CASE("prepare: a file can not grow beyond what any may have", "[api][prepare][errors]") {
  const scenario fs;
  const auto f = open(fs, open_mode::create);
  CHECK(error_of(f->prepare(~std::size_t{0})) == errc::too_large);
}

TEST_CASE("prepare: other calls give the room back", "[api][prepare][quota]") {
  const scenario fs;
  fs.fill("/a", open_mode::write, "abcdef");
  auto f = open(fs, open_mode::update);
  f->seek(GENERATE(2, 6)).value();
  const std::uint64_t used = fs.used(), at = f->tell().value();
  const auto content = [&] { return fs->read_file("/a").value(); };
  f->prepare(50'000).value();
  CHECK(fs.used() > used);
  SECTION("another") {
    CHECK(f->prepare(0).value().size() == 0);
    CHECK(fs.used() == used);
    f->close().value();
    CHECK(content() == "abcdef");
  }
  SECTION("a write") {
    CHECK(f->write("X").has_value());
    CHECK(fs.used() <= used + 100);
    CHECK(error_of(f->commit(1)) == errc::invalid_argument);
    f->close().value();
    CHECK(content() == (at == 2 ? "abXdef" : "abcdefX"));
  }
  SECTION("a moved-in buffer") {
    CHECK(f->write(bytes(1, std::byte{'X'})).has_value());
    f->close().value();
    CHECK(content() == (at == 2 ? "abXdef" : "abcdefX"));
  }
  SECTION("a write elsewhere") {
    CHECK(f->write_at(0, "X").has_value());
    CHECK(fs.used() <= used + 100);
    f->close().value();
    CHECK(content() == "Xbcdef");
  }
  SECTION("truncate") {
    CHECK(f->truncate(6).has_value());
    CHECK(fs.used() == used);
    CHECK(error_of(f->commit(1)) == errc::invalid_argument);
  }
  SECTION("seek") {
    CHECK(f->seek(0, seek_from::end).value() == 6);
    CHECK(fs.used() == used);
  }
  SECTION("close") {
    f->close().value();
    CHECK(fs.used() == used);
  }
  SECTION("the end of the handle") {
    f.reset();
    CHECK(fs.used() == used);
    CHECK(content() == "abcdef");
  }
}

TEST_CASE("prepare: payload counts the growth that is prepared", "[api][prepare][quota]") {
  const scenario fs(accounting::payload, {.max_quota = 1000});
  fs.fill("/a", open_mode::write, xs(600));
  const auto f = open(fs, open_mode::update);
  CHECK(f->prepare(600).has_value());
  CHECK(fs.used() == 600);
  CHECK(f->prepare(700).has_value());
  CHECK(fs.used() == 700);
  f->seek(600).value();
  CHECK(fs.used() == 600);
  const error e = error_of(f->prepare(401));
  CHECK(e == errc::quota_exceeded);
  CHECK(e.requested() == 401);
  CHECK(e.available() == 400);
  put(f->prepare(400).value(), xs(400));
  CHECK(fs.used() == 1000);
  CHECK(error_of(fs->write_file("/b", "x")) == errc::quota_exceeded);
  CHECK(f->commit(100).has_value());
  CHECK(fs.used() == 700);
  CHECK(f->size().value() == 700);
}

TEST_CASE("prepare: what is refused changes nothing", "[api][prepare][quota]") {
  const scenario fs({.max_quota = 100'000});
  fs.fill("/a", open_mode::write, xs(1000));
  const auto f = open(fs, open_mode::update);
  f->seek(GENERATE(500, 1000)).value();
  CHECK(fs.refusal([&] { return f->prepare(200'000); }) == errc::quota_exceeded);
  CHECK(f->prepare(10'000).has_value());
}

TEST_CASE("prepare: a pin of what is to be overwritten stays as it is", "[api][prepare][pin]") {
  const scenario fs;
  fs.fill("/a", open_mode::write, xs(5000));
  const auto f = open(fs, open_mode::update);
  const pinned early = f->pin(0, 5000).value();
  const prepared room = f->prepare(6000).value();
  const pinned late = f->pin(1, 5000).value();
  put(room, std::string(6000, 'y'));
  CHECK(f->commit(5500).has_value());
  for (const pinned& p : {early, late})
    for (const asio::const_buffer b : p)
      CHECK(std::string_view(static_cast<const char*>(b.data()), b.size()) == xs(b.size()));
  f->seek(0).value();
  CHECK(f->read_all().value() == std::string(5500, 'y'));
}

TEST_CASE("prepare: a pin beside the room is charged for the bytes under the room at most",
          "[api][prepare][pin][quota]") {
  const scenario fs(accounting::memory, {.max_quota = 100'000});
  fs->write_file("/a", xs(60'000)).value();
  const auto f = open(fs, open_mode::update);
  f->seek(30'000).value();
  const std::uint64_t before = fs.used();
  {
    const prepared room = f->prepare(100).value();
    const std::uint64_t prepared_for = fs.used();
    const pinned all = f->pin(0, 60'000).value();
    const pinned part = f->pin(30'050, 10).value();
    const pinned beside = f->pin(100, 5'000).value();
    CHECK(all.size() == 60'000);
    CHECK(part.size() == 10);
    CHECK(fs.used() < prepared_for + 1'000);
    put(room, std::string(100, 'y'));
    CHECK(f->commit(90).has_value());
    for (const pinned& p : {all, part, beside})
      for (const asio::const_buffer b : p)
        CHECK(std::string_view(static_cast<const char*>(b.data()), b.size()) == xs(b.size()));
    f->seek(0).value();
    CHECK(f->read_all().value() == xs(30'000) + std::string(90, 'y') + xs(29'910));
  }
  CHECK(fs.used() <= before);
  // Where not even those bytes can be had it is refused, and the room stays. What a table gives
  // back are pages, which are more than those bytes.
  if (fs.layout() == storage_layout::random_access) return;
  const auto g = fs->open("/b", open_mode::create).value();
  f->seek(0).value();
  while (g->write(xs(500))) {
  }
  while (g->write("z")) {
  }
  g->close().value();
  fs->open("/b", open_mode::update).value()->truncate(fs->file_size("/b").value() - 2'000).value();
  const prepared room = f->prepare(1'500).value();
  CHECK(fs.refusal([&] { return f->pin(0, 2'000); }) == errc::quota_exceeded);
  CHECK(f->pin(1'500, 2'000).value().size() == 2'000);
  put(room, std::string(1'500, 'z'));
  CHECK(f->commit(1'500).has_value());
  f->seek(0).value();
  CHECK(f->read_all().value().substr(0, 1'501) == std::string(1'500, 'z') + "x");
}

TEST_CASE("prepare: what can never fit is refused at once, with all that was asked for",
          "[api][prepare][space][errors]") {
  const scenario fs({.max_quota = 3 << 20});
  fs.expect_slices();
  fs->write_file("/other", xs(2'500'000)).value();
  const open_options waits{.on_full = when_full::wait};
  auto f = fs->open("/a", open_mode::create, waits).value();
  const error e = error_of(f->prepare(4'000'000));
  CHECK(e == errc::quota_exceeded);
  CHECK(e.requested() >= 4'000'000);
  CHECK(e.requested() < 4'100'000);
}

}  // namespace coramfs::tests
