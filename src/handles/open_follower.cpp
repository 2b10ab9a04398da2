// SPDX-License-Identifier: BSL-1.0
#include <coramfs/detail/open_follower.hpp>

#include "core/error_note.hpp"
#include "handles/follow_operation.hpp"
#include "tree/flow.hpp"
#include "tree/node.hpp"
#include "tree/volume_state.hpp"

#include <algorithm>
#include <limits>
#include <new>
#include <utility>

namespace coramfs::detail {

namespace {

// Pins bytes of a file that nobody writes, in no more runs than those of one that grows. No more
// are looked at than as many chunks have at most.
result<piece_list> pin_some(const open_file& of, std::uint64_t from, std::uint64_t at_most) noexcept
    try {
  const storage& content = of.content();
  if (from >= content.size()) return piece_list();
  constexpr std::uint64_t most = flow::most_at_once * chain::max_chunk;
  pieces found;
  content.list_pieces(from, from + std::min({at_most, content.size() - from, most}), found);
  std::size_t runs = 0;
  const auto behind = std::find_if_not(found.begin(), found.end(),
                                       [&](piece& p) { return flow::take_runs(p, runs); });
  found.erase(behind, found.end());
  return content.pin(found, of.keep_volume());
} catch (const std::bad_alloc&) {
  return errc::out_of_memory;
}

}  // namespace

open_follower::open_follower() noexcept = default;

open_follower::open_follower(follow_operation& done) noexcept
    : use_(std::move(done.use_)),
      flow_(std::move(done.joined_)),
      plain_(flow_ ? open_file() : open_file(static_cast<open_operation&>(done))),
      options_(done.options_) {
  if (!flow_) return;
  path_ = done.path_.take();
  handle_table& handles = static_cast<volume_state&>(use_.whole()).tree.handles();
  record_ = handles.add(*use_, open_mode::read, nullptr);
}

open_follower::open_follower(open_follower&& other) noexcept = default;

open_follower& open_follower::operator=(open_follower&& other) noexcept {
  if (this == &other) return *this;
  let_go();
  use_ = std::move(other.use_);
  record_ = other.record_;
  flow_ = std::move(other.flow_);
  plain_ = std::move(other.plain_);
  path_ = std::move(other.path_);
  options_ = other.options_;
  return *this;
}

open_follower::~open_follower() { let_go(); }

// Its reference may be the last one, which unpins what the volume then frees, so the use goes last.
void open_follower::let_go() noexcept {
  if (!flow_) return;
  static_cast<volume_state&>(use_.whole()).tree.handles().remove(record_);
  flow_.reset();
  use_.release();
}

std::uint64_t open_follower::committed() const noexcept {
  if (flow_) return flow_->look().committed;
  return plain_.is_open() ? plain_.content().size() : 0;
}

follow_state open_follower::state() const noexcept {
  if (flow_) return flow_->look().state;
  const bool is_incomplete = plain_.is_open() && plain_.content().is_incomplete();
  return is_incomplete ? follow_state::abandoned : follow_state::complete;
}

std::optional<std::uint64_t> open_follower::expected_size() const noexcept {
  if (flow_) return flow_->announced();
  return std::nullopt;
}

result<std::optional<std::uint64_t>> open_follower::missing(std::size_t at_most) const noexcept {
  if (!is_open()) return errc::not_open;
  if (at_most == 0) return errc::invalid_argument;
  const flow::standing now =
      flow_ ? flow_->look() : flow::standing{committed(), state(), errc::abandoned};
  const std::uint64_t there = now.committed - std::min(now.committed, position());
  if (now.state == follow_state::abandoned && (there == 0 || options_.fail_fast)) return now.why;
  if (now.state != follow_state::growing) return std::optional<std::uint64_t>();
  const std::size_t enough = std::clamp<std::size_t>(options_.at_least, 1, at_most);
  const bool is_immediate = patience().is_immediate();
  if (there >= enough || (there > 0 && is_immediate)) return std::optional<std::uint64_t>();
  if (is_immediate) return errc::would_block;
  // A position may be any number, and no file gets as far as the last of them.
  constexpr std::uint64_t all = std::numeric_limits<std::uint64_t>::max();
  return std::optional<std::uint64_t>(position() +
                                      std::min<std::uint64_t>(enough, all - position()));
}

result<piece_list> open_follower::pin(std::size_t at_most) noexcept {
  auto list = flow_ ? flow_->pin(position(), at_most, life_hold(use_.whole(), lane_of(*use_)))
                    : pin_some(plain_, position(), at_most);
  if (!list) return noted(call::next, list.error());
  pass(list.value().size());
  return list;
}

result<std::size_t> open_follower::read(std::uint64_t behind, std::span<std::byte> to) noexcept {
  if (!is_open()) return noted(call::read, errc::not_open);
  const std::uint64_t from = position() + behind;
  return flow_ ? result<std::size_t>(flow_->read(from, to)) : plain_.read_at(from, to);
}

std::atomic<std::uint64_t>* open_follower::waiting() const noexcept {
  return &static_cast<volume_state&>(use_.whole()).waiting;
}

result<void> open_follower::ask_waiting() const noexcept {
  const fault_seam& faults = static_cast<volume_state&>(use_.whole()).faults;
  if (!faults.has_policy()) return boost::outcome_v2::success();
  return faults.waiting_for_lock(path_.view(), patience());
}

error open_follower::noted(call by, const error& e) const noexcept {
  return flow_ ? about(by, path_.view(), e) : plain_.noted(by, e);
}

}  // namespace coramfs::detail
