// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

namespace coramfs {

class volume;

/// What is missing when a volume is full: how much more has to be freed until all requests can go
/// on that it is asked for, behind those who waited for space before them. It is no more than what
/// is taken.
struct shortage {
  std::uint64_t bytes = 0;  ///< as the quota counts them
  std::uint64_t nodes = 0;  ///< files and directories
  /// With fewer bytes than these nobody is helped who wants bytes: not the least of the requests.
  /// Where others wait for space before them any byte helps, for it is kept for these.
  std::uint64_t least_bytes = 0;
};

namespace detail {

class asking;
struct reclaim_access;

/// One asking of a volume's callback, in the hands of whoever answers it. It ends with this.
///
/// Thread safety: one thread at a time.
class reclaim_task {
 public:
  explicit reclaim_task(asking& of) noexcept;
  reclaim_task(reclaim_task&& other) noexcept : of_(std::exchange(other.of_, nullptr)) {}
  reclaim_task& operator=(reclaim_task&&) = delete;
  ~reclaim_task();

  /// Returns what is missing. From here on nobody shares the asking who comes. To be called once.
  shortage begin() noexcept;
  /// What a `callback_scope` of the callback is for.
  const void* scope() const noexcept;
  /// Says that the callback has failed.
  void note_failure() noexcept;

 private:
  asking* of_;
};

}  // namespace detail

/// What is asked where a volume is full (`volume_options::reclaim`): a function, or a coroutine
/// that `reclaim_on` takes (`coramfs/reclaim_on.hpp`). Empty, as it is at first, nobody is asked.
///
/// The function is called with the volume and with what is missing, in the operation that is short,
/// on its thread, with no lock of the library held but those of files that operations have open. It
/// may use the volume, and removes files there, or gives up what it keeps of it. It may also close
/// an asynchronous file, or destroy it, whose write asks: that ends with `not_open`. What it has
/// done is seen in the quota alone; what it throws ends it, and is counted
/// (`volume_stats::failed_reclaims`). It is called by one thread at a time. It must not wait for
/// whoever may be short of space, as for a file that is open, nor for room in another volume whose
/// callback may wait for room in this one: those wait for its end, and then only a timeout ends it.
/// In a volume whose asynchronous operations call it, it must not block.
///
/// Files ask where an open makes or empties them, and where they are written, also those that come
/// from an archive or the host. Directories do not ask, nor do copies of files and trees, nor
/// forks: they are refused where there is no room.
///
/// The volume has it among its options, so it must not own the volume.
///
///     coramfs::volume_options options;
///     options.reclaim = [](const coramfs::volume& v, const coramfs::shortage&) {
///       static_cast<void>(coramfs::sync::file_system(v).remove_tree("/thumbnails"));
///     };
class reclaim_callback {
 public:
  /// Nobody is asked.
  reclaim_callback() noexcept = default;
  /// A function, which may be empty. It returns nothing, since nothing that it says is heard.
  template <class Function>
  requires(!std::same_as<Function, reclaim_callback> && std::copy_constructible<Function> &&
           std::is_void_v<std::invoke_result_t<Function&, const volume&, const shortage&>>)
      reclaim_callback(Function f)
      : call_(std::move(f)) {}

  /// Whether anybody is asked.
  explicit operator bool() const noexcept { return call_ != nullptr || start_ != nullptr; }

 private:
  friend struct detail::reclaim_access;

  std::function<void(const volume&, const shortage&)> call_;
  std::function<void(const volume&, detail::reclaim_task)> start_;
};

/// What `least_recently_used` removes.
struct least_recently_used_options {
  /// Only files below this directory.
  std::string below = "/";
  /// Files that were changed longer ago are removed before all others, also if they were opened
  /// since. They go where room is needed, and not by themselves. If empty, no file is too old.
  std::optional<std::chrono::system_clock::duration> max_age = {};
};

}  // namespace coramfs
