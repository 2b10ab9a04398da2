// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/export.hpp>
#include <coramfs/error.hpp>

#include <string_view>

namespace coramfs::detail {

/// The calls of the libraries for the host and for archives.
enum class host_call : unsigned char {
  export_to_host,
  import_from_host,
  to_memfd,
  from_memfd,
  expand_archive,
  expand_archive_streaming,
  expand_each,
  list_archive,
  create_archive,
  expand_arriving,
};

/// Notes that an error is one of such a call, and of which path, as far as no note of it says so
/// already. It may be the system's. It neither allocates nor waits.
CORAMFS_EXPORT error about_host_call(std::string_view path, const error& e,
                                     host_call by = host_call::export_to_host) noexcept;

}  // namespace coramfs::detail
