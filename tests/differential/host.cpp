// SPDX-License-Identifier: BSL-1.0
#include "differential/host.hpp"

#include <fcntl.h>
#include <fnmatch.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <utility>

namespace coramfs::tests {

namespace {

namespace fs = std::filesystem;

answer failed(int number) { return {{}, std::error_code(number, std::generic_category())}; }
answer failed(std::error_code code) { return {{}, code}; }
answer failed() { return failed(errno); }

answer done(int returned) { return returned == 0 ? answer{"done", {}} : failed(); }
answer number(std::int64_t returned) {
  return returned >= 0 ? answer{std::to_string(returned), {}} : failed();
}

std::string lines(std::vector<std::string> all) {
  std::sort(all.begin(), all.end());
  std::string text;
  for (const std::string& s : all) text += s + '\n';
  return text;
}

int flags(open_mode mode) {
  switch (mode) {
    case open_mode::read: return O_RDONLY;
    case open_mode::write: return O_WRONLY | O_CREAT | O_TRUNC;
    case open_mode::append: return O_WRONLY | O_CREAT | O_APPEND;
    case open_mode::update: return O_RDWR;
    default: return O_WRONLY | O_CREAT | O_EXCL;
  }
}

}  // namespace

std::optional<host_directory> host_directory::make() {
  const char* const chosen = std::getenv("TMPDIR");
  for (const std::string& parent :
       {std::string("/dev/shm"), std::string(chosen != nullptr ? chosen : ""),
        std::string("/tmp")}) {
    std::string path = parent + "/coramfs-differential-XXXXXX";
    if (!parent.empty() && mkdtemp(path.data()) != nullptr) return host_directory(path);
  }
  return std::nullopt;
}

host_directory::~host_directory() {
  std::error_code ignored;
  if (!path_.empty()) fs::remove_all(path_, ignored);
}

bool host_directory::is_tmpfs() const {
  struct statfs s {};
  return ::statfs(path_.c_str(), &s) == 0 && s.f_type == TMPFS_MAGIC;
}

void host_directory::clear() {
  for (const auto& e : fs::directory_iterator(path_)) fs::remove_all(e.path());
}

answer host_directory::create_directory(const std::string& p) const {
  return done(::mkdir(at(p).c_str(), 0700));
}

answer host_directory::create_directories(const std::string& p) const {
  std::error_code code;
  const bool made = fs::create_directories(at(p), code);
  return code ? failed(code) : answer{made ? "made" : "there", {}};
}

answer host_directory::remove(const std::string& p) const { return done(::unlink(at(p).c_str())); }

answer host_directory::remove_directory(const std::string& p) const {
  return done(::rmdir(at(p).c_str()));
}

// POSIX has no such operation: what rmdir says of what it is not for, and all below.
answer host_directory::remove_tree(const std::string& p) const {
  if (::rmdir(at(p).c_str()) == 0) return {"done", {}};
  if (errno != ENOTEMPTY) return failed();
  std::error_code code;
  fs::remove_all(at(p), code);
  return code ? failed(code) : answer{"done", {}};
}

answer host_directory::rename(const std::string& from, const std::string& to, bool replaces) const {
  return done(::renameat2(AT_FDCWD, at(from).c_str(), AT_FDCWD, at(to).c_str(),
                          replaces ? 0 : RENAME_NOREPLACE));
}

answer host_directory::copy(const std::string& from, const std::string& to, bool replaces) const {
  const answer content = read_file(from);
  if (content.failure) return content;
  const open_mode mode = replaces ? open_mode::write : open_mode::create;
  host_file target(open(to, mode));
  if (!target.is_open()) return failed();
  const answer written = target.write(content.value);
  return written.failure ? written : answer{"done", {}};
}

answer host_directory::copy_tree(const std::string& from, const std::string& to) const {
  const answer source = list(from);
  if (source.failure) return source;
  const answer made = create_directory(to);
  if (made.failure) return made;
  std::error_code code;
  fs::copy(at(from), at(to), fs::copy_options::recursive, code);
  return code ? failed(code) : answer{"done", {}};
}

answer host_directory::list(const std::string& p) const {
  std::error_code code;
  std::vector<std::string> names;
  for (fs::directory_iterator i(at(p), code), end; !code && i != end; i.increment(code))
    names.push_back(i->path().filename().native());
  return code ? failed(code) : answer{lines(std::move(names)), {}};
}

answer host_directory::file_size(const std::string& p) const {
  std::error_code code;
  const auto size = fs::file_size(at(p), code);
  return code ? failed(code) : answer{std::to_string(size), {}};
}

answer host_directory::look(const std::string& p) const {
  struct stat s {};
  if (::stat(at(p).c_str(), &s) != 0) return failed();
  return {S_ISDIR(s.st_mode) ? "directory" : "file of " + std::to_string(s.st_size), {}};
}

answer host_directory::read_file(const std::string& p) const {
  host_file f(open(p, open_mode::read));
  if (!f.is_open()) return failed();
  if (is_directory(p)) return failed(EISDIR);
  return f.read(f.size());
}

answer host_directory::write_file(const std::string& p, std::string_view content) const {
  host_file f(open(p, open_mode::write));
  if (!f.is_open()) return failed();
  const answer written = f.write(content);
  return written.failure ? written : answer{"done", {}};
}

answer host_directory::glob(const std::string& pattern) const {
  std::vector<std::string> found;
  for (const std::string& p : all_paths())
    if (::fnmatch(pattern.c_str(), p.c_str(), FNM_PATHNAME | FNM_NOESCAPE) == 0) found.push_back(p);
  return {lines(std::move(found)), {}};
}

std::vector<std::string> host_directory::all_paths() const {
  std::vector<std::string> all;
  for (const auto& e : fs::recursive_directory_iterator(path_))
    all.push_back(e.path().native().substr(path_.size()));
  std::sort(all.begin(), all.end());
  return all;
}

std::string host_directory::picture(const std::set<std::string>& hidden) const {
  std::string text;
  for (const std::string& p : all_paths()) {
    const bool is_shown = !is_directory(p) && !hidden.contains(p);
    text += p + ": " + (is_shown ? read_file(p) : look(p)).value + '\n';
  }
  return text;
}

bool host_directory::is_directory(const std::string& p) const { return fs::is_directory(at(p)); }

int host_directory::open(const std::string& p, open_mode mode) const {
  return ::open(at(p).c_str(), flags(mode) | O_CLOEXEC, 0600);
}

void host_file::close() {
  if (is_open()) ::close(std::exchange(descriptor_, -1));
}

answer host_file::read(std::size_t n) {
  std::string buffer(n, '\0');
  const ssize_t count = ::read(descriptor_, buffer.data(), n);
  if (count < 0) return failed();
  return {buffer.substr(0, static_cast<std::size_t>(count)), {}};
}

answer host_file::read_at(std::uint64_t offset, std::size_t n) {
  std::string buffer(n, '\0');
  const ssize_t count = ::pread(descriptor_, buffer.data(), n, static_cast<off_t>(offset));
  if (count < 0) return failed();
  return {buffer.substr(0, static_cast<std::size_t>(count)), {}};
}

answer host_file::write(std::string_view from) {
  return number(::write(descriptor_, from.data(), from.size()));
}

answer host_file::write_at(std::uint64_t offset, std::string_view from) {
  return number(::pwrite(descriptor_, from.data(), from.size(), static_cast<off_t>(offset)));
}

answer host_file::truncate(std::uint64_t size) {
  if (::ftruncate(descriptor_, static_cast<off_t>(size)) != 0) return failed();
  return {std::to_string(size), {}};
}

answer host_file::punch_hole(std::uint64_t offset, std::uint64_t size) {
  return done(::fallocate(descriptor_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                          static_cast<off_t>(offset), static_cast<off_t>(size)));
}

answer host_file::seek(std::int64_t offset, int whence) {
  return number(::lseek(descriptor_, offset, whence));
}

std::uint64_t host_file::tell() const {
  return static_cast<std::uint64_t>(::lseek(descriptor_, 0, SEEK_CUR));
}

std::uint64_t host_file::size() const {
  struct stat s {};
  ::fstat(descriptor_, &s);
  return static_cast<std::uint64_t>(s.st_size);
}

}  // namespace coramfs::tests
