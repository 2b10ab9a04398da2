// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/archive_reader.hpp>
#include <coramfs/result.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace coramfs::detail {

/// How many bytes of an archive a decoder is given at a time, so that it has turns between them.
inline constexpr std::size_t input_piece = 64 * 1024;

/// The bytes of an archive, at any offset.
///
/// Thread safety: one thread at a time.
class archive_input {
 public:
  virtual ~archive_input() = default;
  archive_input(const archive_input&) = delete;
  archive_input& operator=(const archive_input&) = delete;

  std::uint64_t size() const noexcept { return size_; }
  /// Bytes from an offset on that stand together, at most `input_piece`; none at the end alone.
  /// They are valid until the second call after this: libarchive keeps the block that it was given
  /// until it has the next. Errors: the host's.
  virtual result<std::span<const std::byte>> at(std::uint64_t offset) = 0;
  /// Copies bytes from an offset on, and returns how many there were. What `at` has given stays
  /// valid. Errors: the host's.
  virtual result<std::size_t> copy(std::uint64_t offset, std::span<std::byte> to) = 0;

  /// Whether it comes from its beginning to its end, and only its last part can be had again.
  virtual bool arrives() const noexcept { return false; }
  /// Of one that arrives: the first place behind its beginning where a gzip may begin.
  virtual std::optional<std::uint64_t> second_gzip() const noexcept { return std::nullopt; }
  /// Passes over what comes behind the archive, a slice of it, and returns whether there was
  /// nothing more. Only of one that arrives there is anything to do. Errors: those of its source.
  virtual result<bool> pass_rest() { return true; }

 protected:
  archive_input() = default;

  std::uint64_t size_ = 0;
};

/// Bytes in memory, which are never copied for the decoder.
class memory_input final : public archive_input {
 public:
  /// Throws `std::bad_alloc`.
  /// @{
  explicit memory_input(std::span<const std::byte> content);
  explicit memory_input(pinned content);
  /// @}

  result<std::span<const std::byte>> at(std::uint64_t offset) override;
  result<std::size_t> copy(std::uint64_t offset, std::span<std::byte> to) override;

 private:
  struct piece {
    std::uint64_t offset;
    std::span<const std::byte> bytes;
  };

  void add(std::span<const std::byte> content);

  pinned pin_;
  std::vector<piece> pieces_;
};

/// A file of the host's. What it makes may block.
class host_input final : public archive_input {
 public:
  ~host_input() override;

  /// Opens it. Errors: the host's; `is_a_directory`; `not_supported` for what is no regular file.
  /// Throws `std::bad_alloc`.
  static result<std::unique_ptr<archive_input>> open(const std::filesystem::path& path);

  result<std::span<const std::byte>> at(std::uint64_t offset) override;
  result<std::size_t> copy(std::uint64_t offset, std::span<std::byte> to) override;

 private:
  explicit host_input(int number) noexcept : number_(number) {}

  const int number_;
  std::array<std::vector<std::byte>, 2> buffers_;
  unsigned turn_ = 0;
};

/// Opens a source, which is in memory or on the host. Errors: those of `host_input`. Throws
/// `std::bad_alloc`.
result<std::unique_ptr<archive_input>> open_input(const archive_source& source);

}  // namespace coramfs::detail
