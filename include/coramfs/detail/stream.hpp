// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/asio.hpp>
#include <coramfs/detail/asio_build.hpp>
#include <coramfs/detail/byte_source.hpp>
#include <coramfs/detail/open_file.hpp>
#include <coramfs/result.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <system_error>

// What both facades' files have in common as models of Asio's streams and devices.
namespace coramfs::detail {

/// The most bytes that an asynchronous read takes at once, so that a composed one lets others in.
inline constexpr std::size_t stream_read_size = 1024 * 1024;

/// Returns an error in the way in which Asio's operations report theirs.
inline asio_error_code stream_error(const error& e) noexcept {
  if (e == errc::canceled) return asio::error::operation_aborted;
  return e.code();
}

/// Returns what those who follow a file hear who are to hear `why` it was abandoned: nothing that
/// could be the end of a stream, or an error of their own calls, after which they would go on.
inline error told_to_followers(const error& why) noexcept {
  const std::error_code c = why.code();
  const auto is = [&c](const asio_error_code& other) {
    return c == static_cast<std::error_code>(other);
  };
  const bool is_of_a_stream = is(asio::error::eof) || is(asio::error::operation_aborted);
  const bool is_of_a_call = c == errc::timed_out || c == errc::canceled || c == errc::would_block ||
                            c == errc::invalid_argument || c == errc::not_open ||
                            c == errc::out_of_memory;
  const bool is_none = c.value() == 0;
  return is_of_a_stream || is_of_a_call || is_none ? error(errc::abandoned) : why;
}

/// Returns the count of a transfer, and puts its error into `ec` as Asio's operations report
/// theirs.
inline std::size_t take(const result<std::size_t>& done, asio_error_code& ec) noexcept {
  ec = done ? asio_error_code() : stream_error(done.assume_error());
  return done ? done.assume_value() : 0;
}
/// Does what the function of two arguments does, and has the file keep the error itself.
inline std::size_t take(const result<std::size_t>& done, asio_error_code& ec,
                        open_file& file) noexcept {
  if (!done) file.stream_failed(done.assume_error());
  return take(done, ec);
}

inline std::size_t value_or_throw(std::size_t count, const asio_error_code& ec) {
  if (ec) throw asio_system_error(ec);
  return count;
}

/// Returns how many bytes the buffers have, or the most that can be counted: they may claim any
/// size, and overlap.
template <class ConstBufferSequence>
std::uint64_t total_size(const ConstBufferSequence& buffers) noexcept {
  std::uint64_t total = 0;
  const auto end = asio::buffer_sequence_end(buffers);
  for (auto i = asio::buffer_sequence_begin(buffers); i != end; ++i) {
    const std::uint64_t room = std::numeric_limits<std::uint64_t>::max() - total;
    const std::uint64_t size = asio::const_buffer(*i).size();
    total += size < room ? size : room;
  }
  return total;
}

/// Returns the bytes of a sequence, which must outlive the result.
template <class ConstBufferSequence>
byte_source source_of(const ConstBufferSequence& buffers) noexcept {
  const auto visit = [](const void* sequence, byte_source::callback back, void* visitor) noexcept {
    const auto& all = *static_cast<const ConstBufferSequence*>(sequence);
    const auto end = asio::buffer_sequence_end(all);
    for (auto i = asio::buffer_sequence_begin(all); i != end; ++i) {
      const asio::const_buffer b(*i);
      back(visitor, {static_cast<const std::byte*>(b.data()), b.size()});
    }
  };
  return byte_source(total_size(buffers), &buffers, visit);
}

/// Reads into the buffers in order, at most `limit` bytes, at `offset`, or at the cursor, which
/// then moves. At or past the end `ec` is `asio::error::eof`, unless the buffers are empty.
template <class MutableBufferSequence>
std::size_t read_some(open_file& file, std::optional<std::uint64_t> offset,
                      const MutableBufferSequence& to, asio_error_code& ec,
                      std::size_t limit = static_cast<std::size_t>(-1)) noexcept {
  const auto may_read = file.require_readable();
  ec = asio_error_code();
  if (!may_read) {
    file.stream_failed(may_read.assume_error());
    ec = stream_error(may_read.assume_error());
    return 0;
  }
  const std::uint64_t begin = offset.value_or(file.cursor());
  std::size_t count = 0;
  bool is_at_end = false;
  const auto end = asio::buffer_sequence_end(to);
  for (auto i = asio::buffer_sequence_begin(to); i != end && !is_at_end && count < limit; ++i) {
    const asio::mutable_buffer b = asio::buffer(asio::mutable_buffer(*i), limit - count);
    const std::span piece(static_cast<std::byte*>(b.data()), b.size());
    const std::size_t n = file.read_at(begin + count, piece).value();
    count += n;
    is_at_end = n < b.size();
  }
  if (is_at_end && count == 0) ec = asio::error::eof;
  if (!offset) file.set_cursor(begin + count);
  return count;
}

/// What makes a file a SyncReadStream, a SyncWriteStream, and the two random-access devices.
/// Buffers are used in order; a write takes the whole sequence, or fails with 0 bytes. Errors are
/// the `errc` of the plain operations; reading at or past the end is `asio::error::eof`. The
/// overloads without an error code throw `asio_system_error`. What a code has no room for, such as
/// how much was asked for, `last_error` tells.
///
/// `File` derives from this. It has a member `file_`, which is an `open_file`, and a function
/// `write_all`.
template <class File>
class stream_members {
 public:
  template <class MutableBufferSequence>
  std::size_t read_some(const MutableBufferSequence& to, asio_error_code& ec) {
    return detail::read_some(self().file_, {}, to, ec);
  }
  template <class MutableBufferSequence>
  std::size_t read_some(const MutableBufferSequence& to) {
    asio_error_code ec;
    const std::size_t n = read_some(to, ec);
    return value_or_throw(n, ec);
  }
  template <class ConstBufferSequence>
  std::size_t write_some(const ConstBufferSequence& from, asio_error_code& ec) {
    return take(self().write_all({}, source_of(from)), ec, self().file_);
  }
  template <class ConstBufferSequence>
  std::size_t write_some(const ConstBufferSequence& from) {
    asio_error_code ec;
    const std::size_t n = write_some(from, ec);
    return value_or_throw(n, ec);
  }
  template <class MutableBufferSequence>
  std::size_t read_some_at(std::uint64_t offset, const MutableBufferSequence& to,
                           asio_error_code& ec) {
    return detail::read_some(self().file_, offset, to, ec);
  }
  template <class MutableBufferSequence>
  std::size_t read_some_at(std::uint64_t offset, const MutableBufferSequence& to) {
    asio_error_code ec;
    const std::size_t n = read_some_at(offset, to, ec);
    return value_or_throw(n, ec);
  }
  template <class ConstBufferSequence>
  std::size_t write_some_at(std::uint64_t offset, const ConstBufferSequence& from,
                            asio_error_code& ec) {
    return take(self().write_all(offset, source_of(from)), ec, self().file_);
  }
  template <class ConstBufferSequence>
  std::size_t write_some_at(std::uint64_t offset, const ConstBufferSequence& from) {
    asio_error_code ec;
    const std::size_t n = write_some_at(offset, from, ec);
    return value_or_throw(n, ec);
  }

  /// Why the last stream operation failed that did, blocking or asynchronous, other than by the end
  /// of the file: the `error` that is behind its code, with its numbers, the path and who waits. It
  /// stays until the next one fails or the file goes, and its code is 0 if none has failed. Where
  /// memory for it was refused it is not kept.
  error last_error() const noexcept { return self().file_.stream_failure(); }

 private:
  friend File;
  stream_members() = default;
  File& self() noexcept { return static_cast<File&>(*this); }
  const File& self() const noexcept { return static_cast<const File&>(*this); }
};

}  // namespace coramfs::detail
