// SPDX-License-Identifier: BSL-1.0
#pragma once

// Tests of what is built on Asio and coramfs: the library coramfs_testing.

#include <coramfs/testing/clock.hpp>
#include <coramfs/testing/explore.hpp>
#include <coramfs/testing/fault_policy.hpp>
#include <coramfs/testing/faults.hpp>
#include <coramfs/testing/fixture.hpp>
#include <coramfs/testing/outcome.hpp>
#include <coramfs/testing/schedule.hpp>
#include <coramfs/testing/simulation.hpp>
#include <coramfs/testing/strategy.hpp>
#include <coramfs/testing/stream_pair.hpp>
#include <coramfs/testing/timer.hpp>
#include <coramfs/testing/tree.hpp>
