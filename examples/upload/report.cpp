// SPDX-License-Identifier: BSL-1.0
#include "report.hpp"

#include "comparison.hpp"

#include <asio/buffer.hpp>

#include <cstddef>
#include <iomanip>
#include <iostream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace upload {

namespace {

constexpr double mebibyte = 1024 * 1024;

template <class Value>
void print_row(std::ostream& out, std::string_view name, const Value& value) {
  out << std::left << std::setw(24) << name << std::right << std::setw(14) << value << '\n';
}

coramfs::result<std::vector<char>> content_of(const std::string& path,
                                              coramfs::sync::file_system& files) {
  BOOST_OUTCOME_TRY(auto file, files.open(path, coramfs::open_mode::read));
  BOOST_OUTCOME_TRY(const auto size, file.size());
  std::vector<char> content(static_cast<std::size_t>(size));
  BOOST_OUTCOME_TRYV(file.read(asio::buffer(content)));
  return content;
}

bool is_wrong(const entry& e, const rewriter& writer, coramfs::sync::file_system& files) {
  const std::string path = served_root + e.name;
  auto content = content_of(path, files);
  if (!content) return true;
  if (writer.rewritten().contains(path)) invert(content.value());
  comparison compared(e);
  compared.add(std::span<const char>(content.value()));
  return compared.finish() == comparison::verdict::different;
}

}  // namespace

std::uint64_t count_wrong(const catalogue& served, const rewriter& writer,
                          coramfs::sync::file_system files) {
  std::uint64_t wrong = 0;
  for (const entry& e : served.entries) {
    if (!is_wrong(e, writer, files)) continue;
    ++wrong;
    std::cerr << "wrong in the volume: " << e.name << '\n';
  }
  return wrong;
}

bool report::passed() const {
  const bool right = fetched.mismatches == 0 && wrong_in_volume == 0;
  const bool whole = fetched.failed == 0 && failed_rewrites == 0;
  const bool clean = pinned_bytes_left == 0 && open_handles_left == 0;
  return right && whole && clean && charge_left == charge_when_empty;
}

void report::print(std::ostream& out) const {
  const double rate = seconds > 0 ? static_cast<double>(fetched.bytes) / mebibyte / seconds : 0;
  out << std::fixed << std::setprecision(2);
  print_row(out, "files", fetched.files);
  print_row(out, "bytes", fetched.bytes);
  print_row(out, "seconds", seconds);
  print_row(out, "MiB/s", rate);
  print_row(out, "mismatches", fetched.mismatches);
  print_row(out, "changed on disk", fetched.changed_on_disk);
  print_row(out, "failed", fetched.failed + failed_rewrites);
  print_row(out, "skipped", skipped);
  print_row(out, "refused", refused);
  print_row(out, "rewritten", rewritten);
  print_row(out, "rewritten while sent", changed_while_sent);
  print_row(out, "no room to rewrite", not_rewritten);
  print_row(out, "wrong in the volume", wrong_in_volume);
  print_row(out, "pinned bytes at peak", peak_pinned_bytes);
  print_row(out, "pinned bytes left", pinned_bytes_left);
  print_row(out, "charge before", charge_before);
  print_row(out, "charge at peak", peak_charge);
  print_row(out, "charge after", charge_after);
  print_row(out, "open handles left", open_handles_left);
  print_row(out, "charge left", charge_left);
  print_row(out, "charge when empty", charge_when_empty);
}

}  // namespace upload
