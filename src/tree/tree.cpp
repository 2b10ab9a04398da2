// SPDX-License-Identifier: BSL-1.0
#include "tree/tree.hpp"

#include "core/error_notes.hpp"
#include "core/pace.hpp"
#include "core/random_key.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <new>
#include <span>
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

// The path of a node in the tree, or as much of its end as there is room for.
std::string_view end_of_path(const node& n, std::span<char> room) noexcept {
  std::size_t begin = room.size();
  const auto put = [&](std::string_view text) {
    const std::size_t count = std::min(text.size(), begin);
    begin -= count;
    std::copy(text.end() - static_cast<std::ptrdiff_t>(count), text.end(), room.data() + begin);
  };
  for (const node* at = &n; at->parent != nullptr && begin > 0; at = at->parent.get()) {
    put(at->name.view());
    put("/");
  }
  return {room.data() + begin, room.size() - begin};
}

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

tree::tree(lifetime& whole, small_memory& memory, volume_clock clock, const hash_key* key)
    : clock_(clock),
      key_(key != nullptr ? *key : key_of(clock_.users())),
      whole_(whole),
      memory_(memory),
      root_(new (memory) directory_node(clock_.node_time(), key_, memory)),
      holds_(whole),
      handles_(clock) {
  if (root_ == nullptr) throw std::bad_alloc();
}

result<entry> tree::look_up(normal_path path) const noexcept {
  if (path.is_root()) return entry{nullptr, {}, root_.get()};
  BOOST_OUTCOME_TRY(auto* const in, look_up_directory(path.above()));
  return look_up_in(*in, path.name());
}

result<entry> tree::look_up_again(normal_path path, const vacancy& v) const noexcept {
  // A directory that goes, or that gets another path, is known to be idle, so all were forgotten.
  if (v.parent == nullptr || v.times_forgotten != recent_.times_forgotten()) return look_up(path);
  if (v.parent->entries.version() == v.version)
    return entry{v.parent, path.name(), nullptr, v.hash};
  return look_up_in(*v.parent, path.name());
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
  if (is_busy(n)) return why_busy(n);
  return boost::outcome_v2::success();
}

// The caller knows the path of a file that it has asked for.
error tree::why_busy(const node& n) const noexcept {
  if (!n.is_directory)
    return about(call::unknown, {}, errc::busy, who_has(static_cast<const file_node&>(n)));
  require_exclusive();
  const file_node* const busy = busy_below(static_cast<const directory_node&>(n));
  if (busy == nullptr) return errc::busy;
  std::array<char, error_note::max_path + 1> buffer;
  return about(call::unknown, end_of_path(*busy, buffer), errc::busy, who_has(*busy));
}

// A busy file below a directory, or null if it is used by operations alone and has no mark.
const file_node* tree::busy_below(const directory_node& d) const noexcept {
  const file_node* found = nullptr;
  see_open_below(d, [&](const file_node& f) {
    if (found == nullptr) found = &f;
  });
  return found != nullptr ? found : holds_.held_below(d);
}

lock_state tree::who_has(const file_node& f) const noexcept {
  lock_state all;
  handles_.see_first([&](const handle_entry& h) {
    if (h.file == &f) all.add({h.since, static_cast<std::uint8_t>(h.mode), h.label});
  });
  all.waiting = f.lock.waiters();
  all.seen_at = clock_.now().time_since_epoch();
  return all;
}

// Whether the file is hot does not change under the tree's lock.
node_use tree::use(file_node& f, fair_lock::kind k, opening how) noexcept {
  assert(!must_cool(f, k));
  if (node_use marked = mark(f, k, how, 0)) return marked;
  node_use counted(f, whole_);
  if (!f.lock.try_lock(k)) return counted;
  counted.hold(k);
  f.note(how, thread_lane());
  return counted;
}

node_use tree::use_at_once(file_node& f, fair_lock::kind k) noexcept {
  if (must_cool(f, k)) return {};
  return mark(f, k, k == fair_lock::kind::shared ? opening::reads : opening::changes,
              hold_mark::is_handle);
}

// Locks a file and marks it as in use. Gives an empty use if the lock is not free, or if the thread
// has no lane.
node_use tree::mark(file_node& f, fair_lock::kind k, opening how, std::uint64_t kind) noexcept {
  const unsigned lane = thread_lane();
  if (lane == no_lane) return {};
  if (f.is_hot) {
    kind |= hold_mark::is_lock;
  } else if (!f.lock.try_lock(k)) {
    return {};
  }
  f.note(how, lane);
  const auto [mark, ticket] = holds_.mark(f, lane, kind);
  return node_use(f, k, *mark, ticket, whole_);
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

void tree::touch(directory_node& d) const noexcept {
  d.modified_at = std::max(d.modified_at, clock_.node_time());
}

detached_node tree::link(const entry& at, detached_node fresh) const noexcept {
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
    at.parent->entries.insert(n, at.hash);
  }
  return detached_node(at.found);
}

detached_node tree::unlink(node& n) const noexcept {
  directory_node& in = *std::exchange(n.parent, nullptr);
  in.entries.erase(n);
  in.entries.release_spare();
  touch(in);
  return detached_node(&n);
}

// The bit is set while the file still has a parent, for those who discount themselves meanwhile.
detached_node tree::take_name(file_node& f) noexcept {
  holds_.count(f);
  f.is_hot = false;
  directory_node& in = *f.parent;
  const bool is_used = f.users.fetch_or(node::unnamed, std::memory_order_acq_rel) != 0;
  detached_node gone = unlink(f);
  if (!is_used) {
    f.users.store(0, std::memory_order_relaxed);
    return gone;
  }
  static_cast<void>(gone.release());
  if (in.parent != nullptr) discount_user(in);
  f.lock.retire();
  return nullptr;
}

void tree::count_uses(file_node& f) noexcept {
  holds_.count(f);
  f.is_hot = false;
}

// The counts lead the way down. Where the last user is just taking them back, one may lead nowhere.
file_node* tree::used_below(directory_node& d, node* after) noexcept {
  directory_node* in = after != nullptr ? after->parent.get() : &d;
  node* at = after != nullptr ? in->entries.next(*after) : in->entries.first();
  for (;;) {
    while (at == nullptr) {
      if (in == &d) return nullptr;
      at = in;
      in = in->parent;
      at = in->entries.next(*at);
    }
    if (at->has_users() && !at->is_directory) return static_cast<file_node*>(at);
    if (at->has_users()) {
      in = static_cast<directory_node*>(at);
      at = in->entries.first();
    } else {
      at = in->entries.next(*at);
    }
  }
}

// The caller's own use keeps the count of the file above 0, so nobody else comes to what is above.
void tree::set_aside(file_node& f) noexcept {
  directory_node& in = *f.parent;
  if (in.parent != nullptr) discount_user(in);
}

void tree::count_again(file_node& f) noexcept { count_user(*f.parent); }

void tree::take_name_aside(file_node& f) const noexcept {
  f.users.fetch_or(node::unnamed, std::memory_order_acq_rel);
  directory_node& in = *std::exchange(f.parent, nullptr);
  in.entries.erase(f);
  touch(in);
  f.lock.retire();
}

// Whoever moves memory holds the tree's lock, so nobody looks at the memory of `fresh` meanwhile.
file_node& tree::renew_aside(file_node& f, std::unique_ptr<file_node> fresh) noexcept {
  file_node* const memory = fresh.release();
  memory->~file_node();
  auto* const moved = ::new (memory) file_node(std::move(f));
  f.users.fetch_or(node::unnamed, std::memory_order_acq_rel);
  replace(f, *moved);
  f.parent = nullptr;
  f.lock.retire();
  return *moved;
}

detached_node tree::relocate(node& n, node_name name, const entry& to) const noexcept {
  directory_node& in = *n.parent;
  in.entries.erase(n);
  touch(in);
  n.name = std::move(name);
  detached_node replaced = link(to, detached_node(&n));
  in.entries.release_spare();
  return replaced;
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

std::string path_of(const node& n) {
  std::size_t size = 0;
  for (const node* at = &n; at->parent != nullptr; at = at->parent.get())
    size += 1 + at->name.size();
  std::string path(size, '/');
  end_of_path(n, path);
  return path;
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
  charge total = payer.of(file.content.totals_now());
  total.bytes += payer.of_metadata(node_footprint(false, file.name.size()));
  total.files = 1;
  return total;
}

void disposal::add(detached_node top) noexcept {
  if (top == nullptr) return;
  top->next_in_bucket = rest_.release();
  rest_ = std::move(top);
}

charge disposal::step(const account& payer) noexcept { return take_step(&payer); }

charge disposal::take_step(const account* payer) noexcept {
  charge freed;
  pace p;
  for (bool is_slice = false; rest_ != nullptr && !is_slice;) {
    if (auto* const full = full_directory(rest_.get())) {
      const std::size_t before = full->entries.size();
      rest_.reset(full->entries.take_some(pace::nodes_in_slice(), rest_.release()));
      const std::size_t after = full->entries.size();
      const std::uint64_t pages =
          directory_index::footprint(before) - directory_index::footprint(after);
      if (payer != nullptr) freed.bytes += payer->of_metadata(pages);
      is_slice = before - after >= pace::nodes_in_slice();
    } else {
      if (payer != nullptr) freed += charge_of(*rest_, *payer);
      rest_.reset(free_first(rest_.release()));
      is_slice = p.has_done();
    }
  }
  return freed;
}

}  // namespace coramfs::detail
