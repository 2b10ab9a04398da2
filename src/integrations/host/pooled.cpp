// SPDX-License-Identifier: BSL-1.0
#include "integrations/host/pooled.hpp"

#include "integrations/host/library_pool.hpp"

#include <cstdint>

namespace coramfs::detail {

namespace {

// Others are no permissions: the system drops them when a file is written, or a directory made.
constexpr std::uint32_t mode_bits = 0777;

}  // namespace

pool_ptr pool_of(const host_options& options) {
  return options.pool != nullptr ? pool_access::state(*options.pool) : library_pool();
}

result<void> require_valid(const std::filesystem::path& dir, const host_options& o) noexcept {
  const bool is_known =
      (o.existing == if_exists::fail || o.existing == if_exists::replace) &&
      (o.special == host_links::refuse || o.special == host_links::skip) &&
      (o.sync == host_sync::none || o.sync == host_sync::data) &&
      (o.open == if_open::fail || o.open == if_open::wait || o.open == if_open::keep_unnamed);
  const bool has_modes = ((o.file_mode | o.directory_mode) & ~mode_bits) == 0;
  // The system would take what stands before a NUL for the whole path.
  const bool has_nul = dir.native().find('\0') != dir.native().npos;
  if (!is_known || !has_modes || o.parallel == 0 || has_nul) return errc::invalid_argument;
  return success();
}

}  // namespace coramfs::detail
