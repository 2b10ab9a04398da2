// SPDX-License-Identifier: BSL-1.0
//
// Streams an input through a bounded window of files in a volume: a producer that is refused
// waits for the consumer. `--help` says what it can do.
#include "command_line.hpp"
#include "digest.hpp"
#include "input_stream.hpp"
#include "report.hpp"
#include "shared/progress_line.hpp"
#include "stream.hpp"

#include <chrono>
#include <exception>
#include <iostream>
#include <optional>
#include <variant>

namespace guarded_stream {

namespace {

int run(const settings& s) {
  const auto files = find_files(s.input);
  stream through_volume(s, files);
  const auto began = std::chrono::steady_clock::now();
  auto progress = std::make_optional<shared::progress_line>(through_volume.get_volume());
  const auto done = through_volume.run();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  std::optional<digest> again;
  if (done && is_repeatable(s.input)) again = digest_of(files).value();
  progress.reset();
  if (!done) std::cerr << "the stream ended early: " << done.error().message() << '\n';
  const bool passed = print_report(through_volume, done.has_value(), took.count(), again);
  return passed ? exit_ok : exit_failure;
}

}  // namespace

}  // namespace guarded_stream

int main(int argc, char** argv) {
  try {
    const auto parsed = guarded_stream::parse_command_line(argc, argv);
    if (const int* status = std::get_if<int>(&parsed)) return *status;
    return guarded_stream::run(std::get<guarded_stream::settings>(parsed));
  } catch (const std::exception& e) {
    std::cerr << "guarded_stream: " << e.what() << '\n';
    return guarded_stream::exit_failure;
  }
}
