// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <utility>

namespace coramfs::detail {

/// Converts to what a call returns, and so makes it right in the place that is initialised with
/// this: nothing has to be moved there.
template <class Make>
class made_by {
 public:
  explicit made_by(Make make) noexcept : make_(std::move(make)) {}

  operator decltype(std::declval<const Make&>()())() const { return make_(); }

 private:
  Make make_;
};

}  // namespace coramfs::detail
