// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "command_line.hpp"

#include <coramfs/options.hpp>
#include <coramfs/volume.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace guarded_stream {

/// How the volume's memory guard is set up, and what it does. Must outlive the volume.
class guard {
 public:
  explicit guard(const settings& s) : settings_(s) {}
  guard(const guard&) = delete;
  guard& operator=(const guard&) = delete;

  coramfs::memory_guard_options options();

  /// Whose use of memory the pretended machine sees.
  void watch(const coramfs::volume& v) { volume_ = &v; }

  std::uint64_t warnings() const { return warnings_; }
  const std::string& first_warning() const { return first_warning_; }
  std::uint64_t readings() const { return readings_; }  ///< of the pretended machine

 private:
  void warn(std::string_view text);
  std::optional<std::uint64_t> read_pretended_machine();

  const settings& settings_;
  const coramfs::volume* volume_ = nullptr;
  std::uint64_t warnings_ = 0, readings_ = 0;
  std::string first_warning_;
};

}  // namespace guarded_stream
