// SPDX-License-Identifier: BSL-1.0
#include "integrations/archive/pax_watch.hpp"

#include "integrations/archive/archive_kind.hpp"
#include "integrations/archive/bytes_of.hpp"

#include <algorithm>
#include <charconv>

namespace coramfs::detail {

namespace {

constexpr std::uint64_t tar_block = 512, most_records = 1 << 20;

std::uint64_t padding_of(std::uint64_t size) noexcept {
  return (tar_block - size % tar_block) % tar_block;
}

// The size that a header says, in octal digits, or binary behind a bit; none if it is neither.
std::optional<std::uint64_t> size_of(std::string_view header) noexcept {
  const std::string_view field = header.substr(124, 12);
  if ((static_cast<unsigned char>(field[0]) & 0x80) != 0) {
    std::uint64_t n = 0;
    for (const char c : field.substr(4)) n = n << 8 | static_cast<unsigned char>(c);
    return n;
  }
  const std::size_t begin = std::min(field.find_first_not_of(" \0"), field.size());
  std::uint64_t n = 0;
  const auto got = std::from_chars(field.data() + begin, field.data() + field.size(), n, 8);
  if (got.ec == std::errc::result_out_of_range) return std::nullopt;
  return n;
}

}  // namespace

void pax_watch::look(std::uint64_t offset, std::span<const std::byte> piece) {
  if (in_ == place::lost) return;
  if (offset > at_) {
    // Nobody skips a header.
    const std::uint64_t gap = offset - at_;
    if (in_ != place::skipped || gap > left_) {
      in_ = place::lost;
      return;
    }
    at_ = offset;
    left_ -= gap;
  }
  piece =
      piece.subspan(std::min<std::size_t>(piece.size(), static_cast<std::size_t>(at_ - offset)));
  while (in_ != place::lost) {
    if (left_ == 0) {
      switch (in_) {
        case place::header: look_at_header(); break;
        case place::records: look_at_records(); break;
        default: in_ = place::header; left_ = tar_block;
      }
      continue;
    }
    if (piece.empty()) return;
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(left_, piece.size()));
    if (in_ != place::skipped) collected_ += text_of(piece.first(count));
    piece = piece.subspan(count);
    at_ += count;
    left_ -= count;
  }
}

void pax_watch::look_at_header() {
  const std::string header = std::exchange(collected_, {});
  const auto size = size_of(header);
  const bool is_end = header.find_first_not_of('\0') == header.npos;
  if (!size || is_end || !is_tar_block(std::as_bytes(std::span(header.data(), header.size())))) {
    in_ = place::lost;
    return;
  }
  const char type = header[156];
  if (type == 'x' || type == 'X') {
    in_ = *size <= most_records ? place::records : place::lost;
    left_ = *size;
    padding_ = padding_of(*size);
    return;
  }
  std::uint64_t stored = *size;
  if (type != 'g' && type != 'L' && type != 'K') {
    if (name_) hidden_.emplace_back(at_, std::move(*name_));
    stored = size_.value_or(stored);
    name_.reset();
    size_.reset();
    // Those of no content; that of a hard link depends on what follows.
    if (type == '1' && stored > 0) in_ = place::lost;
    if (type >= '2' && type <= '6' && type != '5') stored = 0;
  }
  if (in_ == place::lost) return;
  in_ = place::skipped;
  left_ = stored + padding_of(stored);
}

void pax_watch::look_at_records() {
  const std::string all = std::exchange(collected_, {});
  std::string_view left = all;
  while (!left.empty()) {
    std::size_t size = 0;
    const auto got = std::from_chars(left.data(), left.data() + left.size(), size);
    const auto digits = static_cast<std::size_t>(got.ptr - left.data());
    if (got.ec != std::errc() || size <= digits + 1 || size > left.size()) break;
    const std::string_view record = left.substr(digits + 1, size - digits - 2);
    left.remove_prefix(size);
    const std::size_t equals = record.find('=');
    if (equals == record.npos) break;
    const std::string_view key = record.substr(0, equals), value = record.substr(equals + 1);
    if (key == "path" && value.find('\0') != value.npos) name_ = value;
    if (key == "path" && value.find('\0') == value.npos) name_.reset();
    if (key == "size") {
      std::uint64_t n = 0;
      std::from_chars(value.data(), value.data() + value.size(), n);
      size_ = n;
    }
  }
  in_ = place::skipped;
  left_ = padding_;
}

std::optional<std::string> pax_watch::hidden_name(std::uint64_t header_end) {
  while (!hidden_.empty() && hidden_.front().first < header_end) hidden_.erase(hidden_.begin());
  if (hidden_.empty() || hidden_.front().first != header_end) return std::nullopt;
  return hidden_.front().second;
}

}  // namespace coramfs::detail
