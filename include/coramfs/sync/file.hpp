// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/buffer_span.hpp>
#include <coramfs/detail/open_file.hpp>
#include <coramfs/detail/stream.hpp>
#include <coramfs/open_options.hpp>
#include <coramfs/pinned.hpp>
#include <coramfs/prepared.hpp>
#include <coramfs/result.hpp>

#include <asio/buffer.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

namespace coramfs::sync {

/// An open file, for threads: the twin of `coramfs::file` with the same names, arguments and
/// results.
///
/// Holds its file's lock (shared for `open_mode::read`, exclusive for the others) from open to
/// close; the destructor closes. So nothing here waits for a lock.
///
/// It also models Asio's SyncReadStream and SyncWriteStream, and the random-access twins of both
/// (`read_some`, `write_some`, `read_some_at`, `write_some_at`, as in coramfs/detail/stream.hpp);
/// a write waits for space where the handle does.
///
/// Thread safety: distinct objects, safe; one object, one call at a time.
///
///     coramfs::sync::file_system fs(volume);
///     auto f = fs.open("/log", coramfs::open_mode::append).value();
///     f.write(asio::buffer("line\n", 5)).value();
class CORAMFS_EXPORT file : public detail::stream_members<file> {
 public:
  file() noexcept = default;

  result<std::size_t> read(asio::mutable_buffer to);
  result<bytes> read_all();
  result<std::size_t> write(asio::const_buffer from);
  result<std::size_t> write(bytes&& from);
  template <detail::content_like Content>
  result<std::size_t> write(const Content& from) {
    return write(detail::to_buffer(from));
  }
  result<std::size_t> read_at(std::uint64_t offset, asio::mutable_buffer to);
  result<std::size_t> write_at(std::uint64_t offset, asio::const_buffer from);
  template <detail::content_like Content>
  result<std::size_t> write_at(std::uint64_t offset, const Content& from) {
    return write_at(offset, detail::to_buffer(from));
  }
  result<std::uint64_t> truncate(std::optional<std::uint64_t> size = {});

  result<pinned> pin(std::uint64_t offset, std::size_t n);
  result<prepared> prepare(std::size_t n);
  result<void> commit(std::size_t n) { return file_.commit(n); }

  result<std::uint64_t> seek(std::int64_t offset, seek_from from = seek_from::start) {
    return file_.seek(offset, from);
  }
  result<std::uint64_t> tell() const { return file_.tell(); }
  result<std::uint64_t> size() const { return file_.size(); }
  result<void> flush() { return file_.flush(); }
  result<void> close() {
    file_.close();
    return boost::outcome_v2::success();
  }

  bool is_open() const noexcept { return file_.is_open(); }
  bool readable() const noexcept { return file_.readable(); }
  bool writable() const noexcept { return file_.writable(); }
  bool seekable() const noexcept { return file_.seekable(); }
  const std::string& path() const noexcept { return file_.path(); }
  open_mode mode() const noexcept { return file_.mode(); }

 private:
  friend class file_system;
  friend class detail::stream_members<file>;
  explicit file(detail::opening& done) noexcept : file_(done) {}
  file(detail::volume_state& v, detail::node_use&& found, path_argument&& path, open_mode mode,
       const open_options& options) noexcept
      : file_(v, std::move(found), std::move(path), mode, options) {}

  result<std::size_t> write_all(std::optional<std::uint64_t> offset,
                                const detail::byte_source& from);

  detail::open_file file_;
};

}  // namespace coramfs::sync
