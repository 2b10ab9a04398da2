// SPDX-License-Identifier: BSL-1.0
#include <coramfs/file_system.hpp>
#include <coramfs/text_file.hpp>

#include "unit/integrations/text/text_scenario.hpp"

#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>

#include <exception>
#include <functional>

namespace coramfs::tests {

namespace {

void rethrow(std::exception_ptr thrown) {
  if (thrown) std::rethrow_exception(thrown);
}

std::string long_text() {
  std::string text;
  while (text.size() < 5 * 1024 * 1024) text += "\u65e5\u672c\u8a9e and \u00e9";
  return text;
}

/// A file with much text, open, in a volume of its own.
class long_file {
 public:
  explicit long_file(asio::io_context& context)
      : fs_(file_system::create(context.get_executor()).value()) {
    sync::file_system(fs_.get_volume()).write_file("/long", asio::buffer(text)).value();
    asio::co_spawn(context, open(), rethrow);
    context.run();
    context.restart();
  }

  const std::string text = long_text();
  file f;

 private:
  asio::awaitable<void> open() { f = (co_await fs_.open("/long", open_mode::update)).value(); }

  file_system fs_;
};

asio::awaitable<void> read_into(text_file& t, result<std::string>& seen) {
  seen = co_await t.read();
}

asio::awaitable<void> write_from(text_file& t, const std::string& text, result<std::size_t>& seen) {
  seen = co_await t.write(text);
}

}  // namespace

TEST_CASE("text: short operations do not suspend", "[text][coroutines]") {
  const text_scenario s;
  const auto t = s.over("abc\n\u65e5", "utf-16");
  t->seek(0).value();
  CHECK(t->write("a\n").value() == 2);
  t->seek(0).value();
  CHECK(t->read(1).value() == "a");
  CHECK(t->read_line().value() == "\n");
  CHECK(t->suspensions() == 0);
}

TEST_CASE("text: long operations let others run", "[text][coroutines]") {
  asio::io_context context;
  long_file l(context);
  text_file t(l.f);
  int turns = 0;
  result<std::string> seen;
  std::function<void()> take_turns = [&] {
    if (seen) return;
    ++turns;
    asio::post(context, take_turns);
  };
  asio::co_spawn(context, read_into(t, seen), rethrow);
  asio::post(context, take_turns);
  context.run();
  CHECK((seen.value() == l.text));
  CHECK(turns >= 4);
}

TEST_CASE("text: a cancelled read leaves nothing behind", "[text][coroutines]") {
  for (const auto* encoding : {"utf-8", "utf-16", "iso-2022-jp"}) {
    INFO(encoding);
    asio::io_context context;
    long_file l(context);
    text_file t(l.f, encoding, decode_errors::replace);
    asio::cancellation_signal signal;
    result<std::string> seen;
    asio::co_spawn(context, read_into(t, seen),
                   asio::bind_cancellation_slot(signal.slot(), rethrow));
    asio::post(context, [&] { signal.emit(asio::cancellation_type::terminal); });
    context.run();
    CHECK(error_of(seen) == errc::canceled);
    CHECK(l.f.tell().value() == 0);
    context.restart();
    asio::co_spawn(context, read_into(t, seen), rethrow);
    context.run();
    CHECK(seen.value().size() > 2 * 1024 * 1024);
    CHECK(l.f.tell().value() == l.text.size());
  }
}

TEST_CASE("text: a cancelled write has stored nothing", "[text][coroutines]") {
  asio::io_context context;
  long_file l(context);
  text_file t(l.f, "utf-16be");
  asio::cancellation_signal signal;
  result<std::size_t> seen;
  asio::co_spawn(context, write_from(t, l.text, seen),
                 asio::bind_cancellation_slot(signal.slot(), rethrow));
  asio::post(context, [&] { signal.emit(asio::cancellation_type::terminal); });
  context.run();
  CHECK(error_of(seen) == errc::canceled);
  CHECK(l.f.tell().value() == 0);
  CHECK(l.f.size().value() == l.text.size());
}

TEST_CASE("text: an operation that is dropped leaves the cursor and the state",
          "[text][coroutines]") {
  asio::io_context context;
  long_file l(context);
  text_file t(l.f);
  result<std::string> seen;
  {
    asio::io_context other;
    asio::co_spawn(other, read_into(t, seen), rethrow);
    other.run_one();
    other.run_one();
  }
  CHECK(error_of(seen) == errc::canceled);
  CHECK(l.f.tell().value() == 0);
  { const auto never_awaited = t.read(); }
  CHECK(l.f.tell().value() == 0);
  asio::co_spawn(context, read_into(t, seen), rethrow);
  context.run();
  CHECK((seen.value() == l.text));
}

TEST_CASE("text: a string that is given as a temporary is written when it has gone",
          "[text][coroutine]") {
  asio::io_context context;
  file_system fs = file_system::create(context.get_executor()).value();
  const std::string expected(300, 'x');
  asio::co_spawn(
      context,
      [&]() -> asio::awaitable<void> {
        auto f = co_await fs.open("/text", open_mode::create);
        text_file text(f.value());
        auto kept = text.write(std::string(300, 'x'));
        const std::string other(300, 'y');  // where the temporary was, perhaps
        const auto n = co_await std::move(kept);
        CHECK(n.value() == 300);
        CHECK(other.size() == 300);
        const auto more = co_await text.write(expected);
        CHECK(more.value() == 300);
        const auto literal = co_await text.write("z");
        CHECK(literal.value() == 1);
      },
      rethrow);
  context.run();
  const auto stored = sync::file_system(fs.get_volume()).read_file("/text").value();
  CHECK(text_of(stored) == expected + expected + "z");
}

}  // namespace coramfs::tests
