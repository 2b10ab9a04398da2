// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "proxy.hpp"

#include <coramfs/testing.hpp>

#include <string>
#include <vector>

namespace tested_proxy {

/// A file that the origin has.
struct original {
  std::string target;
  std::string content;
};

/// One run of a proxy between clients and an origin, all in the simulation: they come when it will,
/// the network is slow and breaks, the origin is late, and the volume refuses what it is asked for
/// at the given rate. `files` must live as long as the simulation.
///
/// Returns how many clients were given a file. Throws `std::runtime_error` if one was given a file
/// that is not whole, or told that there is none, or if something was left behind.
unsigned run_proxy(coramfs::testing::simulation& sim, const std::vector<original>& files, build how,
                   double faults);

}  // namespace tested_proxy
