// SPDX-License-Identifier: BSL-1.0
#include "scale/small_stack.hpp"

#include <pthread.h>

#include <cstddef>
#include <exception>
#include <system_error>

namespace coramfs::tests {

namespace {

constexpr std::size_t stack_size = 256 * 1024;

struct task {
  const std::function<void()>& run;
  std::exception_ptr thrown;
};

void* begin(void* argument) {
  task& t = *static_cast<task*>(argument);
  try {
    t.run();
  } catch (...) {
    t.thrown = std::current_exception();
  }
  return nullptr;
}

void require(int error) {
  if (error != 0) throw std::system_error(error, std::generic_category());
}

}  // namespace

void on_small_stack(const std::function<void()>& run) {
  task t{run, nullptr};
  pthread_attr_t attributes;
  require(pthread_attr_init(&attributes));
  require(pthread_attr_setstacksize(&attributes, stack_size));
  pthread_t thread;
  const int refused = pthread_create(&thread, &attributes, begin, &t);
  pthread_attr_destroy(&attributes);
  require(refused);
  require(pthread_join(thread, nullptr));
  if (t.thrown) std::rethrow_exception(t.thrown);
}

}  // namespace coramfs::tests
