// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "catalogue.hpp"
#include "client.hpp"
#include "pin_responder.hpp"
#include "rewriter.hpp"

#include <coramfs/sync/file_system.hpp>

#include <cstdint>
#include <ostream>

namespace upload {

/// What a run has done.
struct report {
  received fetched;
  double seconds = 0;  ///< for all that was fetched
  std::uint64_t skipped = 0, refused = 0;
  std::uint64_t rewritten = 0, changed_while_sent = 0, not_rewritten = 0, failed_rewrites = 0;
  std::uint64_t wrong_in_volume = 0;
  std::uint64_t peak_pinned_bytes = 0, pinned_bytes_left = 0;
  std::uint64_t charge_when_empty = 0, charge_before = 0, charge_after = 0, peak_charge = 0;
  std::uint64_t charge_left = 0, open_handles_left = 0;

  /// Whether all was as it must be. What changed on disk or did not fit is no error.
  bool passed() const;
  void print(std::ostream& out) const;
};

/// Counts the files of the volume that are not as they must be now: those that were rewritten
/// inverted, the others as on disk.
std::uint64_t count_wrong(const catalogue& served, const rewriter& writer,
                          coramfs::sync::file_system files);

}  // namespace upload
