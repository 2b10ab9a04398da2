// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "property/generator.hpp"
#include "property/twins.hpp"

#include <coramfs/testing/fault_policy.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace coramfs::tests {

/// What the commands of all trials came to: how often each ended with which error, in earnest and
/// because it was made to.
struct tally {
  std::uint64_t commands = 0;
  std::uint64_t forks = 0;
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

/// Volumes that are forks of one another, each beside a model that is told the same. After each
/// command they must agree in all that can be seen, and the invariants must hold: those of each
/// volume, and that a command to one of them changes nothing of another one but what that had held
/// for it. The model is not told of a command that was made to fail: the volume must be as if
/// nobody had asked. Throws a `std::logic_error` that says where they differ.
class trial {
 public:
  /// Precondition: the options have these faults.
  trial(facade_kind, const volume_options&, tally&, faults_in_commands&);

  void run(const script&);

 private:
  void step(const command&, std::size_t number);
  void tell(twins&, const command&, std::size_t number);
  void end_volume(std::size_t which);
  void finish(bool from_the_last);
  void compare_others(const twins* except, const std::vector<volume_stats>& before);
  std::vector<volume_stats> books();

  tally& tally_;
  faults_in_commands& faults_;
  std::vector<std::unique_ptr<twins>> forest_;
  std::uint64_t suspensions_ = 0;  // of those that have gone
};

}  // namespace coramfs::tests
