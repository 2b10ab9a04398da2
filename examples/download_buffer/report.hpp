// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/volume.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace download_buffer {

/// Why a file is not in the volume, or not as it should be.
enum class problem : unsigned char {
  refused,   ///< it does not fit
  failed,    ///< it could not be downloaded, stored or checked
  mismatch,  ///< the volume gives other bytes than were served
};

/// A download that is in the volume no longer, as it was verified.
struct removed_file {
  std::string name;
  std::uint64_t size;
};

/// What a run has done so far.
struct tally {
  std::uint64_t received_bytes = 0;    ///< of all bodies, the incomplete ones too
  std::uint64_t files = 0, bytes = 0;  ///< stored whole
  std::uint64_t compared_files = 0, lines = 0;
  std::optional<std::uint64_t> waited;  ///< downloads that did; none: a full quota refuses
  std::vector<removed_file> removed;    ///< of those that are listed at the end
};

/// What is left in a volume when all that was put in is taken out.
struct leak_check {
  std::uint64_t open_handles;
  std::uint64_t charge;        ///< bytes
  std::uint64_t empty_charge;  ///< bytes: of the volume before anything was put in

  bool passed() const { return open_handles == 0 && charge == empty_charge; }
};

/// What the user gets to see: problems and a progress line on standard error while the program
/// runs, a table at the end.
class report {
 public:
  /// The clock starts.
  report();

  tally& so_far() { return tally_; }

  /// The first few of each kind are shown, all are counted.
  void add(problem kind, std::string_view path, std::string_view reason);
  std::uint64_t count(problem kind) const { return counts_[static_cast<std::size_t>(kind)]; }

  /// Shows how far things are, if standard error is a terminal.
  void show_progress(const coramfs::volume_stats& volume);

  /// The clock stops. Says how many problems were not shown.
  void finish();

  void print_table(std::ostream& out, std::uint64_t peak_bytes, const leak_check& leaks) const;

 private:
  using clock = std::chrono::steady_clock;

  void erase_progress();
  double update_rate(clock::time_point now);

  const bool on_terminal_;
  const clock::time_point started_at_;
  clock::time_point finished_at_;
  tally tally_;
  std::array<std::uint64_t, 3> counts_{};  // by problem

  bool progress_shown_ = false;
  clock::time_point rated_at_;
  std::uint64_t rated_bytes_ = 0;
  double bytes_per_second_ = 0;
};

}  // namespace download_buffer
