// SPDX-License-Identifier: BSL-1.0
#include "tree/tree_copying.hpp"

#include "core/path.hpp"
#include "tree/creation.hpp"

#include <chrono>
#include <new>
#include <utility>

namespace coramfs::detail {

namespace {

result<directory_node*> find_target(const tree& names, normal_path to) noexcept {
  BOOST_OUTCOME_TRY(const auto at, names.look_up(to));
  BOOST_OUTCOME_TRY(at.require_absent());
  return at.parent;
}

std::string_view name_of(std::string_view path) noexcept {
  return normal_path::given_out(path).name();
}

charge charge_of(const volume_state& v, std::string_view name, const extent& content) noexcept {
  charge c = v.payer.of(content);
  c.bytes += v.payer.of_metadata(node_footprint(false, name));
  c.files = 1;
  return c;
}

}  // namespace

progress tree_copying::advance() noexcept {
  if (!status_) return progress::done;
  const auto gone_on = step();
  if (!gone_on) return end_with(gone_on.error());
  if (gone_on.value() == progress::done) return end_with(boost::outcome_v2::success());
  return gone_on.value();
}

void tree_copying::refuse(const error& why) noexcept {
  if (source_) source_->refuse(why);
  end_with(why);
}

result<progress> tree_copying::step() noexcept {
  if (!std::exchange(has_begun_, true)) {
    BOOST_OUTCOME_TRY(begin());
  }
  while (done_ < files_.size()) {
    BOOST_OUTCOME_TRY(const progress p, copy_file());
    if (p != progress::done) return p;
  }
  BOOST_OUTCOME_TRY(finish());
  return progress::done;
}

result<void> tree_copying::begin() noexcept try {
  path_buffer from_buffer, to_buffer;
  BOOST_OUTCOME_TRY(const auto from, from_buffer.normalise(from_));
  BOOST_OUTCOME_TRY(const auto to, to_buffer.normalise(to_));
  std::uint64_t entry_bytes = 0;
  {
    const tree::shared_access access(volume_->names);
    BOOST_OUTCOME_TRY(const auto source, volume_->names.look_up(from));
    BOOST_OUTCOME_TRY(const auto* top, source.require_directory());
    // Whatever a copy of the root were called, it would be below the root, or the root.
    if (from.is_root() || to.is_below(from)) return errc::invalid_argument;
    BOOST_OUTCOME_TRY(const auto* target, find_target(volume_->names, to));
    snapshot(*top, from.text(), to.name());
    entry_bytes = entry_footprint(*target);
  }
  BOOST_OUTCOME_TRY(pay(entry_bytes));
  return make_directories();
} catch (const std::bad_alloc&) {
  return errc::out_of_memory;
}

// Files that have gone since the beginning are left out.
result<progress> tree_copying::copy_file() noexcept {
  if (!source_) source_.emplace(opening::reading(volume_, path_argument(files_[done_].path)));
  if (!file_) {
    if (const progress p = source_->advance(); p != progress::done) return p;
    if (const auto& opened = source_->status(); !opened) {
      if (!has_gone(opened.error())) return opened.error();
      leave_out();
      return progress::done;
    }
    BOOST_OUTCOME_TRY(begin_file());
  }
  const storage& content = source_->node().content;
  const std::uint64_t next = file_->content.clone_bytes(content, copied_, slice_size);
  const bool is_slice = pace_.has_done(next - std::exchange(copied_, next));
  if (copied_ < content.size()) return progress::yields;
  BOOST_OUTCOME_TRY(link_file());
  return is_slice ? progress::yields : progress::done;
}

result<void> tree_copying::begin_file() noexcept {
  volume_state& v = *volume_;
  const source_file& f = files_[done_];
  const std::string_view name = name_of(f.path);
  const storage& content = source_->node().content;
  const extent wanted = content.clone_extent();
  files_charge_ += charge_of(v, name, wanted);
  files_charge_ -= charge_of(v, name, f.estimate);
  if (v.payer.of(wanted).bytes > v.payer.of(f.estimate).bytes) {
    BOOST_OUTCOME_TRY(v.limits.adjust(paid_, total(entry_footprint_), {}));
  }
  const auto now = std::chrono::system_clock::now();
  file_.reset(new (std::nothrow) file_node(v.options.default_storage, now));
  if (file_ == nullptr || !file_->name.assign(name)) return errc::out_of_memory;
  copied_ = 0;
  return file_->content.clone_room(v.payer.prepaid(), content);
}

result<void> tree_copying::link_file() noexcept {
  directory_node& in = *directories_[files_[done_].in].copy;
  if (!in.entries.reserve(in.entries.size() + 1)) return errc::out_of_memory;
  file_->publish_new(0);
  const std::string_view name = file_->name.view();
  tree::link({&in, name, nullptr}, detached_node(file_.release()));
  source_.reset();
  ++done_;
  return boost::outcome_v2::success();
}

void tree_copying::leave_out() noexcept {
  const source_file& f = files_[done_++];
  files_charge_ -= charge_of(*volume_, name_of(f.path), f.estimate);
  --directories_[f.in].entries;
  source_.reset();
}

result<void> tree_copying::finish() noexcept {
  path_buffer buffer;
  BOOST_OUTCOME_TRY(const auto to, buffer.normalise(to_));
  const tree::exclusive_access access(volume_->names);
  BOOST_OUTCOME_TRY(auto* const target, find_target(volume_->names, to));
  BOOST_OUTCOME_TRY(volume_->limits.adjust(paid_, total(entry_footprint(*target)), {}));
  if (!target->entries.reserve(target->entries.size() + 1)) return errc::out_of_memory;
  tree::link({target, to.name(), nullptr}, std::move(copy_));
  paid_.commit();
  return boost::outcome_v2::success();
}

// Lets go of everything: whoever is told goes on at once.
progress tree_copying::end_with(result<void> status) noexcept {
  status_ = std::move(status);
  source_.reset();
  file_.reset();
  copy_.reset();
  paid_ = reservation();
  return progress::done;
}

// Of names and sizes alone, under the tree's lock: no file is waited for here.
void tree_copying::snapshot(const directory_node& top, std::string_view path,
                            std::string_view name) {
  struct pending {
    const directory_node* source;
    std::size_t number;
    std::string path;
  };
  std::vector<pending> rest;
  const auto add_directory = [&](const directory_node& d, std::size_t parent, std::string_view as,
                                 std::string at) {
    rest.push_back({&d, directories_.size(), std::move(at)});
    directories_.push_back({parent, std::string(as), d.entries.size(), nullptr});
  };
  add_directory(top, no_parent, name, std::string(path == "/" ? "" : path));
  while (!rest.empty()) {
    const pending now = std::move(rest.back());
    rest.pop_back();
    const directory_index& entries = now.source->entries;
    for (const node* n = entries.first(); n != nullptr; n = entries.next(*n)) {
      std::string p = now.path + '/';
      p += n->name.view();
      if (n->is_directory) {
        add_directory(static_cast<const directory_node&>(*n), now.number, n->name.view(),
                      std::move(p));
      } else {
        const extent estimate = static_cast<const file_node*>(n)->estimate_copy();
        files_charge_ += charge_of(*volume_, n->name.view(), estimate);
        files_.push_back({std::move(p), now.number, estimate});
      }
    }
  }
}

result<void> tree_copying::pay(std::uint64_t entry_bytes) noexcept {
  entry_footprint_ = entry_bytes;
  const charge all = total(entry_bytes);
  BOOST_OUTCOME_TRY(paid_, volume_->limits.reserve(all));
  bool has_content = false;
  for (const source_file& f : files_) has_content = has_content || f.estimate.size > 0;
  return has_content ? volume_->payer.approve(all.bytes, 0) : boost::outcome_v2::success();
}

// Those above come first.
result<void> tree_copying::make_directories() noexcept {
  for (source_directory& d : directories_) {
    auto fresh = new_directory(d.name);
    if (fresh == nullptr) return errc::out_of_memory;
    d.copy = fresh.get();
    detached_node made(fresh.release());
    if (d.parent == no_parent) {
      copy_ = std::move(made);
      continue;
    }
    directory_node& in = *directories_[d.parent].copy;
    if (!in.entries.reserve(in.entries.size() + 1)) return errc::out_of_memory;
    tree::link({&in, d.name, nullptr}, std::move(made));
  }
  return boost::outcome_v2::success();
}

charge tree_copying::total(std::uint64_t entry_bytes) const noexcept {
  charge all = files_charge_;
  std::uint64_t footprint = entry_bytes;
  for (const source_directory& d : directories_)
    footprint += node_footprint(true, d.name) + directory_index::footprint(d.entries);
  all.bytes += volume_->payer.of_metadata(footprint);
  all.directories += directories_.size();
  return all;
}

}  // namespace coramfs::detail
