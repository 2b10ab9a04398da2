// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/result.hpp>

#include "integrations/archive/archive_input.hpp"
#include "integrations/archive/decoder_budget.hpp"
#include "integrations/archive/stream_watch.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include <archive.h>

namespace coramfs::detail {

/// What libarchive reads from. Its callbacks neither throw nor suspend.
///
/// Thread safety: one thread at a time.
class archive_feed {
 public:
  virtual ~archive_feed() = default;
  archive_feed(const archive_feed&) = delete;
  archive_feed& operator=(const archive_feed&) = delete;

  /// What it has failed with, which says more than libarchive can.
  const std::optional<error>& failure() const noexcept { return failure_; }

  /// Has a handle read from this, which stays where it is as long as the handle is there.
  int open(::archive* handle) noexcept;

  /// How many bytes were given out so far.
  std::uint64_t given() const noexcept { return given_; }
  /// Bounds what is given out from now on: beyond `most` it fails with `unsupported_archive`. So
  /// what is decoded without an end, and brings nothing, ends.
  void allow(std::uint64_t most) noexcept { allowed_ = most; }

  /// Gives out no more than that at a time from now on, which must not be more than `input_piece`.
  /// Of what is compressed that bounds what is decoded at a time, where a decoder returns whatever
  /// it has made of what there was.
  void give_at_once(std::size_t most) noexcept { at_once_ = most; }

  /// What libarchive reads from now on, and it is at `offset`, is the header of an entry of a tar.
  /// All of that is kept, and the budget is asked for what libarchive makes of it: of each byte of
  /// a map of holes a dozen. Beyond 1 MiB it fails with `unsupported_archive`. It is to be called
  /// before the feed is opened, too, since that looks at the first header; what was collected of
  /// one header stays if it is called again.
  void begin_header(std::uint64_t offset, decoder_budget& budget) noexcept;
  /// The header, which has ended before `offset`. Throws `std::bad_alloc`.
  std::string end_header(std::uint64_t offset);

 protected:
  archive_feed() = default;

  /// The bytes that come next; none at the end. They are valid until the next call. Throws
  /// `std::bad_alloc`.
  virtual result<std::span<const std::byte>> next_piece() = 0;
  /// Goes to an offset, from the beginning or the end, and returns it; none: it can not.
  virtual std::optional<std::uint64_t> seek(std::int64_t, int) noexcept { return std::nullopt; }
  virtual bool seeks() const noexcept { return false; }

 private:
  static la_ssize_t on_read(::archive* handle, void* self, const void** to) noexcept;
  static la_int64_t on_seek(::archive* handle, void* self, la_int64_t offset, int from) noexcept;

  result<std::span<const std::byte>> slice();
  result<void> pay_for_header(std::size_t more);
  void keep_header(std::uint64_t end);

  std::optional<error> failure_;
  std::span<const std::byte> piece_;  // what libarchive has
  std::span<const std::byte> rest_;   // of the last piece, behind that
  std::uint64_t piece_at_ = 0;        // the offset of what libarchive has
  std::uint64_t given_ = 0;
  std::size_t at_once_ = input_piece;
  std::uint64_t allowed_ = std::numeric_limits<std::uint64_t>::max();
  decoder_budget* header_budget_ = nullptr;  // of a header that is read now
  std::uint64_t header_at_ = 0, header_given_ = 0;
  std::string header_;  // what is in pieces that have gone
};

/// The bytes of an archive as they are. A watch goes ahead of them, and the budget is asked for
/// what it finds, before they are given out.
class input_feed final : public archive_feed {
 public:
  /// `size` may be less than the input has. What stands before `begin` is not given out by one that
  /// does not seek.
  input_feed(archive_input& in, decoder_budget& budget, std::uint64_t size,
             std::uint64_t begin = 0) noexcept
      : in_(in), budget_(budget), size_(size), at_(begin) {}

  /// Replaces the watch, by none for null, which is over the bytes from an offset on. What was
  /// given out already is looked at now. Errors: those of the budget and the input.
  result<void> set_watch(std::unique_ptr<stream_watch> watch);
  /// Gives out nothing that is behind what the watch is over. Of a member of a zip that is not
  /// wanted: the directory is behind it.
  void end_with_watch() noexcept { ends_with_watch_ = true; }

 private:
  result<std::span<const std::byte>> next_piece() override;
  std::optional<std::uint64_t> seek(std::int64_t offset, int from) noexcept override;
  bool seeks() const noexcept override { return !in_.arrives(); }
  result<void> look(std::uint64_t end);

  archive_input& in_;
  decoder_budget& budget_;
  const std::uint64_t size_;
  std::uint64_t at_;
  bool ends_with_watch_ = false;
  std::unique_ptr<stream_watch> watch_;
};

}  // namespace coramfs::detail
