// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/pinned.hpp>
#include <coramfs/result.hpp>
#include <coramfs/sync/file.hpp>

#include <cstdint>
#include <ios>
#include <streambuf>
#include <system_error>

namespace coramfs::detail {

/// The file of a stream as the standard's streams see it. What is read is seen where the file has
/// it: the get area is pinned bytes of the file, or the one character that was put back and is
/// another than the file's. There is no put area: each write goes to the file.
///
/// There is one position. While there is a get area it is that of the next character in there, and
/// else the file's cursor, to which it is brought by whatever needs the cursor: a write, a seek,
/// `sync` and the destructor.
///
/// Thread safety: one thread at a time.
class file_streambuf final : public std::streambuf {
 public:
  explicit file_streambuf(sync::file& of) : file_(of) {}
  file_streambuf(const file_streambuf&) = delete;
  file_streambuf& operator=(const file_streambuf&) = delete;
  ~file_streambuf() override;

  /// Of the last operation that failed; its code is 0 if none has.
  const error& last_error() const noexcept { return last_error_; }
  void set_last_error(const error& e) noexcept { last_error_ = e; }

 protected:
  /// Throws `std::ios_base::failure` where the file can not be read: the only way to tell a stream
  /// apart from the end.
  int_type underflow() override;
  int_type pbackfail(int_type c) override;
  int_type overflow(int_type c) override;
  std::streamsize xsputn(const char* from, std::streamsize count) override;
  std::streamsize showmanyc() override;
  pos_type seekoff(off_type offset, std::ios_base::seekdir from,
                   std::ios_base::openmode which) override;
  pos_type seekpos(pos_type to, std::ios_base::openmode which) override;
  int sync() override;

 private:
  bool has_get_area() const noexcept { return eback() != nullptr; }
  result<std::uint64_t> position() const;
  bool see(std::uint64_t begin);
  void show_run(std::uint64_t begin) noexcept;
  bool forget() noexcept;
  [[noreturn]] void fail(const error& why);

  sync::file& file_;
  pinned seen_;                     // what the get area is a run of; empty if that is `put_back_`
  pinned::const_iterator run_;      // valid if `seen_` is not empty
  std::uint64_t get_area_end_ = 0;  // where in the file the get area ends
  char put_back_ = '\0';
  error last_error_ = std::error_code();
};

}  // namespace coramfs::detail
