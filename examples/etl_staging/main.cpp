// SPDX-License-Identifier: BSL-1.0
//
// Stages records in a volume with many concurrent writers, checks them, and publishes all of
// them at once or none. `--help` says what it can do.
#include "command_line.hpp"
#include "input.hpp"
#include "pipeline.hpp"
#include "shared/progress_line.hpp"

#include <coramfs/file_system.hpp>

#include <asio/thread_pool.hpp>

#include <algorithm>
#include <chrono>
#include <exception>
#include <iomanip>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace etl_staging {

namespace {

template <class Value>
void print_row(std::string_view name, const Value& value) {
  std::cout << std::left << std::setw(24) << name << std::right << std::setw(16) << value << '\n';
}

void print_table(const pipeline& p, double seconds) {
  const std::chrono::duration<double, std::milli> longest_wait = p.staged().longest_wait;
  std::cout << std::fixed << std::setprecision(2);
  print_row("lists", p.lists());
  print_row("records staged", p.staged().records);
  print_row("lines rejected", p.staged().rejected_lines);
  print_row("blocks appended", p.staged().blocks);
  print_row("blocks that waited", p.staged().waits);
  print_row("longest wait, ms", longest_wait.count());
  print_row("records loaded", p.loaded().counted.records);
  print_row("distinct contents", p.loaded().counted.distinct_contents);
  print_row("repeated contents", p.loaded().counted.repeated_contents);
  print_row("seconds", seconds);
}

void print_published(const std::vector<published_directory>& directories) {
  for (const published_directory& d : directories)
    std::cout << std::setw(6) << d.files << " files" << std::setw(12) << d.bytes << " bytes  "
              << d.path << '\n';
}

// A file's name may hold what a terminal takes for a command.
std::string printable(std::string text) {
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  std::replace_if(text.begin(), text.end(), is_control, '?');
  return text;
}

void print_most_repeated(const findings& found) {
  for (const repeated_content& r : found.most_repeated)
    std::cout << std::setw(6) << r.copies << " times  " << r.digest << "  " << printable(r.path)
              << '\n';
}

// The numbers are those of a limit that refused; else there are none.
void print_failure(const coramfs::error& why, const std::string& reason) {
  std::cerr << "nothing is published: " << reason << '\n';
  if (why != coramfs::errc::quota_exceeded) return;
  print_row("bytes asked for", why.requested());
  print_row("bytes left then", why.available());
}

// What is left in the volume when all that was put in is taken out.
bool print_leaks(const coramfs::volume_stats& before, const coramfs::volume_stats& after) {
  print_row("peak charged bytes", after.peak_bytes);
  print_row("open handles left", after.open_handles);
  print_row("charge left", after.used_bytes);
  print_row("charge when empty", before.used_bytes);
  return after.open_handles == 0 && after.used_bytes == before.used_bytes;
}

int run(const settings& s) {
  asio::thread_pool pool(s.threads);
  coramfs::volume_options options;
  options.max_quota = s.quota;
  const auto files = coramfs::file_system::create(pool.get_executor(), options).value();
  const coramfs::volume_stats before = files.get_volume().stats();

  pipeline p(files, find_lists(s.inputs), s);
  const auto began = std::chrono::steady_clock::now();
  auto progress = std::make_optional<shared::progress_line>(files.get_volume());
  const auto done = p.run();
  progress.reset();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  print_table(p, took.count());
  if (!done) print_failure(done.error(), p.reason());
  if (done && !p.is_verified()) std::cerr << "nothing is published: the lists say otherwise\n";
  const bool published = done && p.is_verified();
  print_row("published", published ? "yes" : "no");
  if (const auto directories = p.published()) print_published(directories.value());
  if (published) print_most_repeated(p.loaded());

  const auto removed = p.remove_all();
  if (!removed) std::cerr << removed.error().message() << '\n';
  const bool clean = print_leaks(before, files.get_volume().stats());
  return published && clean ? exit_ok : exit_failure;
}

}  // namespace

}  // namespace etl_staging

int main(int argc, char** argv) {
  try {
    const auto parsed = etl_staging::parse_command_line(argc, argv);
    if (const int* status = std::get_if<int>(&parsed)) return *status;
    return etl_staging::run(std::get<etl_staging::settings>(parsed));
  } catch (const std::exception& e) {
    std::cerr << "etl_staging: " << e.what() << '\n';
    return etl_staging::exit_failure;
  }
}
