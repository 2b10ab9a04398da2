// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "property/generator.hpp"
#include "property/model.hpp"

#include <coramfs/testing/fault_policy.hpp>

#include <map>
#include <set>
#include <string>

namespace coramfs::tests {

/// What the commands of all trials came to: how often each ended with which error, in earnest and
/// because it was made to.
struct tally {
  std::uint64_t commands = 0;
  std::map<std::string, std::uint64_t> failures;
  std::map<std::string, std::uint64_t> faults;
};

/// Lets the commands of a trial fail where another policy says so, and counts that. What the trial
/// does between commands, to compare, is let alone.
class faults_in_commands final : public testing::fault_policy {
 public:
  explicit faults_in_commands(testing::fault_policy& by) noexcept : by_(by) {}

  std::optional<error> at(testing::fault_point p, std::string_view path,
                          std::uint64_t amount) override {
    if (!is_in_command_) return std::nullopt;
    const std::optional<error> fault = by_.at(p, path, amount);
    if (fault) ++given_;
    return fault;
  }
  void begin_command() noexcept {
    is_in_command_ = true;
    given_ = 0;
  }
  /// Returns whether something was made to fail in it.
  bool end_command() noexcept {
    is_in_command_ = false;
    return given_ > 0;
  }

 private:
  testing::fault_policy& by_;
  bool is_in_command_ = false;
  unsigned given_ = 0;
};

/// A file system and a model that are told the same. After each command they must agree in all
/// that can be seen, and the invariants must hold. The model is not told of a command that was made
/// to fail: the file system must be as if nobody had asked. Throws a `std::logic_error` that says
/// where they differ.
class trial {
 public:
  /// Precondition: the options have these faults.
  trial(facade_kind, const volume_options&, tally&, faults_in_commands&);

  void run(const script&);

 private:
  void step(const command&, std::size_t number);
  void compare_outcomes(const command&, std::size_t number, const outcome& real,
                        const volume_stats& before);
  void finish();

  void compare();
  void compare_figures();
  void compare_node(const std::string& path, model_node&);
  void compare_content(const std::string& path, const model_node&);
  void compare_handles();
  void compare_time(const std::string& what, std::chrono::system_clock::time_point,
                    std::optional<std::chrono::system_clock::time_point>& expected) const;
  void compare_id(const std::string& path, std::uint64_t real, model_node&);

  bool counts_memory() const { return options_.accounting == accounting::memory; }

  const volume_options options_;
  tally& tally_;
  faults_in_commands& faults_;
  std::unique_ptr<any_file_system> real_;
  model model_;
  std::unique_ptr<any_file_system> modelled_;
  handles real_files_, modelled_files_;  // these go before what they are open in
  std::chrono::system_clock::time_point step_begin_;
  std::set<std::uint64_t> ids_;  // of all nodes that there have been
};

}  // namespace coramfs::tests
