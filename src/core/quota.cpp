// SPDX-License-Identifier: BSL-1.0
#include "core/quota.hpp"

#include <algorithm>

namespace coramfs::detail {

namespace {

std::uint64_t excess(std::uint64_t wanted, std::uint64_t replaced) noexcept {
  return wanted > replaced ? wanted - replaced : 0;
}

}  // namespace

charge& charge::operator+=(const charge& other) noexcept {
  bytes += other.bytes;
  files += other.files;
  directories += other.directories;
  chunks += other.chunks;
  return *this;
}

charge& charge::operator-=(const charge& other) noexcept {
  bytes -= other.bytes;
  files -= other.files;
  directories -= other.directories;
  chunks -= other.chunks;
  return *this;
}

reservation::reservation(reservation&& other) noexcept
    : from_(std::exchange(other.from_, nullptr)),
      wanted_(other.wanted_),
      replaced_(other.replaced_) {}

reservation& reservation::operator=(reservation&& other) noexcept {
  reservation old(std::move(*this));
  from_ = std::exchange(other.from_, nullptr);
  wanted_ = other.wanted_;
  replaced_ = other.replaced_;
  return *this;
}

reservation::~reservation() {
  if (from_ != nullptr) from_->settle(wanted_, replaced_, false);
}

void reservation::commit() noexcept {
  if (from_ != nullptr) std::exchange(from_, nullptr)->settle(wanted_, replaced_, true);
}

result<reservation> quota::reserve(const charge& wanted, const charge& replaced) noexcept {
  const std::lock_guard lock(mutex_);
  BOOST_OUTCOME_TRY(set_aside(wanted, replaced));
  return reservation(*this, wanted, replaced);
}

result<void> quota::require(const charge& wanted, const charge& replaced) const noexcept {
  const std::lock_guard lock(mutex_);
  return judge(wanted, replaced);
}

result<void> quota::adjust(reservation& held, const charge& wanted,
                           const charge& replaced) noexcept {
  const std::lock_guard lock(mutex_);
  put_back(held.wanted_, held.replaced_);
  if (const auto set = set_aside(wanted, replaced); !set) {
    (void)set_aside(held.wanted_, held.replaced_);
    return set;
  }
  held.wanted_ = wanted;
  held.replaced_ = replaced;
  return boost::outcome_v2::success();
}

void quota::release(const charge& given) noexcept {
  const std::lock_guard lock(mutex_);
  committed_ -= given;
}

quota::figures quota::read() const noexcept {
  const std::lock_guard lock(mutex_);
  return {committed_, peak_bytes_};
}

// Under the mutex.
result<void> quota::judge(const charge& wanted, const charge& replaced) const noexcept {
  const std::uint64_t bytes = excess(wanted.bytes, replaced.bytes);
  const std::uint64_t nodes = excess(wanted.nodes(), replaced.nodes());
  if (max_nodes_ && nodes > 0) {
    // The root counts, and is there from the start, also where the limit is 0.
    const std::uint64_t left = excess(*max_nodes_, 1 + committed_.nodes() + reserved_nodes_);
    if (nodes > left) return error(errc::node_limit_exceeded, nodes, left);
  }
  const std::uint64_t left = max_bytes_ - committed_.bytes - reserved_bytes_;
  if (bytes > left) return error(errc::quota_exceeded, bytes, left);
  return boost::outcome_v2::success();
}

// Under the mutex.
result<void> quota::set_aside(const charge& wanted, const charge& replaced) noexcept {
  BOOST_OUTCOME_TRY(judge(wanted, replaced));
  reserved_bytes_ += excess(wanted.bytes, replaced.bytes);
  reserved_nodes_ += excess(wanted.nodes(), replaced.nodes());
  return boost::outcome_v2::success();
}

// Under the mutex.
void quota::put_back(const charge& wanted, const charge& replaced) noexcept {
  reserved_bytes_ -= excess(wanted.bytes, replaced.bytes);
  reserved_nodes_ -= excess(wanted.nodes(), replaced.nodes());
}

void quota::settle(const charge& wanted, const charge& replaced, bool commit) noexcept {
  const std::lock_guard lock(mutex_);
  put_back(wanted, replaced);
  if (!commit) return;
  committed_ += wanted;
  committed_ -= replaced;
  peak_bytes_ = std::max(peak_bytes_, committed_.bytes);
}

}  // namespace coramfs::detail
