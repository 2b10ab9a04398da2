// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/decode_errors.hpp>
#include <coramfs/sync/file.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace coramfs {

namespace detail {
class text_state;
}  // namespace detail

namespace sync {

/// A file as text, for threads: UTF-8 on the caller's side, any encoding of iconv's in the file. It
/// has the names, arguments and results of `coramfs::text_file`, which says more about encodings
/// and their marks. It blocks where `sync::file::write` does.
///
/// There is no buffer in between: what is written is in the file, and charged, at once, and after
/// each call the file's cursor is right behind what was returned. So calls on the text and on the
/// file itself mix.
///
/// Thread safety: one object, one call at a time, which includes the calls on its file.
///
/// Lifetime: it neither owns nor closes the file, which must outlive it and stay where it is.
///
/// Errors of every operation: `not_open`; `invalid_argument` for an unknown encoding;
/// `out_of_memory`. After any failure the file, its cursor and the state are as before.
///
///     auto f = fs.open("/notes", coramfs::open_mode::append).value();
///     coramfs::sync::text_file text(f, "utf-16");
///     text.write("a line\n").value();
class CORAMFS_EXPORT text_file {
 public:
  /// Text over a file, which it refers to. An unknown encoding, or memory that is refused, is told
  /// by each operation.
  explicit text_file(file& over, std::string encoding = "utf-8",
                     decode_errors errors = decode_errors::strict) noexcept;
  /// What was moved from may only be assigned to or destroyed.
  /// @{
  text_file(text_file&&) noexcept;
  text_file& operator=(text_file&&) noexcept;
  /// @}
  ~text_file();

  /// Stores the text at the cursor, as `sync::file::write` does, and returns how many characters it
  /// stored. Newlines stay as they are.
  ///
  /// Errors: those of `sync::file::write`; with `decode_errors::strict` `invalid_encoding` for
  /// malformed UTF-8, or a character that the encoding lacks, with `requested()` bytes of `utf8`
  /// before it. Charges: what that write does.
  result<std::size_t> write(std::string_view utf8);
  /// Reads `characters` code points, fewer only at the end of the file, or all that are left if no
  /// number is given. Returns them as UTF-8, and leaves the cursor behind them.
  ///
  /// Errors: `not_readable`; with `decode_errors::strict` `invalid_encoding` for malformed bytes,
  /// which begin `requested()` bytes from the start of the file, or in UTF-7 may end there. Charges
  /// nothing: the text is the caller's.
  result<std::string> read(std::optional<std::size_t> characters = {});
  /// Reads the characters up to and with the next "\n", "\r\n" or "\r", but no more than `limit`.
  /// The last line may have no end; behind it there is only the empty string.
  ///
  /// Errors: as `read`. Charges nothing.
  result<std::string> read_line(std::optional<std::size_t> limit = {});

 private:
  file* file_;
  std::unique_ptr<detail::text_state> state_;
};

}  // namespace sync
}  // namespace coramfs
