// SPDX-License-Identifier: BSL-1.0
#include <coramfs/sqlite_vfs.hpp>

#include <string>
#include <system_error>

#include <sqlite3.h>

namespace coramfs::sqlite {

namespace {

class result_codes final : public std::error_category {
 public:
  const char* name() const noexcept override { return "sqlite"; }
  std::string message(int code) const override { return sqlite3_errstr(code); }
};

}  // namespace

// Never destroyed: codes may be compared while statics are torn down.
const std::error_category& category() noexcept {
  static const auto& only = *new result_codes;
  return only;
}

}  // namespace coramfs::sqlite
