// SPDX-License-Identifier: BSL-1.0
#include "report.hpp"

#include <iomanip>
#include <iostream>
#include <sstream>
#include <string>
#include <string_view>

namespace guarded_stream {

namespace {

constexpr double mebibyte = 1024 * 1024;

template <class Value>
void print_row(std::string_view name, const Value& value) {
  std::cout << std::left << std::setw(28) << name << std::right << std::setw(16) << value << '\n';
}

void print_digest(const std::string& where, const digest& d) {
  std::ostringstream crc;
  crc << std::hex << std::setfill('0') << std::setw(8) << d.crc32();
  print_row("bytes " + where, d.bytes());
  print_row("crc32 " + where, crc.str());
}

void print_refusals(const refusals& refused) {
  for (const refusals::tally& t : refused.by_reason()) {
    const std::string name = t.name;
    print_row(name + " refusals", t.count);
    if (t.count == 0) continue;
    print_row(name + ", last asked for", t.last_requested);
    print_row(name + ", last left", t.last_available);
    print_row(name + ", least left", t.least_available);
  }
}

void print_guard(const guard& g) {
  print_row("guard warnings", g.warnings());
  if (g.readings() != 0) print_row("pretended guard readings", g.readings());
  if (g.warnings() != 0) std::cerr << "the first warning: " << g.first_warning() << '\n';
}

bool print_volume(const coramfs::volume_stats& left) {
  print_row("quota", left.quota_bytes);
  print_row("peak charged bytes", left.peak_bytes);
  print_row("open handles left", left.open_handles);
  print_row("charge left", left.used_bytes);
  return left.open_handles == 0 && left.used_bytes == 0;
}

bool print_comparison(const stream& s, const std::optional<digest>& again) {
  const digest &in = s.input().seen(), &out = s.sink().seen();
  print_digest("read", in);
  print_digest("through the volume", out);
  if (again) print_digest("read again", *again);
  if (again && !(*again == in)) std::cerr << "the input has changed meanwhile\n";
  return out == in && (!again || *again == in);
}

}  // namespace

bool print_report(stream& s, bool ended_well, double seconds, const std::optional<digest>& again) {
  const auto left = s.remove_all();
  std::cout << std::fixed << std::setprecision(2);
  const bool equal = print_comparison(s, again) && ended_well;
  print_row("equal", equal ? "yes" : "no");
  print_row("files skipped", s.input().skipped_files());
  print_row("segments", s.segments().handed_over());
  print_row("segments cut short", s.source().shortened_segments());
  print_refusals(s.source().refused());
  print_guard(s.memory_guard());
  print_row("seconds", seconds);
  print_row("MiB/s", static_cast<double>(s.sink().seen().bytes()) / mebibyte / seconds);
  if (!left) std::cerr << left.error().message() << '\n';
  return left && print_volume(left.value()) && equal;
}

}  // namespace guarded_stream
