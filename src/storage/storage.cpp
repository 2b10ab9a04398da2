// SPDX-License-Identifier: BSL-1.0
#include "storage/storage.hpp"

namespace coramfs::detail {

namespace {

result<void> require_size(std::uint64_t size) noexcept {
  if (size > max_file_size) return error(errc::too_large, size, max_file_size);
  return boost::outcome_v2::success();
}

}  // namespace

result<void> storage::write(const account& payer, std::uint64_t offset,
                            std::span<const std::byte> from) {
  BOOST_OUTCOME_TRY(require_writable(offset, from.size()));
  return chain_.write(payer, offset, from);
}

result<void> storage::write(const account& payer, std::uint64_t offset, bytes&& from) {
  BOOST_OUTCOME_TRY(require_writable(offset, from.size()));
  if (offset == size()) return chain_.adopt(payer, from);
  BOOST_OUTCOME_TRY(chain_.write(payer, offset, from));
  from = bytes();
  return boost::outcome_v2::success();
}

result<void> storage::resize(const account& payer, std::uint64_t size) {
  BOOST_OUTCOME_TRY(require_size(size));
  return chain_.resize(payer, size);
}

result<void> storage::assign_zeros(const account& payer, std::uint64_t size) {
  BOOST_OUTCOME_TRY(require_size(size));
  return chain_.assign_zeros(payer, size);
}

result<void> storage::require_writable(std::uint64_t offset, std::size_t size) const noexcept {
  // An offset may be any number; the sum may not wrap.
  if (offset > max_file_size) return error(errc::too_large, offset, max_file_size);
  BOOST_OUTCOME_TRY(require_size(offset + size));
  if (offset > this->size()) return errc::not_supported;
  return boost::outcome_v2::success();
}

}  // namespace coramfs::detail
