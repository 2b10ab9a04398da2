// SPDX-License-Identifier: BSL-1.0
#include "tree/walking.hpp"

#include "tree/descent.hpp"

#include <algorithm>
#include <new>

namespace coramfs::detail {

progress walking::advance() noexcept {
  if (!status_) return progress::done;
  return progress_or_failure(step(), status_);
}

result<std::vector<walk_entry>> walking::outcome() noexcept {
  if (!status_) return status_.error();
  return std::move(entries_);
}

result<progress> walking::step() noexcept try {
  if (stage_ < stage::sorts_directories) return go_down();
  sort();
  return progress::yields;
} catch (const std::bad_alloc&) {
  return errc::out_of_memory;
}

// In one hold of the lock.
result<progress> walking::go_down() {
  const tree::shared_access access(volume_->names);
  ++hold_;
  if (stage_ == stage::begins) {
    BOOST_OUTCOME_TRY(begin());
  }
  for (;;) {
    if (stage_ == stage::descends && !enter_next()) return progress::done;
    if (scan() || stage_ == stage::sorts_directories) return progress::yields;
  }
}

result<void> walking::begin() {
  path_buffer buffer;
  BOOST_OUTCOME_TRY(const auto normal, buffer.normalise(path_));
  BOOST_OUTCOME_TRY(const auto at, volume_->names.look_up(normal));
  BOOST_OUTCOME_TRY(const auto* top, at.require_directory());
  enter(std::string(normal.text()), top);
  return boost::outcome_v2::success();
}

// Depth first and in order. False: there are no more.
bool walking::enter_next() {
  while (!levels_.empty()) {
    level& l = levels_.back();
    const walk_entry& e = entries_[l.entry];
    // What is done with is not looked up again, which would take as long as its path is.
    const directory_node* const in = l.next < e.directories.size() ? find(l) : nullptr;
    if (in == nullptr) {
      levels_.pop_back();
      continue;
    }
    const std::string& name = e.directories[l.next++];
    const node* const found = in->entries.find(name);
    const bool is_there = found != nullptr && found->is_directory;
    enter(join(e.path == "/" ? "" : e.path, name),
          is_there ? static_cast<const directory_node*>(found) : nullptr);
    return true;
  }
  return false;
}

void walking::enter(std::string path, const directory_node* d) {
  pace_.add(path.size());
  levels_.push_back({entries_.size(), 0, d, hold_});
  entries_.push_back({std::move(path), {}, {}});
  scan_ = {};
  stage_ = stage::scans;
}

const directory_node* walking::find(level& l) const noexcept {
  if (std::exchange(l.hold, hold_) != hold_)
    l.directory = find_directory(volume_->names, entries_[l.entry].path);
  return l.directory;
}

// Goes on in the deepest level. True: a slice is done.
bool walking::scan() {
  const directory_node* const d = find(levels_.back());
  if (d == nullptr) {
    leave_out();
    return pace_.has_done();
  }
  if (scan_.resume(*d)) {
    walk_entry& e = entries_.back();
    e.directories.clear();
    e.files.clear();
  }
  const bool is_slice = scan_.advance(pace_, [this](const node& n) { see(n); });
  if (scan_.is_complete()) end_scan();
  return is_slice;
}

void walking::leave_out() noexcept {
  levels_.pop_back();
  entries_.pop_back();
  stage_ = stage::descends;
}

void walking::see(const node& n) {
  walk_entry& e = entries_.back();
  (n.is_directory ? e.directories : e.files).emplace_back(n.name.view());
}

// Few names are sorted at once, many without the lock.
void walking::end_scan() {
  walk_entry& e = entries_.back();
  if (e.directories.size() + e.files.size() > pace::nodes_in_slice()) {
    sorted_.begin(std::move(e.directories));
    stage_ = stage::sorts_directories;
    return;
  }
  std::sort(e.directories.begin(), e.directories.end());
  std::sort(e.files.begin(), e.files.end());
  stage_ = stage::descends;
}

void walking::sort() {
  if (sorted_.step()) return;
  walk_entry& e = entries_.back();
  if (stage_ == stage::sorts_directories) {
    e.directories = sorted_.take();
    sorted_.begin(std::move(e.files));
    stage_ = stage::sorts_files;
  } else {
    e.files = sorted_.take();
    stage_ = stage::descends;
  }
}

}  // namespace coramfs::detail
