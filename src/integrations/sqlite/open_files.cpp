// SPDX-License-Identifier: BSL-1.0
#include "integrations/sqlite/open_files.hpp"

#include <utility>

namespace coramfs::sqlite::detail {

namespace {

/// All volumes that have such a table, by the address of their options, which is a volume's own for
/// as long as it lives; and the table keeps it alive.
struct all_tables {
  std::mutex mutex;
  std::map<const volume_options*, std::weak_ptr<open_files>> tables;  // guarded by mutex
};

// Never destroyed: connections may be closed by static objects.
all_tables& all() {
  static auto& only = *new all_tables;
  return only;
}

}  // namespace

std::shared_ptr<open_files> open_files::of(const volume& over) {
  const std::lock_guard lock(all().mutex);
  std::weak_ptr<open_files>& known = all().tables[&over.options()];
  if (auto found = known.lock()) return found;
  auto made = std::make_shared<open_files>(over);
  known = made;
  return made;
}

// Meanwhile another one may have been made for the volume.
open_files::~open_files() {
  const std::lock_guard lock(all().mutex);
  const auto found = all().tables.find(&get_volume().options());
  if (found != all().tables.end() && found->second.expired()) all().tables.erase(found);
}

result<std::shared_ptr<database_file>> open_files::open(std::string_view path,
                                                        const file_request& how) {
  std::shared_ptr<database_file> file;
  if (path.empty()) {
    file = std::make_shared<database_file>(fs_, std::string());
    BOOST_OUTCOME_TRY(file->open(how));
    return file;
  }
  for (;;) {
    BOOST_OUTCOME_TRY(file, join(path, how));
    const auto opened = file->open(how);
    if (opened) break;
    close(file);
    if (!file->is_lost()) return opened.error();
  }
  if (how.goes_when_closed || how.goes_when_empty) {
    const std::lock_guard lock(mutex_);
    file->goes_when_closed_ |= how.goes_when_closed;
    file->goes_when_empty_ |= how.goes_when_empty;
  }
  return file;
}

result<std::shared_ptr<database_file>> open_files::join(std::string_view path,
                                                        const file_request& how) {
  const std::lock_guard lock(mutex_);
  auto found = open_.find(path);
  if (found != open_.end() && found->second->is_lost()) {
    open_.erase(found);
    found = open_.end();
  }
  if (found == open_.end()) {
    auto file = std::make_shared<database_file>(fs_, std::string(path));
    found = open_.emplace(file->path(), file).first;
  } else if (!how.may_create && found->second->is_gone()) {
    return errc::not_found;
  }
  ++found->second->uses_;
  return found->second;
}

void open_files::close(const std::shared_ptr<database_file>& file) noexcept {
  if (file->path().empty()) return file->close();
  const std::lock_guard lock(mutex_);
  if (--file->uses_ > 0) return;
  const bool goes =
      file->goes_when_closed_ || file->is_gone() || (file->goes_when_empty_ && file->is_empty());
  file->close();
  // If others have come to wait for it, an empty file stays, which SQLite takes for none.
  if (goes) static_cast<void>(fs_.remove(file->path()));
  const auto found = open_.find(file->path());
  if (found != open_.end() && found->second == file) open_.erase(found);
}

result<void> open_files::remove(std::string_view path) {
  const std::lock_guard lock(mutex_);
  const auto found = open_.find(path);
  if (found == open_.end()) return fs_.remove(path);
  if (found->second->is_gone()) return errc::not_found;
  auto discarded = found->second->discard();
  // It is just being opened.
  if (!discarded && discarded.error() == errc::not_open) return fs_.remove(path);
  return discarded;
}

// It is asked before each transaction that reads, mostly for a journal that is not there: then this
// is one look, and no error is made.
result<bool> open_files::has_content(std::string_view path) {
  BOOST_OUTCOME_TRY(const bool is_there, fs_.exists(path));
  if (!is_there) return false;
  const auto size = fs_.file_size(path);
  if (size) return size.value() > 0;
  if (size.error() == errc::out_of_memory) return size.error();
  return size.error() == errc::is_a_directory;
}

}  // namespace coramfs::sqlite::detail
