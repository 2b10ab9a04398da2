// SPDX-License-Identifier: BSL-1.0
#include "storage/backlog.hpp"

#include "storage/block_memory.hpp"

namespace coramfs::detail {

thread_local constinit backlog::collecting* backlog::collecting::innermost = nullptr;

bool backlog::free_some() noexcept { return in_ != nullptr && in_->free_collected(); }

bool backlog::collecting::note(block_memory& in) noexcept {
  if (innermost == nullptr) return false;
  innermost->to_.in_ = &in;
  return true;
}

}  // namespace coramfs::detail
