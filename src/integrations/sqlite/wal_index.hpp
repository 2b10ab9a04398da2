// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/held_charge.hpp>
#include <coramfs/result.hpp>
#include <coramfs/volume.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

namespace coramfs::sqlite::detail {

/// The index of a write-ahead log, in memory that all connections to the database share, and the
/// locks that SQLite has beside it.
///
/// SQLite reads and writes the index between the locks and relies on seeing at once what others
/// have stored there, so there is one copy of it, and a region never moves. It is in no file. It is
/// charged, and goes with the last connection that uses it.
///
/// Thread safety: safe; a `user` belongs to one connection, which takes one call at a time. Nothing
/// here waits.
class wal_index {
 public:
  /// How many locks there are.
  static constexpr int slot_count = 8;

  /// What a connection has of it.
  class user {
   public:
    bool is_using() const noexcept { return is_using_; }

   private:
    friend class wal_index;
    bool is_using_ = false;
    std::uint32_t shared_ = 0;     // the slots that it holds with others, as bits
    std::uint32_t exclusive_ = 0;  // the slots that it holds alone
  };

  /// Returns where the region with that number is, or null if there is none and it is not to be
  /// made. A new one is filled with zeros, and all before it are made, too.
  ///
  /// Errors: `quota_exceeded`; `memory_guard`; `out_of_memory`.
  result<std::byte*> region(user& by, const volume& payer, std::string_view path,
                            std::size_t number, std::size_t size, bool make);
  /// Ends the use. The regions go with the last one.
  void leave(user& by) noexcept;

  /// Takes the slots from `first` on, all of them or none. Returns whether they were free: for one
  /// who shares them, of others who have them alone.
  /// @{
  bool lock_shared(user& by, int first, int count) noexcept;
  bool lock(user& by, int first, int count) noexcept;
  /// @}
  void unlock(user& by, int first, int count) noexcept;
  /// Passes the mutex, and so orders all memory before and after.
  void barrier() noexcept { const std::lock_guard lock(mutex_); }

 private:
  struct slot {
    int shared = 0;
    const user* exclusive = nullptr;
  };
  struct give_back {
    void operator()(std::byte* memory) const noexcept;
  };
  struct part {
    std::unique_ptr<std::byte, give_back> memory;
    coramfs::detail::held_charge paid;
  };

  static result<part> make_part(const volume& payer, std::string_view path, std::size_t size);

  std::mutex mutex_;
  std::array<slot, slot_count> slots_;  // guarded by mutex_, as is all below
  std::vector<part> parts_;
  int users_ = 0;
};

}  // namespace coramfs::sqlite::detail
