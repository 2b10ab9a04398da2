// SPDX-License-Identifier: BSL-1.0
#include "core/memory_guard.hpp"

#include "core/available_memory.hpp"
#include "core/callback_scope.hpp"

#include <cstdint>
#include <iostream>
#include <string>

namespace coramfs::detail {

namespace {

// An exception from a user's callback is no reason to fail: the reading is unknown then, and a
// warning was given as far as it went.
std::optional<std::uint64_t> reading_of(const memory_guard_options& options) noexcept try {
  return options.available_memory ? options.available_memory() : available_memory();
} catch (...) {
  return std::nullopt;
}

void warn(const memory_guard_options& options, const error& e) noexcept try {
  const std::string text = "coramfs: " + e.message();
  if (options.on_warning) {
    options.on_warning(text);
  } else {
    std::clog << text << '\n';
  }
} catch (...) {
}

// Returns what a reading has left, now that the volume has grown or shrunk since.
std::uint64_t left(std::uint64_t available, std::uint64_t then, std::uint64_t now) noexcept {
  if (now <= then) {
    const std::uint64_t freed = then - now;
    return available > UINT64_MAX - freed ? UINT64_MAX : available + freed;
  }
  const std::uint64_t grown = now - then;
  return available > grown ? available - grown : 0;
}

}  // namespace

result<void> memory_guard::check_quota(std::uint64_t max_bytes, const usage& now) {
  if (options_.mode == guard_mode::none) return boost::outcome_v2::success();
  return check(max_bytes - now.promised, now);
}

result<void> memory_guard::check(std::uint64_t wanted, const usage& now) {
  if (callback_scope::is_in(this)) return boost::outcome_v2::success();
  const reading r = latest(now.charged);
  return r.available ? judge(wanted, left(*r.available, r.charged, now.promised))
                     : boost::outcome_v2::success();
}

memory_guard::reading memory_guard::ask(std::uint64_t charged) {
  const callback_scope scope(this);
  return {clock_.now(), reading_of(options_), charged};
}

// Two threads that find the reading too old both ask, since the mutex is not held during a
// callback; the later answer stays.
memory_guard::reading memory_guard::latest(std::uint64_t charged) {
  {
    const auto now = clock_.now();
    const std::lock_guard lock(mutex_);
    if (latest_ && now - latest_->taken_at < options_.interval) return *latest_;
  }
  const reading fresh = ask(charged);
  const std::lock_guard lock(mutex_);
  latest_ = fresh;
  return fresh;
}

result<void> memory_guard::judge(std::uint64_t wanted, std::uint64_t available) {
  if (wanted <= available) return boost::outcome_v2::success();
  const error e(errc::memory_guard, wanted, available);
  if (options_.action == guard_action::reject) return e;
  const callback_scope scope(this);
  warn(options_, e);
  return boost::outcome_v2::success();
}

}  // namespace coramfs::detail
