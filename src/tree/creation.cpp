// SPDX-License-Identifier: BSL-1.0
#include "tree/creation.hpp"

#include <chrono>
#include <new>
#include <utility>

namespace coramfs::detail {

std::unique_ptr<directory_node> new_directory(std::string_view name) noexcept {
  const auto now = std::chrono::system_clock::now();
  std::unique_ptr<directory_node> fresh(new (std::nothrow) directory_node(now));
  if (fresh != nullptr && !fresh->name.assign(name)) fresh.reset();
  return fresh;
}

charge node_charge(const volume_state& v, const directory_node& in, std::string_view name,
                   bool is_directory) noexcept {
  const std::uint64_t footprint = node_footprint(is_directory, name) + entry_footprint(in);
  return {.bytes = v.payer.of_metadata(footprint),
          .files = is_directory ? 0u : 1u,
          .directories = is_directory ? 1u : 0u};
}

result<file_draft> file_draft::make(volume_state& v, std::string_view name,
                                    const charge& node) noexcept {
  BOOST_OUTCOME_TRY(auto paid, v.limits.reserve(node));
  const auto now = std::chrono::system_clock::now();
  std::unique_ptr<file_node> file(new (std::nothrow) file_node(v.options.default_storage, now));
  if (file == nullptr || !file->name.assign(name)) return errc::out_of_memory;
  return file_draft(v, std::move(paid), std::move(file));
}

file_draft::~file_draft() {
  if (file_ == nullptr) return;
  const charge content = volume_->payer.of(file_->content.extent_now());
  file_.reset();
  volume_->limits.release(content);
}

result<file_node*> file_draft::link(const entry& at) noexcept {
  paid_ = {};
  BOOST_OUTCOME_TRY(auto paid, volume_->limits.reserve(
                                   node_charge(*volume_, *at.parent, at.name, false)));
  directory_index& entries = at.parent->entries;
  if (!entries.reserve(entries.size() + 1)) return errc::out_of_memory;
  file_node* const linked = file_.get();
  tree::link(at, detached_node(file_.release()));
  paid.commit();
  return linked;
}

}  // namespace coramfs::detail
