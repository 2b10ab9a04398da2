// SPDX-License-Identifier: BSL-1.0
#include "integrations/sqlite/registration.hpp"

#include <coramfs/detail/normal_text.hpp>

#include "integrations/sqlite/calls.hpp"
#include "integrations/sqlite/connection_file.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <new>
#include <string>
#include <utility>

namespace coramfs::sqlite::detail {

namespace {

std::string next_name() {
  static std::atomic<std::uint64_t> number = 0;
  return "coramfs-" + std::to_string(++number);
}

// The default one of the process, unless that is one of ours: those have their ends.
sqlite3_vfs* system_vfs() noexcept {
  sqlite3_vfs* found = sqlite3_vfs_find(nullptr);
  while (found != nullptr && has_vfs_calls(*found)) found = found->pNext;
  return found;
}

void keep(vfs_face* face) noexcept {
  static constinit std::atomic<vfs_face*> last = nullptr;
  face->next = last.load();
  while (!last.compare_exchange_weak(face->next, face)) {
  }
}

}  // namespace

result<std::shared_ptr<registration>> registration::make(const volume& over,
                                                         const vfs_options& options) try {
  if (options.on_full != when_full::reject && options.on_full != when_full::wait)
    return errc::invalid_argument;
  sqlite3_vfs* const system = sqlite3_threadsafe() != 0 ? system_vfs() : nullptr;
  if (system == nullptr) return errc::not_supported;
  auto face = std::make_unique<vfs_face>();
  std::shared_ptr<registration> made(new registration(over, options, next_name()));
  made->name().copy(face->name.data(), face->name.size() - 1);
  face->system = system;
  face->behind = made;
  set_vfs_calls(face->calls);
  face->calls.szOsFile = sizeof(connection_file);
  face->calls.mxPathname = coramfs::detail::max_path_size;
  face->calls.zName = face->name.data();
  face->calls.pAppData = face.get();
  if (sqlite3_vfs_register(&face->calls, 0) != SQLITE_OK) return errc::out_of_memory;
  made->known_as_ = &face->calls;
  keep(face.release());
  return made;
} catch (const std::bad_alloc&) {
  return errc::out_of_memory;
}

registration::registration(const volume& over, const vfs_options& options, std::string name)
    : options_(options), name_(std::move(name)), files_(open_files::of(over)) {}

registration::~registration() {
  if (known_as_ != nullptr) sqlite3_vfs_unregister(known_as_);
}

}  // namespace coramfs::sqlite::detail
