// SPDX-License-Identifier: BSL-1.0
// A file as a buffer of Asio's: by hand, and under Asio's own operations, over a stream that gives
// what it is told to.
#include <coramfs/file_buffer.hpp>
#include <coramfs/sync/file_system.hpp>

#include "api/coroutines.hpp"

#include <asio/read.hpp>
#include <asio/read_until.hpp>
#include <asio/use_future.hpp>
#include <asio/write.hpp>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

namespace coramfs::tests {

namespace {

constexpr std::size_t most = std::numeric_limits<std::size_t>::max();

/// A stream that has some bytes, of which a read gets `at_once` at most. Behind them it is at its
/// end, or keeps whoever reads waiting.
class byte_stream {
 public:
  using executor_type = asio::io_context::executor_type;

  byte_stream(asio::io_context& context, std::string bytes, std::size_t at_once = most)
      : context_(context), bytes_(std::move(bytes)), at_once_(at_once) {}

  executor_type get_executor() noexcept { return context_.get_executor(); }
  void never_end() noexcept { ends_ = false; }
  std::size_t reads() const noexcept { return reads_; }
  std::size_t left() const noexcept { return bytes_.size() - given_; }

  template <class Buffers>
  std::size_t read_some(const Buffers& to, asio_error_code& ec) {
    ++reads_;
    const std::size_t wanted = std::min(asio::buffer_size(to), at_once_);
    const std::size_t n =
        asio::buffer_copy(to, asio::buffer(bytes_.data() + given_, std::min(wanted, left())));
    given_ += n;
    ec = n == 0 && wanted > 0 ? asio_error_code(asio::error::eof) : asio_error_code();
    return n;
  }
  template <class Buffers, class Token>
  auto async_read_some(const Buffers& to, Token&& token) {
    return asio::async_initiate<Token, void(asio_error_code, std::size_t)>(
        [this](auto handler, const Buffers& b) {
          auto shared = std::make_shared<decltype(handler)>(std::move(handler));
          if (!ends_ && left() == 0 && asio::buffer_size(b) > 0) {
            waiting_ = std::move(shared);
            return;
          }
          asio_error_code ec;
          const std::size_t n = read_some(b, ec);
          asio::post(context_, [shared, ec, n] { std::move (*shared)(ec, n); });
        },
        token, to);
  }
  /// Destroys who waits, as a context that goes does.
  void abandon() noexcept { waiting_.reset(); }

 private:
  asio::io_context& context_;
  const std::string bytes_;
  const std::size_t at_once_;
  std::size_t given_ = 0, reads_ = 0;
  bool ends_ = true;
  std::shared_ptr<void> waiting_;
};

struct fixture {
  explicit fixture(volume_options options = {}) : v(volume::create(std::move(options)).value()) {}

  file open(const std::string& path, open_mode mode = open_mode::update) {
    auto opened = fs.open(path, mode, {}, asio::use_future);
    context.restart();
    context.run();
    return opened.get().value();
  }
  file make(const std::string& content) {
    threads.write_file("/a", buffer_of(content)).value();
    return open("/a");
  }
  std::string content() { return text_of(threads.read_file("/a").value()); }
  std::uint64_t used() const { return v.stats().used_bytes; }
  void run() {
    context.restart();
    context.run();
  }

  asio::io_context context;
  volume v;
  file_system fs{context.get_executor(), v};
  sync::file_system threads{v};
};

std::string text_of(const pinned& buffers) {
  std::string text(buffers.size(), '#');
  asio::buffer_copy(asio::buffer(text), buffers);
  return text;
}

// Every quota from one that is too small for anything to one that all fits into.
volume_options short_of(std::uint64_t quota, accounting counting, storage_layout layout) {
  return {.max_quota = quota, .default_storage = layout, .accounting = counting};
}

/// What became of an operation.
struct outcome {
  std::optional<asio_error_code> ec;
  std::size_t n = 0;

  auto handler() {
    return [this](asio_error_code e, std::size_t count) {
      ec = e;
      n = count;
    };
  }
};

}  // namespace

TEST_CASE("file buffer: it is the file from the cursor to the end", "[api][buffer]") {
  fixture t;
  file f = t.make("abcdef");
  file_buffer b(f);
  CHECK(b.size() == 6);
  b.consume(2);
  CHECK(b.size() == 4);
  CHECK(f.tell().value() == 2);
  b.grow(3);
  CHECK(b.size() == 7);
  CHECK(asio::buffer_copy(b.data(4, 3), buffer_of("xyz")) == 3);
  CHECK(text_of(std::as_const(b).data(2, 99)) == "efxyz");
  b.shrink(1);
  CHECK(b.size() == 6);
  CHECK(text_of(std::as_const(b).data(0, 99)) == "cdefxy");
  CHECK(text_of(std::as_const(b).data(1, 2)) == "de");
  CHECK(asio::buffer_copy(b.data(0, 2), buffer_of("CD")) == 2);
  b.shrink(1);
  b.consume(99);
  CHECK(b.size() == 0);
  f.close().value();
  CHECK(t.content() == "abCDefx");
}

TEST_CASE("file buffer: a byte is the file's when it is published, and not before",
          "[api][buffer]") {
  for (const auto layout : {storage_layout::automatic, storage_layout::random_access}) {
    fixture t({.default_storage = layout});
    file f = t.make("abc");
    const auto seen = [&] { return t.threads.file_size("/a").value(); };
    const auto generation = [&] { return t.threads.stat("/a").value().generation; };
    const auto before = generation();
    file_buffer b(f);
    b.grow(10);
    CHECK(seen() == 3);
    CHECK(f.size().value() == 3);
    CHECK(generation() == before);
    CHECK(error_of(f.commit(1)) == errc::invalid_argument);  // `prepare` did not make it
    CHECK(f.commit(0));
    asio::buffer_copy(b.data(3, 2), buffer_of("de"));
    b.shrink(8);
    CHECK(seen() == 5);
    CHECK(generation() == before + 1);
    b.grow(2);
    asio::buffer_copy(b.data(5, 2), buffer_of("fg"));
    b.grow(1);  // what was grown before is filled
    CHECK(seen() == 7);
    asio::buffer_copy(b.data(7, 1), buffer_of("h"));
    b.consume(1);
    CHECK(seen() == 8);
    b.grow(100);
    f.close().value();
    CHECK(t.content() == "abcdefgh");
  }
}

TEST_CASE("file buffer: its limit is what the quota has left", "[api][buffer][quota]") {
  fixture t({.max_quota = 100, .accounting = accounting::payload});
  file f = t.make(std::string(30, 'x'));
  file_buffer b(f);
  CHECK(b.max_size() == 100);
  CHECK(file_buffer(f, 40).max_size() == 40);
  CHECK(file_buffer(f, 40).capacity() == 40);
  CHECK(b.max_size() == 100);
  CHECK(file_buffer(f, 20).max_size() == 30);  // never below its size
  CHECK_THROWS_AS(file_buffer(f, 40).grow(11), std::length_error);
  CHECK_THROWS_AS(b.grow(71), std::length_error);
  b.grow(70);
  CHECK(t.used() == 100);
  CHECK(b.max_size() == 100);
  b.shrink(70);
  CHECK(t.used() == 30);
  CHECK(b.capacity() == 100);
  CHECK(t.used() == 100);  // it is held
  f.seek(0).value();
  CHECK(t.used() == 30);
}

TEST_CASE("file buffer: a large quota is its limit too, and no sum of it wraps",
          "[api][buffer][quota]") {
  for (const auto counting : {accounting::payload, accounting::memory}) {
    fixture t({.max_quota = ~std::uint64_t{0}, .accounting = counting});
    file f = t.make("abc");
    file_buffer b(f);
    CHECK(b.max_size() > most / 4);
    CHECK(b.max_size() <= most / 2);
    CHECK_THROWS_AS(b.grow(most), std::length_error);
    CHECK(text_of(std::as_const(b).data(most, most)).empty());
    CHECK(text_of(std::as_const(b).data(1, most)) == "bc");
    CHECK(b.data(most - 1, 5).size() == 0);
    f.close().value();
    CHECK(t.content() == "abc");
  }
}

TEST_CASE("file buffer: it can grow to its limit, whatever the quota", "[api][buffer][quota]") {
  for (const auto counting : {accounting::payload, accounting::memory}) {
    for (const auto layout : {storage_layout::automatic, storage_layout::random_access}) {
      for (std::uint64_t quota = 400; quota < 400'000; quota += quota / 5) {
        INFO(quota);
        fixture t(short_of(quota, counting, layout));
        file f = t.make("abc");
        file_buffer b(f);
        const std::size_t limit = b.max_size();
        CHECK(b.capacity() <= limit);
        if (counting == accounting::payload) CHECK(limit == quota);
        if (quota > 100'000) CHECK(limit >= quota - quota / 10);
        CHECK_NOTHROW(b.grow(limit - 3));
        CHECK(t.used() <= quota);
        b.shrink(0);
        CHECK(f.size().value() == limit);
      }
    }
  }
}

TEST_CASE("file buffer: a read that finds no more room ends, and throws nothing",
          "[api][buffer][quota]") {
  const std::string body(9'000, 'x');
  for (const auto counting : {accounting::payload, accounting::memory}) {
    for (const auto layout : {storage_layout::automatic, storage_layout::random_access}) {
      for (std::uint64_t quota = 1'000; quota < 9'000; quota += 61) {
        for (const std::size_t at_once : {std::size_t{700}, most}) {
          INFO(quota << ", at once " << at_once << ", layout " << static_cast<int>(layout));
          fixture t(short_of(quota, counting, layout));
          file f = t.make("");
          byte_stream s(t.context, body, at_once);
          outcome all, head;
          asio::async_read(s, file_buffer(f), all.handler());
          CHECK_NOTHROW(t.run());
          CHECK(all.ec == asio_error_code());
          CHECK(all.n == f.size().value());
          CHECK(all.n == body.size() - s.left());
          if (counting == accounting::payload) CHECK(all.n == quota);
          f.close().value();
          f = t.make("");
          byte_stream r(t.context, body, at_once);
          asio::async_read_until(r, file_buffer(f), "\r\n\r\n", head.handler());
          CHECK_NOTHROW(t.run());
          CHECK(head.ec == asio_error_code(asio::error::not_found));
          CHECK(head.n == 0);
          CHECK(f.size().value() == body.size() - r.left());
          // It is really full: but for what blocks and tables take.
          for (const std::uint64_t n : {std::uint64_t{all.n}, f.size().value()})
            CHECK(n >= (quota - 600) / 4 * 3);
        }
      }
    }
  }
}

TEST_CASE("file buffer: a read that the guard refuses room ends likewise", "[api][buffer][guard]") {
  volume_options options;
  options.memory_guard.mode = guard_mode::per_write;
  options.memory_guard.action = guard_action::reject;
  options.memory_guard.interval = {};
  std::uint64_t available = 1 << 30;
  options.memory_guard.available_memory = [&] { return std::optional(available); };
  options.accounting = accounting::payload;
  fixture t(std::move(options));
  file f = t.make("");
  available = 1'000;
  byte_stream s(t.context, std::string(5'000, 'x'), 400);
  outcome read;
  asio::async_read_until(s, file_buffer(f), '\n', read.handler());
  CHECK_NOTHROW(t.run());
  CHECK(read.ec == asio_error_code(asio::error::eof));
  CHECK(f.size().value() == 5'000);  // each piece is less than what is available
  available = 0;
  outcome none;
  asio::async_read_until(s, file_buffer(f), '\n', none.handler());
  CHECK_NOTHROW(t.run());
  CHECK(none.ec == asio_error_code(asio::error::not_found));
}

TEST_CASE("file buffer: what is abandoned leaves what had come, and nothing of the memory",
          "[api][buffer]") {
  for (const auto layout : {storage_layout::automatic, storage_layout::random_access}) {
    fixture t({.default_storage = layout});
    const std::string secret(500, 's');
    for (int i = 0; i < 64; ++i)
      t.threads.write_file("/secret" + std::to_string(i), buffer_of(secret)).value();
    for (int i = 0; i < 64; ++i) t.threads.remove("/secret" + std::to_string(i)).value();
    file f = t.make("");
    const auto before = t.threads.stat("/a").value().generation;
    byte_stream s(t.context, "GET / HT");
    s.never_end();
    outcome read;
    asio::async_read_until(s, file_buffer(f), "\r\n\r\n", read.handler());
    t.run();
    CHECK(!read.ec);
    CHECK(t.threads.file_size("/a").value() == 8);
    CHECK(t.threads.stat("/a").value().generation == before + 1);
    s.abandon();
    CHECK(!read.ec);
    CHECK(f.size().value() == 8);
    // Room that was abandoned is nobody's: a second buffer begins behind what had come.
    byte_stream rest(t.context, "TP/1.1\r\n\r\nbody");
    asio::async_read_until(rest, file_buffer(f), "\r\n\r\n", read.handler());
    t.run();
    CHECK(read.ec == asio_error_code());
    CHECK(read.n == 18);
    f.close().value();
    CHECK(t.content() == "GET / HTTP/1.1\r\n\r\nbody");
  }
}

TEST_CASE("file buffer: it lets Asio read in large pieces", "[api][buffer]") {
  for (const auto layout : {storage_layout::automatic, storage_layout::random_access}) {
    fixture t({.default_storage = layout});
    file f = t.make("");
    constexpr std::size_t size = 1 << 20;
    byte_stream s(t.context, std::string(size, 'x'));
    asio_error_code ec;
    CHECK(asio::read(s, file_buffer(f), ec) == size);
    CHECK(ec == asio_error_code(asio::error::eof));
    // 64 KiB at once is the most that Asio reads, and it begins with less.
    CHECK(s.reads() <= size / 65536 + 8);
    f.close().value();
    f = t.make("");
    byte_stream r(t.context, std::string(size, 'x') + "\n");
    outcome read;
    asio::async_read_until(r, file_buffer(f), '\n', read.handler());
    t.run();
    CHECK(read.n == size + 1);
    CHECK(r.reads() <= size / 65536 + 8);
    f.close().value();
    CHECK(t.content().size() >= size + 1);
  }
}

TEST_CASE("file buffer: bytes that come one by one leave no more than they take",
          "[api][buffer][quota]") {
  for (const auto layout : {storage_layout::automatic, storage_layout::random_access}) {
    fixture t({.default_storage = layout});
    file f = t.make("");
    std::string text;
    for (int i = 0; text.size() < 5'000; ++i) text += "line " + std::to_string(i) + "\n";
    byte_stream s(t.context, text, 1);
    asio_error_code ec;
    CHECK(asio::read(s, file_buffer(f), ec) == text.size());
    CHECK(t.v.stats().chunk_count <= 4);
    f.close().value();
    const std::uint64_t used = t.used();
    CHECK(t.content() == text);
    t.threads.write_file("/b", buffer_of(text)).value();
    CHECK(t.used() - used >= used - used / 10);
  }
}

TEST_CASE("file buffer: lines are read and consumed one after the other", "[api][buffer]") {
  fixture t;
  file f = t.make("");
  byte_stream s(t.context, "one\ntwo\nthree\n", 5);
  file_buffer b(f);
  std::string seen;
  for (asio_error_code ec; !ec;) {
    const std::size_t n = asio::read_until(s, b, '\n', ec);
    if (ec) break;
    seen += text_of(std::as_const(b).data(0, n)) + "|";
    b.consume(n);
  }
  CHECK(seen == "one\n|two\n|three\n|");
  CHECK(b.size() == 0);
}

TEST_CASE("file buffer: where the file is closed, past its end or only read there is no room",
          "[api][buffer]") {
  fixture t;
  file f = t.make("abc");
  file_buffer b(f);
  f.seek(4).value();
  CHECK(b.size() == 0);
  CHECK(b.max_size() == 0);
  CHECK(b.capacity() == 0);
  CHECK_THROWS_AS(b.grow(1), std::length_error);
  f.seek(0).value();
  b.grow(5);
  f.close().value();  // in the middle of a read, as it were
  CHECK(b.size() == 0);
  CHECK(b.max_size() == 0);
  CHECK(b.capacity() == 0);
  CHECK(b.data(0, 5).size() == 0);
  CHECK(std::as_const(b).data(0, 5).size() == 0);
  b.shrink(3);
  b.consume(1);
  CHECK(t.content() == "abc");
  f = t.open("/a", open_mode::read);
  CHECK(b.size() == 3);
  CHECK(b.max_size() == 3);
  CHECK(b.capacity() == 3);
  byte_stream s(t.context, "d\n");
  outcome read;
  asio::async_read_until(s, b, '\n', read.handler());
  CHECK_NOTHROW(t.run());
  CHECK(read.ec == asio_error_code(asio::error::not_found));
  b.shrink(1);
  CHECK(b.size() == 3);
}

TEST_CASE("file buffer: what another call of the file ends is not the buffer's any more",
          "[api][buffer]") {
  fixture t;
  file f = t.make("abc");
  file_buffer b(f);
  b.grow(5);
  const file_buffer copy = b;
  CHECK(copy.size() == 8);
  f.seek(0).value();
  CHECK(b.size() == 3);
  CHECK(copy.size() == 3);
  b.grow(2);
  CHECK(b.size() == 5);
  CHECK(copy.size() == 3);
  b.shrink(2);
  CHECK(f.size().value() == 3);
}

TEST_CASE("file buffer: what a pin holds stays as it is while the buffer grows", "[api][buffer]") {
  for (const auto layout : {storage_layout::automatic, storage_layout::random_access}) {
    fixture t({.default_storage = layout});
    file f = t.make("abcdef");
    file_buffer b(f);
    const pinned held = f.pin(0, 6).value();
    b.grow(4);
    const pinned also = f.pin(2, 99).value();
    CHECK(also.size() == 4);
    asio::buffer_copy(b.data(4, 6), buffer_of("EFghij"));
    b.shrink(0);
    CHECK(text_of(held) == "abcdef");
    CHECK(text_of(also) == "cdef");
    f.close().value();
    CHECK(t.content() == "abcdEFghij");
  }
}

}  // namespace coramfs::tests
