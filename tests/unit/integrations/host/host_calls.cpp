// SPDX-License-Identifier: BSL-1.0
// The linker puts these functions in the place of the system's, for what the library calls.
#include "unit/integrations/host/host_calls.hpp"

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstddef>
#include <cstring>
#include <memory>
#include <mutex>
#include <utility>

#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

namespace coramfs::tests {

namespace {

std::atomic<bool> no_openat2{false}, no_unnamed_files{false}, no_proc{false}, no_no_replace{false},
    no_case{false}, no_kinds{false};
std::atomic<int> link_refusal_code{0};
std::atomic<testing::fault_policy*> asked{nullptr};
std::atomic<int> failing_code{0};
std::atomic<const char*> failed{nullptr};
using watcher = std::function<void(std::string_view)>;
std::mutex watch_mutex;
std::shared_ptr<const watcher> watch;  // guarded by watch_mutex

void set_watch(std::shared_ptr<const watcher> to) {
  const std::lock_guard lock(watch_mutex);
  watch = std::move(to);
}

// It may block, so it is called without the mutex.
void tell(const char* call) {
  std::unique_lock lock(watch_mutex);
  const auto told = watch;
  lock.unlock();
  if (told != nullptr) (*told)(call);
}

// Whether the call is to fail, with errno set.
bool fails(const char* name) {
  tell(name);
  testing::fault_policy* const policy = asked;
  if (policy == nullptr || !policy->at(testing::fault_point::host, {}, 0)) return false;
  failed = name;
  errno = failing_code;
  return true;
}

/// A name in a directory, as the host takes it. It allocates nothing, since memory may be refused.
class host_text {
 public:
  explicit host_text(const char* name) noexcept : text_(name) {
    const std::size_t size = std::strlen(name);
    if (!no_case || *name == '/' || size >= folded_.size()) return;
    for (std::size_t i = 0; i < size; ++i)
      folded_[i] = name[i] >= 'A' && name[i] <= 'Z' ? static_cast<char>(name[i] | 0x20) : name[i];
    text_ = folded_.data();
  }
  host_text(const host_text&) = delete;
  host_text& operator=(const host_text&) = delete;
  operator const char*() const { return text_; }

 private:
  const char* text_;
  std::array<char, 300> folded_{};
};

bool is_missing(const std::atomic<bool>& feature, int code) {
  if (feature) errno = code;
  return feature;
}

}  // namespace

void host_features::apply() const {
  no_openat2 = !has_openat2;
  no_unnamed_files = !has_unnamed_files;
  no_proc = !has_proc;
  no_no_replace = !has_no_replace;
  no_case = !knows_case;
  no_kinds = !tells_kinds;
  link_refusal_code = link_refusal;
}

host_features::~host_features() {
  link_refusal_code = 0;
  no_openat2 = no_unnamed_files = no_proc = no_no_replace = no_case = no_kinds = false;
}

least_host::least_host(bool is_asked_for) {
  if (is_asked_for)
    features_.has_openat2 = features_.has_unnamed_files = features_.has_no_replace =
        features_.tells_kinds = false;
  features_.apply();
}

host_faults::host_faults(testing::fault_policy& policy, int code) {
  failed = nullptr;
  failing_code = code;
  asked = &policy;
}

host_faults::~host_faults() { asked = nullptr; }

bool host_faults::has_failed() const { return failed != nullptr; }

std::string_view host_faults::which() const { return has_failed() ? failed.load() : ""; }

host_call_watch::host_call_watch(std::function<void(std::string_view)> told) {
  set_watch(std::make_shared<const watcher>(std::move(told)));
}

host_call_watch::~host_call_watch() { set_watch(nullptr); }

extern "C" {

#define CORAMFS_WRAP(type, name, parameters, ...) \
  type __real_##name parameters;                  \
  type __wrap_##name parameters {                 \
    if (fails(#name)) return -1;                  \
    return __real_##name(__VA_ARGS__);            \
  }

CORAMFS_WRAP(int, mkdir, (const char* path, mode_t mode), path, mode)
CORAMFS_WRAP(int, mkdirat, (int at, const char* path, mode_t mode), at, host_text(path), mode)
CORAMFS_WRAP(int, renameat, (int a, const char* from, int b, const char* to), a, from, b,
             host_text(to))
CORAMFS_WRAP(int, unlinkat, (int at, const char* path, int flags), at, path, flags)
CORAMFS_WRAP(int, fstatat64, (int at, const char* path, struct stat64* to, int flags), at,
             host_text(path), to, flags)
CORAMFS_WRAP(int, fstat64, (int number, struct stat64* to), number, to)
CORAMFS_WRAP(off64_t, lseek64, (int number, off64_t to, int from), number, to, from)
CORAMFS_WRAP(ssize_t, pread64, (int number, void* to, std::size_t size, off64_t at), number, to,
             size, at)
CORAMFS_WRAP(ssize_t, preadv64, (int number, const struct iovec* to, int count, off64_t at), number,
             to, count, at)
CORAMFS_WRAP(ssize_t, getrandom, (void* to, std::size_t size, unsigned flags), to, size, flags)
CORAMFS_WRAP(int, fdatasync, (int number), number)
CORAMFS_WRAP(int, fsync, (int number), number)
CORAMFS_WRAP(ssize_t, writev, (int number, const struct iovec* from, int count), number, from,
             count)
CORAMFS_WRAP(int, memfd_create, (const char* name, unsigned flags), name, flags)

ssize_t __real_getdents64(int number, void* to, std::size_t size);
ssize_t __wrap_getdents64(int number, void* to, std::size_t size) {
  if (fails("getdents64")) return -1;
  const ssize_t got = __real_getdents64(number, to, size);
  for (ssize_t at = 0; no_kinds && at < got;) {
    auto* const e = reinterpret_cast<dirent64*>(static_cast<char*>(to) + at);
    e->d_type = DT_UNKNOWN;
    at += e->d_reclen;
  }
  return got;
}

int __real_close(int number);
int __wrap_close(int number) {
  const bool is_to_fail = fails("close");
  const int code = errno;
  const int closed = __real_close(number);
  if (!is_to_fail) return closed;
  errno = code;
  return -1;
}

int __real_faccessat(int at, const char* path, int mode, int flags);
int __real_linkat(int a, const char* from, int b, const char* to, int flags);
int __wrap_linkat(int a, const char* from, int b, const char* name, int flags) {
  if (fails("linkat")) return -1;
  const host_text to(name);
  const int refusal = (flags & AT_SYMLINK_FOLLOW) != 0 ? link_refusal_code.load() : 0;
  // The system looks first whether the name is taken.
  if (refusal == 0 || __real_faccessat(b, to, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
    return __real_linkat(a, from, b, to, flags);
  errno = refusal;
  return -1;
}

int __real_fcntl64(int number, int command, ...);
int __wrap_fcntl64(int number, int command, ...) {
  va_list rest;
  va_start(rest, command);
  const int argument = va_arg(rest, int);
  va_end(rest);
  return fails("fcntl") ? -1 : __real_fcntl64(number, command, argument);
}

int __wrap_faccessat(int at, const char* path, int mode, int flags) {
  if (fails("faccessat") || is_missing(no_proc, ENOENT)) return -1;
  return __real_faccessat(at, path, mode, flags);
}

int __real_renameat2(int a, const char* from, int b, const char* to, unsigned flags);
int __wrap_renameat2(int a, const char* from, int b, const char* name, unsigned flags) {
  if (fails("renameat2") || is_missing(no_no_replace, EINVAL)) return -1;
  const host_text to(name);
  return __real_renameat2(a, from, b, to, flags);
}

int __real_openat64(int at, const char* path, int flags, ...);
int __wrap_openat64(int at, const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const unsigned mode = va_arg(rest, unsigned);
  va_end(rest);
  if (fails("openat")) return -1;
  if ((flags & O_TMPFILE) == O_TMPFILE && is_missing(no_unnamed_files, EOPNOTSUPP)) return -1;
  return __real_openat64(at, host_text(path), flags, mode);
}

long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...) {
  va_list rest;
  va_start(rest, number);
  const long at = va_arg(rest, int);
  const char* const name = va_arg(rest, const char*);
  void* const how = va_arg(rest, void*);
  const std::size_t size = va_arg(rest, std::size_t);
  va_end(rest);
  if (fails("openat2") || is_missing(no_openat2, ENOSYS)) return -1;
  const host_text path(name);
  return __real_syscall(number, at, static_cast<const char*>(path), how, size);
}

}  // extern "C"

}  // namespace coramfs::tests
