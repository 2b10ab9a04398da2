// SPDX-License-Identifier: BSL-1.0
#include "support/program.hpp"

#include <cstdlib>
#include <string_view>

namespace coramfs::bench {

namespace {

size chosen = size::normal;
std::size_t files = 1'000'000;

constexpr std::string_view files_option = "--files=";

// Takes our own arguments off the command line.
void take_arguments(int& argc, char** argv) {
  int kept = 1;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--small") {
      chosen = size::small;
    } else if (argument == "--large") {
      chosen = size::large;
    } else if (argument.substr(0, files_option.size()) == files_option) {
      files = std::strtoull(argv[i] + files_option.size(), nullptr, 10);
    } else {
      argv[kept++] = argv[i];
    }
  }
  argc = kept;
}

}  // namespace

size chosen_size() noexcept { return chosen; }

std::size_t most_files() noexcept { return scaled(files, 10); }

}  // namespace coramfs::bench

int main(int argc, char** argv) {
  coramfs::bench::take_arguments(argc, argv);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  coramfs::bench::register_cases();
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
