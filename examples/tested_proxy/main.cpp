// SPDX-License-Identifier: BSL-1.0
//
// A caching proxy, and its test in ten thousand schedules: with a fault behind `--bug` that the
// test finds, makes small and explains. `--help` says what it can do.
#include "command_line.hpp"
#include "experiment.hpp"
#include "input.hpp"
#include "serve.hpp"

#include <coramfs/testing.hpp>

#include <cstdint>
#include <exception>
#include <iostream>
#include <variant>
#include <vector>

namespace tested_proxy {

namespace {

constexpr std::size_t asked_for = 2;

int test(const settings& s) {
  const std::vector<original> files = smallest_files(s.directory, asked_for);
  std::uint64_t served = 0;
  const coramfs::testing::report found = coramfs::testing::explore(
      s.schedules,
      [&](coramfs::testing::simulation& sim) { served += run_proxy(sim, files, s.how, s.faults); },
      {.returns_failure = true, .to = &std::cout});
  if (!found) return exit_failure;
  std::cout << found << ", and " << served << " clients were given their file\n";
  return exit_ok;
}

}  // namespace

}  // namespace tested_proxy

int main(int argc, char** argv) {
  using namespace tested_proxy;
  try {
    const auto parsed = parse_command_line(argc, argv);
    if (const int* status = std::get_if<int>(&parsed)) return *status;
    const auto& s = std::get<settings>(parsed);
    if (!s.origin) return test(s);
    serve(*s.origin, s.port);
    return exit_ok;
  } catch (const std::exception& e) {
    std::cerr << "tested_proxy: " << e.what() << '\n';
    return exit_failure;
  }
}
