// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <boost/crc.hpp>

#include <cstddef>
#include <cstdint>

namespace guarded_stream {

/// What tells whether two streams of bytes are equal: their length and their CRC-32.
class digest {
 public:
  void add(const char* data, std::size_t size) {
    bytes_ += size;
    crc_.process_bytes(data, size);
  }

  std::uint64_t bytes() const { return bytes_; }
  std::uint32_t crc32() const { return crc_.checksum(); }

  friend bool operator==(const digest& a, const digest& b) {
    return a.bytes() == b.bytes() && a.crc32() == b.crc32();
  }

 private:
  std::uint64_t bytes_ = 0;
  boost::crc_32_type crc_;
};

}  // namespace guarded_stream
