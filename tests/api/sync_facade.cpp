// SPDX-License-Identifier: BSL-1.0
#include <coramfs/sync/file.hpp>
#include <coramfs/sync/file_system.hpp>

#include "api/facade_over.hpp"

namespace coramfs::tests {

namespace {

struct blocking_driver {
  static constexpr bool has_token = false;

  template <class Call>
  auto operator()(Call call) const {
    return call();
  }
  template <class T>
  result<T> run(result<T> done) const {
    return done;
  }
  std::uint64_t suspensions() const { return 0; }
};

std::unique_ptr<any_file_system> wrap(sync::file_system fs) {
  return std::make_unique<file_system_over<sync::file_system, sync::file, blocking_driver>>(
      std::move(fs), blocking_driver());
}

}  // namespace

std::unique_ptr<any_file_system> make_sync(const volume& over) {
  return wrap(sync::file_system(over));
}

result<std::unique_ptr<any_file_system>> create_sync(const volume_options& options) {
  auto fs = sync::file_system::create(options);
  if (!fs) return fs.error();
  return wrap(std::move(fs).value());
}

}  // namespace coramfs::tests
