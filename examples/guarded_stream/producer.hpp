// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "input_stream.hpp"
#include "refusals.hpp"
#include "window.hpp"

#include <coramfs/file_system.hpp>

#include <asio/awaitable.hpp>
#include <asio/buffer.hpp>

#include <cstdint>
#include <string>

namespace guarded_stream {

/// Where the segments are.
inline constexpr char segment_directory[] = "/window";

/// Reads the input into segment files, as far ahead of the consumer as quota and guard allow.
class producer {
 public:
  producer(coramfs::file_system files, input_stream& input, window& segments,
           std::uint64_t segment_size);

  /// Until the input ends. Fails with a refusal only if waiting can not help.
  asio::awaitable<coramfs::result<void>> run();

  const refusals& refused() const { return refused_; }
  std::uint64_t shortened_segments() const { return shortened_segments_; }

 private:
  asio::awaitable<coramfs::result<void>> read_ahead();
  asio::awaitable<coramfs::result<void>> store(asio::const_buffer piece);
  asio::awaitable<coramfs::result<void>> try_to_store(asio::const_buffer piece);
  asio::awaitable<coramfs::result<void>> wait_for_room(coramfs::error refusal);
  coramfs::result<void> hand_over();

  coramfs::file_system files_;
  input_stream& input_;
  window& segments_;
  const std::uint64_t segment_size_;
  coramfs::file segment_;  // closed: the next piece begins a new one
  refusals refused_;
  std::uint64_t shortened_segments_ = 0;
};

}  // namespace guarded_stream
