// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/decode_errors.hpp>
#include <coramfs/result.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace coramfs::detail {

/// What was decoded of an input.
struct decoded {
  std::size_t bytes = 0;
  std::size_t characters = 0;
  std::size_t repeated = 0;  ///< bytes that were decoded more often than once, about
};

/// Decodes the bytes of one encoding to UTF-8, with a shift state, and encodes them again.
///
/// It knows nothing of files: the bytes that it is given one after the other have to follow each
/// other, or be parted by a `reset`.
///
/// Thread safety: one thread at a time.
class text_codec {
 public:
  /// Makes the codec of an encoding. Errors: `invalid_argument` for an unknown name;
  /// `out_of_memory`; any other error that iconv reports.
  static result<std::unique_ptr<text_codec>> make(const std::string& name, decode_errors errors);

  text_codec(const text_codec&) = delete;
  text_codec& operator=(const text_codec&) = delete;
  virtual ~text_codec() = default;

  /// Decodes from the start of `from` onto `to` until `limit` characters are made, or no whole one
  /// is left. `last` says that nothing follows, so that a part of a character is malformed.
  ///
  /// Errors: `invalid_encoding`, with `requested()` bytes of `from` before what is malformed; the
  /// state is undefined then.
  virtual result<decoded> decode(std::string_view from, std::size_t limit, bool last,
                                 std::string& to) = 0;
  /// What is decoded next begins in the initial state.
  virtual void reset() noexcept {}

  /// Characters that were decoded and did not fit the limit. They are part of the state, and the
  /// only part that can be copied.
  virtual std::u32string held() const { return {}; }
  virtual void hold(const std::u32string&) {}

  /// Begins to encode, in the initial state.
  virtual void begin_encoding() {}
  /// Takes some of `utf8` off its front and puts it behind `to`, in the state that the last call
  /// left. Returns the characters that it stored. Errors: `invalid_encoding`, with `requested()`
  /// bytes of `utf8`, as it was at the call, before what is malformed or lacking.
  virtual result<std::size_t> encode_some(std::string_view& utf8, std::string& to) = 0;
  /// The most characters that one call of `encode_some` takes, but for malformed ones.
  static constexpr std::size_t encoding_slice = 16 * 1024;
  /// Ends the text in the initial state.
  virtual void end_encoding(std::string&) {}
  /// Encodes a whole text. The result is empty if the encoding lacks some of it.
  std::string encode_whole(std::string_view utf8);

  /// What every encoded text begins with. It belongs to the start of a file alone.
  virtual std::string_view preamble() const noexcept { return {}; }
  /// Returns whether this is UTF-8, so that to encode is no more than to check.
  virtual bool is_utf8() const noexcept { return false; }
  /// Returns whether bytes mean something else after others, so that lines can not be found in
  /// them.
  virtual bool is_stateful() const noexcept { return false; }

  /// Returns how much of `from` ends with its first "\n" or "\r": all of it, where there is none.
  /// Not for stateful encodings.
  virtual std::size_t line_size(std::string_view from) const noexcept = 0;
  /// Returns how many bytes at the start of `from` make a "\n", or 0 if they make something else.
  /// To tell, it needs `longest_newline` bytes, or all that there are.
  virtual std::size_t newline_size(std::string_view from) const noexcept = 0;
  static constexpr std::size_t longest_newline = 16;

 protected:
  explicit text_codec(decode_errors errors) noexcept : errors_(errors) {}

  decode_errors errors() const noexcept { return errors_; }
  /// Puts what stands for a malformed sequence, behind `before` bytes, onto `to`, and returns how
  /// many characters that is. Errors: `invalid_encoding`.
  result<std::size_t> put_malformed(std::string& to, std::size_t before) const;

 private:
  decode_errors errors_;
};

}  // namespace coramfs::detail
