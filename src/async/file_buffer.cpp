// SPDX-License-Identifier: BSL-1.0
#include <coramfs/file_buffer.hpp>

#include <algorithm>
#include <cstdint>
#include <stdexcept>
#include <utility>

namespace coramfs {

std::size_t file_buffer::size() const noexcept {
  const auto size = file_->size(), cursor = file_->tell();
  return size && cursor && cursor.value() < size.value() ? size.value() - cursor.value() : 0;
}

std::size_t file_buffer::max_size() const noexcept {
  const std::uint64_t now = size(), left = file_->file_.bytes_left();
  const std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
  return std::min<std::uint64_t>(max_size_, left > most - now ? most : now + left);
}

pinned file_buffer::data(std::size_t position, std::size_t n) const {
  return file_->pin(file_->tell().value() + position, n).value();
}

prepared file_buffer::data(std::size_t position, std::size_t n) {
  const std::size_t size = this->size();
  position = std::min(position, size);
  return prepared(
      file_->file_.places(file_->tell().value() + position, std::min(n, size - position)).value());
}

void file_buffer::grow(std::size_t n) {
  const std::size_t now = size(), most = max_size();
  if (now > most || n > most - now) throw std::length_error("coramfs::file_buffer");
  file_->file_.append_unspecified(n).value();
}

void file_buffer::shrink(std::size_t n) {
  file_->file_.truncate(file_->size().value() - std::min(n, size())).value();
}

void file_buffer::consume(std::size_t n) {
  file_->file_.set_cursor(file_->tell().value() + std::min(n, size()));
}

}  // namespace coramfs
