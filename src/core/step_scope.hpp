// SPDX-License-Identifier: BSL-1.0
#pragma once

namespace coramfs::detail {

/// Says, while it lives, that its thread holds something that must be let go before a step of an
/// operation ends, such as the tree's lock: others would wait for it until the operation goes on.
/// `steps` asserts that none is open where a step ends. Without assertions it does nothing.
class step_scope {
 public:
#ifdef NDEBUG
  static bool is_open() noexcept { return false; }
#else
  step_scope() noexcept { ++scopes_open; }
  step_scope(const step_scope&) = delete;
  step_scope& operator=(const step_scope&) = delete;
  ~step_scope() { --scopes_open; }
  static bool is_open() noexcept { return scopes_open > 0; }

 private:
  static inline thread_local constinit int scopes_open = 0;
#endif
};

}  // namespace coramfs::detail
