// SPDX-License-Identifier: BSL-1.0
#include "tree/creation.hpp"

#include <algorithm>
#include <new>
#include <utility>

namespace coramfs::detail {

std::unique_ptr<directory_node> new_directory(const tree& of, std::string_view name) noexcept {
  small_memory& from = of.memory();
  std::unique_ptr<directory_node> fresh(new (from)
                                            directory_node(of.clock().node_time(), of.key(), from));
  if (fresh != nullptr && !fresh->name.assign(from, name)) fresh.reset();
  return fresh;
}

// The file is constructed within `take`, under the memory's lock, because whoever moves memory
// looks at a file's memory as soon as it is taken.
std::unique_ptr<file_node> new_file(const volume_state& v, std::string_view name) noexcept {
  const auto now = v.clock.node_time();
  small_memory& from = v.tree.memory();
  std::unique_ptr<file_node> fresh;
  from.take(sizeof(file_node), small_memory::use::file, [&](void* memory) {
    fresh.reset(::new (memory) file_node(v.options.default_storage, now));
  });
  if (fresh != nullptr && !fresh->name.assign(from, name)) fresh.reset();
  return fresh;
}

result<void> require_beside(const volume_state& v, const charge& wanted,
                            const charge& replaced) noexcept {
  if (replaced.bytes == 0) return boost::outcome_v2::success();
  const std::uint64_t most = v.blocks.most_resident();
  const std::uint64_t left = most - std::min(most, v.quota.read().committed.bytes);
  if (wanted.bytes > left) return error(errc::quota_exceeded, wanted.bytes, left);
  return boost::outcome_v2::success();
}

charge node_charge(const volume_state& v, const directory_node& in, std::string_view name,
                   bool is_directory) noexcept {
  const std::uint64_t footprint = node_footprint(is_directory, name) + entry_footprint(in);
  return {.bytes = v.account.of_metadata(footprint),
          .files = is_directory ? 0u : 1u,
          .directories = is_directory ? 1u : 0u};
}

file_cost cost_of_unnamed(const volume_state& v, const totals& content) noexcept {
  file_cost cost;
  cost.wanted = {.bytes = v.account.of_metadata(node_footprint(false, std::size_t{0})), .files = 1};
  cost.wanted += v.account.of(content);
  return cost;
}

file_cost cost_of_file(const volume_state& v, const entry& at, const totals& content,
                       old_file old) noexcept {
  file_cost cost{node_charge(v, *at.parent, at.name, false), {}};
  cost.wanted += v.account.of(content);
  if (at.found == nullptr) return cost;
  // The new file takes over the entry of the other in the directory.
  if (old == old_file::goes)
    cost.replaced = file_charge(static_cast<file_node&>(*at.found), v.account);
  cost.wanted.bytes -= v.account.of_metadata(entry_footprint(*at.parent));
  return cost;
}

result<file_draft> file_draft::make(volume_state& v, normal_path path, const file_cost& cost,
                                    const totals& content, grant* granted) noexcept {
  const fault_seam* const faults = v.faults.has_policy() ? &v.faults : nullptr;
  const std::uint64_t added = cost.wanted.bytes - std::min(cost.wanted.bytes, cost.replaced.bytes);
  if (faults != nullptr) [[unlikely]] {
    BOOST_OUTCOME_TRY(faults->reserving(path.text(), cost.wanted, cost.replaced, granted));
  }
  BOOST_OUTCOME_TRY(auto paid, v.quota.reserve(cost.wanted, cost.replaced, granted));
  BOOST_OUTCOME_TRY(require_beside(v, cost.wanted, cost.replaced));
  if (content.size > 0) {
    if (faults != nullptr) [[unlikely]] {
      BOOST_OUTCOME_TRY(faults->guarding(path.text(), added));
    }
    BOOST_OUTCOME_TRY(v.account.approve(cost.wanted.bytes, cost.replaced.bytes));
  }
  if (faults != nullptr) [[unlikely]] {
    BOOST_OUTCOME_TRY(faults->allocating(path.text(), added));
  }
  auto file = new_file(v, path.name());
  if (file == nullptr) return errc::out_of_memory;
  return file_draft(v, std::move(paid), std::move(file));
}

result<detached_node> file_draft::link(const entry& at) noexcept {
  BOOST_OUTCOME_TRY(pay(at));
  return put(at);
}

result<void> file_draft::pay(const entry& at, old_file old) noexcept {
  const file_cost cost = cost_of_file(*volume_, at, file_->content.totals_now(), old);
  BOOST_OUTCOME_TRY(volume_->quota.adjust(paid_, cost.wanted, cost.replaced));
  directory_index& entries = at.parent->entries;
  if (at.found == nullptr && !entries.reserve(entries.size() + 1)) return errc::out_of_memory;
  return boost::outcome_v2::success();
}

detached_node file_draft::put(const entry& at) noexcept {
  detached_node old = tree::link_made(at, detached_node(file_.release()));
  paid_.commit();
  return old;
}

result<void> file_draft::settle_unnamed() noexcept {
  const file_cost cost = cost_of_unnamed(*volume_, file_->content.totals_now());
  return volume_->quota.adjust(paid_, cost.wanted, cost.replaced);
}

std::unique_ptr<file_node> file_draft::keep() noexcept {
  paid_.commit();
  return std::move(file_);
}

reservation file_draft::give_up() noexcept {
  file_.reset();
  return std::move(paid_);
}

}  // namespace coramfs::detail
