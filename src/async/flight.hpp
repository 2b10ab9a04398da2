// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/asio.hpp>
#include <coramfs/detail/asio_compat.hpp>
#include <coramfs/fetch.hpp>
#include <coramfs/file.hpp>
#include <coramfs/follow.hpp>
#include <coramfs/result.hpp>

#include "handles/fetch_operation.hpp"
#include "handles/landing.hpp"

#include <exception>
#include <memory>
#include <optional>

namespace coramfs::detail {

/// A producer on its way, as a coroutine that is nobody's child, and a second one that stops it
/// when nobody follows it.
///
/// Both run on one strand, so that the cancellation of the first meets nothing of it. They keep
/// this alive together, and with it the producer, its cancellation signal, and the volume.
///
/// Guarded by the strand, but for what `landing` says.
class flight {
 public:
  using executor_ptr = std::shared_ptr<const file::executor_type>;

  /// Begins a producer. Errors: `out_of_memory`, with the file abandoned.
  static result<void> begin(std::unique_ptr<any_fetch> wanted, fetch_operation::fresh_file of,
                            volume_state& v, executor_ptr executor) noexcept;

  /// For `begin`.
  flight(std::unique_ptr<any_fetch> wanted, fetch_operation::fresh_file of, volume_state& v,
         executor_ptr executor) noexcept;

 private:
  struct ended;
  class ending;
  static asio::awaitable<void> fly(std::shared_ptr<flight> self);
  static asio::awaitable<void> stop_when(std::shared_ptr<flight> self,
                                         asio::awaitable<bool> is_alone);
  void stop();
  void end(const result<void>& word, bool answers) noexcept;

  executor_ptr executor_;  // which keeps the volume alive, too
  std::unique_ptr<any_fetch> wanted_;
  landing landing_;
  std::optional<file> file_;  // until the producer has it
  asio::cancellation_signal signal_;
  bool has_begun_ = false;
  bool is_stopped_ = false;
  bool has_ended_ = false;
};

}  // namespace coramfs::detail
