// SPDX-License-Identifier: BSL-1.0
#include "integrations/testing/tree_snapshot.hpp"

#include <coramfs/sync/file_system.hpp>

#include "integrations/testing/host_name.hpp"

#include <algorithm>
#include <map>
#include <stdexcept>

namespace coramfs::detail {

namespace {

void add_holes(snapshot_entry& e) {
  std::uint64_t at = 0;
  for (auto run = e.content.begin(); run != e.content.end(); ++run) {
    const std::uint64_t end = at + (*run).size();
    if (run.is_hole() && !e.holes.empty() && e.holes.back().second == at) {
      e.holes.back().second = end;
    } else if (run.is_hole()) {
      e.holes.emplace_back(at, end);
    }
    at = end;
  }
}

result<pinned> pin_all(sync::file_system& fs, const std::string& path) {
  BOOST_OUTCOME_TRY(auto f, fs.open(path, open_mode::read, {.timeout = lock_timeout::immediate()}));
  BOOST_OUTCOME_TRY(const auto size, f.size());
  return f.pin(0, static_cast<std::size_t>(size));
}

/// Others may remove it meanwhile: then there is nothing to be told.
void add_entry(std::vector<snapshot_entry>& to, sync::file_system& fs, const std::string& path) {
  const auto status = fs.stat(path);
  if (!status) return;
  snapshot_entry e{.path = path, .host = {}, .status = status.value()};
  if (!e.status.is_directory) {
    if (auto content = pin_all(fs, path)) {
      e.content = std::move(content).value();
      e.status.size = e.content.size();
      add_holes(e);
    } else {
      e.refused = content.error().code().message();  // who has it is in the manifest
    }
  }
  to.push_back(std::move(e));
}

}  // namespace

std::vector<std::size_t> in_order_of_size(const tree_snapshot& s) {
  std::vector<std::size_t> files;
  for (std::size_t i = 0; i < s.entries.size(); ++i)
    if (!s.entries[i].status.is_directory) files.push_back(i);
  std::stable_sort(files.begin(), files.end(), [&](std::size_t a, std::size_t b) {
    return s.entries[a].status.size < s.entries[b].status.size;
  });
  return files;
}

tree_snapshot take_snapshot(const volume& v, std::uint64_t most) {
  tree_snapshot s{.stats = v.stats(), .options = v.options()};
  // Before this opens files itself.
  std::multimap<std::string, open_handle> open;
  if (auto handles = v.open_handles())
    for (open_handle& h : handles.value()) open.emplace(h.path, h);
  sync::file_system fs(v);
  const auto walked = fs.walk("/");
  if (!walked) throw std::runtime_error(walked.error().message());
  for (const walk_entry& at : walked.value()) {
    const std::string below = at.path == "/" ? at.path : at.path + '/';
    for (const std::string& name : at.directories) add_entry(s.entries, fs, below + name);
    for (const std::string& name : at.files) add_entry(s.entries, fs, below + name);
  }
  std::sort(s.entries.begin(), s.entries.end(),
            [](const snapshot_entry& a, const snapshot_entry& b) { return a.path < b.path; });
  std::uint64_t number = 0;
  for (snapshot_entry& e : s.entries) {
    e.host = host_path(e.path, ++number);
    for (auto [at, end] = open.equal_range(e.path); at != end; ++at)
      e.holders.push_back(at->second);
  }
  for (const std::size_t i : in_order_of_size(s)) {
    snapshot_entry& e = s.entries[i];
    if (!e.refused.empty()) continue;
    e.exported = std::min(most, e.status.size);
    most -= e.exported;
  }
  return s;
}

}  // namespace coramfs::detail
