// SPDX-License-Identifier: BSL-1.0
#include "integrations/archive/adapter_stream.hpp"

#include <array>
#include <cstddef>
#include <new>
#include <span>
#include <utility>

namespace coramfs {

archive_reader::~archive_reader() = default;
archive_adapter::~archive_adapter() = default;

namespace detail {

namespace {

constexpr std::size_t head_size = 512;

// Calls what is the user's, which may throw where nothing of ours does.
template <class Function>
auto guarded(Function function) noexcept -> decltype(function()) {
  try {
    return function();
  } catch (const std::bad_alloc&) {
    return errc::out_of_memory;
  } catch (...) {
    return errc::corrupt_archive;
  }
}

}  // namespace

result<std::unique_ptr<entry_stream>> adapter_stream::open(
    const std::vector<std::shared_ptr<const archive_adapter>>& adapters,
    const archive_source& source, std::string_view name, archive_input& in) {
  std::array<std::byte, head_size> room;
  BOOST_OUTCOME_TRY(const std::size_t count, in.copy(0, room));
  const auto head = std::span<const std::byte>(room).first(count);
  for (const auto& by : adapters) {
    if (!by) continue;
    BOOST_OUTCOME_TRY(const bool is_its,
                      guarded([&]() -> result<bool> { return by->accepts(head, name); }));
    if (!is_its) continue;
    std::unique_ptr<adapter_stream> stream(new adapter_stream(by, source));
    BOOST_OUTCOME_TRY(stream->reader_, guarded([&] { return by->open(stream->source_); }));
    if (!stream->reader_) return errc::corrupt_archive;
    return std::unique_ptr<entry_stream>(std::move(stream));
  }
  return std::unique_ptr<entry_stream>();
}

result<std::optional<stream_entry>> adapter_stream::next() {
  read_ = 0;
  BOOST_OUTCOME_TRY(auto entry, guarded([&] { return reader_->next(); }));
  if (!entry) return std::optional<stream_entry>();
  stream_entry e;
  e.entry = std::move(*entry);
  return std::optional(std::move(e));
}

result<std::optional<data_block>> adapter_stream::read() {
  BOOST_OUTCOME_TRY(const auto content, guarded([&] { return reader_->read(); }));
  if (content.empty()) return std::optional<data_block>();
  const data_block block{read_, content, 0};
  read_ += content.size();
  return std::optional(block);
}

}  // namespace detail

}  // namespace coramfs
