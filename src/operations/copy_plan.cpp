// SPDX-License-Identifier: BSL-1.0
#include "operations/copy_plan.hpp"

#include "core/path.hpp"

#include <utility>

namespace coramfs::detail {

void copy_plan::begin(const directory_node& top, std::string path, std::string_view name) {
  name_ = name;
  unseen_.push(top, std::move(path), nullptr);
}

bool copy_plan::look_on(pace& p) {
  volume_->tree.require_held();
  unseen_.begin_hold();
  while (const visited* const at = unseen_.current(volume_->tree))
    if (visit(*at, p) && !unseen_.empty()) return true;
  forget_directory();
  return false;
}

// Looks at some entries of the current directory. Returns whether a slice is done.
bool copy_plan::visit(const visited& at, pace& p) {
  directory_scan& scan = unseen_.scan();
  if (scan.resume(*at.directory)) begin_directory(at);
  const bool is_slice = scan.advance(p, [&](const node& n) { see(at, n); });
  if (scan.is_complete()) end_directory(at);
  return is_slice;
}

void copy_plan::begin_directory(const visited& at) {
  unseen_.forget();
  forget_directory();
  visited_.emplace_back();
  directory& d = visited_.back();
  d.parent = at.note;
  d.name = d.parent == nullptr ? std::string_view(name_) : normal_path::given_out(at.path).name();
}

void copy_plan::forget_directory() noexcept {
  if (visited_.empty()) return;
  seen_in_vain_.splice(seen_in_vain_.end(), visited_.back().files);
  visited_.clear();
}

void copy_plan::see(const visited& at, const node& n) {
  directory& d = visited_.back();
  const std::string_view name = n.name.view();
  if (n.is_directory) {
    unseen_.push(static_cast<const directory_node&>(n), join(at.path, name), &d);
    return;
  }
  totals estimate = static_cast<const file_node&>(n).estimate_copy();
  // How many blocks it has is seen under its lock. It is one at least, and of a short file mostly
  // no more.
  if (shares_) estimate.footprint = estimate.size > 0 ? block::loan_footprint() : 0;
  d.files.push_back({std::string(name), estimate});
  d.of_files += charge_of(name, estimate);
  d.has_content = d.has_content || estimate.size > 0;
}

void copy_plan::end_directory(const visited& at) {
  directory& d = visited_.back();
  if (!d.files.empty()) d.path = at.path;
  rest_.splice(rest_.end(), visited_);
  unseen_.leave();
  wanted_ += d.of_files;
  wanted_.bytes += volume_->account.of_metadata(node_footprint(true, d.name));
  ++wanted_.directories;
  has_content_ = has_content_ || d.has_content;
  set_entries(d, d.files.size());
  if (d.parent != nullptr) set_entries(*d.parent, d.parent->entries + 1);
}

bool copy_plan::drop_seen_in_vain(pace& p) noexcept {
  while (!seen_in_vain_.empty()) {
    seen_in_vain_.pop_front();
    if (p.has_done()) return true;
  }
  return false;
}

bool copy_plan::drop(pace& p) noexcept {
  forget_directory();
  while (unseen_.drop_last())
    if (p.has_done()) return true;
  for (;;) {
    if (drop_seen_in_vain(p)) return true;
    if (rest_.empty()) return false;
    seen_in_vain_.swap(rest_.front().files);
    rest_.pop_front();
    if (p.has_done()) return true;
  }
}

void copy_plan::adjust(directory& in, const totals& content) noexcept {
  file& f = in.files.front();
  wanted_ += charge_of(f.name, content);
  wanted_ -= charge_of(f.name, f.estimate);
  f.estimate = content;
}

void copy_plan::leave_out(directory& in) noexcept {
  const file& f = in.files.front();
  wanted_ -= charge_of(f.name, f.estimate);
  set_entries(in, in.entries - 1);
  in.files.pop_front();
}

charge copy_plan::charge_of(std::string_view name, const totals& content) const noexcept {
  charge c = volume_->account.of(content);
  c.bytes += volume_->account.of_metadata(node_footprint(false, name));
  c.files = 1;
  return c;
}

void copy_plan::set_entries(directory& d, std::size_t entries) noexcept {
  wanted_.bytes += volume_->account.of_metadata(directory_index::footprint(entries));
  wanted_.bytes -= volume_->account.of_metadata(directory_index::footprint(d.entries));
  d.entries = entries;
}

}  // namespace coramfs::detail
