// SPDX-License-Identifier: BSL-1.0
#include "integrations/host/descriptor.hpp"

#include <cerrno>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

namespace coramfs::detail {

error last_host_error() noexcept { return std::error_code(errno, std::system_category()); }

// Not begun anew after EINTR: on Linux the descriptor is free even then.
result<void> descriptor::close() noexcept {
  const int number = std::exchange(number_, -1);
  if (number < 0 || ::close(number) == 0 || errno == EINTR) return success();
  return last_host_error();
}

result<descriptor> open_at(int directory, const char* name, int flags, unsigned mode) noexcept {
  for (;;) {
    const int number = ::openat(directory, name, flags | O_CLOEXEC, mode);
    if (number >= 0) return descriptor(number);
    if (errno != EINTR) return last_host_error();
  }
}

}  // namespace coramfs::detail
