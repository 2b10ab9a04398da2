// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace coramfs::detail {

/// Looks at the bytes of a tar before libarchive does, for names of pax that have a NUL in them:
/// libarchive would take what stands before it for the whole name.
///
/// Thread safety: one thread at a time.
class pax_watch {
 public:
  /// Bytes from an offset on. What was left out before them has been skipped by the decoder. Throws
  /// `std::bad_alloc`.
  void look(std::uint64_t offset, std::span<const std::byte> piece);

  /// The whole name of the entry whose header ends at an offset, if it has a NUL. To be asked in
  /// their order.
  std::optional<std::string> hidden_name(std::uint64_t header_end);

 private:
  enum class place { header, records, skipped, lost };

  void look_at_header();
  void look_at_records();

  std::uint64_t at_ = 0;
  place in_ = place::header;
  std::string collected_;     // of a header, or of records
  std::uint64_t left_ = 512;  // to be collected, or skipped
  std::uint64_t padding_ = 0;
  // What records say of the entry to come.
  std::optional<std::string> name_;
  std::optional<std::uint64_t> size_;
  std::vector<std::pair<std::uint64_t, std::string>> hidden_;
};

}  // namespace coramfs::detail
