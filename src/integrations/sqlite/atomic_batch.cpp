// SPDX-License-Identifier: BSL-1.0
#include "integrations/sqlite/atomic_batch.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstddef>
#include <cstring>

namespace coramfs::sqlite::detail {

namespace {

constexpr std::size_t piece_size = 4096;

struct origin {
  std::uint64_t offset;
  std::uint64_t size;
};

// Nobody else has the file, so what was written to it is there.
result<void> read_all(coramfs::sync::file& from, std::uint64_t offset, void* to, std::size_t size) {
  BOOST_OUTCOME_TRY([[maybe_unused]] const std::size_t count,
                    from.read_at(offset, asio::buffer(to, size)));
  assert(count == size);
  return boost::outcome_v2::success();
}

}  // namespace

result<atomic_batch> atomic_batch::begin(std::shared_ptr<database_file> of,
                                         const file_request& how) {
  BOOST_OUTCOME_TRY(const std::uint64_t size, of->size());
  BOOST_OUTCOME_TRY(auto kept, of->open_scratch(how));
  return atomic_batch(std::move(of), std::move(kept), size);
}

result<void> atomic_batch::keep(std::uint64_t offset, std::uint64_t size) {
  const std::uint64_t end = offset < old_size_ ? offset + std::min(size, old_size_ - offset) : 0;
  while (offset < end) {
    std::array<std::byte, piece_size + sizeof(origin)> piece;
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(piece_size, end - offset));
    BOOST_OUTCOME_TRY(const std::size_t count,
                      file_->read_at(offset, asio::buffer(piece.data(), wanted)));
    const origin from{offset, count};
    std::memcpy(piece.data() + count, &from, sizeof from);
    BOOST_OUTCOME_TRY(kept_.write_at(kept_size_, asio::buffer(piece.data(), count + sizeof from)));
    kept_size_ += count + sizeof from;
    offset += wanted;
  }
  return boost::outcome_v2::success();
}

result<void> atomic_batch::put_back() {
  std::array<std::byte, piece_size> piece;
  while (kept_size_ > 0) {
    origin to{};
    BOOST_OUTCOME_TRY(read_all(kept_, kept_size_ - sizeof to, &to, sizeof to));
    const auto size = static_cast<std::size_t>(to.size);
    const std::uint64_t start = kept_size_ - sizeof to - size;
    BOOST_OUTCOME_TRY(read_all(kept_, start, piece.data(), size));
    BOOST_OUTCOME_TRY(file_->write_at(to.offset, asio::buffer(piece.data(), size)));
    kept_size_ = start;
  }
  return file_->truncate(old_size_);
}

}  // namespace coramfs::sqlite::detail
