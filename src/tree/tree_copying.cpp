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

bool has_gone(const error& e) noexcept {
  return e == errc::not_found || e == errc::not_a_directory || e == errc::is_a_directory;
}

result<tree_copying> tree_copying::begin(const std::shared_ptr<volume_state>& v,
                                         const path_argument& from,
                                         const path_argument& to) noexcept try {
  path_buffer from_buffer, to_buffer;
  BOOST_OUTCOME_TRY(const auto normal_from, from_buffer.normalise(from));
  BOOST_OUTCOME_TRY(const auto normal_to, to_buffer.normalise(to));
  tree_copying c(v);
  std::uint64_t entry_bytes = 0;
  {
    const tree::shared_access access(v->names);
    BOOST_OUTCOME_TRY(const auto source, v->names.look_up(normal_from));
    BOOST_OUTCOME_TRY(const auto* top, source.require_directory());
    if (normal_to.is_below(normal_from)) return errc::invalid_argument;
    BOOST_OUTCOME_TRY(const auto* target, find_target(v->names, normal_to));
    c.snapshot(*top, normal_from.text(), normal_to.name());
    entry_bytes = entry_footprint(*target);
  }
  BOOST_OUTCOME_TRY(c.pay(entry_bytes));
  BOOST_OUTCOME_TRY(c.make_directories());
  return c;
} catch (const std::bad_alloc&) {
  return errc::out_of_memory;
}

result<std::optional<opening>> tree_copying::next() noexcept {
  for (; done_ < files_.size(); ++done_) {
    const source_file& f = files_[done_];
    auto source = opening::begin_reading(volume_, f.path);
    if (source) return std::optional<opening>(std::move(source).value());
    if (!has_gone(source.error())) return source.error();
    files_charge_ -= charge_of(*volume_, name_of(f.path), f.estimate);
    --directories_[f.in].entries;
  }
  return std::optional<opening>();
}

result<void> tree_copying::take(const opening& source) noexcept {
  volume_state& v = *volume_;
  const source_file& f = files_[done_++];
  const std::string_view name = name_of(f.path);
  const storage& content = source.node().content;
  const extent wanted = content.clone_extent();
  files_charge_ += charge_of(v, name, wanted);
  files_charge_ -= charge_of(v, name, f.estimate);
  if (v.payer.of(wanted).bytes > v.payer.of(f.estimate).bytes) {
    BOOST_OUTCOME_TRY(v.limits.adjust(paid_, total(entry_footprint_), {}));
  }
  const auto now = std::chrono::system_clock::now();
  std::unique_ptr<file_node> file(new (std::nothrow) file_node(v.options.default_storage, now));
  directory_node& in = *directories_[f.in].copy;
  if (file == nullptr || !file->name.assign(name) || !in.entries.reserve(in.entries.size() + 1))
    return errc::out_of_memory;
  BOOST_OUTCOME_TRY(file->content.clone(v.payer.prepaid(), content));
  file->publish_new(0);
  const std::string_view own_name = file->name.view();
  tree::link({&in, own_name, nullptr}, detached_node(file.release()));
  return boost::outcome_v2::success();
}

result<void> tree_copying::finish(const path_argument& to) noexcept {
  path_buffer buffer;
  BOOST_OUTCOME_TRY(const auto normal_to, buffer.normalise(to));
  const tree::exclusive_access access(volume_->names);
  BOOST_OUTCOME_TRY(auto* const target, find_target(volume_->names, normal_to));
  BOOST_OUTCOME_TRY(volume_->limits.adjust(paid_, total(entry_footprint(*target)), {}));
  if (!target->entries.reserve(target->entries.size() + 1)) return errc::out_of_memory;
  tree::link({target, normal_to.name(), nullptr}, std::move(copy_));
  paid_.commit();
  return boost::outcome_v2::success();
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
