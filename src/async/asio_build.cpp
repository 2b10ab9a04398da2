// SPDX-License-Identifier: BSL-1.0
#include <coramfs/detail/asio_build.hpp>

namespace coramfs::must_be_built_with {

const char CORAMFS_ASIO_BUILD = 0;

}  // namespace coramfs::must_be_built_with
