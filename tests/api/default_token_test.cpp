// SPDX-License-Identifier: BSL-1.0
// Tokens that are left out.
#include <coramfs/default_token.hpp>

#include "api/token_fixture.hpp"
#include "api/tokens.hpp"

#include <asio/read.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/use_future.hpp>

#include <cstddef>
#include <string>
#include <utility>

namespace coramfs::tests {

TEST_CASE("default tokens: as_default_on makes a token the default", "[api][tokens]") {
  open_file_fixture t;
  using executor = asio::io_context::executor_type;
  using token = asio::use_awaitable_t<executor>;
  int good = 0;
  asio::co_spawn(
      t.context,
      [&]() -> asio::awaitable<void, executor> {
        auto fs = token::as_default_on(t.fs);
        const auto written = co_await fs.write_file("/b", "hello");
        good += written.has_value() ? 1 : 0;
        const auto paths = co_await fs.walk();
        good += paths.has_value() ? 1 : 0;
        auto opened = co_await fs.open("/b", open_mode::read);
        token::as_default_on_t<file> f = std::move(opened).value();
        std::string head(4, '\0');
        const std::size_t n = co_await asio::async_read(f, asio::buffer(head));
        good += n == 4 && head == "hell" ? 1 : 0;
        const auto rest = co_await f.read_all();
        good += rest.value().size() == 1 ? 1 : 0;
        // It is a file system, and other tokens are taken, too.
        file_system& plain = fs;
        auto later = plain.stat("/b", asio::use_future);
        good += later.valid() ? 1 : 0;
      },
      rethrow);
  t.run();
  CHECK(good == 5);
}

TEST_CASE("default tokens: a default token may be any", "[api][tokens]") {
  open_file_fixture t;
  auto fs = deferred.as_default_on(t.fs);
  auto read = fs.read_text("/a");
  std::string seen;
  std::move(read)([&](result<std::string> r) { seen = r.value(); });
  t.run();
  CHECK(seen == "abc");
}

}  // namespace coramfs::tests
