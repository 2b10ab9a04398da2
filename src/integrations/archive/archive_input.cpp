// SPDX-License-Identifier: BSL-1.0
#include "integrations/archive/archive_input.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>
#include <variant>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace coramfs::detail {

namespace {

error last_error() noexcept { return std::error_code(errno, std::system_category()); }

}  // namespace

memory_input::memory_input(std::span<const std::byte> content) { add(content); }

memory_input::memory_input(pinned content) : pin_(std::move(content)) {
  for (const asio::const_buffer b : pin_) add({static_cast<const std::byte*>(b.data()), b.size()});
}

void memory_input::add(std::span<const std::byte> content) {
  if (content.empty()) return;
  pieces_.push_back({size_, content});
  size_ += content.size();
}

result<std::span<const std::byte>> memory_input::at(std::uint64_t offset) {
  if (offset >= size_) return std::span<const std::byte>();
  const auto behind =
      std::upper_bound(pieces_.begin(), pieces_.end(), offset,
                       [](std::uint64_t o, const piece& p) { return o < p.offset; });
  const piece& p = *(behind - 1);
  const auto rest = p.bytes.subspan(static_cast<std::size_t>(offset - p.offset));
  return rest.first(std::min(rest.size(), input_piece));
}

result<std::size_t> memory_input::copy(std::uint64_t offset, std::span<std::byte> to) {
  std::size_t done = 0;
  while (done < to.size()) {
    BOOST_OUTCOME_TRY(const auto from, at(offset + done));
    if (from.empty()) break;
    const std::size_t count = std::min(from.size(), to.size() - done);
    std::memcpy(to.data() + done, from.data(), count);
    done += count;
  }
  return done;
}

result<std::unique_ptr<archive_input>> host_input::open(const std::filesystem::path& path) {
  // The system would take what stands before a NUL for the whole path.
  if (path.native().find('\0') != path.native().npos) return errc::invalid_argument;
  int number;
  do {
    number = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  } while (number < 0 && errno == EINTR);
  if (number < 0) return last_error();
  std::unique_ptr<host_input> in;
  try {
    in.reset(new host_input(number));
  } catch (...) {
    ::close(number);
    throw;
  }
  struct stat found;
  if (::fstat(number, &found) != 0) return last_error();
  if (S_ISDIR(found.st_mode)) return errc::is_a_directory;
  if (!S_ISREG(found.st_mode)) return errc::not_supported;
  in->size_ = static_cast<std::uint64_t>(found.st_size);
  return std::unique_ptr<archive_input>(std::move(in));
}

host_input::~host_input() { ::close(number_); }

result<std::span<const std::byte>> host_input::at(std::uint64_t offset) {
  std::vector<std::byte>& buffer = buffers_[turn_ ^= 1];
  buffer.resize(input_piece);
  BOOST_OUTCOME_TRY(const std::size_t count, copy(offset, buffer));
  return std::span<const std::byte>(buffer).first(count);
}

result<std::size_t> host_input::copy(std::uint64_t offset, std::span<std::byte> to) {
  std::size_t done = 0;
  // What it has grown by since it was opened is no part of it.
  if (offset >= size_) return done;
  const auto most = static_cast<std::size_t>(std::min<std::uint64_t>(to.size(), size_ - offset));
  while (done < most) {
    const ssize_t got =
        ::pread(number_, to.data() + done, most - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return last_error();
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

result<std::unique_ptr<archive_input>> open_input(const archive_source& source) {
  const archive_source::place& at = source.where();
  if (const auto* memory = std::get_if<std::span<const std::byte>>(&at))
    return std::unique_ptr<archive_input>(std::make_unique<memory_input>(*memory));
  if (const auto* pin = std::get_if<pinned>(&at))
    return std::unique_ptr<archive_input>(std::make_unique<memory_input>(*pin));
  if (const auto* path = std::get_if<std::filesystem::path>(&at)) return host_input::open(*path);
  return errc::invalid_argument;
}

}  // namespace coramfs::detail
