// SPDX-License-Identifier: BSL-1.0
#include "core/path.hpp"
#include "tree/creation.hpp"
#include "tree/operations.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <new>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

namespace coramfs::detail {

namespace {

/// A file that is imported. Sorted by path.
struct item {
  std::string path;
  const bytes* content;
  std::unique_ptr<file_node> file;  // made when all is paid for

  friend bool operator<(const item& a, const item& b) { return a.path < b.path; }
};

// Errors: `invalid_path`, `name_too_long`, `is_a_directory` for the root, `invalid_argument` for
// two keys that name one file, `not_a_directory` for a key that names a directory of another.
result<std::vector<item>> read_keys(const file_map& files) {
  std::vector<item> items;
  items.reserve(files.size());
  path_buffer buffer;
  for (const auto& [key, content] : files) {
    BOOST_OUTCOME_TRY(const auto path, buffer.normalise(std::string_view(key)));
    if (path.is_root()) return errc::is_a_directory;
    items.push_back({std::string(path.text()), &content, nullptr});
  }
  std::sort(items.begin(), items.end());
  std::unordered_set<std::string_view> paths;
  for (const item& i : items)
    if (!paths.insert(i.path).second) return errc::invalid_argument;
  for (const item& i : items)
    for (auto above = normal_path::given_out(i.path).parent(); !above.is_root();
         above = above.parent())
      if (paths.contains(above.text())) return errc::not_a_directory;
  return items;
}

/// What an import does to the tree as it is now.
struct plan {
  charge wanted, replaced;
  std::map<directory_node*, std::size_t> grown;             // entries more in what is there
  std::map<std::string_view, std::size_t> new_directories;  // by path; entries in them
  bool meets_busy = false;                                  // among what it replaces
};

// Follows the path as far as it exists, and notes what is missing.
result<void> add_item(plan& p, const volume_state& v, const item& i) {
  const std::string_view path = i.path;
  const normal_path normal = normal_path::given_out(path);
  const extent content = storage::extent_for(v.options.default_storage, i.content->size());
  p.wanted += v.payer.of(content);
  p.wanted.bytes += v.payer.of_metadata(node_footprint(false, normal.name()));
  ++p.wanted.files;
  directory_node* in = &v.names.root();
  std::string_view rest = path;
  for (;;) {
    const std::string_view name = normal_path::take_name(rest);
    const std::string_view here = path.substr(0, path.size() - rest.size());
    node* const found = in != nullptr ? in->entries.find(name) : nullptr;
    if (rest.empty()) {
      if (found != nullptr) {
        if (found->is_directory) return errc::is_a_directory;
        p.meets_busy = p.meets_busy || found->is_busy();
        p.replaced += file_charge(static_cast<const file_node&>(*found), v.payer);
        return boost::outcome_v2::success();
      }
    } else if (found != nullptr) {
      if (!found->is_directory) return errc::not_a_directory;
      in = static_cast<directory_node*>(found);
      continue;
    }
    // An entry is missing, the first below a directory that is there, or one below that.
    const bool is_new = rest.empty() || p.new_directories.try_emplace(here, 0).second;
    if (is_new) {
      const auto above = normal_path::given_out(here).parent().text();
      if (in != nullptr) {
        ++p.grown[in];
      } else {
        ++p.new_directories[above];
      }
    }
    if (rest.empty()) return boost::outcome_v2::success();
    in = nullptr;
  }
}

// Under the exclusive lock: what is replaced must not change its size. Errors: `is_a_directory`,
// `not_a_directory`; `busy`, after those of all items.
result<plan> make_plan(const volume_state& v, const std::vector<item>& items) {
  plan p;
  for (const item& i : items) {
    BOOST_OUTCOME_TRY(add_item(p, v, i));
  }
  if (p.meets_busy) return errc::busy;
  std::uint64_t footprint = 0;
  for (const auto& [d, added] : p.grown) footprint += entry_footprint(*d, added);
  for (const auto& [path, entries] : p.new_directories)
    footprint += node_footprint(true, normal_path::given_out(path).name()) +
                 directory_index::footprint(entries);
  p.wanted.bytes += v.payer.of_metadata(footprint);
  p.wanted.directories += p.new_directories.size();
  return p;
}

bool has_content(const std::vector<item>& items) noexcept {
  return std::any_of(items.begin(), items.end(), [](const item& i) { return !i.content->empty(); });
}

result<void> make_files(const volume_state& v, std::vector<item>& items) {
  const account prepaid = v.payer.prepaid();
  const auto now = std::chrono::system_clock::now();
  for (item& i : items) {
    i.file.reset(new (std::nothrow) file_node(v.options.default_storage, now));
    const auto name = normal_path::given_out(i.path).name();
    if (i.file == nullptr || !i.file->name.assign(name)) return errc::out_of_memory;
    BOOST_OUTCOME_TRY(i.file->content.assign(prepaid, *i.content));
    i.file->content.trim(prepaid);
    i.file->publish_new(0);
  }
  return boost::outcome_v2::success();
}

/// The directories that are missing, below one that is not in the tree: what hangs there is
/// moved into the tree when nothing can fail any more.
class scaffold {
 public:
  explicit scaffold(const plan& p) : plan_(p) {}

  /// Makes all directories, and room for all entries. Errors: `out_of_memory`.
  result<void> build() {
    for (const auto& [path, entries] : plan_.new_directories) {
      auto fresh = new_directory(normal_path::given_out(path).name());
      if (fresh == nullptr || !fresh->entries.reserve(entries)) return errc::out_of_memory;
      made_.emplace(path, std::move(fresh));
    }
    for (const auto& [d, added] : plan_.grown) {
      if (d->entries.reserve(d->entries.size() + added)) continue;
      for (const auto& other : plan_.grown) other.first->entries.release_spare();
      return errc::out_of_memory;
    }
    return boost::outcome_v2::success();
  }

  /// Gives a directory away, the first time that it is asked for.
  std::unique_ptr<directory_node> take(std::string_view path) {
    return std::move(made_.find(path)->second);
  }

 private:
  const plan& plan_;
  std::map<std::string_view, std::unique_ptr<directory_node>> made_;
};

// Puts a file into its place, with the directories above it. Gives back what it replaces.
detached_node place(tree& names, scaffold& directories, item& i) {
  const std::string_view path = i.path;
  std::string_view rest = path;
  directory_node* in = &names.root();
  for (;;) {
    const std::string_view name = normal_path::take_name(rest);
    node* found = in->entries.find(name);
    if (rest.empty()) return tree::link({in, name, found}, detached_node(i.file.release()));
    if (found == nullptr) {
      found = directories.take(path.substr(0, path.size() - rest.size())).release();
      tree::link({in, name, nullptr}, detached_node(found));
    }
    in = static_cast<directory_node*>(found);
  }
}

}  // namespace

result<void> import_tree(volume_state& v, const file_map& files) noexcept try {
  BOOST_OUTCOME_TRY(auto items, read_keys(files));
  reservation paid;
  charge wanted, given;
  {
    const tree::exclusive_access access(v.names);
    BOOST_OUTCOME_TRY(const auto now, make_plan(v, items));
    BOOST_OUTCOME_TRY(paid, v.limits.reserve(now.wanted, now.replaced));
    wanted = now.wanted;
    given = now.replaced;
  }
  if (has_content(items)) {
    BOOST_OUTCOME_TRY(v.payer.approve(wanted.bytes, given.bytes));
  }
  BOOST_OUTCOME_TRY(make_files(v, items));
  std::vector<detached_node> replaced;
  replaced.reserve(items.size());
  const tree::exclusive_access access(v.names);
  BOOST_OUTCOME_TRY(const auto now, make_plan(v, items));
  BOOST_OUTCOME_TRY(v.limits.adjust(paid, now.wanted, now.replaced));
  scaffold directories(now);
  BOOST_OUTCOME_TRY(directories.build());
  for (item& i : items) replaced.push_back(place(v.names, directories, i));
  paid.commit();
  return boost::outcome_v2::success();
} catch (const std::bad_alloc&) {
  return errc::out_of_memory;
}

}  // namespace coramfs::detail
