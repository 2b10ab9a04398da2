// SPDX-License-Identifier: BSL-1.0
#include "support/program.hpp"

#include <string_view>

namespace coramfs::bench {

namespace {

size chosen = size::normal;

// Takes our own arguments off the command line.
void take_arguments(int& argc, char** argv) {
  int kept = 1;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--small") {
      chosen = size::small;
    } else if (argument == "--large") {
      chosen = size::large;
    } else {
      argv[kept++] = argv[i];
    }
  }
  argc = kept;
}

}  // namespace

size chosen_size() noexcept { return chosen; }

}  // namespace coramfs::bench

int main(int argc, char** argv) {
  coramfs::bench::take_arguments(argc, argv);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  coramfs::bench::register_cases();
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
