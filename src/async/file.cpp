// SPDX-License-Identifier: BSL-1.0
#include <coramfs/file.hpp>

#include "async/freeing_operation.hpp"
#include "async/in_turn.hpp"
#include "async/later.hpp"
#include "async/lent_buffer.hpp"
#include "async/run.hpp"
#include "async/start.hpp"
#include "async/turns.hpp"
#include "core/error_note.hpp"
#include "core/pace.hpp"
#include "handles/read_operations.hpp"
#include "handles/write_operations.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <utility>

namespace coramfs {

using detail::in_turn;
using detail::to_span;

namespace {

using detail::open_file;

// Calls that can not wait, and are too short for slices, are plain coroutines. The choice between
// them and an operation is made at the call. It can not become wrong before the await by much: a
// handle waits for space or does not for as long as it is open, and whatever else changes costs no
// more than one turn.
asio::awaitable<result<std::size_t>> read_now(open_file& f, std::span<std::byte> to) {
  co_return f.read(to);
}

asio::awaitable<result<std::size_t>> read_at_now(open_file& f, std::uint64_t offset,
                                                 std::span<std::byte> to) {
  co_return f.read_at(offset, to);
}

asio::awaitable<result<std::size_t>> write_now(open_file& f, std::span<const std::byte> from) {
  co_return f.write(from);
}

asio::awaitable<result<std::size_t>> write_at_now(open_file& f, std::uint64_t offset,
                                                  std::span<const std::byte> from) {
  co_return f.write_at(offset, from);
}

// A `prepare` whose outcome is of the public type.
class prepare_operation : public detail::prepare_operation {
 public:
  using detail::prepare_operation::prepare_operation;

  result<prepared> outcome() noexcept {
    BOOST_OUTCOME_TRY(auto places, detail::prepare_operation::outcome());
    return prepared(std::move(places));
  }
};

// Holds the buffer of an `adopt_operation` below. It is a base in front of that one, so it is
// destroyed after it.
struct lent {
  std::shared_ptr<detail::lent_buffer> buffer;
};
// A write of a buffer that the caller lent, and gets back if the write fails.
class adopt_operation : private lent, public detail::adopt_operation {
 public:
  adopt_operation(open_file& f, std::shared_ptr<detail::lent_buffer> from) noexcept
      : lent{std::move(from)}, detail::adopt_operation(f, buffer->content) {}
  adopt_operation(adopt_operation&&) noexcept = default;
  // A write that is dropped before it has begun gives the buffer back as one that fails does.
  ~adopt_operation() {
    if (buffer != nullptr && !has_ended_ && !has_begun()) buffer->give_back();
  }

  result<std::size_t> outcome() noexcept {
    has_ended_ = true;
    auto count = detail::adopt_operation::outcome();
    if (!count) buffer->give_back();
    return count;
  }

 private:
  bool has_ended_ = false;
};

// A write of a buffer that is the operation's own.
struct owned {
  open_file& of;
  bytes content;
};
class adopt_own_operation : private owned, public detail::adopt_operation {
 public:
  adopt_own_operation(open_file& f, bytes&& from) noexcept
      : owned{f, std::move(from)}, detail::adopt_operation(f, content) {}
  // It moves only before it has begun, so nothing is lost if it is made anew over the buffer here.
  adopt_own_operation(adopt_own_operation&& unbegun) noexcept
      : adopt_own_operation(unbegun.of, std::move(unbegun.content)) {}
};

asio::awaitable<result<std::size_t>> write_nothing(errc why) { co_return why; }

// The value, or 0 for a file that is not open.
std::uint64_t or_none(const result<std::uint64_t>& of) noexcept { return of ? of.value() : 0; }

// The bytes from the cursor to the end.
std::uint64_t bytes_left(const open_file& f) noexcept {
  const std::uint64_t end = or_none(f.size());
  return end - std::min(or_none(f.tell()), end);
}

// The bytes that a `truncate` adds.
std::uint64_t growth(const open_file& f, std::optional<std::uint64_t> size) noexcept {
  const std::uint64_t wanted = size ? *size : or_none(f.tell());
  return wanted - std::min(wanted, or_none(f.size()));
}

auto truncation(bool is_due, open_file& f, std::optional<std::uint64_t> size) noexcept {
  auto alive = f.is_open() ? f.keep_volume() : detail::life_hold();
  return detail::freeing_operation(in_turn<detail::truncate_operation>(is_due, f, size),
                                   std::move(alive));
}

auto hole(bool is_due, open_file& f, std::uint64_t offset, std::uint64_t size) noexcept {
  auto alive = f.is_open() ? f.keep_volume() : detail::life_hold();
  return detail::freeing_operation(in_turn<detail::punch_operation>(is_due, f, offset, size),
                                   std::move(alive));
}

bool is_short(const open_file& f, std::optional<std::uint64_t> offset,
              asio::const_buffer from) noexcept {
  return from.size() <= detail::slice_size && !f.writes_in_steps() && !f.promotes_long(offset);
}

}  // namespace

bool file::is_due(std::uint64_t size) noexcept {
  return detail::is_turn_due(done_in_turn_, size, executor_.get());
}

asio::awaitable<result<std::size_t>> file::read(asio::mutable_buffer to) {
  const bool due = is_due(to.size());
  if (to.size() <= detail::slice_size && !due) return read_now(file_, to_span(to));
  return detail::run(in_turn<detail::read_operation>(due, file_, std::nullopt, to_span(to)));
}

asio::awaitable<result<bytes>> file::read_all() {
  return detail::run(in_turn<detail::read_all_operation>(is_due(bytes_left(file_)), file_));
}

asio::awaitable<result<std::size_t>> file::write(asio::const_buffer from) {
  const bool due = is_due(from.size());
  if (!due && is_short(file_, {}, from)) return write_now(file_, to_span(from));
  return detail::run(in_turn<detail::write_operation>(due, file_, std::nullopt, to_span(from)));
}

asio::awaitable<result<std::size_t>> file::write(bytes&& from, detail::call_scope&& scope) {
  const bool due = is_due(from.size());
  std::shared_ptr<detail::lent_buffer> taken;
  try {
    taken = std::make_shared<detail::lent_buffer>(from);
  } catch (const std::bad_alloc&) {
    return write_nothing(errc::out_of_memory);
  }
  scope.end_with(taken);
  return detail::run(in_turn<adopt_operation>(due, file_, std::move(taken)));
}

asio::awaitable<result<std::size_t>> file::read_at(std::uint64_t offset, asio::mutable_buffer to) {
  const bool due = is_due(to.size());
  if (to.size() <= detail::slice_size && !due) return read_at_now(file_, offset, to_span(to));
  return detail::run(in_turn<detail::read_operation>(due, file_, offset, to_span(to)));
}

asio::awaitable<result<std::size_t>> file::write_at(std::uint64_t offset, asio::const_buffer from) {
  const bool due = is_due(from.size());
  if (!due && is_short(file_, offset, from)) return write_at_now(file_, offset, to_span(from));
  return detail::run(in_turn<detail::write_operation>(due, file_, offset, to_span(from)));
}

asio::awaitable<result<std::uint64_t>> file::truncate(std::optional<std::uint64_t> size) {
  return detail::run(truncation(is_due(growth(file_, size)), file_, size));
}

asio::awaitable<result<void>> file::punch_hole(std::uint64_t offset, std::uint64_t size) {
  return detail::run(hole(is_due(0), file_, offset, size));
}

result<pinned> file::pin(std::uint64_t offset, std::size_t n) {
  auto list = file_.pin(offset, n);
  if (!list) return file_.noted(detail::call::pin, list.assume_error());
  return pinned(std::move(list.assume_value()));
}

asio::awaitable<result<void>> file::reserve(std::uint64_t size) {
  return detail::run(in_turn<detail::reserve_operation>(is_due(0), file_, size));
}

asio::awaitable<result<prepared>> file::prepare(std::size_t n) {
  return detail::run(in_turn<prepare_operation>(is_due(n), file_, n));
}

asio::awaitable<result<void>> file::announce(std::uint64_t size, bool reserve) {
  return detail::run(in_turn<detail::announce_operation>(is_due(0), file_, size, reserve));
}

result<void> file::close() {
  file_.close();
  return success();
}

void file::start_write(detail::completion<result<std::size_t>>& to, detail::open_file& f,
                       offset_or_cursor offset, const detail::byte_source& from) {
  detail::start(to, detail::gather_write_operation(f, offset, from));
}

// With completion tokens. Whether a turn is due is decided where the operation begins.

detail::initiation<result<std::size_t>> file::later::read(asio::mutable_buffer to) {
  return detail::later(executor_, [&f = of_, to]() mutable {
    return in_turn<detail::read_operation>(f.is_due(to.size()), f.file_, std::nullopt, to_span(to));
  });
}

detail::initiation<result<bytes>> file::later::read_all() {
  return detail::later(executor_, [&f = of_]() mutable {
    return in_turn<detail::read_all_operation>(f.is_due(bytes_left(f.file_)), f.file_);
  });
}

detail::initiation<result<std::size_t>> file::later::write(asio::const_buffer from) {
  return detail::later(executor_, [&f = of_, from]() mutable {
    return in_turn<detail::write_operation>(f.is_due(from.size()), f.file_, std::nullopt,
                                            to_span(from));
  });
}

detail::initiation<result<std::size_t>> file::later::write(bytes&& from) {
  return detail::later(executor_, [&f = of_, from = std::move(from)]() mutable {
    const bool due = f.is_due(from.size());
    return in_turn<adopt_own_operation>(due, f.file_, std::move(from));
  });
}

detail::initiation<result<std::size_t>> file::later::read_at(std::uint64_t offset,
                                                             asio::mutable_buffer to) {
  return detail::later(executor_, [&f = of_, offset, to]() mutable {
    return in_turn<detail::read_operation>(f.is_due(to.size()), f.file_, offset, to_span(to));
  });
}

detail::initiation<result<std::size_t>> file::later::write_at(std::uint64_t offset,
                                                              asio::const_buffer from) {
  return detail::later(executor_, [&f = of_, offset, from]() mutable {
    return in_turn<detail::write_operation>(f.is_due(from.size()), f.file_, offset, to_span(from));
  });
}

detail::initiation<result<std::uint64_t>> file::later::truncate(std::optional<std::uint64_t> size) {
  return detail::later(executor_, [&f = of_, size]() mutable {
    return truncation(f.is_due(growth(f.file_, size)), f.file_, size);
  });
}

detail::initiation<result<void>> file::later::punch_hole(std::uint64_t offset, std::uint64_t size) {
  return detail::later(executor_, [&f = of_, offset, size]() mutable {
    return hole(f.is_due(0), f.file_, offset, size);
  });
}

detail::initiation<result<void>> file::later::reserve(std::uint64_t size) {
  return detail::later(executor_, [&f = of_, size]() mutable {
    return in_turn<detail::reserve_operation>(f.is_due(0), f.file_, size);
  });
}

detail::initiation<result<void>> file::later::announce(std::uint64_t size, bool reserve) {
  return detail::later(executor_, [&f = of_, size, reserve]() mutable {
    return in_turn<detail::announce_operation>(f.is_due(0), f.file_, size, reserve);
  });
}

detail::initiation<result<prepared>> file::later::prepare(std::size_t n) {
  return detail::later(executor_, [&f = of_, n]() mutable {
    return in_turn<prepare_operation>(f.is_due(n), f.file_, n);
  });
}

namespace detail {

call_scope::call_scope() noexcept = default;

call_scope::~call_scope() {
  if (lent_ != nullptr) lent_->keep();
}

void call_scope::end_with(std::shared_ptr<lent_buffer> lent) noexcept { lent_ = std::move(lent); }

}  // namespace detail

}  // namespace coramfs
