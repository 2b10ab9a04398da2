// SPDX-License-Identifier: BSL-1.0
#include "integrations/testing/host_folder.hpp"

#if defined(__unix__) || defined(__APPLE__)

#include <algorithm>
#include <cerrno>
#include <memory>
#include <optional>
#include <stdexcept>
#include <system_error>
#include <vector>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace coramfs::detail {

namespace {

constexpr int as_folder = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

[[noreturn]] void fail(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

descriptor open_folder(int above, const std::string& name) {
  descriptor made(::openat(above, name.c_str(), as_folder));
  if (made.get() < 0) fail(name);
  return made;
}

/// Makes it, or finds it.
descriptor make_or_open_folder(int above, const std::string& name) {
  if (::mkdirat(above, name.c_str(), 0777) != 0 && errno != EEXIST) fail(name);
  return open_folder(above, name);
}

std::vector<std::string> names_in(int folder) {
  descriptor again(::openat(folder, ".", as_folder));
  if (again.get() < 0) fail(".");
  const std::unique_ptr<DIR, int (*)(DIR*)> listed(::fdopendir(again.get()), ::closedir);
  if (listed == nullptr) fail(".");
  again.release();  // closed with the list
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* const e = ::readdir(listed.get()))
    if (const std::string name = e->d_name; name != "." && name != "..") names.push_back(name);
  if (errno != 0) fail(".");
  return names;
}

// As deep as what is on disk, which paths bound. A link is removed, and not what it leads to.
void remove_entry(int folder, const std::string& name) {
  if (::unlinkat(folder, name.c_str(), 0) == 0) return;
  if (errno != EISDIR && errno != EPERM) fail(name);
  {
    const descriptor below = open_folder(folder, name);
    for (const std::string& one : names_in(below.get())) remove_entry(below.get(), one);
  }
  if (::unlinkat(folder, name.c_str(), AT_REMOVEDIR) != 0) fail(name);
}

/// The first bytes of a file, so many at most; nothing if there is no such file.
std::optional<std::string> beginning_of(int folder, const std::string& name, std::size_t most) {
  // Without waiting for a writer, if it is a pipe.
  const descriptor file(
      ::openat(folder, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  struct stat seen {};
  if (file.get() < 0 || ::fstat(file.get(), &seen) != 0 || !S_ISREG(seen.st_mode))
    return std::nullopt;
  std::string first(most, '\0');
  const ssize_t n = ::read(file.get(), first.data(), first.size());
  if (n < 0) return std::nullopt;
  first.resize(static_cast<std::size_t>(n));
  return first;
}

// The proof is written first. A full disk, or the end of the process, may leave less than the mark
// of it, and then there is nothing else.
bool is_proved(int folder, bool has_others, const std::string& proof, std::string_view mark) {
  const std::optional<std::string> first = beginning_of(folder, proof, mark.size());
  return first && (*first == mark || (!has_others && mark.starts_with(*first)));
}

}  // namespace

descriptor::~descriptor() {
  if (number_ >= 0) ::close(number_);
}

void host_file::write(asio::const_buffer from) {
  while (from.size() > 0) {
    const ssize_t n = ::write(file_.get(), from.data(), from.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail(name_);
    from += static_cast<std::size_t>(n);
    size_ += static_cast<std::uint64_t>(n);
  }
}

void host_file::skip(std::uint64_t n) {
  if (::lseek(file_.get(), static_cast<off_t>(n), SEEK_CUR) < 0) fail(name_);
  size_ += n;
}

void host_file::finish() {
  if (::ftruncate(file_.get(), static_cast<off_t>(size_)) != 0) fail(name_);
  if (::close(file_.release()) != 0) fail(name_);
}

host_folder::host_folder(const std::filesystem::path& output, const std::string& name,
                         const std::string& proof, std::string_view mark)
    : path_(output / name) {
  std::filesystem::create_directories(output);
  const descriptor above(::open(output.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (above.get() < 0) fail(output.string());
  folder_ = make_or_open_folder(above.get(), name);
  const std::vector<std::string> names = names_in(folder_.get());
  if (names.empty()) return;
  if (!is_proved(folder_.get(), names.size() > 1, proof, mark))
    throw std::runtime_error(path_.string() + " is there, and is not of a fixture: it has no " +
                             proof + " of one");
  // What is left of it if this is stopped in the middle is still known to be a fixture's.
  for (const std::string& one : names)
    if (one != proof) remove_entry(folder_.get(), one);
  remove_entry(folder_.get(), proof);
}

descriptor host_folder::enter(std::string_view path) {
  descriptor at(::openat(folder_.get(), ".", as_folder));
  if (at.get() < 0) fail(path_.string());
  while (!path.empty()) {
    const std::string name(path.substr(0, path.find('/')));
    path.remove_prefix(std::min(path.size(), name.size() + 1));
    at = make_or_open_folder(at.get(), name);
  }
  return at;
}

void host_folder::make_folder(std::string_view path) { enter(path); }

host_file host_folder::make_file(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  const descriptor in = enter(path.substr(0, slash == path.npos ? 0 : slash));
  const std::string name(path.substr(slash == path.npos ? 0 : slash + 1));
  descriptor file(
      ::openat(in.get(), name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666));
  if (file.get() < 0) fail(name);
  return {std::move(file), std::string(path)};
}

}  // namespace coramfs::detail

#endif
