// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/export.hpp>
#include <coramfs/detail/file_streambuf.hpp>
#include <coramfs/error.hpp>
#include <coramfs/sync/file.hpp>

#include <istream>
#include <ostream>

namespace coramfs {

/// An open file as a `std::istream`, for code that knows only streams. `ostream` and `iostream` are
/// its siblings, and all of this is true of the three.
///
/// It reads where the file has its bytes: about 64 KiB at a time are pinned, and nothing is copied
/// but by who reads. It writes to the file: what an insertion has returned from is there, and is
/// charged. So there is nothing to flush, nothing that the quota does not know of, and nothing that
/// a destructor could lose. A write that is refused is told by the very insertion: the stream is
/// bad, and `last_error()` says why. Each call of the stream's buffer is whole or not at all; an
/// insertion that pads a number makes more than one of them. So each costs a write of the file,
/// which for a single character is some ten times what a `std::ofstream` takes to buffer it.
///
/// **Position.** It has one, for reading and for writing, which is the file's cursor at first. From
/// one to the other no seek is needed. A `flush`, a `sync`, a seek but one by 0 from where it is,
/// and the destructor bring the cursor to it, and after one of them, and before the stream is used
/// again, the file may be used beside it: the stream goes on at the cursor. In between, the stream
/// may see a part of the file as it was before. With `open_mode::append` each write goes to the
/// end.
///
/// **Errors** become `badbit`, and those of a seek `failbit`, as with the standard's streams; with
/// `exceptions(std::ios::badbit)` a read throws `std::ios_base::failure`, with the error's code and
/// message; a write throws the stream's own, without them, and `last_error()` has them. Only who
/// calls `rdbuf()` without the stream meets that where it was not asked for: reading from it
/// throws, as it does from a `std::filebuf`. The errors are those of `sync::file::pin`, `write` and
/// `seek`: `not_readable`, `not_writable`, `not_open` for a closed file, `quota_exceeded` and so
/// on. On a closed file a stream is bad from the beginning; what it sees already of a file that is
/// closed later can still be read.
///
/// On a handle of `when_full::wait` a write blocks the thread, as it does there.
///
/// **Putting back** works everywhere but at the beginning, where the file has the character that is
/// put back, and for one other character at a time, which a write, a seek, a flush and a further
/// putting back forget. The file stays as it is.
///
/// Code for `std::fstream` moves by another type and another beginning. What else is different:
///
/// | `std::fstream` | here |
/// |---|---|
/// | `std::ifstream in(path)` | `auto f = fs.open(path, open_mode::read); istream in(f.value())` |
/// | `in.is_open()`, `in.close()` | `f.is_open()`, `f.close()` |
/// | `std::ios::in`, `out`, `app`, `trunc`, `ate` | `open_mode`; `seekp(0, std::ios::end)` |
/// | buffers what is written, and loses it where a destructor can not write it | writes it |
/// | a disk that is full takes what fits | a write is whole or not at all |
/// | `pubsetbuf` | has no effect |
/// | a locale converts bytes | they are taken as they are; `imbue` is for numbers alone |
/// | `app` is at 0 until something is written | `append` is at the end, `append_read` at 0 |
/// | what is open for writing alone reads as empty | to read from it is bad |
/// | can be moved | can not: it belongs to its file |
///
/// Lifetime: the file must live as long as the stream, at the same place.
///
/// Thread safety: one thread at a time, for the stream and its file together.
///
///     auto f = fs.open("/words", coramfs::open_mode::read).value();
///     coramfs::istream in(f);
///     for (std::string word; in >> word;) std::cout << word << '\n';
///     if (in.bad()) std::cerr << in.last_error() << '\n';
class CORAMFS_EXPORT istream : public std::istream {
 public:
  /// A stream that begins at the cursor of `of`.
  explicit istream(sync::file& of);
  ~istream() override;

  /// Why the last operation on the file failed that did; its code is 0 if none has. `clear()`
  /// leaves it. It is not set where only what was read is not what was wanted, as a word for a
  /// number.
  error last_error() const noexcept;

 private:
  detail::file_streambuf buffer_;
};

/// An open file as a `std::ostream`: see `istream`.
///
///     auto f = fs.open("/squares", coramfs::open_mode::write).value();
///     coramfs::ostream out(f);
///     for (int i = 0; i < 1000; ++i) out << i << ' ' << i * i << '\n';
///     if (!out) std::cerr << out.last_error() << '\n';
class CORAMFS_EXPORT ostream : public std::ostream {
 public:
  /// A stream that begins at the cursor of `of`.
  explicit ostream(sync::file& of);
  ~ostream() override;

  /// As `istream::last_error`.
  error last_error() const noexcept;

 private:
  detail::file_streambuf buffer_;
};

/// An open file as a `std::iostream`: see `istream`.
///
///     auto f = fs.open("/counter", coramfs::open_mode::update).value();
///     coramfs::iostream both(f);
///     int n = 0;
///     both >> n;
///     both.clear();
///     both.seekp(0);
///     both << n + 1;
class CORAMFS_EXPORT iostream : public std::iostream {
 public:
  /// A stream that begins at the cursor of `of`.
  explicit iostream(sync::file& of);
  ~iostream() override;

  /// As `istream::last_error`.
  error last_error() const noexcept;

 private:
  detail::file_streambuf buffer_;
};

}  // namespace coramfs
