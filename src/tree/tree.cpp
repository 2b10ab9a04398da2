// SPDX-License-Identifier: BSL-1.0
#include "tree/tree.hpp"

#include "core/clock.hpp"
#include "core/pace.hpp"
#include "core/random_key.hpp"

#include <algorithm>
#include <cassert>
#include <new>
#include <utility>

namespace coramfs::detail {

namespace {

// Frees the first node of a chain, and puts those that were in it in front of the rest. Returns the
// chain.
node* free_first(node* chain) noexcept {
  node* const rest = chain->next_in_bucket;
  if (!chain->is_directory) {
    delete static_cast<file_node*>(chain);
    return rest;
  }
  auto* const directory = static_cast<directory_node*>(chain);
  node* const all = directory->entries.take_some(directory->entries.size(), rest);
  delete directory;
  return all;
}

// The node as a directory, or null if it is a file or has no entries.
directory_node* full_directory(node* n) noexcept {
  if (!n->is_directory) return nullptr;
  auto* const directory = static_cast<directory_node*>(n);
  return directory->entries.size() != 0 ? directory : nullptr;
}

charge charge_of(node& n, const account& payer) noexcept {
  if (!n.is_directory) return file_charge(static_cast<file_node&>(n), payer);
  const auto& directory = static_cast<const directory_node&>(n);
  const std::uint64_t table = directory_index::footprint(directory.entries.size());
  return {.bytes = payer.of_metadata(node_footprint(true, n.name.view()) + table),
          .directories = 1};
}

void touch(directory_node& d) noexcept { d.modified_at = std::max(d.modified_at, node_time()); }

}  // namespace

result<void> entry::require_absent() const noexcept {
  if (found != nullptr) return errc::already_exists;
  return boost::outcome_v2::success();
}

result<file_node*> entry::require_file() const noexcept {
  if (found == nullptr) return errc::not_found;
  if (found->is_directory) return errc::is_a_directory;
  return static_cast<file_node*>(found);
}

result<directory_node*> entry::require_directory() const noexcept {
  if (found == nullptr) return errc::not_found;
  if (!found->is_directory) return errc::not_a_directory;
  return static_cast<directory_node*>(found);
}

void subtree_deleter::operator()(node* top) const noexcept {
  while (top != nullptr) top = free_first(top);
}

tree::tree(lifetime& whole, small_memory& memory)
    : key_(random_key()),
      whole_(whole),
      memory_(memory),
      root_(new (memory) directory_node(node_time(), key_, memory)),
      holds_(whole) {
  if (root_ == nullptr) throw std::bad_alloc();
}

result<entry> tree::look_up(normal_path path) const noexcept {
  if (path.is_root()) return entry{nullptr, {}, root_.get()};
  const std::string_view name = path.name();
  std::string_view above = path.text();
  above.remove_suffix(name.size() + 1);
  BOOST_OUTCOME_TRY(auto* const in, look_up_directory(above));
  return entry{in, name, in->entries.find(name)};
}

file_node* tree::find_file(normal_path path) const noexcept {
  const auto at = look_up(path);
  const auto found = at ? at.assume_value().require_file() : at.error();
  return found ? found.assume_value() : nullptr;
}

// The directory at a path, which is empty for the root.
result<directory_node*> tree::look_up_directory(std::string_view path) const noexcept {
  directory_node* in = &root();
  if (path.empty()) return in;
  if (auto* const known = recent_.find(path)) return known;
  for (std::string_view rest = path; !rest.empty();) {
    node* const found = in->entries.find(normal_path::take_name(rest));
    if (found == nullptr) return errc::not_found;
    if (!found->is_directory) return errc::not_a_directory;
    in = static_cast<directory_node*>(found);
  }
  recent_.remember(path, *in);
  return in;
}

bool tree::is_busy(const node& n) const noexcept {
  // Under the shared lock a mark may become a count meanwhile, so the marks are looked at first:
  // what is not found there any more is counted by then.
  if (!n.is_directory) return holds_.holds(static_cast<const file_node&>(n)) || n.has_users();
  recent_.forget();
  return n.has_users() || holds_.holds_below(static_cast<const directory_node&>(n));
}

result<void> tree::require_idle(const node& n) const noexcept {
  if (is_busy(n)) return errc::busy;
  return boost::outcome_v2::success();
}

// Whether the file is hot does not change under the tree's lock.
node_use tree::use(file_node& f, fair_lock::kind k) noexcept {
  assert(!must_cool(f, k));
  if (node_use marked = mark(f, k, 0)) return marked;
  node_use counted(f);
  if (f.lock.try_lock(k)) counted.hold(k);
  return counted;
}

node_use tree::use_at_once(file_node& f, fair_lock::kind k) noexcept {
  return must_cool(f, k) ? node_use() : mark(f, k, hold_mark::is_handle);
}

// Locks a file and marks it as in use. Gives an empty use if the lock is not free, or if the thread
// has no lane.
node_use tree::mark(file_node& f, fair_lock::kind k, std::uint64_t kind) noexcept {
  const unsigned lane = thread_lane();
  if (lane == no_lane) return {};
  if (f.is_hot) {
    kind |= hold_mark::is_lock;
  } else {
    if (!f.lock.try_lock(k)) return {};
    k == fair_lock::kind::exclusive ? f.forget_readers() : f.note_reader_of(lane);
  }
  const auto [mark, ticket] = holds_.mark(f, lane, kind);
  const bool is_handle = (kind & hold_mark::is_handle) != 0;
  return node_use(f, k, *mark, ticket, is_handle ? &whole_ : nullptr);
}

// Whoever waits for the lock, or is about to, is counted as a user. So without users nobody does,
// and the file may become hot.
void tree::heat(const node_use& used) noexcept {
  file_node& f = *used;
  const exclusive_access access(*this);
  f.forget_readers();
  if (!f.has_users()) f.is_hot = true;
}

void tree::cool(file_node& f) noexcept {
  if (!f.is_hot) return;
  holds_.count(f);
  f.is_hot = false;
}

detached_node tree::link(const entry& at, detached_node fresh) noexcept {
  touch(*at.parent);
  return put(at, std::move(fresh));
}

// The times of a directory never go back: a node that was made later may have been linked before.
detached_node tree::link_made(const entry& at, detached_node fresh) noexcept {
  at.parent->modified_at = std::max(at.parent->modified_at, fresh->created_at);
  return put(at, std::move(fresh));
}

detached_node tree::put(const entry& at, detached_node fresh) noexcept {
  node& n = *fresh.release();
  n.parent = at.parent;
  n.name.set_owner(n);
  if (at.found != nullptr) {
    at.found->parent = nullptr;
    at.parent->entries.replace(*at.found, n);
  } else {
    at.parent->entries.insert(n);
  }
  return detached_node(at.found);
}

detached_node tree::unlink(node& n) noexcept {
  directory_node& in = *std::exchange(n.parent, nullptr);
  in.entries.erase(n);
  in.entries.release_spare();
  touch(in);
  return detached_node(&n);
}

detached_node tree::relocate(node& n, node_name name, const entry& to) noexcept {
  directory_node& in = *n.parent;
  in.entries.erase(n);
  touch(in);
  n.name = std::move(name);
  detached_node replaced = link(to, detached_node(&n));
  in.entries.release_spare();
  return replaced;
}

tree::exclusive_access::exclusive_access(tree& t) noexcept : tree_(t), hold_(t.lock_) {
  t.writer_.store(std::this_thread::get_id(), std::memory_order_relaxed);
}

tree::exclusive_access::exclusive_access(tree& t, in_turn_t) noexcept
    : tree_(t), hold_((t.lock_.lock_in_turn(), t.lock_), std::adopt_lock) {
  t.writer_.store(std::this_thread::get_id(), std::memory_order_relaxed);
}

tree::exclusive_access::~exclusive_access() {
  tree_.writer_.store(std::thread::id(), std::memory_order_relaxed);
}

bool tree::is_in_tree(const node& n) const noexcept {
  const node* at = &n;
  for (int levels = 0; levels < deepest_look && at != nullptr; ++levels) {
    if (at == root_.get()) return true;
    at = at->parent.get();
  }
  return false;
}

void tree::replace(file_node& idle, file_node& moved) noexcept {
  directory_node& in = *idle.parent.get();
  moved.parent = &in;
  moved.name.set_owner(moved);
  in.entries.replace(idle, moved);
}

std::uint64_t node_footprint(bool is_directory, std::size_t name_size) noexcept {
  const std::size_t size = is_directory ? sizeof(directory_node) : sizeof(file_node);
  return small_memory::footprint(size) + node_name::footprint(name_size);
}

std::uint64_t entry_footprint(const directory_node& in, std::size_t added) noexcept {
  const std::size_t now = in.entries.size();
  return directory_index::footprint(now + added) - directory_index::footprint(now);
}

charge file_charge(file_node& file, const account& payer) noexcept {
  file.content.settle_pins();
  charge total = payer.of(file.content.extent_now());
  total.bytes += payer.of_metadata(node_footprint(false, file.name.size()));
  total.files = 1;
  return total;
}

void disposal::add(detached_node top) noexcept {
  if (top == nullptr) return;
  top->next_in_bucket = rest_.release();
  rest_ = std::move(top);
}

charge disposal::step(const account& payer) noexcept {
  charge freed;
  pace p;
  for (bool is_slice = false; rest_ != nullptr && !is_slice;) {
    if (auto* const full = full_directory(rest_.get())) {
      const std::size_t before = full->entries.size();
      rest_.reset(full->entries.take_some(pace::nodes_in_slice(), rest_.release()));
      const std::size_t after = full->entries.size();
      freed.bytes +=
          payer.of_metadata(directory_index::footprint(before) - directory_index::footprint(after));
      is_slice = before - after >= pace::nodes_in_slice();
    } else {
      freed += charge_of(*rest_, payer);
      rest_.reset(free_first(rest_.release()));
      is_slice = p.has_done();
    }
  }
  return freed;
}

}  // namespace coramfs::detail
