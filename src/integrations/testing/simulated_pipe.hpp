// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/simulated_transfer.hpp>
#include <coramfs/testing/stream_pair.hpp>

#include "integrations/testing/dice.hpp"
#include "integrations/testing/simulation_core.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>

namespace coramfs::detail {

/// One direction of a connection: the bytes that are on their way, and those who wait to send and
/// to receive. They wait in the simulation, until the end of time, so that it can tell who they are
/// and destroys them with itself.
///
/// Guarded by the simulation's thread, as all of that.
class simulated_pipe : public std::enable_shared_from_this<simulated_pipe> {
 public:
  simulated_pipe(simulation_core& in, const testing::stream_options& how);
  /// What goes the other way, and breaks off with this.
  void connect(const std::shared_ptr<simulated_pipe>& back) noexcept { back_ = back; }

  /// Begins a read or a write. Throws `std::bad_alloc`, and then it has not begun.
  /// @{
  void begin(const simulated_place& place, std::shared_ptr<simulated_read> r);
  void begin(const simulated_place& place, std::shared_ptr<simulated_write> w);
  /// @}
  simulated_place next_place() noexcept;
  /// Ends what waits and can end. Throws `std::bad_alloc`, and then the rest still waits.
  void advance();

  /// Throw `std::bad_alloc`, and what has not ended then still waits.
  /// @{
  void cancel_reads();
  void cancel_writes();
  /// @}

  /// Nothing comes after what has been sent.
  void finish() noexcept;
  /// Whoever would receive does not listen any more, and what arrives is dropped.
  void stop_receiving() noexcept;
  /// Whoever would receive is gone.
  void leave() noexcept;
  /// What was sent is lost, and both ends find that out.
  void break_off() noexcept;

 private:
  using time_point = virtual_clock::time_point;
  struct piece {
    time_point arrives;
    std::size_t bytes;
  };
  class arrival;
  class another_try;

  bool can_receive() noexcept;
  bool can_send() const noexcept;
  void receive(simulated_read& r) noexcept;
  template <class End>
  void send(simulated_write& w, End end);
  void keep(const simulated_write& w, std::size_t bytes);
  void take_back(std::size_t bytes) noexcept;
  void drop() noexcept;
  void go_on() noexcept;
  std::size_t arrived() noexcept;
  time_point next_arrival() noexcept;

  simulation_core& in_;
  const testing::stream_options how_;
  const std::uint64_t reads_;  // the simulation has those who wait by this number, in order
  const std::uint64_t writes_;
  const std::uint64_t arrivals_;
  dice read_dice_;
  dice write_dice_;
  std::weak_ptr<simulated_pipe> back_;

  std::deque<std::byte> bytes_;
  std::size_t arrived_ = 0;   // so many of them at least have arrived
  std::deque<piece> pieces_;  // the others
  time_point last_arrival_;
  bool is_finished_ = false;
  bool is_deaf_ = false;
  bool is_left_ = false;
  bool is_broken_ = false;
  std::unique_ptr<simulated_task> another_try_;  // had before it is needed
};

}  // namespace coramfs::detail
