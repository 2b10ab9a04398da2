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

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace coramfs::detail {

/// The files at and below a path, which may name nothing; sorted. Sees each directory at one
/// moment, and lets go of the tree's lock between slices.
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
  using place = descent<nothing>::place;

  result<progress> step() noexcept;
  result<void> begin();
  progress descend();
  bool visit(const place& at);
  void see(const place& at, const node& n);
  void add(const node& file, std::string path);

  std::shared_ptr<volume_state> volume_;
  path_argument path_;
  const export_options options_;
  stage stage_ = stage::begins;
  descent<nothing> rest_;
  pace pace_;
  std::vector<std::string> files_;
  std::size_t complete_ = 0;  // of files_, in directories that have been seen as a whole
  std::size_t longest_ = 0;   // bytes, of those
  gradual_sort sorted_;
  result<void> status_ = boost::outcome_v2::success();
};

}  // namespace coramfs::detail
