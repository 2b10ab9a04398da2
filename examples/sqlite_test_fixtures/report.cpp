// SPDX-License-Identifier: BSL-1.0
#include "report.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <iomanip>
#include <sstream>
#include <string_view>

namespace sqlite_test_fixtures {

namespace {

constexpr std::size_t name_width = 26;

template <class Value>
void print_row(std::ostream& out, std::string_view name, const Value& value) {
  out << name << std::string(name_width - name.size(), ' ') << value << '\n';
}

// Ways may differ by a thousand times, so a bar grows by the logarithm: each ten times more are as
// many columns.
std::string bar(double value, double least) {
  constexpr double columns_for_ten_times = 12;
  return std::string(
      static_cast<std::size_t>(2 + columns_for_ten_times * std::log10(value / least)), '#');
}

}  // namespace

void print(std::ostream& out, const report& r) {
  print_row(out, "files in the catalogue", r.files);
  print_row(out, "bytes of the database", r.database_bytes);
  print_row(out, "bytes of a fork", r.fork_bytes);
  print_row(out, "bytes after its test", r.changed_bytes);
  print_row(out, "tests of each way", r.tests);
  unsigned failed = 0;
  double least = r.ways.front().microseconds;
  for (const timing& t : r.ways) {
    failed += t.failed;
    least = std::min(least, t.microseconds);
  }
  print_row(out, "failed tests", failed);
  out << "\nmicroseconds for a test, ten times as many for each twelve signs:\n";
  for (const timing& t : r.ways) {
    std::ostringstream number;
    number << std::fixed << std::setprecision(1) << std::setw(10) << t.microseconds;
    out << t.name << std::string(name_width - t.name.size(), ' ') << number.str() << "  "
        << bar(t.microseconds, least) << '\n';
  }
}

}  // namespace sqlite_test_fixtures
