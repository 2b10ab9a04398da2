// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/file.hpp>

#include "core/made_by.hpp"
#include "tree/opening.hpp"

#include <memory>
#include <utility>

namespace coramfs::detail {

/// An `open` that ends with a file of the asynchronous facade.
class file_opening : public opening {
 public:
  using executor_ptr = std::shared_ptr<const file::executor_type>;

  file_opening(std::shared_ptr<volume_state> v, path_argument path, open_mode mode,
               const open_options& options, executor_ptr executor) noexcept
      : opening(std::move(v), std::move(path), mode, options), executor_(std::move(executor)) {}

  result<file> outcome() noexcept {
    if (!status()) return status().error();
    return result<file>(std::in_place_type<file>,
                        made_by([this] { return file(*this, std::move(executor_)); }));
  }

 private:
  executor_ptr executor_;
};

}  // namespace coramfs::detail
