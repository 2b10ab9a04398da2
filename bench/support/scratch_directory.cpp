// SPDX-License-Identifier: BSL-1.0
#include "support/scratch_directory.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <iostream>
#include <system_error>

namespace coramfs::bench {

namespace {

template <class Number>
Number checked(Number answer, const char* what) {
  if (answer < 0) throw std::system_error(errno, std::generic_category(), what);
  return answer;
}

// Below our directory, so that its own path costs nothing at each call.
const char* relative(const std::string& path) { return path.c_str() + 1; }

std::string make_temporary(const std::filesystem::path& in) {
  std::string path = (in / "coramfs-bench-XXXXXX").native();
  if (::mkdtemp(path.data()) == nullptr) checked(-1, "mkdtemp");
  return path;
}

}  // namespace

scratch_directory::scratch_directory(const std::filesystem::path& in)
    : path_(make_temporary(in)), descriptor_(checked(::open(path_.c_str(), O_DIRECTORY), "open")) {}

scratch_directory::~scratch_directory() {
  ::close(descriptor_);
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

void scratch_directory::make_directory(const std::string& path) const {
  checked(::mkdirat(descriptor_, relative(path), 0700), "mkdirat");
}

int scratch_directory::open(const std::string& path, int flags) const {
  return checked(::openat(descriptor_, relative(path), flags, 0600), "openat");
}

void scratch_directory::remove(const std::string& path) const {
  checked(::unlinkat(descriptor_, relative(path), 0), "unlinkat");
}

void scratch_directory::rename(const std::string& from, const std::string& to) const {
  checked(::renameat(descriptor_, relative(from), descriptor_, relative(to)), "renameat");
}

std::size_t scratch_directory::size_of(const std::string& path) const {
  struct stat status;
  checked(::fstatat(descriptor_, relative(path), &status, 0), "fstatat");
  return static_cast<std::size_t>(status.st_size);
}

void scratch_directory::clear() const {
  for (const auto& entry : std::filesystem::directory_iterator(path_))
    std::filesystem::remove_all(entry.path());
}

void write_all(int descriptor, std::span<const std::byte> from) {
  while (!from.empty()) {
    const auto count = checked(::write(descriptor, from.data(), from.size()), "write");
    from = from.subspan(static_cast<std::size_t>(count));
  }
}

std::size_t read_all(int descriptor, std::span<std::byte> to) {
  std::size_t total = 0;
  while (total < to.size()) {
    const auto count = checked(::read(descriptor, to.data() + total, to.size() - total), "read");
    if (count == 0) break;
    total += static_cast<std::size_t>(count);
  }
  return total;
}

void read_all_at(int descriptor, std::size_t offset, std::span<std::byte> to) {
  const auto count = ::pread(descriptor, to.data(), to.size(), static_cast<off_t>(offset));
  if (checked(count, "pread") != static_cast<ssize_t>(to.size()))
    throw std::system_error(std::make_error_code(std::errc::io_error), "pread");
}

void write_all_at(int descriptor, std::size_t offset, std::span<const std::byte> from) {
  while (!from.empty()) {
    const auto count = static_cast<std::size_t>(checked(
        ::pwrite(descriptor, from.data(), from.size(), static_cast<off_t>(offset)), "pwrite"));
    from = from.subspan(count);
    offset += count;
  }
}

void close(int descriptor) { checked(::close(descriptor), "close"); }

int run_in_scratch(int argc, char** argv,
                   const std::function<void(const std::filesystem::path&)>& measure) {
  try {
    namespace disk = std::filesystem;
    const scratch_directory scratch(argc > 1 ? disk::path(argv[1]) : disk::temp_directory_path());
    measure(scratch.path());
    return EXIT_SUCCESS;
  } catch (const std::exception& e) {
    std::cerr << e.what() << '\n';
    return EXIT_FAILURE;
  }
}

}  // namespace coramfs::bench
