// SPDX-License-Identifier: BSL-1.0
#include "tree/importing.hpp"

#include "core/path.hpp"
#include "tree/creation.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace coramfs::detail {

namespace {

/// What an import does to the tree as it is now.
struct plan {
  charge wanted, replaced;
  std::map<directory_node*, std::size_t> grown;             // entries more in what is there
  std::map<std::string_view, std::size_t> new_directories;  // by path; entries in them
  bool meets_busy = false;                                  // among what it replaces
};

// Follows the path as far as it exists, and notes what is missing.
result<void> add_item(plan& p, const volume_state& v, std::string_view path,
                      const importing::item& i) {
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
        // The content of a busy file is another's.
        if (found->is_busy())
          p.meets_busy = true;
        else
          p.replaced += file_charge(static_cast<file_node&>(*found), v.payer);
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
result<plan> make_plan(const volume_state& v, const importing::item_map& items) {
  plan p;
  for (const auto& [path, i] : items) {
    BOOST_OUTCOME_TRY(add_item(p, v, path, i));
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

bool has_content(const importing::item_map& items) noexcept {
  return std::any_of(items.begin(), items.end(),
                     [](const auto& named) { return !named.second.content->empty(); });
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
detached_node place(tree& names, scaffold& directories, std::string_view path, importing::item& i) {
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

progress importing::advance() noexcept {
  if (!status_) return progress::done;
  const auto gone_on = step();
  if (gone_on) return gone_on.value();
  status_ = gone_on.error();
  paid_ = reservation();
  return progress::done;
}

result<progress> importing::step() noexcept try {
  if (stage_ == stage::reads_keys) {
    BOOST_OUTCOME_TRY(const progress p, read_keys());
    if (p != progress::done) return p;
    stage_ = stage::checks_keys;
    next_item_ = items_.begin();
  }
  if (stage_ == stage::checks_keys) {
    BOOST_OUTCOME_TRY(const progress p, check_keys());
    if (p != progress::done) return p;
    BOOST_OUTCOME_TRY(pay());
    stage_ = stage::makes_files;
    next_item_ = items_.begin();
  }
  BOOST_OUTCOME_TRY(const progress p, make_files());
  if (p != progress::done) return p;
  BOOST_OUTCOME_TRY(link());
  return progress::done;
} catch (const std::bad_alloc&) {
  return errc::out_of_memory;
}

// Errors: `invalid_path`, `name_too_long`, `is_a_directory` for the root; after all of those
// `invalid_argument` for two keys that name one file.
result<progress> importing::read_keys() {
  path_buffer buffer;
  while (next_key_ != files_.end()) {
    const auto& [key, content] = *next_key_++;
    BOOST_OUTCOME_TRY(const auto path, buffer.normalise(std::string_view(key)));
    if (path.is_root()) return errc::is_a_directory;
    const bool is_new = items_.try_emplace(std::string(path.text()), &content, nullptr).second;
    has_twins_ = has_twins_ || !is_new;
    if (pace_.has_done()) return progress::yields;
  }
  if (has_twins_) return errc::invalid_argument;
  return progress::done;
}

// Errors: `not_a_directory` for a key that names a directory of another.
result<progress> importing::check_keys() {
  while (next_item_ != items_.end()) {
    auto above = normal_path::given_out(next_item_++->first).parent();
    for (; !above.is_root(); above = above.parent())
      if (items_.contains(std::string(above.text()))) return errc::not_a_directory;
    if (pace_.has_done()) return progress::yields;
  }
  return progress::done;
}

result<void> importing::pay() {
  charge wanted, given;
  {
    const tree::exclusive_access access(volume_->names);
    BOOST_OUTCOME_TRY(const auto now, make_plan(*volume_, items_));
    BOOST_OUTCOME_TRY(paid_, volume_->limits.reserve(now.wanted, now.replaced));
    wanted = now.wanted;
    given = now.replaced;
  }
  return has_content(items_) ? volume_->payer.approve(wanted.bytes, given.bytes)
                             : boost::outcome_v2::success();
}

result<progress> importing::make_files() {
  while (next_item_ != items_.end()) {
    auto& [path, i] = *next_item_++;
    BOOST_OUTCOME_TRY(make_file(path, i));
    if (pace_.has_done(i.content->size())) return progress::yields;
  }
  return progress::done;
}

result<void> importing::make_file(const std::string& path, item& i) {
  const account prepaid = volume_->payer.prepaid();
  const auto now = std::chrono::system_clock::now();
  i.file.reset(new (std::nothrow) file_node(volume_->options.default_storage, now));
  const auto name = normal_path::given_out(path).name();
  if (i.file == nullptr || !i.file->name.assign(name)) return errc::out_of_memory;
  BOOST_OUTCOME_TRY(i.file->content.assign(prepaid, *i.content));
  i.file->content.trim(prepaid);
  i.file->publish_new(0);
  return boost::outcome_v2::success();
}

result<void> importing::link() {
  std::vector<detached_node> replaced;
  replaced.reserve(items_.size());
  const tree::exclusive_access access(volume_->names);
  BOOST_OUTCOME_TRY(const auto now, make_plan(*volume_, items_));
  BOOST_OUTCOME_TRY(volume_->limits.adjust(paid_, now.wanted, now.replaced));
  scaffold directories(now);
  BOOST_OUTCOME_TRY(directories.build());
  for (auto& [path, i] : items_) replaced.push_back(place(volume_->names, directories, path, i));
  paid_.commit();
  return boost::outcome_v2::success();
}

}  // namespace coramfs::detail
