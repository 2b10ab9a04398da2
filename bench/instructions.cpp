// SPDX-License-Identifier: BSL-1.0
//
// How many instructions does each operation take? They hardly change from one run to the next, and
// not at all with what else the machine does, so a change of a few percent is a change of ours.
//
// Baselines: a ready coroutine, a bare post, and the counts in bench/instructions.json, with
// which `bench/run --compare` compares. Runs under `valgrind --tool=callgrind`, which writes a
// file for each operation; without it, it just runs them.
//
// usage: bench_instructions [operation]
#include "support/operations.hpp"

#include <valgrind/callgrind.h>

#include <iterator>
#include <string>
#include <string_view>
#include <vector>

namespace {

using coramfs::bench::operation;

constexpr std::size_t times = 1000;  // as bench/report/instructions.py knows

std::vector<operation> all() {
  auto found = coramfs::bench::operations();
  auto more = coramfs::bench::lock_operations();
  found.insert(found.end(), std::make_move_iterator(more.begin()),
               std::make_move_iterator(more.end()));
  return found;
}

void count(const operation& o) {
  o.run(times);  // what is kept for reuse is there afterwards
  CALLGRIND_ZERO_STATS;
  o.run(times);
  CALLGRIND_DUMP_STATS_AT(o.name.c_str());
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view wanted = argc > 1 ? argv[1] : "";
  for (const operation& o : all())
    if (wanted.empty() || wanted == o.name) count(o);
}
