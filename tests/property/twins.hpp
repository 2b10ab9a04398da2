// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "api/sharing_facade.hpp"
#include "property/command.hpp"
#include "property/model.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>

namespace coramfs::tests {

/// A volume and a model that are told the same, with a few handles of each. They must agree in all
/// that can be seen. What throws does so with a `std::logic_error` that says where they differ.
class twins {
 public:
  using time_point = std::chrono::system_clock::time_point;

  /// A new volume. `since`: before it was made.
  twins(facade_kind, const volume_options&, time_point since);

  /// Tells the volume a command.
  outcome tell_volume(const command&, std::size_t number);
  /// Tells the model the same. Of a refusal of bytes it decides only where they are the sizes of
  /// files: elsewhere it is told of the volume's.
  void tell_model(const command&, std::size_t number, const outcome& of_volume,
                  const volume_stats& before);
  /// What the last command has made, if that was a fork.
  std::unique_ptr<twins> take_fork(time_point since);

  /// Compares all that can be seen. `since`: before the last command began.
  void compare(time_point since);
  volume_stats stats() { return real_->stats().value(); }
  std::uint64_t suspensions() const { return real_->suspensions(); }

  /// Whether a file of it may share bytes with another one.
  bool has_shared() const { return model_.has_shared(); }
  bool has_lent() const { return has_lent_; }  ///< whether there has been a fork of it
  bool counts_memory() const { return options_.accounting == accounting::memory; }
  /// Bytes of a file; 0: there is none.
  std::uint64_t size_of(const std::string& path) const;

  void close_handles();
  /// Without handles everything can be removed.
  void remove_all();

 private:
  twins(facade_kind, const volume_options&, std::unique_ptr<any_file_system>, const model* of,
        time_point since);

  void compare_figures();
  void compare_node(const std::string& path, model_node&);
  void compare_content(const std::string& path, const model_node&);
  void compare_handles();
  void compare_time(const std::string& what, time_point, std::optional<time_point>& expected) const;
  void compare_id(const std::string& path, std::uint64_t real, model_node&);

  const facade_kind facade_;
  const volume_options options_;
  std::unique_ptr<any_file_system> real_;
  std::unique_ptr<sharing_facade> sharing_;  // of the same volume
  model model_;
  std::unique_ptr<any_file_system> modelled_;
  std::optional<volume> forked_;
  handles real_files_, modelled_files_;  // these go before what they are open in
  bool has_lent_ = false;
  time_point since_;
  std::set<std::uint64_t> ids_;  // of all nodes that there have been
};

/// What shows in `stats` of what a volume has and is charged.
std::string figures(const volume_stats&);

}  // namespace coramfs::tests
