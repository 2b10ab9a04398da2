// SPDX-License-Identifier: BSL-1.0

// Catch2 2 has no library: its main, and with it the most of Catch2, is compiled here once.
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
