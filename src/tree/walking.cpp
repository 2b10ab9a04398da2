// SPDX-License-Identifier: BSL-1.0
#include "tree/walking.hpp"

#include <algorithm>
#include <new>

namespace coramfs::detail {

namespace {

std::vector<const node*> sorted_entries(const directory_node& d) {
  std::vector<const node*> nodes;
  nodes.reserve(d.entries.size());
  for (const node* n = d.entries.first(); n != nullptr; n = d.entries.next(*n)) nodes.push_back(n);
  std::sort(nodes.begin(), nodes.end(),
            [](const node* a, const node* b) { return a->name.view() < b->name.view(); });
  return nodes;
}

walk_entry describe(const std::string& path, const std::vector<const node*>& nodes) {
  walk_entry e{path.empty() ? "/" : path, {}, {}};
  for (const node* n : nodes)
    (n->is_directory ? e.directories : e.files).emplace_back(n->name.view());
  return e;
}

// True: a slice is done.
bool has_visited(pace& p, const directory_node& d) noexcept {
  bool is_slice = p.has_done();
  for (std::size_t n = d.entries.size(); n > 0; --n) is_slice = p.has_done() || is_slice;
  return is_slice;
}

}  // namespace

progress walking::advance() noexcept {
  if (!status_) return progress::done;
  const auto gone_on = step();
  if (gone_on) return gone_on.value();
  status_ = gone_on.error();
  return progress::done;
}

result<std::vector<walk_entry>> walking::outcome() noexcept {
  if (!status_) return status_.error();
  return std::move(entries_);
}

result<progress> walking::step() noexcept try {
  const tree::shared_access access(volume_->names);
  rest_.begin_hold();
  if (!std::exchange(has_begun_, true)) {
    BOOST_OUTCOME_TRY(begin());
  }
  while (!rest_.empty()) {
    const auto at = rest_.take(volume_->names);
    if (at.directory == nullptr) continue;
    visit(*at.directory, at.path);
    if (has_visited(pace_, *at.directory) && !rest_.empty()) return progress::yields;
  }
  return progress::done;
} catch (const std::bad_alloc&) {
  return errc::out_of_memory;
}

result<void> walking::begin() {
  path_buffer buffer;
  BOOST_OUTCOME_TRY(const auto normal, buffer.normalise(path_));
  BOOST_OUTCOME_TRY(const auto at, volume_->names.look_up(normal));
  BOOST_OUTCOME_TRY(const auto* top, at.require_directory());
  rest_.push(*top, descent_path(normal), {});
  return boost::outcome_v2::success();
}

// Depth first and in order.
void walking::visit(const directory_node& d, const std::string& path) {
  const auto nodes = sorted_entries(d);
  entries_.push_back(describe(path, nodes));
  for (auto n = nodes.rbegin(); n != nodes.rend(); ++n)
    if ((*n)->is_directory)
      rest_.push(static_cast<const directory_node&>(**n), join(path, (*n)->name.view()), {});
}

progress file_listing::advance() noexcept {
  if (!status_) return progress::done;
  const auto gone_on = step();
  if (gone_on) return gone_on.value();
  status_ = gone_on.error();
  return progress::done;
}

result<std::vector<std::string>> file_listing::outcome() noexcept {
  if (!status_) return status_.error();
  return sorted_.take();
}

result<progress> file_listing::step() noexcept try {
  if (stage_ == stage::sorts) return sorted_.step() ? progress::yields : progress::done;
  if (stage_ == stage::begins) {
    BOOST_OUTCOME_TRY(begin());
    stage_ = stage::descends;
  }
  if (descend() == progress::yields) return progress::yields;
  sorted_.begin(std::move(files_));
  stage_ = stage::sorts;
  return sorted_.step() ? progress::yields : progress::done;
} catch (const std::bad_alloc&) {
  return errc::out_of_memory;
}

// A path that names nothing has no files.
result<void> file_listing::begin() {
  path_buffer buffer;
  BOOST_OUTCOME_TRY(const auto normal, buffer.normalise(path_));
  const tree::shared_access access(volume_->names);
  const auto at = volume_->names.look_up(normal);
  if (!at || at.value().found == nullptr) return boost::outcome_v2::success();
  const node& top = *at.value().found;
  if (top.is_directory) {
    rest_.push(static_cast<const directory_node&>(top), descent_path(normal), {});
  } else {
    add(top, std::string(normal.text()));
  }
  return boost::outcome_v2::success();
}

progress file_listing::descend() {
  const tree::shared_access access(volume_->names);
  rest_.begin_hold();
  while (!rest_.empty()) {
    const auto at = rest_.take(volume_->names);
    if (at.directory == nullptr) continue;
    visit(*at.directory, at.path);
    if (has_visited(pace_, *at.directory) && !rest_.empty()) return progress::yields;
  }
  return progress::done;
}

void file_listing::visit(const directory_node& d, const std::string& path) {
  for (const node* n = d.entries.first(); n != nullptr; n = d.entries.next(*n)) {
    std::string p = join(path, n->name.view());
    if (n->is_directory) {
      rest_.push(static_cast<const directory_node&>(*n), std::move(p), {});
    } else {
      add(*n, std::move(p));
    }
  }
}

void file_listing::add(const node& file, std::string path) {
  if (!options_.only_dirty || static_cast<const file_node&>(file).status().generation > 0)
    files_.push_back(std::move(path));
}

}  // namespace coramfs::detail
