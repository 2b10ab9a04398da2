// SPDX-License-Identifier: BSL-1.0
#include "integrations/host/tree_source.hpp"

#include <coramfs/asio.hpp>
#include <coramfs/detail/host_error.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

namespace coramfs::detail {

namespace {

/// Directories without a file in them are found in one go up to this number.
constexpr std::size_t most_items = 256;
/// Files that are open at a time, however many may be.
constexpr std::size_t most_files = 64;
/// A smaller hole is filled with zeros.
constexpr std::uint64_t least_hole = 64 * 1024;
/// What is beyond the size that a file said it has is read in so many bytes at a time.
constexpr std::size_t most_beyond = 64 * 1024;

constexpr std::uint64_t block_unit = 512;  // of st_blocks

// Reads at an offset until the buffers are full or the file ends. Returns how much that was.
result<std::size_t> read_all(int number, std::vector<iovec>& to, std::uint64_t at) noexcept {
  constexpr std::size_t most_at_once = 64;
  std::size_t done = 0;
  for (auto first = to.begin(); first != to.end();) {
    const auto count =
        std::min<std::size_t>(static_cast<std::size_t>(to.end() - first), most_at_once);
    const ssize_t got =
        ::preadv(number, &*first, static_cast<int>(count), static_cast<off_t>(at + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return last_host_error();
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
    for (std::size_t left = static_cast<std::size_t>(got); first != to.end();) {
      const std::size_t part = std::min(left, first->iov_len);
      first->iov_base = static_cast<char*>(first->iov_base) + part;
      first->iov_len -= part;
      left -= part;
      if (first->iov_len != 0) break;
      ++first;
    }
  }
  return done;
}

}  // namespace

result<void> tree_source::begin() {
  auto top = open_at(AT_FDCWD, dir_.c_str(), O_RDONLY | O_DIRECTORY);
  if (!top && top.error() == std::errc::not_a_directory) return begin_with_file(top.error());
  if (!top) return noted({}, top.error());
  walk_.emplace(std::move(top.value()), options_.special, most_path_);
  return success();
}

// As a directory may be, it may be reached by a link, and it is not waited for if it is a pipe.
result<void> tree_source::begin_with_file(const error& no_directory) {
  auto opened = open_at(AT_FDCWD, dir_.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (!opened) return noted({}, opened.error());
  only_.emplace();
  only_->path = dir_.filename().native();
  BOOST_OUTCOME_TRY(const bool is_file, take_over(std::move(opened.value()), *only_));
  if (!is_file) return noted({}, no_directory);
  if (only_->path.find('\\') != std::string::npos) return noted({}, errc::invalid_path);
  if (only_->path.size() > most_path_) return noted({}, errc::name_too_long);
  return success();
}

result<void> tree_source::find(const std::stop_token& stop) {
  next_.clear();
  has_next_ = true;
  if (!walk_) {
    if (!std::exchange(is_only_found_, true)) next_.push_back(std::move(*only_));
    return success();
  }
  std::size_t files = 0, size = 0;
  const std::size_t most = std::min<std::size_t>(options_.parallel, most_files);
  while (after_ && next_.size() < most_items && files < most && size < piece_size) {
    const auto found = walk_->next(stop);
    if (!found && found.error() == errc::canceled) return errc::canceled;
    if (!found) {
      after_ = noted(walk_->path(), found.error());
      break;
    }
    if (!found.value()) break;
    source_item item;
    item.path = found.value()->path;
    item.is_directory = found.value()->is_directory;
    if (!item.is_directory) {
      const auto opened = open(*found.value(), item);
      if (!opened) {
        after_ = noted(item.path, opened.error());
        break;
      }
      if (!opened.value()) continue;
      ++files;
      size += item.wanted;
    }
    next_.push_back(std::move(item));
  }
  return success();
}

void tree_source::advance() noexcept {
  items_.swap(next_);
  next_.clear();
  has_next_ = false;
}

// Returns false if the file is left out. It is opened so that nothing else that is there by now is
// waited for.
result<bool> tree_source::open(const host_entry& e, source_item& to) {
  auto opened = open_at(e.directory, e.name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
  if (!opened && opened.error() == std::errc::no_such_file_or_directory) return false;
  if (!opened) {
    BOOST_OUTCOME_TRY(walk_->leave_out(opened.error()));
    return false;
  }
  BOOST_OUTCOME_TRY(const bool is_file, take_over(std::move(opened.value()), to));
  if (is_file) return true;
  BOOST_OUTCOME_TRY(walk_->leave_out(errc::not_supported));
  return false;
}

// Returns whether it is a file.
result<bool> tree_source::take_over(descriptor opened, source_item& to) const {
  struct stat found;
  if (::fstat(opened.number(), &found) != 0) return last_host_error();
  if (!S_ISREG(found.st_mode)) return false;
  to.opened = std::move(opened);
  const auto size = static_cast<std::uint64_t>(std::max<off_t>(found.st_size, 0));
  to.is_sparse = keeps_holes_ && size >= least_hole &&
                 static_cast<std::uint64_t>(found.st_blocks) * block_unit < size;
  to.size = size;
  look_ahead(to);
  return true;
}

// Finds what comes next: a hole is stepped over, and what is wanted is data, up to the next hole.
// The host may know of no holes, and others may change them meanwhile; then it is taken for data.
void tree_source::look_ahead(source_item& item) noexcept {
  std::uint64_t end = item.size;
  if (item.is_sparse && item.at < end) {
    const int number = item.opened.number();
    const auto place = [&](std::uint64_t from, int what) {
      return ::lseek(number, static_cast<off_t>(from), what);
    };
    const off_t data = place(item.at, SEEK_DATA);
    if (data < 0 && errno != ENXIO) {
      item.is_sparse = false;
    } else {
      const std::uint64_t begin = data < 0 ? end : std::min(static_cast<std::uint64_t>(data), end);
      if (begin > item.at && begin - item.at >= least_hole) item.at = begin;
      const off_t hole = item.at < end && data >= 0 ? place(begin, SEEK_HOLE) : -1;
      if (hole > static_cast<off_t>(item.at)) end = std::min(end, static_cast<std::uint64_t>(hole));
    }
  }
  const std::uint64_t rest = end - std::min(item.at, end);
  item.wanted = static_cast<std::size_t>(std::min<std::uint64_t>(rest, piece_size));
}

result<void> tree_source::read(const std::vector<prepared>& rooms, std::size_t& count,
                               const std::stop_token& stop) {
  for (std::size_t i = 0; i < count; ++i) {
    source_item& item = items_[i];
    if (item.is_directory || item.is_whole) continue;
    if (stop.stop_requested()) return errc::canceled;
    const auto done = read(item, rooms[i]);
    if (done) continue;
    count = i;
    failure_ = noted(item.path, done.error());
  }
  const bool is_done = count == items_.size() &&
                       std::all_of(items_.begin(), items_.end(), [](const source_item& item) {
                         return item.is_directory || item.is_whole;
                       });
  return is_done ? find(stop) : success();
}

result<void> tree_source::read(source_item& item, const prepared& room) {
  item.in_room = 0;
  item.beyond.clear();
  if (room.size() > 0) {
    std::vector<iovec> to;
    for (const asio::mutable_buffer b : room) to.push_back({b.data(), b.size()});
    BOOST_OUTCOME_TRY(item.in_room, read_all(item.opened.number(), to, item.at));
    item.at += item.in_room;
    if (item.in_room > 0) item.stored = item.at;
    // It has become shorter.
    if (item.in_room < room.size()) {
      BOOST_OUTCOME_TRY(end(item));
    }
  }
  if (!item.is_whole) {
    look_ahead(item);
    if (item.wanted == 0) {
      BOOST_OUTCOME_TRY(read_beyond(item));
    }
  }
  // What it says to that is of no interest where nothing was written.
  if (item.is_whole) static_cast<void>(item.opened.close());
  return success();
}

// The size that a file has said is a hint: it may have grown, and those of /proc say 0.
result<void> tree_source::read_beyond(source_item& item) {
  std::array<std::byte, 4096> buffer;
  while (item.beyond.size() < most_beyond) {
    const ssize_t got = ::pread(item.opened.number(), buffer.data(), buffer.size(),
                                static_cast<off_t>(item.at + item.beyond.size()));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return last_host_error();
    if (got == 0) break;
    item.beyond.insert(item.beyond.end(), buffer.begin(), buffer.begin() + got);
  }
  item.at += item.beyond.size();
  if (!item.beyond.empty()) item.stored = item.at;
  return item.beyond.size() < most_beyond ? end(item) : success();
}

// Nothing comes any more. A hole that was stepped over may have led beyond what a file has become.
result<void> tree_source::end(source_item& item) noexcept {
  item.is_whole = true;
  if (item.at == item.stored) return success();
  struct stat found;
  if (::fstat(item.opened.number(), &found) != 0) return last_host_error();
  const auto size = static_cast<std::uint64_t>(std::max<off_t>(found.st_size, 0));
  item.at = std::max(item.stored, std::min(item.at, size));
  return success();
}

error tree_source::noted(const std::string& path, const error& why) const {
  return about_host_call(path.empty() || only_ ? dir_.native() : (dir_ / path).native(), why,
                         host_call::import_from_host);
}

}  // namespace coramfs::detail
