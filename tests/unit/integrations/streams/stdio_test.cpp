// SPDX-License-Identifier: BSL-1.0
#include <coramfs/stdio.hpp>
#include <coramfs/sync/file_system.hpp>

#include "support/catch.hpp"
#include "support/describe.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <utility>

namespace coramfs::tests {

namespace {

sync::file_system payload_files(std::uint64_t quota) {
  return sync::file_system(
      volume::create({.max_quota = quota, .accounting = accounting::payload}).value());
}

std::FILE* open(sync::file_system& fs, const char* path, open_mode mode,
                open_options options = {}) {
  return open_stdio(fs.open(path, mode, options).value()).value();
}

std::string rest_of(std::FILE* f) {
  std::string all;
  for (int c; (c = std::fgetc(f)) != EOF;) all += static_cast<char>(c);
  return all;
}

}  // namespace

TEST_CASE("stdio: it reads and writes as the mode of the file says", "[streams][stdio]") {
  sync::file_system fs(volume::create().value());
  struct expectation {
    open_mode mode;
    std::string read;     // what is there to be read at first
    std::string content;  // after a write
  };
  const auto e = GENERATE(
      expectation{open_mode::read, "old", "old"}, expectation{open_mode::write, "", "new"},
      expectation{open_mode::append, "", "oldnew"}, expectation{open_mode::update, "old", "oldnew"},
      expectation{open_mode::write_read, "", "new"},
      expectation{open_mode::append_read, "old", "oldnew"},
      expectation{open_mode::create, "", "new"}, expectation{open_mode::create_read, "", "new"});
  const bool creates = e.mode == open_mode::create || e.mode == open_mode::create_read;
  const bool may_read =
      e.mode != open_mode::write && e.mode != open_mode::append && e.mode != open_mode::create;
  if (!creates) fs.write_text("/a", "old").value();
  std::FILE* const f = open(fs, "/a", e.mode);
  CHECK(rest_of(f) == e.read);
  CHECK((std::ferror(f) != 0) == !may_read);
  std::clearerr(f);
  std::fseek(f, 0, SEEK_CUR);
  const bool has_written = std::fputs("new", f) >= 0;
  CHECK(has_written == (e.mode != open_mode::read));
  CHECK(std::fclose(f) == 0);
  CHECK(fs.read_text("/a").value() == e.content);
  CHECK(fs.get_volume().stats().open_handles == 0);
}

TEST_CASE("stdio: what was written is in the file when the call has returned", "[streams][stdio]") {
  auto fs = payload_files(1000);
  std::FILE* const f = open(fs, "/a", open_mode::write);
  std::fputc('1', f);
  CHECK(fs.file_size("/a").value() == 1);
  CHECK(std::fprintf(f, "%d-%s", 23, "four") == 7);
  CHECK(fs.file_size("/a").value() == 8);
  CHECK(fs.get_volume().stats().used_bytes == 8);
  CHECK(std::fclose(f) == 0);
}

TEST_CASE("stdio: it begins at the cursor, and one that reads has a buffer", "[streams][stdio]") {
  sync::file_system fs(volume::create().value());
  fs.write_text("/a", "one\ntwo\nthree\n").value();
  auto file = fs.open("/a", open_mode::read).value();
  file.seek(4).value();
  std::FILE* const f = open_stdio(std::move(file)).value();
  CHECK(std::ftell(f) == 4);
  std::array<char, 20> line{};
  CHECK(std::fgets(line.data(), 20, f) == line.data());
  CHECK(std::string(line.data()) == "two\n");
  CHECK(std::ftell(f) == 8);
  CHECK(rest_of(f) == "three\n");
  CHECK(std::feof(f) != 0);
  std::rewind(f);
  CHECK(rest_of(f) == "one\ntwo\nthree\n");
  errno = 0;
  CHECK(::fileno(f) == -1);
  CHECK(errno == EBADF);
  CHECK(std::fclose(f) == 0);
}

TEST_CASE("stdio: a refused write is told by the call", "[streams][stdio]") {
  auto fs = payload_files(10);
  std::FILE* const f = open(fs, "/a", open_mode::write);
  CHECK(std::fwrite("123456", 1, 6, f) == 6);
  errno = 0;
  CHECK(std::fwrite("123456", 1, 6, f) == 0);
  CHECK(errno == ENOSPC);
  CHECK(std::ferror(f) != 0);
  std::clearerr(f);
  errno = 0;
  CHECK(std::fprintf(f, "%d", 12345) < 0);
  CHECK(errno == ENOSPC);
  std::clearerr(f);
  CHECK(std::fputs("1234", f) >= 0);
  CHECK(std::fputc('5', f) == EOF);
  CHECK(std::fclose(f) == 0);
  CHECK(fs.read_text("/a").value() == "1234561234");
}

TEST_CASE("stdio: with a buffer a refused write is told by what empties it", "[streams][stdio]") {
  auto fs = payload_files(10);
  const bool closes = GENERATE(false, true);
  std::FILE* const f = open(fs, "/a", open_mode::write);
  std::array<char, 1000> buffer;
  CHECK(std::setvbuf(f, buffer.data(), _IOFBF, buffer.size()) == 0);
  CHECK(std::fputs("more than there is room for", f) >= 0);
  CHECK(fs.get_volume().stats().used_bytes == 0);
  errno = 0;
  CHECK((closes ? std::fclose(f) : std::fflush(f)) == EOF);
  CHECK(errno == ENOSPC);
  if (!closes) std::fclose(f);
  CHECK(fs.get_volume().stats().open_handles == 0);
  CHECK(fs.read_text("/a").value().empty());
}

TEST_CASE("stdio: errno says what went wrong", "[streams][stdio]") {
  const auto error_of_write = [](std::FILE* f) {
    errno = 0;
    CHECK(std::fwrite("xx", 1, 2, f) == 0);
    const int why = errno;
    CHECK(std::fclose(f) == 0);
    return why;
  };
  sync::file_system fs(volume::create().value());
  {
    std::FILE* const f = open(fs, "/large", open_mode::write);
    CHECK(::fseeko(f, 0x7fff'ffff'ffff'ffff, SEEK_SET) == 0);
    CHECK(error_of_write(f) == EFBIG);
  }
  {
    std::FILE* const f = open(fs, "/negative", open_mode::write);
    errno = 0;
    CHECK(std::fseek(f, -1, SEEK_SET) == -1);
    CHECK(errno == EINVAL);
    CHECK(std::fclose(f) == 0);
  }
  {
    sync::file_system sequential(
        volume::create({.default_storage = storage_layout::sequential}).value());
    std::FILE* const f = open(sequential, "/gap", open_mode::write);
    CHECK(std::fseek(f, 10, SEEK_SET) == 0);
    CHECK(error_of_write(f) == EOPNOTSUPP);
  }
  {
    memory_guard_options guard;
    guard.mode = guard_mode::per_write;
    guard.action = guard_action::reject;
    guard.interval = {};
    std::uint64_t available = 1000;
    guard.available_memory = [&]() -> std::optional<std::uint64_t> { return available; };
    sync::file_system guarded(
        volume::create(
            {.max_quota = 1000, .accounting = accounting::payload, .memory_guard = guard})
            .value());
    std::FILE* const f = open(guarded, "/guarded", open_mode::write);
    available = 1;
    CHECK(error_of_write(f) == ENOMEM);
  }
  {
    auto full = payload_files(1);
    open_options options;
    options.on_full = when_full::wait;
    options.timeout = std::chrono::milliseconds(1);
    full.write_text("/f", "f").value();
    std::FILE* const f = open(full, "/waits", open_mode::write, options);
    // Two bytes could never fit; one could, if somebody made room.
    errno = 0;
    CHECK(std::fputc('x', f) == EOF);
    CHECK(errno == ETIMEDOUT);
    std::clearerr(f);
    CHECK(error_of_write(f) == ENOSPC);
  }
}

TEST_CASE("stdio: a closed file, and one that outlives its file system", "[streams][stdio]") {
  CHECK(error_of(open_stdio(sync::file())) == errc::not_open);
  std::FILE* f = nullptr;
  {
    sync::file_system fs(volume::create().value());
    auto file = fs.open("/a", open_mode::write_read).value();
    f = open_stdio(std::move(file)).value();
    CHECK(!file.is_open());
    // It has the file's lock until it is closed.
    CHECK(error_of(fs.open("/a", open_mode::read, {.timeout = lock_timeout::immediate()})) ==
          errc::would_block);
  }
  CHECK(std::fputs("content", f) >= 0);
  std::rewind(f);
  CHECK(rest_of(f) == "content");
  CHECK(std::fclose(f) == 0);
}

}  // namespace coramfs::tests
