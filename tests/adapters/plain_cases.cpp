// SPDX-License-Identifier: BSL-1.0

// A test without a framework, which ends in the way that its argument says.
#include <coramfs/testing.hpp>

#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

using coramfs::open_mode;
using coramfs::testing::files;
using coramfs::testing::fixture;

namespace {

/// Says that it has been destroyed, at the end of the process.
const struct last_words {
  ~last_words() { std::cout << "the end" << std::endl; }
} said_at_the_end;

void run(const std::string& how, std::vector<coramfs::sync::file>& left) {
  fixture t(coramfs::testing::small(), {.tree = files({{"/a", "x"}})});
  if (how == "fails") t.failed();
  if (how == "throws") throw std::runtime_error("on purpose");
  if (how == "leaves a handle")
    left.push_back(t.fs().open("/a", open_mode::read, {.label = "reader"}).value());
}

/// In a run of an exploration: fails if the second of two coroutines is the first to go on.
void explored(const std::string& how, coramfs::testing::simulation& sim) {
  static std::vector<coramfs::sync::file> held;
  held.clear();
  fixture t(coramfs::testing::small(), {.tree = files({{"/a", "x"}})});
  std::string order;
  for (const char name : {'a', 'b'})
    sim.spawn([&order, name]() -> coramfs::asio::awaitable<void> {
      order += name;
      co_return;
    });
  sim.run();
  if (order == "ab") return;
  if (how != "explores what is left") throw std::runtime_error("on purpose");
  held.push_back(t.fs().open("/a", open_mode::read).value());
}

void explore(const std::string& how) {
  coramfs::testing::explore_options options;
  options.to = nullptr;
  options.returns_failure = how != "explores and throws";
  const auto r = coramfs::testing::explore(
      100, [&](coramfs::testing::simulation& sim) { explored(how, sim); }, options);
  std::cout << (r ? "not found\n" : "found\n");
}

}  // namespace

int main(int, char** arguments) {
  std::vector<coramfs::sync::file> left;
  try {
    const std::string how = arguments[1];
    if (how.starts_with("explores")) {
      fixture around;
      explore(how);
    } else {
      run(how == "fails twice" ? "fails" : how, left);
      if (how == "fails twice") run("fails", left);
    }
  } catch (const std::runtime_error& e) {
    std::cout << "caught: " << e.what() << '\n';
  }
  std::cout << "goes on\n";
}
