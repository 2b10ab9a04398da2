// SPDX-License-Identifier: BSL-1.0
#include "report.hpp"

#include <algorithm>
#include <iomanip>
#include <iostream>
#include <sstream>
#include <string>

#include <unistd.h>

namespace download_buffer {

namespace {

constexpr std::uint64_t shown_problems = 5;
constexpr std::array<const char*, 3> problem_names{"refused", "failed", "mismatch"};
constexpr double mebibyte = 1024 * 1024;

const char* name_of(problem kind) { return problem_names[static_cast<std::size_t>(kind)]; }

// A file's name may hold what a terminal takes for a command.
std::string printable(std::string_view text) {
  std::string shown(text);
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  std::replace_if(shown.begin(), shown.end(), is_control, '?');
  return shown;
}

double in_seconds(std::chrono::steady_clock::duration d) {
  return std::chrono::duration<double>(d).count();
}

template <class Value>
void print_row(std::ostream& out, std::string_view name, const Value& value) {
  out << std::left << std::setw(20) << name << std::right << std::setw(16) << value << '\n';
}

}  // namespace

report::report()
    : on_terminal_(isatty(STDERR_FILENO) == 1),
      started_at_(clock::now()),
      finished_at_(started_at_),
      rated_at_(started_at_) {}

void report::add(problem kind, std::string_view path, std::string_view reason) {
  if (++counts_[static_cast<std::size_t>(kind)] > shown_problems) return;
  erase_progress();
  std::cerr << name_of(kind) << ": " << printable(path) << ": " << printable(reason) << '\n';
}

void report::show_progress(const coramfs::volume_stats& volume) {
  if (!on_terminal_) return;
  const double used = volume.quota_bytes == 0 ? 100
                                              : 100 * static_cast<double>(volume.used_bytes) /
                                                    static_cast<double>(volume.quota_bytes);
  std::ostringstream line;
  line << std::fixed << std::setprecision(1) << tally_.files << " files  "
       << static_cast<double>(tally_.received_bytes) / mebibyte << " MiB  "
       << update_rate(clock::now()) / mebibyte << " MiB/s  quota " << std::setprecision(0) << used
       << " % used";
  erase_progress();
  std::cerr << line.str() << std::flush;
  progress_shown_ = true;
}

void report::finish() {
  finished_at_ = clock::now();
  erase_progress();
  for (const problem kind : {problem::refused, problem::failed, problem::mismatch})
    if (count(kind) > shown_problems)
      std::cerr << name_of(kind) << ": " << count(kind) - shown_problems << " more\n";
}

void report::print_table(std::ostream& out, std::uint64_t peak_bytes,
                         const leak_check& leaks) const {
  const double seconds = in_seconds(finished_at_ - started_at_);
  const double rate = seconds > 0 ? static_cast<double>(tally_.bytes) / mebibyte / seconds : 0;
  out << std::fixed << std::setprecision(2);
  print_row(out, "files", tally_.files);
  print_row(out, "bytes", tally_.bytes);
  print_row(out, "seconds", seconds);
  print_row(out, "MiB/s", rate);
  print_row(out, "peak charged bytes", peak_bytes);
  if (tally_.waited) print_row(out, "waited", *tally_.waited);
  print_row(out, "lines", tally_.lines);
  print_row(out, "compared", tally_.compared_files);
  print_row(out, "refused", count(problem::refused));
  print_row(out, "mismatches", count(problem::mismatch));
  print_row(out, "failed", count(problem::failed));
  print_row(out, "open handles left", leaks.open_handles);
  print_row(out, "charge left", leaks.charge);
  print_row(out, "charge when empty", leaks.empty_charge);
}

void report::erase_progress() {
  if (!progress_shown_) return;
  std::cerr << "\r\x1b[K";
  progress_shown_ = false;
}

// Smoothed over about a second, so that the figure can be read.
double report::update_rate(clock::time_point now) {
  const double elapsed = in_seconds(now - rated_at_);
  if (elapsed <= 0) return bytes_per_second_;
  const double current = static_cast<double>(tally_.received_bytes - rated_bytes_) / elapsed;
  const double weight = std::min(1.0, elapsed);
  bytes_per_second_ += weight * (current - bytes_per_second_);
  rated_at_ = now;
  rated_bytes_ = tally_.received_bytes;
  return bytes_per_second_;
}

}  // namespace download_buffer
