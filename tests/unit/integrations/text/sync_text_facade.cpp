// SPDX-License-Identifier: BSL-1.0
#include <coramfs/sync/file_system.hpp>
#include <coramfs/sync/text_file.hpp>

#include "unit/integrations/text/text_facade_over.hpp"

namespace coramfs::tests {

namespace {

struct blocking_driver {
  sync::file_system make(const volume& v) const { return sync::file_system(v); }
  template <class T>
  result<T> operator()(result<T> done) const {
    return done;
  }
  std::size_t suspensions() const { return 0; }
};

}  // namespace

std::unique_ptr<any_text> open_text_sync(const volume& v, open_mode mode, open_options options) {
  return std::make_unique<
      text_over<sync::file_system, sync::file, sync::text_file, blocking_driver>>(v, mode, options);
}

}  // namespace coramfs::tests
