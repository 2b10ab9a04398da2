// SPDX-License-Identifier: BSL-1.0
// As tests.hpp, for the tests of the public interface.
#include "api/scenario.hpp"
#include "support/precompiled/tests.hpp"
