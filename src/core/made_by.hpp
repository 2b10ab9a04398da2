// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <utility>

namespace coramfs::detail {

/// What a call makes, made in the place that this is given to: nothing has to be moved there.
template <class Make>
class made_by {
 public:
  explicit made_by(Make make) noexcept : make_(std::move(make)) {}

  operator decltype(std::declval<const Make&>()())() const { return make_(); }

 private:
  Make make_;
};

}  // namespace coramfs::detail
