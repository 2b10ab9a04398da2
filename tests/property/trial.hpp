// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "property/generator.hpp"
#include "property/model.hpp"

#include <map>
#include <set>
#include <string>

namespace coramfs::tests {

/// What the commands of all trials came to: how often each ended with which error.
struct tally {
  std::uint64_t commands = 0;
  std::map<std::string, std::uint64_t> failures;
};

/// A file system and a model that are told the same. After each command they must agree in all
/// that can be seen, and the invariants must hold. Throws a `std::logic_error` that says where
/// they differ.
class trial {
 public:
  trial(facade_kind, const volume_options&, tally&);

  void run(const script&);

 private:
  void step(const command&, std::size_t number);
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
  std::unique_ptr<any_file_system> real_;
  model model_;
  std::unique_ptr<any_file_system> modelled_;
  handles real_files_, modelled_files_;  // these go before what they are open in
  std::chrono::system_clock::time_point step_begin_;
  std::set<std::uint64_t> ids_;  // of all nodes that there have been
};

}  // namespace coramfs::tests
