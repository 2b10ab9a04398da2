// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/decode_errors.hpp>
#include <coramfs/open_options.hpp>
#include <coramfs/result.hpp>
#include <coramfs/volume.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace coramfs::tests {

/// An open file of either facade with a text file over it.
class any_text {
 public:
  virtual ~any_text() = default;

  virtual result<std::size_t> write(std::string_view utf8) = 0;
  virtual result<std::string> read(std::optional<std::size_t> characters = {}) = 0;
  virtual result<std::string> read_line(std::optional<std::size_t> limit = {}) = 0;

  // The file's own.
  virtual result<std::string> read_bytes(std::size_t n) = 0;
  virtual result<std::size_t> write_bytes(std::string_view from) = 0;
  virtual result<std::size_t> write_bytes_at(std::uint64_t offset, std::string_view from) = 0;
  virtual result<std::uint64_t> truncate(std::uint64_t size) = 0;
  virtual result<std::uint64_t> seek(std::int64_t offset, seek_from from = seek_from::start) = 0;
  virtual result<std::uint64_t> tell() const = 0;
  virtual result<std::uint64_t> size() const = 0;
  virtual result<void> close() = 0;
  virtual bool is_open() const = 0;

  /// Puts another text file over the same file.
  virtual void begin(std::string encoding, decode_errors errors) = 0;
  /// Moves the text file there and back.
  virtual void move() = 0;

  /// How many operations did not complete at once. The blocking facade can not tell.
  virtual std::size_t suspensions() const = 0;
};

std::unique_ptr<any_text> open_text_async(const volume&, open_mode, open_options);
std::unique_ptr<any_text> open_text_sync(const volume&, open_mode, open_options);

enum class text_facade { coroutines, threads };

}  // namespace coramfs::tests
