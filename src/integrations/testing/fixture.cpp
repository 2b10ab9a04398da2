// SPDX-License-Identifier: BSL-1.0
#include <coramfs/testing/fixture.hpp>

#include "integrations/testing/current.hpp"
#include "integrations/testing/leftovers.hpp"
#include "integrations/testing/running_test.hpp"
#include "integrations/testing/tree_export.hpp"
#include "integrations/testing/words.hpp"

#include <chrono>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace coramfs::detail {

namespace {

volume_options with_clock(volume_options how) {
  if (how.clock == nullptr) how.clock = current::clock_of_thread();
  return how;
}

volume made(volume_options how) {
  auto v = volume::create(std::move(how));
  if (!v) throw std::runtime_error("fixture: " + v.error().message());
  return std::move(v).value();
}

}  // namespace

class fixture_state {
 public:
  fixture_state(volume_options how, testing::fixture_options options)
      : v(made(with_clock(std::move(how)))), fs(v), options_(std::move(options)) {
    testing::fill(v, options_.tree);
    options_.tree = {};
  }

  void end();

  volume v;
  sync::file_system fs;
  running_test test;
  std::string& name() noexcept { return options_.name; }

 private:
  void write_tree(const std::string& name) const;

  testing::fixture_options options_;
};

// What the tree is written for goes first, so that it is said, whatever becomes of the rest.
void fixture_state::end() {
  if (test.is_elsewhere()) return;
  const std::string name = options_.name.empty() ? test.name() : options_.name;
  if (test.has_failed()) {
    test.note_failure(name);
  } else if (test.was_skipped()) {
    return;
  } else {
    const std::string left = leftovers_of(v);
    if (left.empty()) return;
    test.fail(in_quotes(name) + " has left something in its volume:" + left);
  }
  if (test.may_export()) write_tree(name);
}

void fixture_state::write_tree(const std::string& name) const {
  const auto* const simulation = current::simulation_by(v.options().clock.get());
  try {
    const std::string where = export_tree(v, {name, options_.max_export, simulation});
    std::cerr << "coramfs: the tree of " << in_quotes(name) << " is in " << where << std::endl;
  } catch (const std::exception& e) {
    std::cerr << "coramfs: the tree of " << in_quotes(name) << " could not be written: " << e.what()
              << std::endl;
  }
}

}  // namespace coramfs::detail

namespace coramfs::testing {

namespace {

storage_layout layout_of_environment() {
  const char* const variable = std::getenv("CORAMFS_TEST_LAYOUT");
  const std::string_view name = variable != nullptr ? variable : "";
  if (name.empty() || name == "automatic") return storage_layout::automatic;
  if (name == "sequential") return storage_layout::sequential;
  if (name == "random_access") return storage_layout::random_access;
  throw std::invalid_argument("CORAMFS_TEST_LAYOUT is " + coramfs::detail::in_quotes(name) +
                              ", and not automatic, sequential or random_access");
}

}  // namespace

volume_options small() {
  volume_options how;
  how.max_quota = 16 * 1024 * 1024;
  how.accounting = accounting::payload;
  how.default_lock_timeout = std::chrono::seconds(1);
  how.default_storage = layout_of_environment();
  return how;
}

fixture::fixture(volume_options how, fixture_options options)
    : state_(std::make_unique<coramfs::detail::fixture_state>(std::move(how), std::move(options))) {
}

fixture::~fixture() {
  try {
    state_->end();
  } catch (const std::exception& e) {
    state_->test.fail(std::string("the end of a fixture: ") + e.what());
  }
}

volume& fixture::vol() noexcept { return state_->v; }
sync::file_system& fixture::fs() noexcept { return state_->fs; }
void fixture::failed() noexcept { state_->test.set_failed(); }
void fixture::name(std::string suite_and_test) { state_->name() = std::move(suite_and_test); }

}  // namespace coramfs::testing
