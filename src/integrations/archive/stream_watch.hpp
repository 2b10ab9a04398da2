// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/result.hpp>

#include "integrations/archive/archive_input.hpp"
#include "integrations/archive/archive_kind.hpp"

#include <cstdint>
#include <limits>
#include <memory>

namespace coramfs::detail {

/// What begins a frame that decoders of lz4 and zstd skip; its lowest four bits are free.
inline constexpr std::uint32_t skippable_frame = 0x184D2A50;

/// Goes ahead of a decoder through a compressed stream, from one header to the next, and looks at
/// what each wants of memory. It decodes nothing: such streams say how long their blocks are. So a
/// decoder is given no header that was not looked at, also not that of a second stream behind the
/// first.
///
/// What it finds malformed it does not report: there the decoder fails, too, and comes to no header
/// behind that.
class stream_watch {
 public:
  virtual ~stream_watch() = default;

  /// Looks at all headers that begin before an offset. Errors: those of the input.
  virtual result<void> look(std::uint64_t end) = 0;

  /// The most that was wanted so far, in bytes.
  std::uint64_t declared() const noexcept { return declared_; }
  /// Where what belongs to the stream ends, as far as that is known: something else is behind it.
  std::uint64_t ends_at() const noexcept { return ends_at_; }

 protected:
  void declare(std::uint64_t memory) noexcept {
    if (memory > declared_) declared_ = memory;
  }

  std::uint64_t declared_ = 0;
  std::uint64_t ends_at_ = std::numeric_limits<std::uint64_t>::max();
};

/// A watch over a stream that begins at an offset. Throws `std::bad_alloc`.
std::unique_ptr<stream_watch> watch_over(stream_filter filter, archive_input& in,
                                         std::uint64_t begin);

}  // namespace coramfs::detail
