// SPDX-License-Identifier: BSL-1.0
#include "integrations/testing/running_test.hpp"

#include <coramfs/testing/detail/failure_count.hpp>

#include "integrations/testing/current.hpp"
#include "integrations/testing/simulation_core.hpp"
#include "integrations/testing/words.hpp"

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <mutex>
#include <set>
#include <utility>

#if defined(__unix__) || defined(__APPLE__)
#include <unistd.h>
#endif

namespace coramfs::detail {

namespace {

constinit std::atomic<bool> ends_badly{false};
// Without a framework, and in runs of explorations.
constinit std::atomic<unsigned long> explored_failures{0};

bool is_in_exploration() noexcept {
  const auto* const core = current::simulation_by(current::clock_of_thread().get());
  return core != nullptr && core->observer != nullptr;
}

long process_number() noexcept {
#if defined(__unix__) || defined(__APPLE__)
  return ::getpid();
#else
  return 0;  // nothing forks
#endif
}

/// Numbers of fixtures that live at the same time, each by the thread that has made it.
class numbers {
 public:
  unsigned take(std::thread::id thread) {
    const std::lock_guard lock(mutex_);
    unsigned n = 1;
    while (!taken_.emplace(thread, n).second) ++n;
    return n;
  }
  void give_back(std::thread::id thread, unsigned n) noexcept {
    const std::lock_guard lock(mutex_);
    taken_.erase({thread, n});
  }

 private:
  std::mutex mutex_;
  std::set<std::pair<std::thread::id, unsigned>> taken_;  // guarded by mutex_
};
// Never destroyed: a fixture may be static.
numbers& living() {
  static auto& all = *new numbers;
  return all;
}

/// What ends the process, after all else that does something at its end: it is made when the
/// library is loaded, and in a program that has the library within before all that is static.
class exit_status {
 public:
  exit_status() { std::atexit(end); }

 private:
  static void end() noexcept {
    if (!ends_badly) return;
    std::cout.flush();
    std::fflush(nullptr);
    std::_Exit(EXIT_FAILURE);
  }
};
#if defined(__ELF__)
[[gnu::init_priority(101)]]
#endif
const exit_status at_exit;

void tell(const std::string& what) {
  if (!failures_are_quiet()) std::cerr << "coramfs: " << what << std::endl;
}

/// Where there is none.
class no_framework final : public testing::detail::framework {
 public:
  std::string test_name() const override {
#if defined(__linux__)
    return program_invocation_short_name;
#else
    return {};
#endif
  }
  void fail(const std::string& why) noexcept override {
    count_failure_without_framework();
    tell(why);
  }
};
no_framework without;

constinit std::atomic<testing::detail::framework*> used{nullptr};

testing::detail::framework& framework_now() {
  if (testing::detail::framework* const f = used) return *f;
  return without;
}

}  // namespace

running_test::running_test()
    : is_explored_(is_in_exploration()),
      failures_(failures_now()),
      exceptions_(std::uncaught_exceptions()),
      process_(process_number()),
      number_(living().take(thread_)) {}

running_test::~running_test() { living().give_back(thread_, number_); }

bool running_test::is_elsewhere() const noexcept { return process_ != process_number(); }

std::string running_test::name() const {
  std::string name = framework_now().test_name();
  if (name.empty()) name = "test";
  return number_ == 1 ? name : name + '.' + std::to_string(number_);
}

bool running_test::has_failed() const { return has_failed_itself() || failures_now() > failures_; }

bool running_test::has_failed_itself() const noexcept {
  return was_told_ || (std::uncaught_exceptions() > exceptions_ && !was_skipped());
}

void running_test::note_failure(const std::string& name) const noexcept {
  if (&framework_now() != &without) return;
  const std::string what = in_quotes(name) + " has failed";
  if (has_failed_itself()) {
    fail(what);
  } else {
    // Who has counted that has seen to the status: another fixture, or a framework, which may even
    // expect it, and whose run has ended.
    tell(what);
  }
}

bool running_test::was_skipped() const noexcept { return framework_now().was_skipped(); }

bool running_test::may_export() const noexcept {
  return framework_now().may_export() && !failures_are_quiet();
}

void running_test::fail(const std::string& why) const noexcept {
  testing::detail::framework& told = framework_now();
  if (&told == &without) {
    if (is_explored_) {
      ++explored_failures;
    } else {
      ends_badly = true;
    }
  }
  told.fail(why);
}

unsigned long running_test::failures_now() const {
  const unsigned long all = testing::detail::failure_count();
  return is_explored_ ? all : all - explored_failures;
}

}  // namespace coramfs::detail

namespace coramfs::testing::detail {

framework* use_framework(framework* f) noexcept { return coramfs::detail::used.exchange(f); }

}  // namespace coramfs::testing::detail
