// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/path_argument.hpp>
#include <coramfs/entries.hpp>
#include <coramfs/result.hpp>

#include "core/gradual_sort.hpp"
#include "core/operation.hpp"
#include "core/pace.hpp"
#include "tree/descent.hpp"
#include "tree/volume_state.hpp"

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace coramfs::detail {

/// A `walk`: sees each directory at one moment, and lets go of the tree's lock between slices.
class walking {
 public:
  walking(const std::shared_ptr<volume_state>& v, path_argument path) noexcept
      : volume_(v), path_(std::move(path)) {}

  progress advance() noexcept;
  void refuse(const error& why) noexcept { status_ = why; }
  result<std::vector<walk_entry>> outcome() noexcept;

 private:
  struct nothing {};
  result<progress> step() noexcept;
  result<void> begin();
  void visit(const directory_node& d, const std::string& path);

  std::shared_ptr<volume_state> volume_;
  path_argument path_;
  bool has_begun_ = false;
  descent<nothing> rest_;
  pace pace_;
  std::vector<walk_entry> entries_;
  result<void> status_ = boost::outcome_v2::success();
};

/// The files at and below a path, which may name nothing; sorted.
class file_listing {
 public:
  file_listing(const std::shared_ptr<volume_state>& v, path_argument path,
               const export_options& options) noexcept
      : volume_(v), path_(std::move(path)), options_(options) {}

  progress advance() noexcept;
  void refuse(const error& why) noexcept { status_ = why; }
  result<std::vector<std::string>> outcome() noexcept;

 private:
  enum class stage : unsigned char { begins, descends, sorts };
  struct nothing {};
  result<progress> step() noexcept;
  result<void> begin();
  progress descend();
  void visit(const directory_node& d, const std::string& path);
  void add(const node& file, std::string path);

  std::shared_ptr<volume_state> volume_;
  path_argument path_;
  const export_options options_;
  stage stage_ = stage::begins;
  descent<nothing> rest_;
  pace pace_;
  std::vector<std::string> files_;
  gradual_sort sorted_;
  result<void> status_ = boost::outcome_v2::success();
};

}  // namespace coramfs::detail
