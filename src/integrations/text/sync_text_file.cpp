// SPDX-License-Identifier: BSL-1.0
#include <coramfs/sync/text_file.hpp>

#include <coramfs/asio.hpp>

#include "integrations/text/text_reading.hpp"
#include "integrations/text/text_writing.hpp"

#include <new>
#include <utility>

namespace coramfs::sync {

namespace {

using detail::file_request;
using detail::text_reading;
using detail::text_writing;

result<std::size_t> perform(file& f, const file_request& request) {
  switch (request.what) {
    case file_request::kind::read_at:
      return f.read_at(request.offset, asio::buffer(request.to.data(), request.to.size()));
    case file_request::kind::write:
      return f.write(asio::buffer(request.from.data(), request.from.size()));
    case file_request::kind::pause: break;  // nobody waits for this thread
  }
  return std::size_t{0};
}

template <class Operation>
result<typename Operation::value_type> run(file& f, Operation operation) {
  operation.begin(detail::facts_of(f));
  while (const auto request = operation.next()) operation.done(perform(f, *request));
  if (const auto cursor = operation.new_cursor()) {
    BOOST_OUTCOME_TRY(f.seek(static_cast<std::int64_t>(*cursor)));
  }
  return operation.take();
}

}  // namespace

text_file::text_file(file& over, std::string encoding, decode_errors errors) noexcept
    : file_(&over), state_(new (std::nothrow) detail::text_state(std::move(encoding), errors)) {}

text_file::text_file(text_file&&) noexcept = default;
text_file& text_file::operator=(text_file&&) noexcept = default;
text_file::~text_file() = default;

result<std::size_t> text_file::write(std::string_view utf8) {
  return run(*file_, text_writing(state_.get(), utf8));
}

result<std::string> text_file::read(std::optional<std::size_t> characters) {
  return run(*file_, text_reading(state_.get(), text_reading::extent::characters, characters));
}

result<std::string> text_file::read_line(std::optional<std::size_t> limit) {
  return run(*file_, text_reading(state_.get(), text_reading::extent::line, limit));
}

}  // namespace coramfs::sync
