// SPDX-License-Identifier: BSL-1.0
#include "integrations/archive/compressor.hpp"

#include <new>

namespace coramfs::detail {

namespace {

// What libarchive collects before it gives it on.
constexpr int collected_at_once = 64 * 1024;

}  // namespace

compressor::compressor() : handle_(::archive_write_new()) {
  if (!handle_) throw std::bad_alloc();
}

// What is collected, and an encoder, are only freed where the handle is closed, and where that has
// not failed before.
compressor::~compressor() {
  discards_ = true;
  handle_.reset();
}

la_ssize_t compressor::on_write(::archive*, void* self, const void* from,
                                std::size_t size) noexcept {
  auto& c = *static_cast<compressor*>(self);
  if (c.discards_ && c.stops_short_) return -1;
  const auto* const begin = static_cast<const std::byte*>(from);
  try {
    if (!c.discards_ && !c.has_failed_) c.made_.insert(c.made_.end(), begin, begin + size);
  } catch (const std::bad_alloc&) {
    c.has_failed_ = true;
  }
  return static_cast<la_ssize_t>(size);
}

result<void> compressor::outcome(int of_call) {
  if (of_call >= ARCHIVE_WARN && !has_failed_) return success();
  if (has_failed_) return errc::out_of_memory;
  return failure_of(handle_.get(), nullptr);
}

result<void> compressor::open() {
  ::archive* const a = handle_.get();
  ::archive_write_set_bytes_per_block(a, collected_at_once);
  ::archive_write_set_bytes_in_last_block(a, 1);
  return outcome(::archive_write_open(a, this, nullptr, on_write, nullptr));
}

result<void> compressor::write(std::span<const std::byte> content) {
  while (!content.empty()) {
    const la_ssize_t done = ::archive_write_data(handle_.get(), content.data(), content.size());
    if (done <= 0) return outcome(done < 0 ? static_cast<int>(done) : ARCHIVE_FATAL);
    content = content.subspan(static_cast<std::size_t>(done));
  }
  return success();
}

result<void> compressor::finish() { return outcome(::archive_write_close(handle_.get())); }

}  // namespace coramfs::detail
