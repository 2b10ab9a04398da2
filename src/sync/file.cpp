// SPDX-License-Identifier: BSL-1.0
#include <coramfs/sync/file.hpp>

#include "core/error_note.hpp"
#include "handles/write_operations.hpp"
#include "sync/run.hpp"

namespace coramfs::sync {

result<std::size_t> file::read(asio::mutable_buffer to) { return file_.read(detail::to_span(to)); }

result<bytes> file::read_all() { return file_.read_all(); }

result<std::size_t> file::write(asio::const_buffer from) {
  if (!file_.writes_in_steps()) return file_.write(detail::to_span(from));
  return detail::run_blocking(detail::write_operation(file_, {}, detail::to_span(from)));
}

result<std::size_t> file::write(bytes&& from) {
  return detail::run_blocking(detail::adopt_operation(file_, from));
}

result<std::size_t> file::read_at(std::uint64_t offset, asio::mutable_buffer to) {
  return file_.read_at(offset, detail::to_span(to));
}

result<std::size_t> file::write_at(std::uint64_t offset, asio::const_buffer from) {
  if (!file_.writes_in_steps()) return file_.write_at(offset, detail::to_span(from));
  return detail::run_blocking(detail::write_operation(file_, offset, detail::to_span(from)));
}

result<std::size_t> file::write_all(std::optional<std::uint64_t> offset,
                                    const detail::byte_source& from) {
  if (!file_.writes_in_steps()) return file_.write_all(offset, from);
  return detail::run_blocking(detail::gather_write_operation(file_, offset, from));
}

result<std::uint64_t> file::truncate(std::optional<std::uint64_t> size) {
  return detail::run_blocking(detail::truncate_operation(file_, size));
}

result<void> file::punch_hole(std::uint64_t offset, std::uint64_t size) {
  return file_.punch_hole(offset, size);
}

result<pinned> file::pin(std::uint64_t offset, std::size_t n) {
  auto list = file_.pin(offset, n);
  if (!list) return file_.noted(detail::call::pin, list.assume_error());
  return pinned(std::move(list.assume_value()));
}

result<void> file::reserve(std::uint64_t size) {
  return detail::run_blocking(detail::reserve_operation(file_, size));
}

result<void> file::announce(std::uint64_t size, bool reserve) {
  return detail::run_blocking(detail::announce_operation(file_, size, reserve));
}

result<prepared> file::prepare(std::size_t n) {
  BOOST_OUTCOME_TRY(auto list, detail::run_blocking(detail::prepare_operation(file_, n)));
  return prepared(std::move(list));
}

}  // namespace coramfs::sync
