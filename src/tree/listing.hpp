// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/path_argument.hpp>
#include <coramfs/result.hpp>

#include "core/gradual_sort.hpp"
#include "core/operation.hpp"
#include "core/pace.hpp"
#include "tree/directory_scan.hpp"
#include "tree/volume_state.hpp"

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace coramfs::detail {

/// A `list`: sees the directory at one moment, and lets go of the tree's lock between slices.
class listing {
 public:
  listing(const std::shared_ptr<volume_state>& v, path_argument path) noexcept
      : volume_(v), path_(std::move(path)) {}

  progress advance() noexcept;
  void refuse(const error& why) noexcept { status_ = why; }
  result<std::vector<std::string>> outcome() noexcept;

 private:
  result<progress> step() noexcept;
  result<void> scan();

  std::shared_ptr<volume_state> volume_;
  path_argument path_;
  directory_scan scan_;
  pace pace_;
  bool sorts_ = false;
  std::vector<std::string> names_;
  gradual_sort sorted_;
  result<void> status_ = boost::outcome_v2::success();
};

}  // namespace coramfs::detail
