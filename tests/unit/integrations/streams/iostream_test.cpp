// SPDX-License-Identifier: BSL-1.0
#include <coramfs/iostream.hpp>
#include <coramfs/sync/file_system.hpp>

#include "support/await_waiting.hpp"
#include "support/catch.hpp"
#include "support/describe.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iomanip>
#include <ios>
#include <istream>
#include <iterator>
#include <ostream>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

namespace coramfs::tests {

namespace {

sync::file_system payload_files(std::uint64_t quota) {
  return sync::file_system(
      volume::create({.max_quota = quota, .accounting = accounting::payload}).value());
}

std::string content_of(const pinned& p) {
  std::string all;
  for (const asio::const_buffer b : p) all.append(static_cast<const char*>(b.data()), b.size());
  return all;
}

// They know nothing of files.
int sum_of(std::istream& numbers) {
  int sum = 0;
  for (int n = 0; numbers >> n;) sum += n;
  return sum;
}
void write_numbers(std::ostream& to, int count) {
  for (int i = 1; i <= count; ++i) to << std::setw(6) << i << '\n';
}

}  // namespace

TEST_CASE("streams: what knows only streams writes and reads a file", "[streams]") {
  const auto layout = GENERATE(storage_layout::automatic, storage_layout::random_access);
  sync::file_system fs(volume::create({.default_storage = layout}).value());
  {
    auto f = fs.open("/numbers", open_mode::write).value();
    ostream out(f);
    write_numbers(out, 50'000);
    CHECK(out.good());
  }
  CHECK(fs.file_size("/numbers").value() == 7 * 50'000);
  auto f = fs.open("/numbers", open_mode::read).value();
  istream in(f);
  CHECK(sum_of(in) == 25'000 * 50'001);
  CHECK(in.eof());
  CHECK(!in.bad());
  CHECK(!in.last_error());
}

TEST_CASE("streams: an insertion is in the file when it has returned", "[streams]") {
  auto fs = payload_files(1000);
  auto f = fs.open("/a", open_mode::write).value();
  ostream out(f);
  out << "four";
  CHECK(fs.file_size("/a").value() == 4);
  CHECK(fs.get_volume().stats().used_bytes == 4);
  out.put('!');
  CHECK(fs.file_size("/a").value() == 5);
}

TEST_CASE("streams: what is read is seen where it is", "[streams]") {
  sync::file_system fs(volume::create().value());
  fs.write_text("/a", std::string(300'000, 'a')).value();
  const auto used = fs.get_volume().stats().used_bytes;
  auto f = fs.open("/a", open_mode::update).value();
  iostream both(f);
  CHECK(fs.get_volume().stats().pins == 0);
  CHECK(both.get() == 'a');
  CHECK(fs.get_volume().stats().pins == 1);
  CHECK(fs.get_volume().stats().used_bytes == used);
  // It lets go of it before it writes, so nothing is copied for that.
  both.put('b');
  CHECK(fs.get_volume().stats().pins == 0);
  CHECK(fs.get_volume().stats().used_bytes == used);
  CHECK(both.get() == 'a');
  both.flush();
  CHECK(fs.get_volume().stats().pins == 0);
}

TEST_CASE("streams: a refused write is told by the insertion, and nothing is lost", "[streams]") {
  auto fs = payload_files(100);
  auto f = fs.open("/a", open_mode::write).value();
  {
    ostream out(f);
    CHECK(!out.last_error());
    out << std::string(60, 'a');
    CHECK(out.good());
    out << std::string(60, 'b');
    CHECK(out.bad());
    CHECK(out.last_error() == errc::quota_exceeded);
    CHECK(out.last_error().requested() == 60);
    CHECK(out.last_error().available() == 40);
    CHECK(out.last_error().message() ==
          "quota exceeded: write \"/a\": requested 60 bytes, 40 available");
    // A stream that is bad writes nothing more.
    out << 'c';
    CHECK(f.size().value() == 60);
    out.clear();
    for (int i = 0; i < 40; ++i) out.put('d');
    CHECK(out.good());
    out.put('e');
    CHECK(out.bad());
    CHECK(out.last_error().requested() == 1);
    // Overwriting costs nothing.
    out.clear();
    out.seekp(0) << "A";
    CHECK(out.good());
  }
  f.close().value();
  CHECK(fs.read_text("/a").value() == "A" + std::string(59, 'a') + std::string(40, 'd'));
}

TEST_CASE("streams: a write that waits for space", "[streams]") {
  auto fs = payload_files(100);
  fs.write_text("/full", std::string(80, 'f')).value();
  auto f = fs.open("/a", open_mode::write, {.on_full = when_full::wait}).value();
  ostream out(f);
  std::thread writer([&] { out << std::string(50, 'a'); });
  await_waiting(fs.get_volume(), 1);
  fs.remove("/full").value();
  writer.join();
  CHECK(out.good());
  CHECK(f.size().value() == 50);
}

TEST_CASE("streams: it begins at the cursor, and brings it along", "[streams]") {
  sync::file_system fs(volume::create().value());
  fs.write_text("/a", "one two three").value();
  auto f = fs.open("/a", open_mode::update).value();
  f.seek(4).value();
  std::string word;
  {
    iostream both(f);
    CHECK(both.tellg() == 4);
    both >> word;
    CHECK(word == "two");
    CHECK(both.tellg() == 7);
    CHECK(both.tellp() == 7);
    both.flush();
    CHECK(f.tell().value() == 7);
    // Between a flush and the next call the file may be used itself.
    f.write("-").value();
    both >> word;
    CHECK(word == "three");
    both.clear();
    both.seekg(0);
    CHECK(f.tell().value() == 0);
    both.get();
  }
  CHECK(f.tell().value() == 1);
  f.close().value();
  CHECK(fs.read_text("/a").value() == "one two-three");
}

TEST_CASE("streams: from reading to writing and back without a seek", "[streams]") {
  sync::file_system fs(volume::create().value());
  fs.write_text("/a", "0123456789").value();
  auto f = fs.open("/a", open_mode::update).value();
  iostream both(f);
  CHECK(both.get() == '0');
  both.put('b');
  CHECK(both.get() == '2');
  both << "de";
  CHECK(both.tellg() == 5);
  both.unget();
  CHECK(both.get() == 'e');
  CHECK(both.get() == '5');
  f.close().value();
  CHECK(fs.read_text("/a").value() == "0b2de56789");
}

TEST_CASE("streams: putting back", "[streams]") {
  sync::file_system fs(volume::create().value());
  const std::string content(100'000, 'a');
  fs.write_text("/a", content).value();
  auto f = fs.open("/a", open_mode::read).value();
  istream in(f);
  in.unget();
  CHECK(in.bad());
  CHECK(!in.last_error());  // nothing is wrong with the file
  in.clear();
  // As many as were read, across all pieces of it, and from the end.
  in.ignore(100'000);
  for (int i = 0; i < 70'000; ++i) in.unget();
  CHECK(in.good());
  CHECK(in.tellg() == 30'000);
  in.putback('x');
  CHECK(in.tellg() == 29'999);
  CHECK(in.peek() == 'x');
  in.putback('y');  // a second one that is not the file's
  CHECK(in.bad());
  in.clear();
  CHECK(in.get() == 'x');
  CHECK(in.get() == 'a');
  CHECK(in.tellg() == 30'001);
  in.putback('z').seekg(-1, std::ios::cur);
  CHECK(in.get() == 'a');
  CHECK(in.tellg() == 30'000);
  f.close().value();
  CHECK(fs.read_text("/a").value() == content);
}

TEST_CASE("streams: appends go to the end", "[streams]") {
  sync::file_system fs(volume::create().value());
  fs.write_text("/a", "one").value();
  auto f = fs.open("/a", open_mode::append_read).value();
  iostream both(f);
  CHECK(both.get() == 'o');
  both << " two";
  CHECK(both.tellp() == 7);
  both.seekp(0);
  both << "!";
  both.seekg(0);
  std::string line;
  std::getline(both, line);
  CHECK(line == "one two!");
}

TEST_CASE("streams: holes read as zeros, and a gap needs a layout that has them", "[streams]") {
  const auto layout = GENERATE(storage_layout::automatic, storage_layout::sequential);
  sync::file_system fs(volume::create({.default_storage = layout}).value());
  auto f = fs.open("/a", open_mode::write_read).value();
  iostream both(f);
  both.seekp(200'000);
  both.put('e');
  if (layout == storage_layout::sequential) {
    CHECK(both.bad());
    CHECK(both.last_error() == errc::not_supported);
    return;
  }
  both.seekg(0);
  std::string all(std::istreambuf_iterator<char>(both), {});
  CHECK(all == std::string(200'000, '\0') + "e");
}

TEST_CASE("streams: bytes that are pinned stay as they are beside a stream that writes",
          "[streams]") {
  sync::file_system fs(volume::create().value());
  const std::string old(200'000, 'o');
  fs.write_text("/a", old).value();
  pinned before = fs.open("/a", open_mode::read).value().pin(0, 1 << 20).value();
  auto f = fs.open("/a", open_mode::update).value();
  iostream both(f);
  const auto seen = f.pin(0, 10).value();
  both << std::string(200'000, 'n');
  CHECK(both.good());
  CHECK(content_of(before) == old);
  CHECK(content_of(seen) == "oooooooooo");
  both.seekg(0);
  CHECK(both.get() == 'n');
  both.seekp(0);
  both.put('m');
  CHECK(content_of(before) == old);
}

TEST_CASE("streams: two readers of a file", "[streams]") {
  sync::file_system fs(volume::create().value());
  fs.write_text("/a", "1 2 3 4").value();
  auto f = fs.open("/a", open_mode::read).value(), g = fs.open("/a", open_mode::read).value();
  istream one(f), other(g);
  int a = 0, b = 0;
  one >> a >> a >> a;
  other >> b;
  CHECK(a == 3);
  CHECK(b == 1);
}

TEST_CASE("streams: over a closed file it is bad", "[streams]") {
  sync::file_system fs(volume::create().value());
  fs.write_text("/a", std::string(300'000, 'a')).value();
  sync::file none;
  CHECK(istream(none).bad());
  CHECK(istream(none).last_error() == errc::not_open);
  CHECK(ostream(none).bad());
  CHECK(iostream(none).bad());
  iostream cleared(none);
  cleared.clear();
  CHECK(cleared.peek() == EOF);
  CHECK(cleared.rdstate() == std::ios::badbit);
  cleared.clear();
  cleared.flush();
  CHECK(cleared.bad());
  cleared.clear();
  CHECK(cleared.tellg() == -1);

  auto f = fs.open("/a", open_mode::update).value();
  iostream both(f);
  CHECK(both.get() == 'a');
  SECTION("that is closed later") { f.close().value(); }
  SECTION("that is moved away") { const sync::file other = std::move(f); }
  both.seekg(10);
  CHECK(both.fail());
  CHECK(both.last_error() == errc::not_open);
  both.clear();
  CHECK(both.peek() == EOF);
  CHECK(both.bad());
  both.clear();
  both << 'b';
  CHECK(both.bad());
  CHECK(both.last_error() == errc::not_open);
  CHECK(fs.read_text("/a").value().find('b') == std::string::npos);
}

TEST_CASE("streams: what is seen already of a file that is closed can be read", "[streams]") {
  sync::file_system fs(volume::create().value());
  fs.write_text("/a", "content").value();
  auto f = fs.open("/a", open_mode::read).value();
  istream in(f);
  CHECK(in.get() == 'c');
  f.close().value();
  fs.write_text("/a", "changed").value();
  std::string rest(6, '\0');
  in.read(rest.data(), 6);
  CHECK(rest == "ontent");
  CHECK(in.good());
  CHECK(in.get() == EOF);
  CHECK(in.bad());
  CHECK(!in.eof());
}

TEST_CASE("streams: what the mode does not allow is bad, and not the end", "[streams]") {
  sync::file_system fs(volume::create().value());
  fs.write_text("/a", "content").value();
  {
    auto f = fs.open("/a", open_mode::append).value();
    iostream both(f);
    std::string line;
    std::getline(both, line);
    CHECK(both.bad());
    CHECK(!both.eof());
    CHECK(both.last_error() == errc::not_readable);
    both.clear();
    both.unget();
    CHECK(both.bad());
    both.clear();
    CHECK(both.rdbuf()->in_avail() == -1);
  }
  auto f = fs.open("/a", open_mode::read).value();
  iostream both(f);
  CHECK(both.rdbuf()->in_avail() == 7);
  both << "x";
  CHECK(both.bad());
  CHECK(both.last_error() == errc::not_writable);
}

TEST_CASE("streams: with exceptions it throws what a std::fstream does", "[streams]") {
  sync::file_system fs(volume::create().value());
  auto f = fs.open("/a", open_mode::write).value();
  iostream both(f);
  both.exceptions(std::ios::badbit);
  try {
    both.get();
    FAIL("nothing was thrown");
  } catch (const std::ios_base::failure& e) {
    CHECK(e.code() == errc::not_readable);
    CHECK(std::string_view(e.what()).find("/a") != std::string_view::npos);
  }
  CHECK(both.bad());
  both.exceptions(std::ios::goodbit);
  both.clear();
  CHECK_THROWS_AS(both.rdbuf()->sgetc(), std::ios_base::failure);
}

TEST_CASE("streams: a position that there can not be", "[streams]") {
  sync::file_system fs(volume::create().value());
  fs.write_text("/a", "content").value();
  auto f = fs.open("/a", open_mode::update).value();
  iostream both(f);
  both.get();
  both.seekg(-5, std::ios::cur);
  CHECK(both.rdstate() == std::ios::failbit);
  CHECK(both.last_error() == errc::invalid_argument);
  both.clear();
  both.seekg(-1);
  CHECK(both.fail());
  both.clear();
  CHECK(both.tellg() == 1);
  both.seekp(-2, std::ios::end);
  CHECK(both.tellp() == 5);
  both.seekg(100);
  CHECK(both.good());
  CHECK(both.get() == EOF);
  CHECK(both.eof());
  CHECK(both.rdbuf()->in_avail() == 0);
}

TEST_CASE("streams: a word for a number is no error of the file", "[streams]") {
  sync::file_system fs(volume::create().value());
  fs.write_text("/a", "word").value();
  auto f = fs.open("/a", open_mode::read).value();
  istream in(f);
  int n = 0;
  in >> n;
  CHECK(in.fail());
  CHECK(!in.bad());
  CHECK(!in.last_error());
}

TEST_CASE("streams: beyond what any file may have", "[streams]") {
  sync::file_system fs(volume::create().value());
  auto f = fs.open("/a", open_mode::write).value();
  ostream out(f);
  out.seekp(std::int64_t{0x7fff'ffff'ffff'ffff});
  CHECK(out.good());
  out << "xx";
  CHECK(out.bad());
  CHECK(out.last_error() == errc::too_large);
}

}  // namespace coramfs::tests
