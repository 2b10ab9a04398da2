// SPDX-License-Identifier: BSL-1.0
#include "guard.hpp"

#include <algorithm>
#include <chrono>

namespace guarded_stream {

coramfs::memory_guard_options guard::options() {
  coramfs::memory_guard_options o;
  if (!settings_.guard) return o;
  o.mode = coramfs::guard_mode::per_write;
  o.action = *settings_.guard;
  o.on_warning = [this](std::string_view text) { warn(text); };
  if (settings_.machine_memory) {
    o.available_memory = [this] { return read_pretended_machine(); };
    o.interval = std::chrono::seconds(0);  // costs nothing, so it may be asked for every write
  }
  return o;
}

void guard::warn(std::string_view text) {
  if (warnings_++ == 0) first_warning_ = text;
}

// While the volume is made it says that it does not know: else a quota above its memory would be
// refused, as it should be with a machine whose memory does not shrink later.
std::optional<std::uint64_t> guard::read_pretended_machine() {
  if (volume_ == nullptr) return std::nullopt;
  readings_ += 1;
  const std::uint64_t all = *settings_.machine_memory;
  return all - std::min(all, volume_->stats().used_bytes);
}

}  // namespace guarded_stream
