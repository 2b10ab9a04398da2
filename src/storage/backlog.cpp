// SPDX-License-Identifier: BSL-1.0
#include "storage/backlog.hpp"

#include "storage/block_memory.hpp"

namespace coramfs::detail {

constinit thread_local backlog::collecting* backlog::collecting::innermost = nullptr;

bool backlog::free_some() noexcept { return in_ != nullptr && in_->free_collected(); }

bool backlog::collecting::note(block_memory& in, std::uint64_t bytes) noexcept {
  if (innermost == nullptr) return false;
  backlog& to = innermost->to_;
  if (bytes <= few - to.freed_at_once_) {
    to.freed_at_once_ += bytes;
    return false;
  }
  to.in_ = &in;
  return true;
}

}  // namespace coramfs::detail
