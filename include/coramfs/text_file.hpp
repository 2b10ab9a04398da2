// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/decode_errors.hpp>
#include <coramfs/file.hpp>

#include <concepts>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace coramfs {

namespace detail {
class text_state;
}  // namespace detail

/// A file as text: UTF-8 on the caller's side, any encoding of iconv's in the file.
///
/// There is no buffer in between. What is written is in the file, and charged, at once, and after
/// each call the file's cursor is right behind what was returned, so calls on the text and on the
/// file itself mix. What is kept from call to call is the state of encodings that have one, such
/// as ISO-2022-JP; it is forgotten when the cursor is not where the last call left it.
///
/// Encodings have the names that iconv gives them, in any case, and "utf-8-sig". A file in UTF-16,
/// UTF-32 or "utf-8-sig" begins with a mark. It is written at offset 0 and dropped when it is read
/// there, and the byte order that it tells holds for the whole file. Without a mark, and where the
/// handle can not read it, the order is the machine's. Each write ends in the initial state of its
/// encoding, so that what is in the file is whole.
///
/// Thread safety: one object, one call at a time, which includes the calls on its file.
///
/// Lifetime: it neither owns nor closes the file, which must outlive it and stay where it is. It
/// must itself stay where it is while one of its operations runs.
///
/// Operations complete without suspending where those of the file do, but give the executor a turn
/// after each MiB. They resume on the awaiting coroutine's executor. Cancelled in between, they
/// fail with `canceled`. After any failure the file, its cursor and the state are as before. Each
/// is a coroutine over operations of the file, and reaches a completion token by `asio::co_spawn`.
///
/// Errors of every operation: `not_open`; `invalid_argument` for an unknown encoding;
/// `out_of_memory`; `canceled`.
///
///     coramfs::text_file text(f, "shift_jis");
///     auto line = co_await text.read_line();
///     while (line && !line.value().empty()) line = co_await text.read_line();
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

  /// Stores the text at the cursor, as `file::write` does, and returns how many characters it
  /// stored. Newlines stay as they are. `utf8` must live until completion.
  ///
  /// Errors: those of `file::write`; with `decode_errors::strict` `invalid_encoding` for malformed
  /// UTF-8, or a character that the encoding lacks, with `requested()` bytes of `utf8` before it.
  /// Charges: what `file::write` does.
  asio::awaitable<result<std::size_t>> write(std::string_view utf8);
  /// The same for a temporary string, which the operation takes over: the awaitable may be spawned
  /// or kept.
  template <std::same_as<std::string> String>
  asio::awaitable<result<std::size_t>> write(String&& utf8) {
    return write_owned(std::move(utf8));
  }

  /// Reads `characters` code points, fewer only at the end of the file, or all that are left if no
  /// number is given. Returns them as UTF-8, and leaves the cursor behind them.
  ///
  /// Errors: `not_readable`; with `decode_errors::strict` `invalid_encoding` for malformed bytes,
  /// which begin `requested()` bytes from the start of the file, or in UTF-7 may end there. Charges
  /// nothing: the text is the caller's.
  asio::awaitable<result<std::string>> read(std::optional<std::size_t> characters = {});

  /// Reads the characters up to and with the next "\n", "\r\n" or "\r", but no more than `limit`.
  /// The last line may have no end; behind it there is only the empty string.
  ///
  /// Errors: as `read`. Charges nothing.
  asio::awaitable<result<std::string>> read_line(std::optional<std::size_t> limit = {});

 private:
  asio::awaitable<result<std::size_t>> write_owned(std::string utf8);

  file* file_;
  std::unique_ptr<detail::text_state> state_;
};

}  // namespace coramfs
