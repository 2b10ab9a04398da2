// SPDX-License-Identifier: BSL-1.0
#include <coramfs/file_buffer.hpp>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <stdexcept>

namespace coramfs {

namespace {

// Bytes of room that are held. It begins small so that a short head costs little, and ends with the
// most that Asio reads at once.
constexpr std::size_t least_room = 4 * 1024, most_room = 64 * 1024;
constexpr std::uint64_t largest_file = std::numeric_limits<std::int64_t>::max();

}  // namespace

std::size_t file_buffer::published() const noexcept {
  const auto size = file_->size(), cursor = file_->tell();
  return size && cursor && cursor.value() < size.value() ? size.value() - cursor.value() : 0;
}

// How many bytes this buffer, or the one that it is a copy of, has grown by: none if that room has
// ended since.
std::size_t file_buffer::grown() const noexcept {
  return grown_ > 0 && file_->file_.room_number() == room_ ? grown_ : 0;
}

std::size_t file_buffer::size() const noexcept { return published() + grown(); }

// Holds room, and returns how many bytes of it there are. It is none where the limit is reached, or
// the cursor is past the end: bytes at the end would not be behind the cursor then.
std::size_t file_buffer::room() const noexcept {
  const auto size = file_->size(), cursor = file_->tell();
  const std::size_t now = published();
  if (!size || cursor.value() > size.value() || now >= max_size_) return 0;
  const std::size_t most = max_size_ - now;
  const std::size_t likely = std::clamp<std::uint64_t>(size.value(), least_room, most_room);
  return std::min(file_->file_.hold_room(std::min(likely, most), grown() > 0), most);
}

std::size_t file_buffer::capacity() const noexcept {
  const std::size_t room = this->room();
  return std::max(size(), published() + room);
}

// Where the room is short it is all that there is, so this is exact and Asio asks for no more.
// Where it is not, an estimate will do, since Asio asks for no more than the capacity.
std::size_t file_buffer::max_size() const noexcept {
  const std::size_t held = room(), now = published();
  if (held == 0) return size();
  std::size_t most = held;
  if (!file_->file_.is_room_short()) {
    const std::uint64_t end = file_->size().value() + held;
    most += std::min(file_->file_.bytes_left(), largest_file - end);
  }
  return std::max(size(), now + std::min(most, max_size_ - now));
}

pinned file_buffer::data(std::size_t position, std::size_t n) const {
  const std::size_t size = this->size();
  position = std::min(position, size);
  n = std::min(n, size - position);
  if (n == 0) return pinned();
  // Asio asks for the capacity while it has these bytes pinned. Where memory is short, room can be
  // made only before that, for the file may have to be moved.
  if (file_->file_.is_cramped()) room();
  const std::uint64_t begin = file_->tell().value() + position;
  if (position + n <= published()) return file_->pin(begin, n).value();
  return pinned(file_->file_.places(begin, n).value());
}

prepared file_buffer::data(std::size_t position, std::size_t n) {
  const std::size_t size = this->size();
  position = std::min(position, size);
  n = std::min(n, size - position);
  if (n == 0) return prepared();
  return prepared(file_->file_.places(file_->tell().value() + position, n).value());
}

void file_buffer::grow(std::size_t n) {
  publish();
  if (n > max_size() - size()) throw std::length_error("coramfs::file_buffer");
  if (n == 0) return;
  file_->file_.require_room(n).value();
  grown_ = n;
  room_ = file_->file_.room_number();
}

void file_buffer::shrink(std::size_t n) noexcept {
  const std::size_t fresh = grown();
  grown_ = 0;
  file_->file_.publish(fresh - std::min(n, fresh));
  n = std::min(n - std::min(n, fresh), published());
  if (n > 0) (void)file_->file_.truncate(file_->size().value() - n);
}

void file_buffer::consume(std::size_t n) noexcept {
  publish();
  n = std::min(n, published());
  if (n > 0) file_->file_.set_cursor(file_->tell().value() + n);
}

void file_buffer::publish() noexcept {
  const std::size_t fresh = grown();
  grown_ = 0;
  if (fresh > 0) file_->file_.publish(fresh);
}

}  // namespace coramfs
