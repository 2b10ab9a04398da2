// SPDX-License-Identifier: BSL-1.0

// What a program of Boost.Asio's has, to be built against a copy that was built with Boost.Asio:
// a coroutine of both libraries, and Boost.Asio's own algorithms over a file.
#include <coramfs/file_system.hpp>

#include <boost/asio.hpp>

#include <optional>
#include <string>
#include <type_traits>

namespace asio = boost::asio;

static_assert(std::is_same_v<coramfs::file::executor_type, asio::any_io_executor>);

namespace {

asio::awaitable<coramfs::result<std::string>> first_line(coramfs::file_system fs) {
  BOOST_OUTCOME_CO_TRY(co_await fs.write_file("/greeting", "hello\nworld\n"));
  BOOST_OUTCOME_CO_TRY(auto f, co_await fs.open("/greeting", coramfs::open_mode::read));
  std::string line;
  const std::size_t n =
      co_await asio::async_read_until(f, asio::dynamic_buffer(line), '\n', asio::use_awaitable);
  boost::system::error_code ec;
  co_await asio::async_write(f, asio::buffer(line), asio::redirect_error(asio::use_awaitable, ec));
  if (ec != coramfs::errc::not_writable) co_return ec ? coramfs::error(ec) : coramfs::errc::busy;
  co_return line.substr(0, n);
}

}  // namespace

int main() {
  asio::io_context context;
  auto fs = coramfs::file_system::create(context).value();
  auto line = asio::co_spawn(context, first_line(fs), asio::use_future);
  context.run();
  return line.get().value() == "hello\n" ? 0 : 1;
}
