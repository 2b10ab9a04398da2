// SPDX-License-Identifier: BSL-1.0
#pragma once

namespace coramfs::detail {

/// While it lives, its thread is in a function of the user's, on behalf of `of`. What that function
/// does with a volume may lead to the same function again, which is then not called.
class callback_scope {
 public:
  explicit callback_scope(const void* of) noexcept : of_(of) { innermost = this; }
  callback_scope(const callback_scope&) = delete;
  callback_scope& operator=(const callback_scope&) = delete;
  ~callback_scope() { innermost = outer_; }

  /// Whether the thread is in a function on behalf of `of`. Scopes nest, since the function may use
  /// other volumes, which have functions of the user's, too.
  static bool is_in(const void* of) noexcept {
    const callback_scope* s = innermost;
    while (s != nullptr && s->of_ != of) s = s->outer_;
    return s != nullptr;
  }

 private:
  inline static constinit thread_local const callback_scope* innermost = nullptr;

  const void* const of_;
  const callback_scope* const outer_ = innermost;
};

}  // namespace coramfs::detail
