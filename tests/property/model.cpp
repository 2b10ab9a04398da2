// SPDX-License-Identifier: BSL-1.0
#include "property/model.hpp"

#include "property/model_file.hpp"
#include "property/naive_path.hpp"
#include "support/describe.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace coramfs::tests {

namespace {

using naive_path::is_below;
using naive_path::normal;
using naive_path::parent;

constexpr std::uint64_t max_size = std::numeric_limits<std::int64_t>::max();

std::uint64_t excess(std::uint64_t more, std::uint64_t less) {
  return more > less ? more - less : 0;
}

bool creates(open_mode mode) { return mode != open_mode::read && mode != open_mode::update; }
bool empties(open_mode mode) { return mode == open_mode::write || mode == open_mode::write_read; }

}  // namespace

// All of a fork is new, and has its bytes where the origin has them.
model::model(const volume_options& options, const model* origin) : options_(options) {
  if (origin == nullptr) {
    nodes_["/"] = directory();
    return;
  }
  for (const auto& [path, n] : origin->nodes_) {
    model_node& fresh = nodes_[path];
    fresh.is_directory = n.is_directory;
    fresh.content = n.content;
    fresh.is_table = n.is_table;
    fresh.may_share = n.may_share;
  }
  peak_ = used();
}

model_node model::directory() const {
  model_node fresh;
  fresh.is_directory = true;
  return fresh;
}

model_node model::file(std::string_view content) const {
  model_node fresh;
  fresh.content = content;
  fresh.is_table = options_.default_storage == storage_layout::random_access;
  return fresh;
}

std::uint64_t model::used() const {
  std::uint64_t sum = 0;
  for (const auto& [path, n] : nodes_) sum += std::max(n.content.size(), n.reserved);
  for (const auto& n : unnamed()) sum += std::max(n->content.size(), n->reserved);
  return sum;
}

std::uint64_t model::stored() const {
  std::uint64_t sum = 0;
  for (const auto& [path, n] : nodes_) sum += n.content.size();
  for (const auto& n : unnamed()) sum += n->content.size();
  return sum;
}

std::uint64_t model::files() const {
  std::uint64_t count = 0;
  for (const auto& [path, n] : nodes_) count += n.is_directory ? 0 : 1;
  return count + unnamed().size();
}

bool model::has_shared() const {
  const auto named = std::any_of(nodes_.begin(), nodes_.end(),
                                 [](const auto& each) { return each.second.may_share; });
  const auto open = unnamed();
  return named || std::any_of(open.begin(), open.end(), [](const auto& n) { return n->may_share; });
}

std::uint64_t model::node_count() const { return nodes_.size() + unnamed().size(); }

std::set<std::shared_ptr<model_node>> model::unnamed() const {
  std::set<std::shared_ptr<model_node>> all;
  for (const model_file* f : handles_)
    if (f->unnamed() != nullptr) all.insert(f->unnamed());
  return all;
}

std::unique_ptr<any_file> model::open(std::string_view text, open_mode mode,
                                      const open_options& options) {
  if (mode == open_mode::read && (options.preallocate != 0 || options.own))
    throw error(errc::invalid_argument);
  if (options.own && options.preallocate != 0) throw error(errc::invalid_argument);
  if (options.preallocate > max_size) throw error(errc::too_large, options.preallocate, max_size);
  const std::string path = normal(text);
  const model_node* const found = find(path);
  if (found == nullptr && !creates(mode)) throw error(errc::not_found);
  if (found == nullptr) {
    require_nodes(1);
    require_bytes(options.preallocate);
    model_node fresh = file({});
    put(path, std::move(fresh));
    if (options.preallocate > 0) change(nodes_[path], std::string(options.preallocate, '\0'));
    return std::make_unique<model_file>(*this, path, mode, 0);
  }
  model_node& n = require_file(path);
  if (mode == open_mode::create || mode == open_mode::create_read)
    throw error(errc::already_exists);
  require_lock(path, mode == open_mode::read);
  const std::uint64_t before = n.content.size();
  if (empties(mode)) {
    const bool may_cost_more = n.is_table || n.may_share;
    if (options.preallocate > before || (may_cost_more && options.preallocate > 0))
      require_bytes(options.preallocate, before);
    change(n, "");
  }
  if (options.preallocate > n.content.size()) {
    if (!empties(mode)) require_bytes(options.preallocate, before);
    std::string extended = n.content;
    extended.resize(options.preallocate);
    change(n, std::move(extended));
  }
  if (options.own && n.may_share) {
    may_cost();
    n.may_share = false;
  }
  return std::make_unique<model_file>(*this, path, mode, mode == open_mode::append ? before : 0);
}

void model::create_directory(std::string_view text) {
  const std::string path = normal(text);
  if (find(path) != nullptr) throw error(errc::already_exists);
  require_nodes(1);
  may_cost();
  put(path, directory());
}

bool model::create_directories(std::string_view text) {
  const std::string path = normal(text);
  const auto absent = missing(path);
  if (absent.empty()) {
    if (!nodes_.at(path).is_directory) throw error(errc::already_exists);
    return false;
  }
  require_nodes(absent.size());
  may_cost();
  for (const std::string& p : absent) put(p, directory());
  return true;
}

void model::remove(std::string_view text, if_open in_use) {
  const std::string path = normal(text);
  const model_node& n = require_file(path);
  if (in_use == if_open::fail) require_idle(path);
  if (in_use == if_open::wait) require_lock(path, false);
  keep_unnamed(path, n);
  take_away(path);
}

// Those who have the file open keep it.
void model::keep_unnamed(const std::string& path, const model_node& n) {
  const auto kept = std::make_shared<model_node>(n);
  for (model_file* const f : handles_)
    if (f->is_at(path)) f->lose_name(kept);
}

// What is in use is waited for, which no handle here does, or stays with its handles, or is busy.
void model::clear(const std::string& path, if_open in_use) {
  if (in_use == if_open::fail) return require_idle(path);
  if (in_use == if_open::wait && is_in_use(path)) throw error(errc::would_block);
  if (in_use != if_open::keep_unnamed) return;
  if (!nodes_.at(path).is_directory) return keep_unnamed(path, nodes_.at(path));
  for (const std::string& p : below(path))
    if (!nodes_.at(p).is_directory) keep_unnamed(p, nodes_.at(p));
}

void model::remove_directory(std::string_view text) {
  const std::string path = normal(text);
  require_directory(path);
  if (path == "/") throw error(errc::invalid_argument);
  if (!below(path).empty()) throw error(errc::directory_not_empty);
  take_away(path);
}

void model::remove_tree(std::string_view text, if_open in_use) {
  const std::string path = normal(text);
  require_directory(path);
  if (path == "/") throw error(errc::invalid_argument);
  clear(path, in_use);
  take_away(path);
}

// Whether what is at `from` may take the place at `to`.
void model::check_target(const std::string& from, const std::string& to, if_exists existing) {
  const model_node* const target = find(to);
  if (target == nullptr) return;
  if (existing == if_exists::fail) throw error(errc::already_exists);
  const bool is_directory = nodes_.at(from).is_directory;
  if (!target->is_directory) {
    if (is_directory) throw error(errc::not_a_directory);
    return;
  }
  if (!is_directory) throw error(errc::is_a_directory);
  if (!below(to).empty()) throw error(errc::directory_not_empty);
}

void model::relocate(std::string_view from_text, std::string_view to_text,
                     const rename_options& options, bool makes_parents) {
  const if_exists existing = options.existing;
  const std::string from = normal(from_text), to = normal(to_text);
  require(from);
  if (from == "/" || is_below(to, from)) throw error(errc::invalid_argument);
  const auto absent = makes_parents ? missing(parent(to)) : std::vector<std::string>();
  if (absent.empty()) {
    if (find(to) != nullptr && to == from && existing == if_exists::replace) return;
    check_target(from, to, existing);
    if (nodes_.contains(to) && options.open != if_open::keep_unnamed) clear(to, options.open);
  }
  clear(from, options.open == if_open::wait ? if_open::wait : if_open::fail);
  require_nodes(absent.size());
  may_cost();
  for (const std::string& p : absent) put(p, directory());
  if (nodes_.contains(to)) {
    clear(to, options.open);
    take_away(to);
  }
  for (const std::string& p : below(from)) nodes_[to + p.substr(from.size())] = nodes_.at(p);
  nodes_[to] = nodes_.at(from);
  take_away(from);
  touch(parent(to));
}

void model::copy(std::string_view from_text, std::string_view to_text,
                 const copy_options& options) {
  const if_exists existing = options.existing;
  const std::string from = normal(from_text), to = normal(to_text);
  model_node& source = require_file(from);
  const model_node* const target = find(to);
  if (target != nullptr) {
    if (existing == if_exists::fail || from == to) throw error(errc::already_exists);
    require_file(to);
    if (options.open == if_open::fail) require_idle(to);
  }
  require_lock(from, true);
  const bool is_freed = target != nullptr && !is_in_use(to);
  const std::uint64_t replaced = is_freed ? target->content.size() : 0;
  const bool is_cheap = is_freed && !target->is_table && !target->may_share && !source.is_table &&
                        source.content.size() <= replaced;
  require_nodes(1, is_freed ? 1 : 0);
  if (!is_cheap) require_bytes(source.content.size(), replaced);
  model_node fresh = file(source.content);
  fresh.is_table = source.is_table;
  fresh.generation = source.content.empty() ? 0 : 1;
  if (options.content == copy_options::content::share) source.may_share = fresh.may_share = true;
  if (target != nullptr) clear(to, options.open);
  put(to, std::move(fresh));
}

void model::copy_tree(std::string_view from_text, std::string_view to_text,
                      const copy_options& options) {
  const std::string from = normal(from_text), to = normal(to_text);
  require_directory(from);
  if (from == "/" || is_below(to, from)) throw error(errc::invalid_argument);
  if (find(to) != nullptr) throw error(errc::already_exists);
  const auto paths = below(from);
  std::uint64_t size = 0;
  for (const std::string& p : paths) size += nodes_.at(p).content.size();
  require_nodes(1 + paths.size());
  require_bytes(size);
  for (const std::string& p : paths)
    if (!nodes_.at(p).is_directory) require_lock(p, true);
  put(to, directory());
  for (const std::string& p : paths) {
    model_node& source = nodes_.at(p);
    if (options.content == copy_options::content::share && !source.is_directory)
      source.may_share = true;
    model_node fresh = source;
    fresh.generation = 0;
    fresh.may_share = options.content == copy_options::content::share && !source.is_directory;
    put(to + p.substr(from.size()), std::move(fresh));
  }
}

void model::be_forked() {
  for (const model_file* const f : handles_)
    if (f->unnamed() == nullptr && f->mode() != open_mode::read) throw error(errc::busy);
  for (auto& [path, n] : nodes_) n.may_share = !n.is_directory;
}

std::vector<std::string> model::list(std::string_view text) {
  const std::string path = normal(text);
  require_directory(path);
  std::vector<std::string> names;
  for (const std::string& p : below(path))
    if (parent(p) == path) names.push_back(naive_path::name(p));
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<directory_entry> model::list_entries(std::string_view text) {
  std::vector<directory_entry> entries;
  for (const std::string& name : list(text)) {
    const model_node& n = nodes_.at(naive_path::child(normal(text), name));
    entries.push_back(
        {name, {n.content.size(), {}, {}, n.generation, n.is_directory, n.id.value_or(0), 0}});
  }
  return entries;
}

std::vector<walk_entry> model::walk(std::string_view text) {
  const std::string path = normal(text);
  walk_entry here{path, {}, {}};
  std::vector<walk_entry> entries(1);
  for (const std::string& name : list(path)) {
    const std::string p = naive_path::child(path, name);
    if (!nodes_.at(p).is_directory) {
      here.files.push_back(name);
      continue;
    }
    here.directories.push_back(name);
    for (walk_entry& e : walk(p)) entries.push_back(std::move(e));
  }
  entries.front() = std::move(here);
  return entries;
}

std::vector<std::string> model::glob(std::string_view pattern) {
  std::vector<std::string> found;
  for (const auto& [path, n] : nodes_)
    if (naive_path::matches(pattern, path)) found.push_back(path);
  return found;
}

const model_node& model::stat(std::string_view text) { return require(normal(text)); }

void model::set_modified(std::string_view text, std::chrono::system_clock::time_point to) {
  model_node& n = require(normal(text));
  n.modified_at = to;
  n.is_time_set = true;
}

std::uint64_t model::file_size(std::string_view text) {
  return require_file(normal(text)).content.size();
}

std::string model::read_file(std::string_view text, std::optional<std::uint64_t> max) {
  const std::string path = normal(text);
  const model_node& n = require_file(path);
  require_lock(path, true);
  if (max && n.content.size() > *max) throw error(errc::too_large, n.content.size(), *max);
  return n.content;
}

void model::write_file(std::string_view text, std::string_view content) {
  const std::string path = normal(text);
  if (find(path) == nullptr) {
    require_nodes(1);
    require_bytes(content.size());
    model_node fresh = file(content);
    fresh.generation = content.empty() ? 0 : 1;
    return put(path, std::move(fresh));
  }
  model_node& n = require_file(path);
  require_lock(path, false);
  if (n.is_table || n.may_share || content.size() > n.content.size())
    require_bytes(content.size(), n.content.size());
  change(n, std::string(content));
}

std::vector<std::string> model::files_below(std::string_view text, const export_options& options) {
  const std::string prefix = normal(text);
  std::vector<std::string> files;
  for (const auto& [path, n] : nodes_) {
    if (path != prefix && !is_below(path, prefix)) continue;
    if (n.is_directory || (options.only_dirty && n.generation == 0)) continue;
    files.push_back(path);
  }
  return files;
}

void model::import_tree(const file_map& files) {
  std::map<std::string, std::string> wanted;
  bool twice = false;
  for (const auto& [key, content] : files) {
    const std::string path = normal(key);
    if (path == "/") throw error(errc::is_a_directory);
    twice = !wanted.emplace(path, text_of(content)).second || twice;
  }
  if (twice) throw error(errc::invalid_argument);
  for (const auto& [path, content] : wanted)
    for (const auto& [other, ignored] : wanted)
      if (is_below(path, other)) throw error(errc::not_a_directory);
  std::set<std::string> absent;
  std::uint64_t added = 0, replaced = 0, replaced_files = 0;
  for (const auto& [path, content] : wanted) {
    added += content.size();
    const auto gap = missing(path);
    absent.insert(gap.begin(), gap.end());
    if (!gap.empty()) continue;
    replaced += require_file(path).content.size();
    ++replaced_files;
  }
  for (const auto& [path, content] : wanted) require_idle(path);
  require_nodes(absent.size() + replaced_files, replaced_files);
  require_bytes(added, replaced);
  for (const std::string& p : absent)
    if (!wanted.contains(p)) put(p, directory());
  for (const auto& [path, content] : wanted) put(path, file(content));
}

// Null: it is missing, but what is above it is there.
model_node* model::find(const std::string& path) {
  for (std::size_t end = path.find('/', 1); end != path.npos; end = path.find('/', end + 1)) {
    const auto above = nodes_.find(path.substr(0, end));
    if (above == nodes_.end()) throw error(errc::not_found);
    if (!above->second.is_directory) throw error(errc::not_a_directory);
  }
  const auto found = nodes_.find(path);
  return found != nodes_.end() ? &found->second : nullptr;
}

model_node& model::require(const std::string& path) {
  model_node* const found = find(path);
  if (found == nullptr) throw error(errc::not_found);
  return *found;
}

model_node& model::require_file(const std::string& path) {
  model_node& n = require(path);
  if (n.is_directory) throw error(errc::is_a_directory);
  return n;
}

model_node& model::require_directory(const std::string& path) {
  model_node& n = require(path);
  if (!n.is_directory) throw error(errc::not_a_directory);
  return n;
}

std::vector<std::string> model::missing(const std::string& path) {
  std::vector<std::string> absent;
  std::string p;
  for (const std::string& name : naive_path::split(path)) {
    const auto above = nodes_.find(p.empty() ? "/" : p);
    if (above != nodes_.end() && !above->second.is_directory) throw error(errc::not_a_directory);
    p += "/" + name;
    if (!nodes_.contains(p)) absent.push_back(p);
  }
  return absent;
}

std::vector<std::string> model::below(const std::string& path) const {
  std::vector<std::string> paths;
  for (const auto& [p, n] : nodes_)
    if (is_below(p, path)) paths.push_back(p);
  return paths;
}

bool model::is_locked(const std::string& path, bool for_reading) const {
  return std::any_of(handles_.begin(), handles_.end(), [&](const model_file* f) {
    return f->is_at(path) && !(for_reading && f->mode() == open_mode::read);
  });
}

void model::require_lock(const std::string& path, bool for_reading) const {
  if (is_locked(path, for_reading)) throw error(errc::would_block);
}

bool model::is_in_use(const std::string& path) const {
  return std::any_of(handles_.begin(), handles_.end(), [&](const model_file* f) {
    return f->is_at(path) || (f->unnamed() == nullptr && is_below(f->path(), path));
  });
}

void model::require_idle(const std::string& path) const {
  if (is_in_use(path)) throw error(errc::busy);
}

void model::require_nodes(std::uint64_t added, std::uint64_t replaced) const {
  const std::uint64_t wanted = excess(added, replaced);
  if (!options_.max_nodes || wanted == 0) return;
  const std::uint64_t left = excess(*options_.max_nodes, node_count());
  if (wanted > left) throw error(errc::node_limit_exceeded, wanted, left);
}

void model::require_bytes(std::uint64_t added, std::uint64_t replaced) const {
  if (options_.accounting == accounting::memory) return may_cost();
  const std::uint64_t wanted = excess(added, replaced), left = options_.max_quota - used();
  if (wanted > left) throw error(errc::quota_exceeded, wanted, left);
}

void model::may_cost() const {
  if (refusal_) throw *refusal_;
}

// A new node, in the place of a file if one is there.
void model::put(const std::string& path, model_node fresh) {
  fresh.created_at.reset();
  fresh.id.reset();
  fresh.modified_now();
  nodes_[path] = std::move(fresh);
  touch(parent(path));
}

void model::take_away(const std::string& path) {
  for (const std::string& p : below(path)) nodes_.erase(p);
  nodes_.erase(path);
  touch(parent(path));
}

void model::touch(const std::string& directory) { nodes_.at(directory).modified_now(); }

void model::change(model_node& n, std::string content) {
  n.content = std::move(content);
  if (n.content.empty()) n.may_share = false;
  ++n.generation;
  n.modified_now();
}

// Of what stays the table or the chain that it is.
void model::require_growth(const model_node& n, std::uint64_t size) const {
  const bool is_paid = n.is_promised && !n.may_share && size <= n.reserved;
  if (is_paid && options_.accounting == accounting::memory) return;
  require_bytes(std::max(size, n.reserved), std::max(n.content.size(), n.reserved));
}

// Not past the largest size of a file.
void model::write(model_node& n, std::uint64_t offset, std::string_view from) {
  const std::uint64_t before = n.content.size(), end = offset + from.size();
  const bool turns = !n.is_table && offset > before;
  if (turns && (options_.default_storage == storage_layout::sequential ||
                before > options_.promotion_hard_limit))
    throw error(errc::not_supported);
  if (turns) n.is_promised = false;
  if (n.is_table || n.may_share || end > before) require_growth(n, std::max(before, end));
  n.is_table = n.is_table || turns;
  std::string content = n.content;
  content.resize(std::max(before, end));
  content.replace(offset, from.size(), from);
  change(n, std::move(content));
}

void model::resize(model_node& n, std::uint64_t size) {
  if (size == n.content.size()) return;
  const bool turns = !n.is_table && options_.default_storage == storage_layout::automatic &&
                     n.content.empty() && size > n.reserved;
  if (turns) n.is_promised = false;
  if (size > n.content.size()) require_growth(n, size);
  n.is_table = n.is_table || turns;
  std::string content = n.content;
  content.resize(size);
  change(n, std::move(content));
}

void model::punch(model_node& n, std::uint64_t offset, std::uint64_t size) {
  if (size == 0 || offset >= n.content.size()) return;
  if (!n.is_table) throw error(errc::not_supported);
  if (n.may_share) may_cost();
  std::string content = n.content;
  const std::uint64_t count = std::min(size, content.size() - offset);
  content.replace(offset, count, std::string(count, '\0'));
  change(n, std::move(content));
}

void model::reserve(model_node& n, std::uint64_t size) {
  if (size < n.content.size()) return;
  require_bytes(std::max(size, n.reserved), std::max(n.content.size(), n.reserved));
  if (size >= n.reserved) n.is_promised = true;
  n.reserved = std::max(n.reserved, size);
}

void model::note_peak() { peak_ = std::max(peak_, used()); }

}  // namespace coramfs::tests
