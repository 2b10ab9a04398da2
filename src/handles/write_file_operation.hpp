// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/result.hpp>

#include "core/operation.hpp"
#include "handles/open_operation.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

namespace coramfs::detail {

/// A `write_file`: an opening that makes the content, and is closed at its end. Guarded as that.
class write_file_operation {
 public:
  write_file_operation(const std::shared_ptr<volume_state>& v, path_argument path,
                       std::span<const std::byte> content) noexcept
      : opening_(open_operation::with_content(v, std::move(path), content)) {}

  progress advance() noexcept { return opening_.advance(); }
  claim& awaited() noexcept { return opening_.awaited(); }
  lock_timeout patience() const noexcept { return opening_.patience(); }
  std::atomic<std::uint64_t>* waiting() const noexcept { return opening_.waiting(); }
  void refuse(const error& why) noexcept { opening_.refuse(why); }
  error unmet() const noexcept { return opening_.unmet(); }
  result<void> outcome() noexcept {
    if (opening_.outcome()) open_file(opening_).close();
    return opening_.outcome();
  }

 private:
  open_operation opening_;
};

}  // namespace coramfs::detail
