// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "integrations/archive/stream_watch.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace coramfs::detail {

/// The dictionary that the header of a member of lzip wants, in bytes; none if it is no header.
std::optional<std::uint64_t> lzip_dictionary(std::span<const std::byte> header) noexcept;

/// Looks for the headers of the members of lzip. A member says how long it is only at its end, so
/// whatever looks like a header counts.
class lzip_watch final : public stream_watch {
 public:
  lzip_watch(archive_input& in, std::uint64_t begin) noexcept : in_(in), at_(begin) {}

  result<void> look(std::uint64_t end) override;

 private:
  archive_input& in_;
  std::uint64_t at_;
  std::vector<std::byte> room_;
};

}  // namespace coramfs::detail
