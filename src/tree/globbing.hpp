// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/path_argument.hpp>
#include <coramfs/result.hpp>

#include "core/gradual_sort.hpp"
#include "core/operation.hpp"
#include "core/pace.hpp"
#include "tree/descent.hpp"
#include "tree/pattern.hpp"
#include "tree/volume_state.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace coramfs::detail {

/// A `glob`: sees each directory at one moment, and lets go of the tree's lock between slices.
class globbing {
 public:
  globbing(const std::shared_ptr<volume_state>& v, path_argument text) noexcept
      : volume_(v), text_(std::move(text)) {}
  globbing(globbing&& unbegun) noexcept
      : volume_(std::move(unbegun.volume_)), text_(std::move(unbegun.text_)) {}

  progress advance() noexcept;
  void refuse(const error& why) noexcept { status_ = why; }
  result<std::vector<std::string>> outcome() noexcept;

 private:
  using place = descent<pattern::places>::place;

  result<progress> step() noexcept;
  result<void> begin();
  bool descend();
  bool visit(const place& at);
  bool scan(const place& at);
  void see(const place& at, const node& n);

  std::shared_ptr<volume_state> volume_;
  path_argument text_;
  std::optional<pattern> wanted_;  // refers to text_
  descent<pattern::places> rest_;
  pace pace_;
  bool sorts_ = false;
  std::vector<std::string> found_;
  std::size_t longest_ = 0;   // bytes, of those
  std::size_t complete_ = 0;  // of found_, in directories that have been seen as a whole
  gradual_sort sorted_;
  result<void> status_ = boost::outcome_v2::success();
};

}  // namespace coramfs::detail
