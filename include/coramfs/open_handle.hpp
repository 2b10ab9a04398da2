// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/open_options.hpp>

#include <chrono>
#include <cstdint>
#include <string>

namespace coramfs {

/// A file that somebody has open, as it was when it was looked at.
struct open_handle {
  std::string path;   ///< absolute; empty for a file without a name
  open_mode mode;     ///< how it was opened
  std::string label;  ///< `open_options::label`; empty if it had none
  /// When it was opened, by the volume's clock. That of the system ticks every few milliseconds.
  std::chrono::steady_clock::time_point since;
  std::uint64_t waiting;  ///< how many operations wait for the file's lock
};

}  // namespace coramfs
