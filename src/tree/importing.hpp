// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/entries.hpp>
#include <coramfs/result.hpp>

#include "core/operation.hpp"
#include "core/pace.hpp"
#include "core/quota.hpp"
#include "tree/tree.hpp"
#include "tree/volume_state.hpp"

#include <map>
#include <memory>
#include <string>
#include <utility>

namespace coramfs::detail {

/// An `import_tree`, as an operation: looks at the keys, pays for all files, makes them where
/// nobody sees them, and puts all of them into their places in one step.
class importing {
 public:
  /// A file that is imported, by its path.
  struct item {
    const bytes* content;
    std::unique_ptr<file_node> file;  // made when all is paid for
  };
  using item_map = std::map<std::string, item>;

  importing(const std::shared_ptr<volume_state>& v, file_map files)
      : volume_(v), files_(std::move(files)), next_key_(files_.begin()) {}
  importing(importing&& unbegun)
      : importing(std::move(unbegun.volume_), std::move(unbegun.files_)) {}

  progress advance() noexcept;
  /// A cancellation: nothing of it is in the tree yet.
  void refuse(const error& why) noexcept { status_ = why; }
  result<void> outcome() noexcept { return status_; }

 private:
  enum class stage : unsigned char { reads_keys, checks_keys, pays, makes_files, links };

  result<progress> step() noexcept;
  result<progress> read_keys();
  result<progress> check_keys();
  result<void> pay();
  result<progress> make_files();
  result<void> make_file(const std::string& path, item& i);
  result<void> link();

  std::shared_ptr<volume_state> volume_;
  file_map files_;
  stage stage_ = stage::reads_keys;
  pace pace_;
  file_map::const_iterator next_key_;
  bool has_twins_ = false;  // two keys name one file
  reservation paid_;
  item_map items_;
  item_map::iterator next_item_;
  result<void> status_ = boost::outcome_v2::success();
};

}  // namespace coramfs::detail
