// SPDX-License-Identifier: BSL-1.0
// Does the library do what POSIX does on a real file system, where behaviours do not say that it
// means to differ?
//
// usage: differential [OPERATIONS [SEED]]
// The seed is printed. Ends with 77, which says skipped, where no directory can be written to.
#include "differential/comparison.hpp"

#include <algorithm>
#include <exception>
#include <iostream>
#include <string>

namespace coramfs::tests {

namespace {

constexpr std::size_t usual_operations = 100'000;
constexpr std::size_t operations_at_once = 500;  // then both sides begin anew

int skip() {
  std::cout << "skipped: none of /dev/shm, $TMPDIR and /tmp can be written to\n";
  return 77;
}

// A rule that nothing needs is out of date.
bool print(const rule_book& rules) {
  bool all_used = true;
  for (std::size_t i = 0; i < rule_texts.size(); ++i) {
    const auto used = rules.used(static_cast<rule>(i));
    std::cout << used << " x " << rule_texts[i] << '\n';
    all_used = all_used && used > 0;
  }
  return all_used;
}

int run(std::size_t operations, std::uint64_t seed) {
  auto host = host_directory::make();
  if (!host) return skip();
  std::cout << "seed " << seed << ", in " << host->path()
            << (host->is_tmpfs() ? ", a tmpfs\n" : ", which is no tmpfs\n");
  std::mt19937_64 random(seed);
  rule_book rules;
  std::size_t done = 0;
  for (std::size_t round = 0; done < operations; ++round) {
    comparison c(static_cast<storage_layout>(round % 3), *host, random, rules);
    done += c.run(std::min(operations_at_once, operations - done));
  }
  std::cout << done << " operations without a difference but these:\n";
  if (print(rules) || operations < usual_operations) return 0;
  std::cout << "a rule is never used\n";
  return 1;
}

}  // namespace

}  // namespace coramfs::tests

int main(int count, char** arguments) try {
  const std::size_t operations =
      count > 1 ? std::stoull(arguments[1]) : coramfs::tests::usual_operations;
  const std::uint64_t seed = count > 2 ? std::stoull(arguments[2]) : std::random_device()();
  return coramfs::tests::run(operations, seed);
} catch (const std::exception& e) {
  std::cout << e.what() << '\n';
  return 1;
}
