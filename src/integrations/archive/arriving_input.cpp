// SPDX-License-Identifier: BSL-1.0
#include "integrations/archive/arriving_input.hpp"

#include "integrations/archive/bytes_of.hpp"

#include <algorithm>
#include <cstring>
#include <string_view>

namespace coramfs::detail {

namespace {

// As much of the header of a gzip as says that it is one.
constexpr std::size_t gzip_begin = 4;

// The first place, from one on, where one may begin.
std::optional<std::size_t> find_gzip(std::span<const std::byte> in, std::size_t from) noexcept {
  constexpr std::string_view magic = "\x1F\x8B\x08";
  const std::string_view text = text_of(in);
  for (std::size_t i = text.find(magic, from); i != text.npos; i = text.find(magic, i + 1))
    if (i + gzip_begin <= text.size() && (byte_at(in, i + 3) & 0xE0) == 0) return i;
  return std::nullopt;
}

// Whether so many bytes can stand at an offset, which may be what a malformed archive says.
bool can_be(std::uint64_t offset, std::size_t count) noexcept {
  return count <= std::numeric_limits<std::uint64_t>::max() - offset;
}

}  // namespace

arriving_input::arriving_input(arriving_bytes& from) : from_(from), window_(window_size) {
  size_ = std::numeric_limits<std::uint64_t>::max();
  for (auto& buffer : given_) buffer.resize(input_piece);
}

// Reads until that many bytes have come, or all.
result<void> arriving_input::fetch(std::uint64_t end) {
  while (!has_ended_ && arrived() < end) {
    if (filled_ + input_piece > window_.size()) {
      const std::size_t gone = filled_ - std::min(filled_, kept_behind);
      std::memmove(window_.data(), window_.data() + gone, filled_ - gone);
      window_at_ += gone;
      filled_ -= gone;
    }
    const auto room = std::span(window_).subspan(filled_, input_piece);
    BOOST_OUTCOME_TRY(const std::size_t more, from_.read(room));
    look_for_gzip(more);
    filled_ += more;
    if (more > 0) continue;
    has_ended_ = true;
    size_ = arrived();
  }
  return success();
}

// The first place behind the beginning where a gzip may begin, also one that came in two pieces.
void arriving_input::look_for_gzip(std::size_t more) noexcept {
  if (second_gzip_) return;
  const std::size_t before = std::min(filled_, gzip_begin - 1);
  const auto part = std::span(window_).subspan(filled_ - before, before + more);
  const std::uint64_t part_at = arrived() - before;
  const auto found = find_gzip(part, part_at == 0 ? 1 : 0);
  if (found) second_gzip_ = part_at + *found;
}

result<std::span<const std::byte>> arriving_input::at(std::uint64_t offset) {
  std::vector<std::byte>& buffer = given_[turn_ ^= 1];
  if (!can_be(offset, 1)) return std::span<const std::byte>();
  BOOST_OUTCOME_TRY(fetch(offset + 1));
  if (offset >= arrived()) return std::span<const std::byte>();
  const auto there = std::min<std::uint64_t>(arrived() - offset, input_piece);
  BOOST_OUTCOME_TRY(const std::size_t count,
                    copy(offset, std::span(buffer).first(static_cast<std::size_t>(there))));
  return std::span<const std::byte>(buffer).first(count);
}

result<std::size_t> arriving_input::copy(std::uint64_t offset, std::span<std::byte> to) {
  if (to.empty() || !can_be(offset, to.size())) return std::size_t{0};
  BOOST_OUTCOME_TRY(fetch(offset + to.size()));
  if (offset < window_at_) return errc::corrupt_archive;
  if (offset >= arrived()) return std::size_t{0};
  const auto count =
      static_cast<std::size_t>(std::min<std::uint64_t>(arrived() - offset, to.size()));
  std::memcpy(to.data(), window_.data() + (offset - window_at_), count);
  return count;
}

result<bool> arriving_input::pass_rest() {
  BOOST_OUTCOME_TRY(fetch(arrived() + 1));
  return has_ended_;
}

}  // namespace coramfs::detail
