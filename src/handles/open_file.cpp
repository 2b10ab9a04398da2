// SPDX-License-Identifier: BSL-1.0
#include <coramfs/detail/open_file.hpp>

#include <coramfs/detail/byte_source.hpp>

#include "core/error_note.hpp"
#include "core/funding.hpp"
#include "core/path.hpp"
#include "handles/flow_end.hpp"
#include "handles/open_operation.hpp"
#include "handles/preparation.hpp"
#include "handles/write_operations.hpp"
#include "storage/backlog.hpp"
#include "storage/file_reserve.hpp"
#include "storage/promotion.hpp"
#include "tree/volume_state.hpp"

#include <algorithm>
#include <cassert>
#include <limits>
#include <new>
#include <span>
#include <utility>

namespace coramfs::detail {

namespace {

const std::string no_path;

// Frees what its writer closes of a file without a name. Nobody else has that: those who have
// waited for the file, and have not looked yet, keep the node.
void free_content(file_node& file, const account& payer) noexcept {
  backlog given_up;
  {
    const backlog::collecting collected(given_up);
    file.content.resize(payer, 0).value();
  }
  given_up.free_some();
}

// Whether somebody is asked where the volume is full.
bool asks(const volume_state& v) noexcept { return v.quota.asked() != nullptr; }

}  // namespace

// What few ask a handle for, which costs the others a pointer.
struct open_file::told {
  std::string path;                  // normal; empty until it was asked for
  error failure{std::error_code()};  // of a stream operation
};

open_file::open_file() noexcept = default;

open_file::open_file(open_operation& done) noexcept
    : node_(done.take_node()),
      patience_(done.patience()),
      path_(done.path_.take()),
      zeros_from_(done.zeros_from_),
      flow_(std::move(done.flow_)),
      mode_(flow_ ? open_mode::append : done.wanted_.mode),
      opened_with_(done.wanted_.mode),
      writes_in_steps_(flow_ || done.funds_.on_full() == when_full::wait || asks(volume())),
      on_full_(done.funds_.on_full()) {
  node_.make_handle();
  // An append begins where the file ended before this open has extended it with zeros.
  if (mode_ == open_mode::append) cursor_ = std::min(zeros_from_, content().size());
  record_ = volume().tree.handles().add(*node_, opened_with_, done.wanted_.label);
}

open_file::open_file(volume_state& v, node_use&& found, path_argument&& path, open_mode mode,
                     const open_options& options) noexcept
    : node_(std::move(found)),
      record_(v.tree.handles().add(*node_, mode, options.label)),
      patience_(options.timeout.value_or(v.options.default_lock_timeout)),
      path_(path.take()),
      mode_(mode),
      opened_with_(mode),
      writes_in_steps_(options.on_full == when_full::wait || asks(v)),
      on_full_(options.on_full) {
  if (mode == open_mode::append) cursor_ = node_->content.size();
}

node_use open_file::find_free(volume_state& v, const path_argument& path, open_mode mode,
                              const open_options& options) noexcept {
  constexpr auto bit = [](open_mode m) { return 1U << static_cast<unsigned>(m); };
  constexpr unsigned take_what_is_there = bit(open_mode::read) | bit(open_mode::update) |
                                          bit(open_mode::append) | bit(open_mode::append_read);
  // What is in no enumeration is refused where an open is looked at in full.
  if (mode > open_mode::create_read || options.on_full > when_full::wait) return {};
  if ((bit(mode) & take_what_is_there) == 0 || options.own || options.preallocate != 0 ||
      options.followable || options.abandoned != on_abandon::remove)
    return {};
  const auto plain = path.valid() ? normal_path::if_plain(path.view()) : std::nullopt;
  if (!plain) return {};
  const auto kind = mode == open_mode::read ? fair_lock::kind::shared : fair_lock::kind::exclusive;
  node_use found;
  {
    const tree::shared_access access(v.tree);
    if (file_node* const file = v.tree.find_file(*plain)) found = v.tree.use_at_once(*file, kind);
  }
  if (found && mode == open_mode::read && found->is_warm()) v.tree.heat(found);
  return found;
}

open_file::open_file(open_file&& other) noexcept = default;

open_file::~open_file() {
  if (flow_) give_to_owner();
  let_go();
}

open_file& open_file::operator=(open_file&& other) noexcept {
  if (this == &other) return *this;
  let_go();
  node_ = std::move(other.node_);
  cursor_ = other.cursor_;
  flow_ = std::move(other.flow_);
  mode_ = other.mode_;
  opened_with_ = other.opened_with_;
  writes_in_steps_ = other.writes_in_steps_;
  on_full_ = other.on_full_;
  record_ = other.record_;
  patience_ = other.patience_;
  path_ = std::move(other.path_);
  told_ = std::move(other.told_);
  reserve_ = std::move(other.reserve_);
  zeros_from_ = other.zeros_from_;
  prepared_ = std::move(other.prepared_);
  is_room_ = other.is_room_;
  is_room_short_ = other.is_room_short_;
  rooms_made_ = other.rooms_made_;
  return *this;
}

result<std::size_t> open_file::read(std::span<std::byte> to) noexcept {
  if (!readable()) return require_readable().error();
  const std::size_t count = read_from(cursor_, to);
  cursor_ += count;
  return count;
}

result<bytes> open_file::read_all() noexcept try {
  BOOST_OUTCOME_TRY(require_readable());
  const std::uint64_t size = size_now();
  bytes all(cursor_ < size ? size - cursor_ : 0);
  cursor_ += read_from(cursor_, all);
  return all;
} catch (const std::bad_alloc&) {
  return noted(call::read, errc::out_of_memory);
}

result<std::size_t> open_file::read_at(std::uint64_t offset, std::span<std::byte> to) noexcept {
  if (!readable()) return require_readable().error();
  return read_from(offset, to);
}

// Does a write that changes nothing but bytes in one block, in a shorter way. Returns whether it
// was such a write. It is a part of both writes, for it is the whole of most.
inline bool open_file::overwrite(std::uint64_t offset, std::span<const std::byte> from) noexcept {
  if (appends(mode_) || prepared_ != nullptr || !content().overwrite(offset, from)) return false;
  end_zeros_at(offset + from.size());
  show_change();
  return true;
}

// What plain writes end with. Others publish what is followed, too.
inline void open_file::show_change() noexcept { node_->publish_change(volume().clock.node_time()); }

result<std::size_t> open_file::write(std::span<const std::byte> from) noexcept {
  if (!writable()) return require_writable().error();
  if (from.empty()) return 0;
  if (overwrite(cursor_, from)) {
    cursor_ += from.size();
    return from.size();
  }
  BOOST_OUTCOME_TRY(const auto offset, make_room({}, from.size(), payer(), nullptr));
  content().store(offset, from);
  show_change();
  cursor_ = offset + from.size();
  return from.size();
}

result<std::size_t> open_file::write_at(std::uint64_t offset,
                                        std::span<const std::byte> from) noexcept {
  if (!writable()) return require_writable().error();
  if (from.empty()) return 0;
  if (overwrite(offset, from)) return from.size();
  BOOST_OUTCOME_TRY(make_room(offset, from.size(), payer(), nullptr));
  content().store(offset, from);
  show_change();
  return from.size();
}

result<std::size_t> open_file::write_all(std::optional<std::uint64_t> offset,
                                         const byte_source& from) noexcept {
  BOOST_OUTCOME_TRY(require_writable());
  if (from.size() == 0) return 0;
  BOOST_OUTCOME_TRY(expect_growth(from.size()));
  BOOST_OUTCOME_TRY(const auto at, make_room(offset, from.size(), payer(), nullptr));
  store_all(offset, at, from);
  return from.size();
}

void open_file::store_all(std::optional<std::uint64_t> offset, std::uint64_t at,
                          const byte_source& from) noexcept {
  from.for_each([&](std::span<const std::byte> piece) {
    content().store(at, piece);
    at += piece.size();
  });
  changed();
  if (!offset) cursor_ = at;
}

result<std::uint64_t> open_file::truncate(std::optional<std::uint64_t> size) noexcept {
  grant none;
  const std::uint64_t wanted = size.value_or(cursor_);
  BOOST_OUTCOME_TRY(const auto zeros_from, make_length(wanted, none));
  content().store_zeros(zeros_from, wanted);
  length_made(wanted);
  return wanted;
}

funding open_file::funds() const noexcept {
  return funding(is_open() ? &volume().quota : nullptr, on_full_, patience_);
}

result<void> open_file::ask_waiting_for_space(std::uint64_t bytes) const noexcept {
  const fault_seam& faults = volume().faults;
  if (!faults.has_policy()) return boost::outcome_v2::success();
  return faults.waiting_for_space(path_.view(), bytes, patience_);
}

// What is pinned counts as the file's for as long as the file has it. To leave it to the pins first
// would take time with the size of the file.
std::uint64_t open_file::own_charge() const noexcept {
  const account& prices = volume().account;
  return prices.of(node_->content.totals_now()).bytes + paid_ahead() +
         prices.of_metadata(node_footprint(false, node_->name.view()));
}

// Who pays for what the file grows by.
account open_file::payer() const noexcept { return volume().account.with(reserve_.get(), path_); }

std::uint64_t open_file::paid_ahead() const noexcept {
  return reserve_ != nullptr ? reserve_->left : 0;
}

std::atomic<std::uint64_t>* open_file::waiting() const noexcept { return &volume().waiting; }

volume_state& open_file::volume() const noexcept {
  return static_cast<volume_state&>(node_.whole());
}

storage& open_file::content() const noexcept { return node_->content; }

result<std::uint64_t> open_file::make_room(std::optional<std::uint64_t> offset, std::uint64_t size,
                                           grant& granted,
                                           std::unique_ptr<promotion>& rest) noexcept {
  BOOST_OUTCOME_TRY(require_writable());
  BOOST_OUTCOME_TRY(expect_growth(size));
  return make_room(offset, size, payer().funded(granted), &rest);
}

result<std::uint64_t> open_file::make_room(std::optional<std::uint64_t> offset, std::uint64_t size,
                                           const account& payer,
                                           std::unique_ptr<promotion>* rest) noexcept {
  drop_prepared();
  const std::uint64_t at = offset.value_or(write_offset());
  if (const auto end = storage::require_end(at, size); !end) return noted(call::write, end.error());
  if (appends(mode_) && at != size_now()) return noted(call::write, errc::not_supported);
  if (const auto made = content().make_room(payer, at, size, rest); !made)
    return noted(call::write, made.error());
  end_zeros_at(at + size);
  return at;
}

bool open_file::promotes_long(std::optional<std::uint64_t> offset) const noexcept {
  return is_open() && may_write() && content().promotes_long(offset.value_or(write_offset()));
}

result<bool> open_file::adopt(bytes& from, grant& granted) noexcept {
  BOOST_OUTCOME_TRY(require_writable());
  const std::size_t count = from.size();
  if (count == 0) return true;
  BOOST_OUTCOME_TRY(expect_growth(count));
  drop_prepared();
  const std::uint64_t offset = write_offset();
  BOOST_OUTCOME_TRY(const bool adopted, content().adopt(payer().funded(granted), offset, from));
  if (!adopted) return false;
  end_zeros_at(offset + count);
  changed();
  cursor_ = offset + count;
  return true;
}

result<std::uint64_t> open_file::make_length(std::uint64_t size, grant& granted) noexcept {
  BOOST_OUTCOME_TRY(require_writable(call::truncate));
  BOOST_OUTCOME_TRY(require_changeable(call::truncate));
  drop_prepared();
  auto made = content().make_length(payer().funded(granted), size);
  if (!made) return noted(call::truncate, made.error());
  // What is cut is written anew later, and what is added may be a hole that nothing was paid for.
  if (size != node_->size()) end_zeros_at(size);
  return made;
}

// Cutting can not fail, hence the `value()`.
void open_file::drop_room(std::uint64_t begin, std::uint64_t end) noexcept {
  const std::uint64_t shown = node_->size();
  if (content().size() > shown) content().resize(payer(), shown).value();
  if (begin < std::min(end, shown)) changed();
}

life_hold open_file::keep_volume() const noexcept { return life_hold(volume(), lane_of(*node_)); }

void open_file::length_made(std::uint64_t size) noexcept {
  if (size == 0) content().set_incomplete(false);
  const std::uint64_t before = node_->size();
  if (size == before) return;
  changed();
  if (size < before) cursor_ = std::min(cursor_, size);
}

void open_file::changed() noexcept {
  show_change();
  if (!flow_) return;
  assert(!flow_->has_ended());
  flow_->publish(content());
}

result<void> open_file::punch_hole(std::uint64_t offset, std::uint64_t size) noexcept {
  BOOST_OUTCOME_TRY(require_writable(call::punch_hole));
  BOOST_OUTCOME_TRY(require_changeable(call::punch_hole));
  drop_prepared();
  const std::uint64_t end = content().size();
  if (size == 0 || offset >= end) return boost::outcome_v2::success();
  const std::uint64_t stop = offset + std::min(size, end - offset);
  if (const auto made = content().punch(payer(), offset, stop); !made)
    return noted(call::punch_hole, made.error());
  end_zeros_at(stop);
  changed();
  return boost::outcome_v2::success();
}

result<piece_list> open_file::pin(std::uint64_t offset, std::size_t size) noexcept {
  BOOST_OUTCOME_TRY(require_readable(call::pin));
  const std::uint64_t end = size_now();
  if (offset >= end) return piece_list();
  const std::uint64_t count = std::min<std::uint64_t>(size, end - offset);
  life_hold alive(volume(), lane_of(*node_));
  if (prepared_ == nullptr) return content().pin(offset, count, std::move(alive));
  return prepared_->pin(payer(), offset, count, std::move(alive));
}

void open_file::drop_reserve() noexcept {
  if (paid_ahead() > 0) volume().quota.release({.bytes = paid_ahead(), .ahead = paid_ahead()});
  reserve_.reset();
}

void open_file::drop_prepared() noexcept {
  if (prepared_ == nullptr) return;
  prepared_->give_back(payer());
  prepared_.reset();
  is_room_ = false;
}

result<std::uint64_t> open_file::seek(std::int64_t offset, seek_from from) noexcept {
  if (!is_open()) return noted(call::seek, errc::not_open);
  BOOST_OUTCOME_TRY(require_changeable(call::seek));
  drop_prepared();
  std::uint64_t base = 0;
  switch (from) {
    case seek_from::start: break;
    case seek_from::current: base = cursor_; break;
    case seek_from::end: base = node_->content.size(); break;
    default: return noted(call::seek, errc::invalid_argument);
  }
  // Neither a size nor a cursor is ever above this.
  constexpr std::int64_t max = std::numeric_limits<std::int64_t>::max();
  const auto start = static_cast<std::int64_t>(base);
  if (offset > max - start || start + offset < 0) return noted(call::seek, errc::invalid_argument);
  cursor_ = static_cast<std::uint64_t>(start + offset);
  return cursor_;
}

result<std::uint64_t> open_file::tell() const noexcept {
  if (!is_open()) return noted(call::tell, errc::not_open);
  return cursor_;
}

result<std::uint64_t> open_file::size() const noexcept {
  if (!is_open()) return noted(call::size, errc::not_open);
  return size_now();
}

// Room that is prepared may show as data, but not behind the end.
result<std::uint64_t> open_file::next_data(std::uint64_t offset) const noexcept {
  if (!is_open()) return noted(call::next_data, errc::not_open);
  return std::min(content().next_data(offset), size_now());
}

result<std::uint64_t> open_file::next_hole(std::uint64_t offset) const noexcept {
  if (!is_open()) return noted(call::next_hole, errc::not_open);
  return std::min(content().next_hole(offset), size_now());
}

result<void> open_file::flush() const noexcept {
  if (!is_open()) return noted(call::flush, errc::not_open);
  return boost::outcome_v2::success();
}

void open_file::close() noexcept { let_go(); }

void open_file::let_go() noexcept {
  if (!is_open()) return;
  if (growth_operation* const op = std::exchange(under_way_.op, nullptr)) op->lose_file();
  volume_state& v = volume();
  life_hold alive;
  node_use settling;
  if (flow_) {
    alive = keep_volume();
    settling = end_flow(flow_, node_.operator->(), true, v, errc::abandoned);
  }
  if (may_write()) give_up_rest();
  if (may_write() && is_unnamed()) free_content(*node_, volume().account);
  volume().tree.handles().remove(record_);
  node_.release();  // which may be the end of the volume
  if (settling) settle(std::move(settling), v);
}

// What a writer has beyond its bytes. One who reads has nothing to give up.
void open_file::give_up_rest() noexcept {
  backlog given_up;
  {
    const backlog::collecting collected(given_up);
    drop_prepared();
    drop_reserve();
    node_->content.trim(volume().account);
    node_->publish_footprint();
  }
  given_up.free_some();
}

const std::string& open_file::path() const noexcept try {
  if (told_ != nullptr && !told_->path.empty()) return told_->path;
  if (path_.view().empty()) return no_path;
  path_buffer buffer;
  const auto normal = buffer.normalise(path_.view());
  if (!normal) return no_path;
  std::string text(normal.value().text());
  if (told_ == nullptr) told_.reset(new told);
  told_->path = std::move(text);
  return told_->path;
} catch (const std::bad_alloc&) {
  return no_path;
}

result<void> open_file::require_readable() const noexcept { return require_readable(call::read); }

result<void> open_file::require_readable(call by) const noexcept {
  if (!is_open()) return noted(by, errc::not_open);
  if (!may_read()) return noted(by, errc::not_readable);
  return boost::outcome_v2::success();
}

result<void> open_file::require_writable() const noexcept { return require_writable(call::write); }

result<void> open_file::require_writable(call by) const noexcept {
  if (!is_open()) return noted(by, errc::not_open);
  if (!may_write()) return noted(by, errc::not_writable);
  return boost::outcome_v2::success();
}

void open_file::stream_failed(const error& why) noexcept {
  if (told_ == nullptr) told_.reset(new (std::nothrow) told);
  if (told_ != nullptr) told_->failure = why;
}

error open_file::stream_failure() const noexcept {
  return told_ != nullptr ? told_->failure : error(std::error_code());
}

error open_file::noted(call by, const error& e) const noexcept {
  return about(by, path_.view(), e);
}

std::uint64_t open_file::size_now() const noexcept {
  return prepared_ != nullptr ? prepared_->shown_size() : node_->content.size();
}

std::size_t open_file::read_from(std::uint64_t offset, std::span<std::byte> to) const noexcept {
  if (prepared_ == nullptr) return node_->content.read(offset, to);
  // What is prepared is behind the end, or hides what was there.
  const std::uint64_t size = size_now();
  if (offset >= size) return 0;
  const auto seen = to.first(std::min<std::uint64_t>(to.size(), size - offset));
  node_->content.read(offset, seen);
  prepared_->hide_room(offset, seen);
  return seen.size();
}

std::uint64_t open_file::write_offset() const noexcept {
  return appends(mode_) ? size_now() : cursor_;
}

}  // namespace coramfs::detail
