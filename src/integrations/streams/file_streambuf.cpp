// SPDX-License-Identifier: BSL-1.0
#include <coramfs/detail/file_streambuf.hpp>

#include <coramfs/asio.hpp>
#include <coramfs/open_options.hpp>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <limits>
#include <utility>

namespace coramfs::detail {

namespace {

/// How much is pinned at a time, in bytes: a pin costs about as much as the copy of a kilobyte, and
/// what is pinned of a file that is written to has to be copied by the writer.
constexpr std::size_t window = 64 * 1024;

}  // namespace

file_streambuf::~file_streambuf() { forget(); }

auto file_streambuf::underflow() -> int_type {
  if (gptr() != egptr()) return traits_type::to_int_type(*gptr());
  const auto at = position();
  if (!at) fail(at.error());
  if (seen_.size() > 0 && ++run_ != seen_.end())
    show_run(at.value());
  else if (!see(at.value()))
    return traits_type::eof();
  return traits_type::to_int_type(*gptr());
}

// Called where the character before is not in the get area, or is another than `c`.
auto file_streambuf::pbackfail(int_type c) -> int_type {
  const auto at = position();
  if (!at) fail(at.error());
  if (at.value() == 0) return traits_type::eof();
  const bool is_in_area = gptr() != eback();
  char before = is_in_area ? gptr()[-1] : '\0';
  if (!is_in_area) {
    const auto count = file_.read_at(at.value() - 1, asio::mutable_buffer(&before, 1));
    if (!count) fail(count.error());
    if (count.value() == 0) return traits_type::eof();
  }
  const char wanted = traits_type::to_char_type(c);
  if (traits_type::eq_int_type(c, traits_type::eof()) || traits_type::eq(before, wanted)) {
    if (is_in_area)
      gbump(-1);
    else
      see(at.value() - 1);
    return traits_type::not_eof(c);
  }
  // One that is still to be read would be lost.
  if (eback() == &put_back_ && !is_in_area) return traits_type::eof();
  forget();
  put_back_ = wanted;
  setg(&put_back_, &put_back_, &put_back_ + 1);
  get_area_end_ = at.value();
  return c;
}

auto file_streambuf::overflow(int_type c) -> int_type {
  if (traits_type::eq_int_type(c, traits_type::eof())) return traits_type::not_eof(c);
  const char one = traits_type::to_char_type(c);
  return xsputn(&one, 1) == 1 ? c : traits_type::eof();
}

std::streamsize file_streambuf::xsputn(const char* from, std::streamsize count) {
  if (count <= 0 || !forget()) return 0;
  const auto written = file_.write(asio::const_buffer(from, static_cast<std::size_t>(count)));
  if (written) return count;
  last_error_ = written.error();
  return 0;
}

std::streamsize file_streambuf::showmanyc() {
  const auto at = position();
  const auto size = file_.size();
  if (!at || !size || !file_.readable()) return -1;
  constexpr std::uint64_t most = std::numeric_limits<std::streamsize>::max();
  return static_cast<std::streamsize>(
      std::min(most, size.value() - std::min(size.value(), at.value())));
}

auto file_streambuf::seekoff(off_type offset, std::ios_base::seekdir from, std::ios_base::openmode)
    -> pos_type {
  result<std::uint64_t> at = errc::invalid_argument;
  if (offset == 0 && from == std::ios_base::cur) {
    at = position();
  } else if (forget()) {
    const seek_from base = from == std::ios_base::beg   ? seek_from::start
                           : from == std::ios_base::cur ? seek_from::current
                                                        : seek_from::end;
    at = file_.seek(offset, base);
  } else {
    return pos_type(off_type(-1));
  }
  if (at) return pos_type(static_cast<off_type>(at.value()));
  last_error_ = at.error();
  return pos_type(off_type(-1));
}

auto file_streambuf::seekpos(pos_type to, std::ios_base::openmode which) -> pos_type {
  return seekoff(off_type(to), std::ios_base::beg, which);
}

int file_streambuf::sync() {
  if (!forget()) return -1;
  const auto flushed = file_.flush();
  if (flushed) return 0;
  last_error_ = flushed.error();
  return -1;
}

result<std::uint64_t> file_streambuf::position() const {
  if (!has_get_area()) return file_.tell();
  return get_area_end_ - static_cast<std::uint64_t>(egptr() - gptr());
}

// Makes bytes from `begin` on the get area. Returns false if the file has none there; there is no
// get area then, as where it throws.
bool file_streambuf::see(std::uint64_t begin) {
  forget();
  auto bytes = file_.pin(begin, window);
  if (!bytes) fail(bytes.error());
  seen_ = std::move(bytes.value());
  run_ = seen_.begin();
  if (seen_.size() > 0) show_run(begin);
  return has_get_area();
}

// Nothing is written through the get area: `pbackfail` is asked for that.
void file_streambuf::show_run(std::uint64_t begin) noexcept {
  const asio::const_buffer run = *run_;
  char* const first = const_cast<char*>(static_cast<const char*>(run.data()));
  setg(first, first, first + run.size());
  get_area_end_ = begin + run.size();
}

// Brings the cursor to the position. Returns false if the file is closed, and the position lost.
bool file_streambuf::forget() noexcept {
  if (!has_get_area()) return true;
  const auto at = file_.seek(static_cast<std::int64_t>(position().value()));
  setg(nullptr, nullptr, nullptr);
  seen_ = pinned();
  if (!at) last_error_ = at.error();
  return at.has_value();
}

void file_streambuf::fail(const error& why) {
  last_error_ = why;
  throw std::ios_base::failure(why.message(), why.code());
}

}  // namespace coramfs::detail
