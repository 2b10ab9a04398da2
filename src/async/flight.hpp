// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/asio.hpp>
#include <coramfs/detail/asio_compat.hpp>
#include <coramfs/fetch.hpp>
#include <coramfs/file.hpp>
#include <coramfs/follow.hpp>
#include <coramfs/result.hpp>

#include "handles/fetch_operation.hpp"
#include "handles/produced_file.hpp"

#include <exception>
#include <memory>
#include <optional>

namespace coramfs::detail {

/// A producer on its way, as a coroutine that is nobody's child, and a second one that stops it
/// when nobody follows it.
///
/// Both begin on one strand, on which the cancellation of the first is emitted, and on which its
/// end is told, wherever it has come to that. They keep this alive together, and with it the
/// producer, its cancellation signal, and the volume.
///
/// Guarded by the strand, but for what `produced_file` says.
class flight {
 public:
  using executor_ptr = std::shared_ptr<const file::executor_type>;

  /// Begins a producer, on the executor of a file system with its volume, or elsewhere. Errors:
  /// `out_of_memory`, `invalid_argument` without any executor, and what that one throws, all with
  /// the file abandoned.
  static result<void> begin(std::unique_ptr<any_fetch> wanted, fetch_operation::fresh_file of,
                            volume_state& v, executor_ptr executor) noexcept;

  /// For `begin`.
  flight(std::unique_ptr<any_fetch> wanted, fetch_operation::fresh_file of, volume_state& v,
         executor_ptr executor) noexcept;

 private:
  class completion;
  class returning;
  static asio::awaitable<void> fly(std::shared_ptr<flight> self);
  static asio::awaitable<void> stop_when(std::shared_ptr<flight> self,
                                         asio::awaitable<bool> is_alone);
  void stop();
  void end(bool answers) noexcept;

  executor_ptr executor_;  // the file's, which keeps the volume alive, too
  std::unique_ptr<any_fetch> wanted_;
  produced_file produced_;
  std::optional<file> file_;  // until the producer has it
  asio::cancellation_signal signal_;
  result<void> word_ = errc::abandoned;  // the producer's, from where it has ended
  bool has_begun_ = false;
  bool is_stopped_ = false;
  bool has_ended_ = false;
};

}  // namespace coramfs::detail
