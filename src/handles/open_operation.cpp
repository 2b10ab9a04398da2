// SPDX-License-Identifier: BSL-1.0
#include "handles/open_operation.hpp"

#include "tree/unnamed.hpp"

#include <new>
#include <utility>

namespace coramfs::detail {

namespace {

// The file that is there, or null if there is none and the mode makes one.
result<file_node*> find_file(const entry& at, open_mode mode) noexcept {
  if (at.found == nullptr && may_create(mode)) return nullptr;
  BOOST_OUTCOME_TRY(auto* const file, at.require_file());
  if (must_create(mode)) return errc::already_exists;
  return file;
}

}  // namespace

bool has_gone(const error& e) noexcept {
  return e == errc::not_found || e == errc::not_a_directory || e == errc::is_a_directory;
}

open_operation::open_operation(std::shared_ptr<volume_state> v, path_argument path, open_mode mode,
                               const open_options& options, call by) noexcept
    : open_operation(std::move(v), std::move(path),
                     {mode, by, false, stage::checks, options.followable, options.abandoned,
                      options.own, false, nullptr, options.preallocate, options.label},
                     options.on_full, options.timeout) {}

open_operation::open_operation(std::shared_ptr<volume_state> v, path_argument path,
                               const request& wanted, when_full on_full,
                               const std::optional<lock_timeout>& patience) noexcept
    : volume_(std::move(v)),
      path_(std::move(path)),
      wanted_(wanted),
      funds_(&volume_->quota, on_full, patience.value_or(volume_->options.default_lock_timeout)) {}

open_operation open_operation::with_content(std::shared_ptr<volume_state> v, path_argument path,
                                            std::span<const std::byte> content) noexcept {
  return open_operation(std::move(v), std::move(path),
                        {open_mode::write, call::write_file, false, stage::checks, false,
                         on_abandon::remove, false, false, content.data(), content.size(), nullptr},
                        when_full::reject, {});
}

open_operation open_operation::unnamed(std::shared_ptr<volume_state> v,
                                       const open_options& options) noexcept {
  return open_operation(std::move(v), std::string_view(), open_mode::write_read, options,
                        call::open_unnamed);
}

open_operation open_operation::for_reading(std::shared_ptr<volume_state> v, path_argument path,
                                           call by) noexcept {
  return open_operation(std::move(v), std::move(path),
                        {open_mode::read, by, true, stage::checks, false, on_abandon::remove, false,
                         false, nullptr, 0, nullptr},
                        when_full::reject, {});
}

// An opening that is dropped while it stores into an existing file: zeros are stored to the end.
// Bytes of a caller's may be gone, and so is the content that they replace, so the file is left
// empty.
open_operation::~open_operation() {
  if (flow_) drop_flow();
  if (wanted_.reached != stage::fills) return;
  if (wanted_.content == nullptr) {
    stored().finish();
  } else {
    node_->content.resize(volume_->account, 0).value();
  }
  publish();
}

progress open_operation::advance() noexcept {
  if (wait() != nullptr) granted();
  while (wanted_.reached != stage::ended) {
    const stage before = wanted_.reached;
    if (const auto gone_on = step(); !gone_on) return fail(gone_on.error());
    if (wait() != nullptr) return progress::waits;
    if (wanted_.reached == before) return progress::yields;
  }
  return progress::done;
}

claim& open_operation::awaited() noexcept { return *wait(); }

// What it waits for, or null if it does not wait.
claim* open_operation::wait() noexcept {
  if (auto* const lock = std::get_if<lock_claim>(&now_)) return lock;
  return std::get_if<space_claim>(&now_);
}

void open_operation::granted() noexcept {
  if (auto* const room = std::get_if<space_claim>(&now_)) {
    funds_.granted(*room);
    now_.emplace<content_filler>();
    return;
  }
  node_.hold(kind());
  node_->note(noted_as(), no_lane);
  now_.emplace<content_filler>();
  if (node_->parent != nullptr && flow_) {
    const tree::exclusive_access access(volume_->tree);
    if (node_->parent != nullptr) begin_flow();
  }
  if (node_->parent != nullptr) return;
  // The file has lost its name meanwhile, and another may have come into its place.
  node_.release();
  wanted_.reached = stage::finds;
}

void open_operation::refuse(const error& why) noexcept {
  if (wait() == nullptr) return;
  const auto* const room = std::get_if<space_claim>(&now_);
  end_with(room != nullptr ? room->ended(why) : why);
}

result<void> open_operation::outcome() const noexcept {
  if (const auto* const why = std::get_if<error>(&now_)) return *why;
  return boost::outcome_v2::success();
}

// Does one stage, or one slice of it: then the stage stays as it is.
result<void> open_operation::step() noexcept {
  switch (wanted_.reached) {
    case stage::checks: wanted_.reached = stage::finds; return check();
    case stage::finds: return find();
    case stage::locks: return lock();
    case stage::begins: return begin_content();
    case stage::owns:
      if (!std::get<std::unique_ptr<unsharer>>(now_)->advance(slice_size)) break;
      now_.emplace<content_filler>();
      node_->publish_footprint();
      wanted_.reached = stage::ended;
      break;
    case stage::fills_new:
    case stage::fills:
      if (!stored().is_done()) stored().store_slice();
      if (!stored().is_done()) break;
      if (wanted_.reached == stage::fills_new) return link_filled();
      wanted_.reached = stage::ended;
      publish();
      break;
    case stage::ended: break;
  }
  return boost::outcome_v2::success();
}

result<void> open_operation::check() noexcept {
  if (wanted_.mode > open_mode::create_read) return errc::invalid_argument;
  if (funds_.on_full() != when_full::reject && funds_.on_full() != when_full::wait)
    return errc::invalid_argument;
  if (wanted_.mode == open_mode::read && (wanted_.preallocate() != 0 || wanted_.owns))
    return errc::invalid_argument;
  if (wanted_.owns && wanted_.preallocate() != 0) return errc::invalid_argument;
  if (wanted_.preallocate() > max_file_size)
    return error(errc::too_large, wanted_.preallocate(), max_file_size);
  if (wanted_.when_abandoned != on_abandon::remove && wanted_.when_abandoned != on_abandon::keep)
    return errc::invalid_argument;
  if (wanted_.is_followable && (may_read(wanted_.mode) || wanted_.preallocate() != 0 ||
                                wanted_.owns || wanted_.is_unnamed()))
    return errc::invalid_argument;
  return wanted_.is_followable && !flow_ ? make_flow() : boost::outcome_v2::success();
}

result<normal_path> open_operation::path(path_buffer& buffer) const noexcept {
  if (!wanted_.is_given_out) return buffer.normalise(path_);
  if (!path_.valid()) return errc::out_of_memory;
  return normal_path::given_out(path_.view());
}

result<void> open_operation::find() noexcept {
  missing_file to_make;
  if (wanted_.is_unnamed()) {
    to_make.begins_with = storage::totals_for(volume_->options.default_storage, wanted_.size);
    to_make.cost = cost_of_unnamed(*volume_, to_make.begins_with);
    return make_new(normal_path::given_out({}), to_make);
  }
  path_buffer buffer;
  BOOST_OUTCOME_TRY(const auto normal, path(buffer));
  found is = found::hot;
  if (!flow_) {
    const tree::shared_access access(volume_->tree);
    BOOST_OUTCOME_TRY(is, look(normal, to_make));
  }
  if (is == found::hot) {
    const tree::exclusive_access access(volume_->tree);
    if (file_node* const file = volume_->tree.find_file(normal)) volume_->tree.cool(*file);
    BOOST_OUTCOME_TRY(is, look(normal, to_make));
    if (is == found::taken && flow_ && node_.is_locked()) begin_flow();
  }
  if (is == found::taken) {
    heat();
    return boost::outcome_v2::success();
  }
  return make_new(normal, to_make);
}

// Makes a file that nobody sees yet, and begins to fill it.
result<void> open_operation::make_new(normal_path normal, const missing_file& to_make) noexcept {
  BOOST_OUTCOME_TRY(auto draft, file_draft::make(*volume_, normal, to_make.cost,
                                                 to_make.begins_with, &funds_.grant()));
  if (wanted_.size == 0) return put_new(draft, normal, to_make.place);
  storage& content = draft.file().content;
  BOOST_OUTCOME_TRY(content.recreate(volume_->account.prepaid(), wanted_.size));
  if (wanted_.size <= slice_size) {
    fill(content, 0);
    stored().finish();
    return put_new(draft, normal, to_make.place);
  }
  draft_.reset(new (std::nothrow) file_draft(std::move(draft)));
  if (draft_ == nullptr) return errc::out_of_memory;
  fill(content, 0);
  wanted_.reached = stage::fills_new;
  return boost::outcome_v2::success();
}

// Takes the file that is there, or says what a new one costs. A hot file that is to be locked
// exclusively has to be cooled under the exclusive lock first. Under the tree's lock.
result<open_operation::found> open_operation::look(normal_path normal,
                                                   missing_file& to_make) noexcept {
  BOOST_OUTCOME_TRY(const auto at, volume_->tree.look_up(normal));
  BOOST_OUTCOME_TRY(auto* const file, find_file(at, wanted_.mode));
  if (file != nullptr) {
    if (volume_->tree.must_cool(*file, kind())) return found::hot;
    take(*file, noted_as());
    return found::taken;
  }
  to_make.place = volume_->tree.note(at);
  to_make.begins_with = storage::totals_for(volume_->options.default_storage, wanted_.size);
  to_make.cost = cost_of_file(*volume_, at, to_make.begins_with);
  return found::missing;
}

// From here on the node stays where it is in the tree.
void open_operation::take(file_node& file, opening how) noexcept {
  node_ = volume_->tree.use(file, kind(), how);
  wanted_.reached = stage::locks;
}

// Makes the file hot if it is worth it. Not under the tree's lock.
void open_operation::heat() noexcept {
  if (wanted_.mode == open_mode::read && node_.is_locked() && node_->is_warm())
    volume_->tree.heat(node_);
}

result<void> open_operation::link_filled() noexcept {
  wanted_.reached = stage::finds;
  const auto draft = std::move(draft_);
  if (wanted_.is_unnamed()) return put_new(*draft, normal_path::given_out({}), {});
  path_buffer buffer;
  BOOST_OUTCOME_TRY(const auto normal, path(buffer));
  return put_new(*draft, normal, {});
}

// A new file is whole. One without a name stays a draft until a handle takes it over, so nothing of
// it is left if the operation is dropped before that.
result<void> open_operation::put_new(file_draft& draft, normal_path normal,
                                     const vacancy& place) noexcept {
  if (wanted_.size != 0) {
    draft.file().content.trim(volume_->account.prepaid());
    draft.file().publish_new(1);
  }
  if (!wanted_.is_unnamed()) return link_new(draft, normal, place);
  BOOST_OUTCOME_TRY(draft.settle_unnamed());
  draft_.reset(new (std::nothrow) file_draft(std::move(draft)));
  if (draft_ == nullptr) return errc::out_of_memory;
  wanted_.reached = stage::ended;
  return boost::outcome_v2::success();
}

// Puts a new file into its place, or takes the one of somebody who was faster.
result<void> open_operation::link_new(file_draft& draft, normal_path normal,
                                      const vacancy& place) noexcept {
  file_node& fresh = draft.file();
  const tree::exclusive_access access(volume_->tree);
  BOOST_OUTCOME_TRY(const auto at, volume_->tree.look_up_again(normal, place));
  BOOST_OUTCOME_TRY(auto* const other, find_file(at, wanted_.mode));
  if (other != nullptr) {
    volume_->tree.cool(*other);
    take(*other, noted_as());
    if (flow_ && node_.is_locked()) begin_flow();
    return boost::outcome_v2::success();
  }
  if (const auto linked = draft.link(at); !linked) {
    funds_.take_back(draft.give_up());
    return linked.error();
  }
  take(fresh, opening::renews);
  if (flow_) begin_flow();
  wanted_.is_begun = true;
  wanted_.reached = stage::ended;
  return boost::outcome_v2::success();
}

// Gives the file to a handle. One without a name is charged from here on.
node_use open_operation::take_node() noexcept {
  if (!wanted_.is_unnamed()) return std::move(node_);
  return use_unnamed(*volume_, draft_->keep());
}

result<void> open_operation::lock() noexcept {
  wanted_.reached = stage::begins;
  if (node_.is_locked()) return boost::outcome_v2::success();
  if (patience().is_immediate()) return errc::would_block;
  now_.emplace<lock_claim>(node_->lock, kind());
  if (volume_->faults.has_policy()) {
    BOOST_OUTCOME_TRY(volume_->faults.waiting_for_lock(path_.view(), patience()));
  }
  return boost::outcome_v2::success();
}

// Begins what the mode does to the content of an existing file, under its lock. If that is nothing,
// the content is not looked at: with many files it is in memory that no cache has.
result<void> open_operation::begin_content() noexcept {
  storage& content = node_->content;
  const account payer = volume_->account.with(nullptr, path_.kept()).funded(funds_.grant());
  zeros_from_ = no_zeros;  // of a new file of its own, if somebody else was faster
  if (empties(wanted_.mode)) {
    BOOST_OUTCOME_TRY(content.recreate(payer, wanted_.size));
    wanted_.is_begun = true;
    fill(content, 0);
  } else if (flow_) {
    BOOST_OUTCOME_TRY(flow_->begin(content));
    wanted_.reached = stage::ended;
    return boost::outcome_v2::success();
  } else if (wanted_.owns) {
    return begin_owning(content, payer);
  } else if (wanted_.preallocate() != 0 && wanted_.preallocate() > content.size()) {
    const std::uint64_t size = content.size();
    BOOST_OUTCOME_TRY(content.make_room(payer, size, wanted_.preallocate() - size));
    fill(content, size);
  } else {
    wanted_.reached = stage::ended;
    return boost::outcome_v2::success();
  }
  wanted_.reached = stage::fills;
  return boost::outcome_v2::success();
}

// Begins to copy what others have a part of, if there is anything.
result<void> open_operation::begin_owning(storage& content, const account& payer) noexcept {
  BOOST_OUTCOME_TRY(auto begun, content.unshare(payer));
  wanted_.reached = begun == nullptr ? stage::ended : stage::owns;
  if (begun != nullptr) now_.emplace<std::unique_ptr<unsharer>>(std::move(begun));
  return boost::outcome_v2::success();
}

result<void> open_operation::make_flow() noexcept {
  flow_ = flow::make(wanted_.when_abandoned);
  if (!flow_) return errc::out_of_memory;
  return boost::outcome_v2::success();
}

// From here on followers find it. Under the tree's exclusive lock, and with the file's.
void open_operation::begin_flow() noexcept { volume_->tree.flows().add(*flow_, *node_); }

void open_operation::fill(storage& content, std::uint64_t begin) noexcept {
  if (wanted_.content != nullptr) {
    stored().begin(content, begin, {wanted_.content, wanted_.size});
  } else {
    zeros_from_ = begin;
    stored().begin_zeros(content, begin, wanted_.size);
  }
}

void open_operation::publish() noexcept {
  const auto now = volume_->clock.node_time();
  node_->publish_change(now);
  // Emptying and extending are two changes, though nobody sees the first alone.
  if (empties(wanted_.mode) && wanted_.preallocate() != 0) node_->publish_change(now);
}

progress open_operation::fail(const error& e) noexcept {
  const bool may_try_again = wanted_.reached == stage::finds || wanted_.reached == stage::begins;
  if (may_try_again && funds_.may_wait_after(e)) {
    if (auto room = funds_.claim_after(e, own_charge())) {
      if (volume_->faults.has_policy() && !room->is_asking()) {
        const auto goes_on =
            volume_->faults.waiting_for_space(path_.view(), e.requested(), patience());
        if (!goes_on) {
          end_with(goes_on.error());
          return progress::done;
        }
      }
      now_.emplace<space_claim>(std::move(*room));
      return progress::waits;
    }
  }
  end_with(e);
  return progress::done;
}

error open_operation::unmet() const noexcept {
  if (const auto* const room = std::get_if<space_claim>(&now_)) return noted(room->unmet());
  lock_state others = volume_->tree.who_has(*node_);
  if (others.waiting > 0) --others.waiting;
  return about(wanted_.by, path_.view(), errc::timed_out, others);
}

// An open of an immediate timeout gives up before it waits.
void open_operation::end_with(const error& e) noexcept {
  const bool lacks_lock =
      e == errc::would_block || (e == errc::timed_out && std::get_if<lock_claim>(&now_) != nullptr);
  const error why =
      lacks_lock ? about(wanted_.by, path_.view(), e, volume_->tree.who_has(*node_)) : noted(e);
  now_.emplace<error>(why);
  wanted_.reached = stage::ended;
  if (flow_) drop_flow();
  let_go();
}

// What the file is charged already, and stays charged while it waits for more.
std::uint64_t open_operation::own_charge() const noexcept {
  return wanted_.reached == stage::begins ? file_charge(*node_, volume_->account).bytes : 0;
}

opening open_operation::noted_as() const noexcept {
  if (wanted_.mode == open_mode::read) return opening::reads;
  return empties(wanted_.mode) ? opening::renews : opening::changes;
}

fair_lock::kind open_operation::kind() const noexcept {
  return wanted_.mode == open_mode::read ? fair_lock::kind::shared : fair_lock::kind::exclusive;
}

}  // namespace coramfs::detail
