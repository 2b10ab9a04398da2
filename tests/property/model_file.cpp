// SPDX-License-Identifier: BSL-1.0
#include "property/model_file.hpp"

#include "support/describe.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace coramfs::tests {

namespace {

constexpr std::uint64_t max_size = std::numeric_limits<std::int64_t>::max();

std::size_t copy_out(const std::string& content, std::uint64_t offset, std::span<char> to) {
  if (offset >= content.size()) return 0;
  return content.copy(to.data(), to.size(), offset);
}

void require_end(std::uint64_t offset, std::size_t size) {
  if (offset > max_size) throw error(errc::too_large, offset, max_size);
  if (offset + size > max_size) throw error(errc::too_large, offset + size, max_size);
}

}  // namespace

model_file::model_file(model& of, std::string path, open_mode mode, std::uint64_t cursor)
    : of_(of), path_(std::move(path)), mode_(mode), cursor_(cursor) {
  of_.handles_.insert(this);
  of_.note_peak();  // before the handle goes whose place this one takes
}

result<std::size_t> model_file::read(std::span<char> to) {
  return attempt([&] {
    require_readable();
    const std::size_t n = copy_out(node().content, cursor_, to);
    cursor_ += n;
    return n;
  });
}

result<std::string> model_file::read_all() {
  return attempt([&]() -> std::string {
    require_readable();
    const std::string& content = node().content;
    if (cursor_ >= content.size()) return "";
    return content.substr(std::exchange(cursor_, content.size()));
  });
}

result<std::size_t> model_file::write(std::string_view from) {
  return attempt([&] {
    require_writable();
    if (from.empty()) return from.size();
    const std::uint64_t offset = write_offset();
    require_end(offset, from.size());
    of_.write(node(), offset, from);
    cursor_ = offset + from.size();
    return from.size();
  });
}

result<std::size_t> model_file::write(bytes&& from) {
  auto written = write(text_of(from));
  if (written) from = bytes();
  return written;
}

result<std::size_t> model_file::read_at(std::uint64_t offset, std::span<char> to) {
  return attempt([&] {
    require_readable();
    return copy_out(node().content, offset, to);
  });
}

result<std::size_t> model_file::write_at(std::uint64_t offset, std::string_view from) {
  return attempt([&] {
    require_writable();
    if (from.empty()) return from.size();
    require_end(offset, from.size());
    if (appends() && offset != node().content.size()) throw error(errc::not_supported);
    of_.write(node(), offset, from);
    return from.size();
  });
}

result<std::uint64_t> model_file::truncate(std::optional<std::uint64_t> size) {
  return attempt([&] {
    require_writable();
    const std::uint64_t wanted = size.value_or(cursor_), before = node().content.size();
    require_end(wanted, 0);
    of_.resize(node(), wanted);
    if (wanted < before) cursor_ = std::min(cursor_, wanted);
    return wanted;
  });
}

result<void> model_file::reserve(std::uint64_t size) {
  return attempt([&] {
    require_writable();
    require_end(size, 0);
    of_.reserve(node(), size);
  });
}

result<void> model_file::punch_hole(std::uint64_t offset, std::uint64_t size) {
  return attempt([&] {
    require_writable();
    of_.punch(node(), offset, size);
  });
}

result<std::uint64_t> model_file::seek(std::int64_t offset, seek_from from) {
  return attempt([&] {
    require_open();
    const std::uint64_t base = from == seek_from::start     ? 0
                               : from == seek_from::current ? cursor_
                                                            : node().content.size();
    // Neither is above the largest size, so that the sum is a number.
    const auto distance = static_cast<std::uint64_t>(offset < 0 ? -(offset + 1) : offset);
    if (offset < 0 ? distance >= base : base + distance > max_size)
      throw error(errc::invalid_argument);
    return cursor_ = offset < 0 ? base - distance - 1 : base + distance;
  });
}

result<std::uint64_t> model_file::tell() const {
  return attempt([&] {
    require_open();
    return cursor_;
  });
}

result<std::uint64_t> model_file::size() const {
  return attempt([&]() -> std::uint64_t {
    require_open();
    return node().content.size();
  });
}

result<void> model_file::flush() {
  return attempt([&] { require_open(); });
}

result<void> model_file::close() {
  if (is_open()) node().reserved = 0;
  of_.handles_.erase(this);
  unnamed_.reset();
  return boost::outcome_v2::success();
}

void model_file::require_open() const {
  if (!is_open()) throw error(errc::not_open);
}

void model_file::require_readable() const {
  require_open();
  if (!may_read()) throw error(errc::not_readable);
}

void model_file::require_writable() const {
  require_open();
  if (!may_write()) throw error(errc::not_writable);
}

std::uint64_t model_file::write_offset() const {
  return appends() ? node().content.size() : cursor_;
}

}  // namespace coramfs::tests
