// SPDX-License-Identifier: BSL-1.0
#include "integrations/testing/tree_export.hpp"

#include "integrations/testing/host_folder.hpp"
#include "integrations/testing/host_name.hpp"
#include "integrations/testing/manifest.hpp"
#include "integrations/testing/tree_snapshot.hpp"
#include "integrations/testing/words.hpp"

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string_view>

namespace coramfs::detail {

namespace {

std::filesystem::path output_folder() {
  const char* const named = std::getenv("CORAMFS_TEST_OUTPUT");
  return named != nullptr && *named != '\0' ? named : "coramfs-failed";
}

/// A name of a folder by the name of a test. One that is too long is told from others by a number
/// that depends on all of it.
std::string folder_name(const std::string& test) {
  constexpr std::size_t longest = 200;
  std::string name = host_name(test);
  if (name.size() <= longest) return name;
  name.resize(longest);
  return name + '~' + std::to_string(std::hash<std::string>()(test) % 1'000'000);
}

#if defined(__unix__) || defined(__APPLE__)

/// The folders that this process has written into, which it keeps: a test may fail several times,
/// as with other values, or in another fixture of the same name.
class written_folders {
 public:
  /// The name, with a number if one of that name was written in this folder.
  std::string claim(const std::filesystem::path& in, const std::string& name) {
    const std::lock_guard lock(mutex_);
    std::string numbered = name;
    for (unsigned n = 2; !names_.insert(key(in, numbered)).second; ++n)
      numbered = name + '.' + std::to_string(n);
    return numbered;
  }
  /// It was not to be had.
  void give_back(const std::filesystem::path& in, const std::string& name) {
    const std::lock_guard lock(mutex_);
    names_.erase(key(in, name));
  }

 private:
  static std::string key(const std::filesystem::path& in, const std::string& name) {
    return (std::filesystem::absolute(in) / name).lexically_normal().string();
  }

  std::mutex mutex_;
  std::set<std::string> names_;  // guarded by mutex_
};
// Never destroyed: a fixture may be static.
written_folders& written() {
  static auto& all = *new written_folders;
  return all;
}

host_folder new_folder(const std::filesystem::path& in, const std::string& wanted) {
  const std::string name = written().claim(in, wanted);
  try {
    return {in, name, manifest_file, manifest_mark};
  } catch (const std::exception&) {
    written().give_back(in, name);
    throw;
  }
}

/// The tree's own files of these names give way, percent-encoded.
std::string beside_ours(const std::string& host) {
  const std::string first = host.substr(0, host.find('/'));
  if (first == manifest_file) return "%6D" + host.substr(1);
  return first == stats_file || first == seed_file ? "%73" + host.substr(1) : host;
}

void write_text(host_folder& to, const char* name, std::string_view text) {
  host_file file = to.make_file(name);
  file.write(asio::buffer(text));
  file.finish();
}

void write_file(host_folder& to, const snapshot_entry& e) {
  host_file file = to.make_file(e.host);
  std::uint64_t left = e.exported;
  for (auto run = e.content.begin(); run != e.content.end() && left > 0; ++run) {
    const asio::const_buffer part = asio::buffer(*run, static_cast<std::size_t>(left));
    if (run.is_hole()) {
      file.skip(part.size());
    } else {
      file.write(part);
    }
    left -= part.size();
  }
  file.finish();
}

void write_all(host_folder& to, tree_snapshot s, const export_plan& plan) {
  for (snapshot_entry& e : s.entries) e.host = beside_ours(e.host);
  write_text(to, manifest_file, manifest_of(s, plan.test));
  write_text(to, stats_file, stats_text(s));
  if (plan.simulation != nullptr) write_text(to, seed_file, seed_text(*plan.simulation));
  for (const snapshot_entry& e : s.entries)
    if (e.status.is_directory) to.make_folder(e.host);
  for (const std::size_t i : in_order_of_size(s)) {
    const snapshot_entry& e = s.entries[i];
    if (e.refused.empty() && (e.exported > 0 || e.status.size == 0)) write_file(to, e);
  }
}

#endif

}  // namespace

std::string export_tree([[maybe_unused]] const volume& v, const export_plan& plan) {
  const std::string name = folder_name(plan.test);
#if defined(__unix__) || defined(__APPLE__)
  tree_snapshot s = take_snapshot(v, plan.most);
  host_folder to = new_folder(output_folder(), name);
  const std::size_t entries = s.entries.size();
  write_all(to, std::move(s), plan);
  return in_quotes(to.path().string()) + ": " + counted(entries, "entry", "entries");
#else
  throw std::runtime_error((output_folder() / name).string() + ": this system is not POSIX");
#endif
}

}  // namespace coramfs::detail
