// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/error.hpp>

#include <cstdint>
#include <optional>
#include <string_view>

namespace coramfs::testing {

/// Where an operation on a volume may be refused, and what the amount is that it asks for there. In
/// this order the points of one operation come, with the waits where they begin.
///
/// Only what takes something has points. What promises not to fail has none: to make smaller, to
/// overwrite in place, to commit what was prepared, to remove, to close, and to let a pin go.
enum class fault_point : unsigned char {
  /// Before bytes are reserved in the quota: `errc::quota_exceeded`. The amount is that of the
  /// least request that the operation would make before it fails, the bytes still to be charged. An
  /// operation that has been granted bytes it waited for is not asked again.
  reserve_bytes,
  /// Before files and directories are reserved: `errc::node_limit_exceeded`. It comes before the
  /// bytes of the same operation, and also where the volume has no limit of nodes.
  reserve_nodes,
  /// Before the memory guard is asked: `errc::memory_guard`. Only where it may refuse: it is on,
  /// asked by this operation, and its action is `guard_action::reject`. The amount is the bytes
  /// that it would be asked for.
  guard,
  /// Before memory of the volume is allocated for what was reserved, once for all of that:
  /// `errc::out_of_memory`. The amount is the bytes about as they are charged with
  /// `accounting::memory`. Memory for results, such as those of `read_all` or `list`, and for the
  /// frames of coroutines is not the volume's.
  allocate,
  /// Before an operation queues for a file's lock, or for bytes of one that it follows:
  /// `errc::timed_out`, or `errc::canceled`, which a wait without an end gives for both. An
  /// operation that has it at once, or an immediate timeout, does not wait. The amount is 0.
  lock,
  /// Before an operation queues for bytes: the same errors. The amount is the bytes.
  space,
  /// Kept for the library that reads and writes files of the machine: no point of a volume.
  host,
  /// Kept for what keeps content outside of the process: no point of a volume.
  store,
  /// Kept for what decodes archives: no point of a volume.
  decode,
};

/// Whether an operation may fail with `e` at that point.
constexpr bool gives(fault_point p, errc e) noexcept {
  switch (p) {
    case fault_point::reserve_bytes: return e == errc::quota_exceeded;
    case fault_point::reserve_nodes: return e == errc::node_limit_exceeded;
    case fault_point::guard: return e == errc::memory_guard;
    case fault_point::allocate: return e == errc::out_of_memory;
    case fault_point::lock:
    case fault_point::space: return e == errc::timed_out || e == errc::canceled;
    case fault_point::host:
    case fault_point::store:
    case fault_point::decode: return true;
  }
  return false;
}

}  // namespace coramfs::testing

namespace coramfs::detail {

using testing::fault_point;

/// Decides where operations of a volume fail though they need not: `volume_options::faults`. It is
/// the base of those that `coramfs/testing/faults.hpp` makes, and of one's own.
///
///     struct no_large_files final : coramfs::testing::fault_policy {
///       std::optional<coramfs::error> at(coramfs::testing::fault_point p, std::string_view,
///                                        std::uint64_t amount) override {
///         if (p == coramfs::testing::fault_point::reserve_bytes && amount > 1000)
///           return coramfs::errc::quota_exceeded;
///         return std::nullopt;
///       }
///     };
///
/// Thread safety: `at` is called on the thread of the operation, by several at once if several use
/// the volume, with no lock held but those of files that the operation has open. It may use the
/// volume: what it does there itself is not asked about, on the same thread and for the same
/// policy. It must not throw, which ends the program.
///
/// Lifetime: it must outlive the volumes that have it, their files and their operations.
class fault_policy {
 public:
  fault_policy() = default;
  fault_policy(const fault_policy&) = delete;
  fault_policy& operator=(const fault_policy&) = delete;
  virtual ~fault_policy() = default;

  /// Asked before the operation does what the point says, and before anything has changed. Nothing:
  /// it goes on. An error: it fails, and the volume is as it was.
  ///
  /// The operation fails as it would in earnest. Of the error that is returned only the code
  /// counts, if it is one that the point `gives`; otherwise it is the first of those. The numbers
  /// are `amount` requested, and as much available as there is, but less than that.
  ///
  /// `path` is the absolute path of what the operation makes or changes, or waits for: the second
  /// one of two. It is valid during the call, and empty where there is none, as for an
  /// `import_tree`, for files without a name and the call that names them, for `volume::create` and
  /// for `volume::set_quota`.
  virtual std::optional<error> at(fault_point p, std::string_view path, std::uint64_t amount) = 0;
};

}  // namespace coramfs::detail

namespace coramfs::testing {

// The core, which has a pointer to one, does not name this namespace: it is also GoogleTest's, and
// whoever is using the namespace of coramfs and no library for tests must not come upon two.
using coramfs::detail::fault_policy;

}  // namespace coramfs::testing
