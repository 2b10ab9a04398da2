// SPDX-License-Identifier: BSL-1.0
#include <coramfs/file.hpp>

#include <coramfs/detail/buffer_span.hpp>

#include "async/lent_buffer.hpp"
#include "async/run.hpp"
#include "async/start.hpp"
#include "core/pace.hpp"
#include "tree/reading.hpp"
#include "tree/writing.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <utility>

namespace coramfs {

using detail::to_span;

namespace {

using detail::open_file;

// What can not wait, and is too short for slices. The choice is made at the call: a handle waits
// for space or does not for as long as it is open, and what else it depends on makes it no more
// than one turn.
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

// A `prepare` that ends with what users see.
class preparing : public detail::preparing {
 public:
  using detail::preparing::preparing;

  result<prepared> outcome() noexcept {
    BOOST_OUTCOME_TRY(auto places, detail::preparing::outcome());
    return prepared(std::move(places));
  }
};

// An `adopting` of what the caller lent. The base is destroyed first, and may store to the end.
struct lent {
  std::shared_ptr<detail::lent_buffer> buffer;
};
class adopting : private lent, public detail::adopting {
 public:
  adopting(open_file& f, std::shared_ptr<detail::lent_buffer> from) noexcept
      : lent{std::move(from)}, detail::adopting(f, buffer->content) {}
  adopting(adopting&&) noexcept = default;
  // Where it was dropped before it began.
  ~adopting() {
    if (buffer != nullptr && !has_ended_ && !has_begun()) buffer->give_back();
  }

  result<std::size_t> outcome() noexcept {
    has_ended_ = true;
    auto count = detail::adopting::outcome();
    if (!count) buffer->give_back();
    return count;
  }

 private:
  bool has_ended_ = false;
};

asio::awaitable<result<std::size_t>> write_nothing(errc why) { co_return why; }

bool is_short(const open_file& f, std::optional<std::uint64_t> offset,
              asio::const_buffer from) noexcept {
  return from.size() <= detail::slice_size && !f.waits_for_space() && !f.promotes_long(offset);
}

}  // namespace

asio::awaitable<result<std::size_t>> file::read(asio::mutable_buffer to) {
  if (to.size() <= detail::slice_size) return read_now(file_, to_span(to));
  return detail::run(detail::reading(file_, {}, to_span(to)));
}

asio::awaitable<result<bytes>> file::read_all() { return detail::run(detail::reading_all(file_)); }

asio::awaitable<result<std::size_t>> file::write(asio::const_buffer from) {
  if (is_short(file_, {}, from)) return write_now(file_, to_span(from));
  return detail::run(detail::writing(file_, {}, to_span(from)));
}

asio::awaitable<result<std::size_t>> file::write(bytes&& from, detail::call_scope&& scope) {
  std::shared_ptr<detail::lent_buffer> taken;
  try {
    taken = std::make_shared<detail::lent_buffer>(from);
  } catch (const std::bad_alloc&) {
    return write_nothing(errc::out_of_memory);
  }
  scope.end_with(taken);
  return detail::run(adopting(file_, std::move(taken)));
}

asio::awaitable<result<std::size_t>> file::read_at(std::uint64_t offset, asio::mutable_buffer to) {
  if (to.size() <= detail::slice_size) return read_at_now(file_, offset, to_span(to));
  return detail::run(detail::reading(file_, offset, to_span(to)));
}

asio::awaitable<result<std::size_t>> file::write_at(std::uint64_t offset, asio::const_buffer from) {
  if (is_short(file_, offset, from)) return write_at_now(file_, offset, to_span(from));
  return detail::run(detail::writing(file_, offset, to_span(from)));
}

asio::awaitable<result<std::uint64_t>> file::truncate(std::optional<std::uint64_t> size) {
  return detail::run(detail::truncating(file_, size));
}

result<pinned> file::pin(std::uint64_t offset, std::size_t n) {
  BOOST_OUTCOME_TRY(auto list, file_.pin(offset, n));
  return pinned(std::move(list));
}

asio::awaitable<result<prepared>> file::prepare(std::size_t n) {
  return detail::run(preparing(file_, n));
}

void file::start_write(detail::completion<result<std::size_t>>& to, detail::open_file& f,
                       offset_or_cursor offset, const detail::byte_source& from) {
  detail::start(to, detail::gathering(f, offset, from));
}

namespace detail {

call_scope::call_scope() noexcept = default;

call_scope::~call_scope() {
  if (lent_ != nullptr) lent_->keep();
}

void call_scope::end_with(std::shared_ptr<lent_buffer> lent) noexcept { lent_ = std::move(lent); }

}  // namespace detail

}  // namespace coramfs
