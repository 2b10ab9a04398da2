// SPDX-License-Identifier: BSL-1.0

// Built twice, each time with a copy of the static library in it.
#include <coramfs/error.hpp>

extern "C" {

void make_busy(coramfs::error* e) { *e = coramfs::error(coramfs::errc::busy); }

bool is_busy(const coramfs::error* e) {
  return *e == coramfs::errc::busy && e->code() == coramfs::errc::busy &&
         *e == std::errc::device_or_resource_busy;
}

const void* category() { return &coramfs::error_category(); }
}
