// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/result.hpp>

#include "integrations/archive/archive_input.hpp"
#include "integrations/archive/decoder_budget.hpp"
#include "integrations/archive/pax_watch.hpp"
#include "integrations/archive/stream_watch.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

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

  /// Has all bytes of a tar looked at before they are given out. The watch must outlive this.
  void set_names(pax_watch& names) noexcept { names_ = &names; }
  /// Has a handle read from this, which stays where it is as long as the handle is there.
  int open(::archive* handle) noexcept;

 protected:
  archive_feed() = default;

  /// The bytes that come next; none at the end. They are valid until the next call. Throws
  /// `std::bad_alloc`.
  virtual result<std::span<const std::byte>> next_piece() = 0;
  /// Goes to an offset, and returns it; none: it can not.
  virtual std::optional<std::uint64_t> seek(std::int64_t, int) noexcept { return std::nullopt; }
  virtual bool seeks() const noexcept { return false; }
  /// Is called with all that is given out. Throws `std::bad_alloc`.
  void look_at_names(std::uint64_t offset, std::span<const std::byte> piece) {
    if (names_ != nullptr) names_->look(offset, piece);
  }

 private:
  static la_ssize_t on_read(::archive* handle, void* self, const void** to) noexcept;
  static la_int64_t on_seek(::archive* handle, void* self, la_int64_t offset, int from) noexcept;

  std::optional<error> failure_;
  pax_watch* names_ = nullptr;
};

/// The bytes of an archive as they are. A watch goes ahead of them, and the budget is asked for
/// what it finds, before they are given out.
class input_feed final : public archive_feed {
 public:
  /// `size` may be less than the input has.
  input_feed(archive_input& in, decoder_budget& budget, std::uint64_t size) noexcept
      : in_(in), budget_(budget), size_(size) {}

  /// Replaces the watch, by none for null, which is over the bytes from an offset on. What was
  /// given out already is looked at now. Errors: those of the budget and the input.
  result<void> set_watch(std::unique_ptr<stream_watch> watch);

 private:
  result<std::span<const std::byte>> next_piece() override;
  std::optional<std::uint64_t> seek(std::int64_t offset, int from) noexcept override;
  bool seeks() const noexcept override { return true; }
  result<void> look(std::uint64_t end);

  archive_input& in_;
  decoder_budget& budget_;
  const std::uint64_t size_;
  std::uint64_t at_ = 0;
  std::uint64_t given_ = 0;  // the end of all that was given out
  std::unique_ptr<stream_watch> watch_;
};

}  // namespace coramfs::detail
