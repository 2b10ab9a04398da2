// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/blocking_job.hpp>

#include <memory>

namespace coramfs::detail {

/// The pool for who has none of their own: two threads, which end with the program.
std::shared_ptr<pool_state> library_pool();

}  // namespace coramfs::detail
