// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>
#include <string>

namespace tested_proxy {

/// Serves what is at an `http://` URL on a port of the loopback interface, or on a free one if that
/// is 0, and says on which. Returns after SIGINT or SIGTERM.
///
/// Throws `std::system_error` if it can not listen there.
void serve(const std::string& origin, std::uint16_t port);

}  // namespace tested_proxy
