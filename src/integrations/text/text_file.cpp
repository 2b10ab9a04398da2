// SPDX-License-Identifier: BSL-1.0
#include <coramfs/text_file.hpp>

#include <coramfs/asio.hpp>
#include <coramfs/detail/asio_compat.hpp>

#include "integrations/text/text_reading.hpp"
#include "integrations/text/text_writing.hpp"

#include <new>
#include <utility>

namespace coramfs {

namespace {

using detail::file_request;
using detail::text_reading;
using detail::text_writing;

// Lets others run. If this fails nothing may be awaited afterwards: Asio would throw.
asio::awaitable<result<std::size_t>> pause() {
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  co_await asio::post(executor, asio::use_awaitable);
  const asio::cancellation_state state = co_await asio::this_coro::cancellation_state;
  if (state.cancelled() != asio::cancellation_type::none) co_return errc::canceled;
  co_return std::size_t{0};
}

template <class Operation>
asio::awaitable<result<typename Operation::value_type>> run(file& f, Operation operation) {
  operation.begin(detail::facts_of(f));
  while (const auto request = operation.next()) {
    const asio::mutable_buffer to(request->to.data(), request->to.size());
    const asio::const_buffer from(request->from.data(), request->from.size());
    result<std::size_t> outcome;
    switch (request->what) {
      case file_request::kind::read_at: outcome = co_await f.read_at(request->offset, to); break;
      case file_request::kind::write: outcome = co_await f.write(from); break;
      case file_request::kind::pause: outcome = co_await pause(); break;
    }
    operation.done(outcome);
  }
  if (const auto cursor = operation.new_cursor()) {
    BOOST_OUTCOME_CO_TRY(f.seek(static_cast<std::int64_t>(*cursor)));
  }
  co_return operation.take();
}

}  // namespace

text_file::text_file(file& over, std::string encoding, decode_errors errors) noexcept
    : file_(&over), state_(new (std::nothrow) detail::text_state(std::move(encoding), errors)) {}

text_file::text_file(text_file&&) noexcept = default;
text_file& text_file::operator=(text_file&&) noexcept = default;
text_file::~text_file() = default;

asio::awaitable<result<std::size_t>> text_file::write(std::string_view utf8) {
  return run(*file_, text_writing(state_.get(), utf8));
}

asio::awaitable<result<std::size_t>> text_file::write_owned(std::string utf8) {
  co_return co_await run(*file_, text_writing(state_.get(), utf8));
}

asio::awaitable<result<std::string>> text_file::read(std::optional<std::size_t> characters) {
  return run(*file_, text_reading(state_.get(), text_reading::extent::characters, characters));
}

asio::awaitable<result<std::string>> text_file::read_line(std::optional<std::size_t> limit) {
  return run(*file_, text_reading(state_.get(), text_reading::extent::line, limit));
}

}  // namespace coramfs
