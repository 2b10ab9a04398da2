// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/asio_stream.hpp>
#include <coramfs/detail/export.hpp>
#include <coramfs/detail/simulated_wait.hpp>

#include <cstddef>
#include <memory>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <vector>

namespace coramfs::detail {

/// A read or a write of a simulated stream.
template <class Buffer>
class simulated_transfer : public simulated_wait {
 public:
  template <class Iterator>
  simulated_transfer(Iterator first, Iterator last) {
    for (; first != last; ++first) buffers.push_back(Buffer(*first));
  }

  std::string_view what() const noexcept override {
    return std::is_same_v<Buffer, asio::mutable_buffer> ? "stream read" : "stream write";
  }
  /// How many bytes the buffers have.
  std::size_t wanted() const noexcept { return asio::buffer_size(buffers); }

  std::vector<Buffer> buffers;
  asio_error_code result;
  std::size_t moved = 0;  ///< bytes

 protected:
  std::tuple<asio_error_code, std::size_t> arguments() const noexcept { return {result, moved}; }
};
using simulated_read = simulated_transfer<asio::mutable_buffer>;
using simulated_write = simulated_transfer<asio::const_buffer>;

class simulated_pipe;

/// What one end of a connection refers to: the way in and the way out. One that was moved from, as
/// one that is made by default, is closed.
class simulated_end_of_stream {
 public:
  simulated_end_of_stream() = default;
  simulated_end_of_stream(std::shared_ptr<simulated_pipe> in,
                          std::shared_ptr<simulated_pipe> out) noexcept;

  bool is_open() const noexcept { return in_ != nullptr; }

  // All below need it to be open.
  CORAMFS_EXPORT simulated_place next_place() const noexcept;
  /// Begins an operation, which may end at once. Throws `std::bad_alloc`, and then it has not
  /// begun.
  /// @{
  CORAMFS_EXPORT void begin(const simulated_place& place, std::shared_ptr<simulated_read> r) const;
  CORAMFS_EXPORT void begin(const simulated_place& place, std::shared_ptr<simulated_write> w) const;
  /// @}

  void stop_sending() const noexcept;
  void stop_receiving() const noexcept;
  /// Throws `std::bad_alloc`, and what has not ended then still waits.
  void cancel() const;
  /// To be called after `cancel`.
  /// @{
  void close() const noexcept;
  void reset() const noexcept;
  /// @}

 private:
  std::shared_ptr<simulated_pipe> in_;
  std::shared_ptr<simulated_pipe> out_;
};

}  // namespace coramfs::detail
