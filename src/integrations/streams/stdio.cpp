// SPDX-License-Identifier: BSL-1.0
#include <coramfs/stdio.hpp>

#include <coramfs/asio.hpp>
#include <coramfs/open_options.hpp>

#include <cerrno>
#include <cstddef>
#include <memory>
#include <new>
#include <optional>
#include <system_error>
#include <utility>

#include <sys/types.h>

namespace coramfs {

namespace {

sync::file& file_of(void* cookie) noexcept { return *static_cast<sync::file*>(cookie); }

void set_errno(const error& why) noexcept {
  const std::error_condition same = why.code().default_error_condition();
  errno = same.category() == std::generic_category() ? same.value() : EIO;
}

ssize_t read_file(void* cookie, char* to, std::size_t size) {
  const auto count = file_of(cookie).read(asio::mutable_buffer(to, size));
  if (count) return static_cast<ssize_t>(count.value());
  set_errno(count.error());
  return -1;
}

// It returns 0 for a failure, since the C library takes a number below that for a count.
ssize_t write_file(void* cookie, const char* from, std::size_t size) {
  const auto count = file_of(cookie).write(asio::const_buffer(from, size));
  if (count) return static_cast<ssize_t>(count.value());
  set_errno(count.error());
  return 0;
}

// What an offset is differs between C libraries.
template <class Offset>
int seek_file(void* cookie, Offset* offset, int whence) {
  const auto from = whence == SEEK_SET   ? std::optional(seek_from::start)
                    : whence == SEEK_CUR ? std::optional(seek_from::current)
                    : whence == SEEK_END ? std::optional(seek_from::end)
                                         : std::nullopt;
  const auto at = from ? file_of(cookie).seek(*offset, *from) : errc::invalid_argument;
  if (at) {
    *offset = static_cast<Offset>(at.value());
    return 0;
  }
  set_errno(at.error());
  return -1;
}

// What a flush before it has failed with stays.
int close_file(void* cookie) {
  const int before = errno;
  delete &file_of(cookie);
  errno = before;
  return 0;
}

const char* mode_of(open_mode mode) noexcept {
  switch (mode) {
    case open_mode::read: return "r";
    case open_mode::write:
    case open_mode::create: return "w";
    case open_mode::append: return "a";
    case open_mode::update: return "r+";
    case open_mode::write_read:
    case open_mode::create_read: return "w+";
    case open_mode::append_read: return "a+";
  }
  return "r";
}

}  // namespace

result<std::FILE*> open_stdio(sync::file of) {
  BOOST_OUTCOME_TRY(of.tell());
  std::unique_ptr<sync::file> cookie(new (std::nothrow) sync::file(std::move(of)));
  if (cookie == nullptr) return errc::out_of_memory;
  cookie_io_functions_t calls{};
  calls.read = read_file;
  calls.write = write_file;
  calls.seek = seek_file;
  calls.close = close_file;
  std::FILE* const made = ::fopencookie(cookie.get(), mode_of(cookie->mode()), calls);
  if (made == nullptr) return errc::out_of_memory;
  const bool may_write = cookie.release()->writable();
  if (may_write) std::setvbuf(made, nullptr, _IONBF, 0);
  return made;
}

}  // namespace coramfs
