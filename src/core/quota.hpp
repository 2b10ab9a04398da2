// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/result.hpp>

#include <cstdint>
#include <mutex>
#include <optional>
#include <utility>

namespace coramfs::detail {

/// What an operation takes or gives back. Chunks are counted, not limited.
struct charge {
  std::uint64_t bytes = 0;
  std::uint64_t files = 0;
  std::uint64_t directories = 0;
  std::uint64_t chunks = 0;

  std::uint64_t nodes() const noexcept { return files + directories; }

  charge& operator+=(const charge& other) noexcept;
  charge& operator-=(const charge& other) noexcept;
};

class quota;

/// What an operation has set aside before it allocates; what it does not commit goes back.
///
/// Thread safety: one operation's own.
class [[nodiscard]] reservation {
 public:
  reservation() noexcept = default;
  reservation(reservation&& other) noexcept;
  reservation& operator=(reservation&& other) noexcept;
  ~reservation();

  /// Makes `wanted` a charge and gives `replaced` back, in one step.
  void commit() noexcept;

 private:
  friend class quota;
  reservation(quota& from, const charge& wanted, const charge& replaced) noexcept
      : from_(&from), wanted_(wanted), replaced_(replaced) {}

  quota* from_ = nullptr;
  charge wanted_;
  charge replaced_;
};

/// The hard limits of a volume, in bytes and in nodes, and what is charged against them.
///
/// Every operation reserves before it allocates or changes anything, and commits when nothing
/// can fail any more. The figures that `read` gives count what is committed.
///
/// Invariant: committed + reserved <= limit, for bytes and for nodes.
///
/// Thread safety: all members may be called from many threads at once. The mutex is a leaf:
/// nothing else is locked under it.
class quota {
 public:
  struct figures {
    charge committed;
    std::uint64_t peak_bytes;
  };

  quota(std::uint64_t max_bytes, std::optional<std::uint64_t> max_nodes) noexcept
      : max_bytes_(max_bytes), max_nodes_(max_nodes) {}
  quota(const quota&) = delete;
  quota& operator=(const quota&) = delete;

  /// Sets `wanted` aside. With `replaced`, only what goes beyond it is judged and set aside:
  /// the caller gives `replaced` up in the same `commit`.
  ///
  /// Errors: `node_limit_exceeded`, looked at first; `quota_exceeded`. Nothing is set aside then.
  result<reservation> reserve(const charge& wanted, const charge& replaced = {}) noexcept;

  /// Judges as `reserve` does, and sets nothing aside: a yes may be outdated when it is read.
  ///
  /// Errors: as `reserve`.
  result<void> require(const charge& wanted, const charge& replaced = {}) const noexcept;

  /// Turns a reservation into another, in one step.
  ///
  /// Errors: as `reserve`; the reservation is as before then.
  result<void> adjust(reservation& held, const charge& wanted, const charge& replaced) noexcept;

  /// Gives back what was committed.
  void release(const charge& given) noexcept;

  std::uint64_t max_bytes() const noexcept { return max_bytes_; }
  figures read() const noexcept;

 private:
  friend class reservation;
  result<void> judge(const charge& wanted, const charge& replaced) const noexcept;
  result<void> set_aside(const charge& wanted, const charge& replaced) noexcept;
  void put_back(const charge& wanted, const charge& replaced) noexcept;
  void settle(const charge& wanted, const charge& replaced, bool commit) noexcept;

  const std::uint64_t max_bytes_;
  const std::optional<std::uint64_t> max_nodes_;

  mutable std::mutex mutex_;
  // Guarded by mutex_.
  charge committed_;
  std::uint64_t reserved_bytes_ = 0;
  std::uint64_t reserved_nodes_ = 0;
  std::uint64_t peak_bytes_ = 0;
};

}  // namespace coramfs::detail
