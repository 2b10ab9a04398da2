// SPDX-License-Identifier: BSL-1.0
#include "integrations/sqlite/registration.hpp"

#include <coramfs/detail/normal_text.hpp>

#include "integrations/sqlite/calls.hpp"
#include "integrations/sqlite/connection_file.hpp"

#include <atomic>
#include <cstdint>
#include <new>

namespace coramfs::sqlite::detail {

namespace {

std::string next_name() {
  static std::atomic<std::uint64_t> number = 0;
  return "coramfs-" + std::to_string(++number);
}

// The default one of the process, unless that is one of ours: those do not live for ever.
sqlite3_vfs* system_vfs() noexcept {
  sqlite3_vfs* found = sqlite3_vfs_find(nullptr);
  while (found != nullptr && has_vfs_calls(*found)) found = found->pNext;
  return found;
}

}  // namespace

result<std::shared_ptr<registration>> registration::make(const volume& over,
                                                         const vfs_options& options) try {
  if (options.on_full != when_full::reject && options.on_full != when_full::wait)
    return errc::invalid_argument;
  sqlite3_vfs* const system = sqlite3_threadsafe() != 0 ? system_vfs() : nullptr;
  if (system == nullptr) return errc::not_supported;
  std::shared_ptr<registration> made(new registration(over, options, *system));
  if (sqlite3_vfs_register(&made->calls_, 0) != SQLITE_OK) return errc::out_of_memory;
  made->is_registered_ = true;
  return made;
} catch (const std::bad_alloc&) {
  return errc::out_of_memory;
}

registration::registration(const volume& over, const vfs_options& options, sqlite3_vfs& system)
    : options_(options),
      name_(next_name()),
      files_(open_files::of(over)),
      system_(&system),
      calls_{} {
  set_vfs_calls(calls_);
  calls_.szOsFile = sizeof(connection_file);
  calls_.mxPathname = coramfs::detail::max_path_size;
  calls_.zName = name_.c_str();
  calls_.pAppData = this;
}

registration::~registration() {
  if (is_registered_) sqlite3_vfs_unregister(&calls_);
}

}  // namespace coramfs::sqlite::detail
