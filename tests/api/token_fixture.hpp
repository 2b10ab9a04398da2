// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "api/coroutines.hpp"

#include <atomic>
#include <cstddef>
#include <memory>
#include <utility>

namespace coramfs::tests {

inline constexpr open_options at_once{.timeout = lock_timeout::immediate()};

/// A volume with a file, on a context that runs when it is told to.
struct token_fixture {
  asio::io_context context;
  volume v = volume::create().value();
  file_system fs{context.get_executor(), v};
  sync::file_system threads{v};

  token_fixture() { threads.write_file("/a", buffer_of("abc")).value(); }

  bool is_free() { return threads.open("/a", open_mode::update, at_once).has_value(); }
  bool is_clean() {
    const volume_stats s = v.stats();
    return s.open_handles == 0 && s.waiting == 0 && is_free();
  }
};

/// One with a handle to a file of its own.
struct open_file_fixture : token_fixture {
  file f = open();

  file open() {
    file opened;
    fs.open("/f", open_mode::write_read, [&](result<file> r) { opened = std::move(r).value(); });
    context.run();
    context.restart();
    return opened;
  }
  void run() {
    context.run();
    context.restart();
  }
};

/// Counts what it has given out.
struct counts {
  std::atomic<int> allocations{0}, live{0};
};
template <class T>
class counting_allocator {
 public:
  using value_type = T;

  explicit counting_allocator(counts& c) noexcept : counts_(&c) {}
  template <class U>
  counting_allocator(const counting_allocator<U>& other) noexcept : counts_(other.counts_) {}

  T* allocate(std::size_t n) {
    ++counts_->allocations;
    ++counts_->live;
    return std::allocator<T>().allocate(n);
  }
  void deallocate(T* memory, std::size_t n) noexcept {
    --counts_->live;
    std::allocator<T>().deallocate(memory, n);
  }
  template <class U>
  bool operator==(const counting_allocator<U>& other) const noexcept {
    return counts_ == other.counts_;
  }

 private:
  template <class U>
  friend class counting_allocator;
  counts* counts_;
};

/// A handler with an allocator of its own.
template <class Handler>
struct allocating {
  using allocator_type = counting_allocator<void>;

  Handler handler;
  counts* of;

  allocator_type get_allocator() const noexcept { return allocator_type(*of); }
  template <class Outcome>
  void operator()(Outcome outcome) {
    handler(std::move(outcome));
  }
};
template <class Handler>
allocating(Handler, counts*) -> allocating<Handler>;

}  // namespace coramfs::tests
