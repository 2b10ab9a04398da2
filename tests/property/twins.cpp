// SPDX-License-Identifier: BSL-1.0
#include "property/twins.hpp"

#include "property/model_file.hpp"
#include "property/require.hpp"

#include <sstream>
#include <string_view>
#include <utility>
#include <vector>

namespace coramfs::tests {

namespace {

way way_of(facade_kind facade) {
  switch (facade) {
    case facade_kind::coroutines: return way::coroutines;
    case facade_kind::tokens: return way::tokens;
    case facade_kind::threads: break;
  }
  return way::threads;
}

}  // namespace

std::string figures(const volume_stats& s) {
  std::ostringstream out;
  out << "used " << s.used_bytes << " held " << s.held_bytes << " peak " << s.peak_bytes
      << " files " << s.file_count << " directories " << s.directory_count << " chunks "
      << s.chunk_count << " open " << s.open_handles;
  return out.str();
}

// What the root was found to be is what the model goes on with.
twins::twins(facade_kind facade, const volume_options& options, time_point since)
    : twins(facade, options, create_file_system(facade, options).value(), nullptr, since) {
  const file_status root = real_->stat("/").value();
  model_.nodes().at("/").created_at = root.created_at;
  model_.nodes().at("/").modified_at = root.modified_at;
}

twins::twins(facade_kind facade, const volume_options& options,
             std::unique_ptr<any_file_system> real, const model* of, time_point since)
    : facade_(facade),
      options_(options),
      real_(std::move(real)),
      sharing_(make_sharing_facade(way_of(facade), real_->get_volume())),
      model_(options, of),
      modelled_(make_file_system(model_)),
      since_(since) {}

outcome twins::tell_volume(const command& c, std::size_t number) {
  const auto copy_tree = [this](std::string_view from, std::string_view to, copy_options o) {
    return sharing_->copy_tree(from, to, o);
  };
  const auto fork = [this]() -> result<void> {
    auto made = real_->get_volume().fork();
    if (!made) return made.error();
    forked_ = std::move(made).value();
    return boost::outcome_v2::success();
  };
  return perform({*real_, real_files_, copy_tree, fork}, c, number);
}

void twins::tell_model(const command& c, std::size_t number, const outcome& real,
                       const volume_stats& before) {
  if (real.failure == errc::quota_exceeded && counts_memory()) {
    // What things cost is the library's to know; but it may not refuse what there is room for.
    model_.refuse_bytes(real.failure);
    require(real.failure.requested() > real.failure.available(), "more was asked for than is left");
    require(real.failure.available() <= before.free_bytes, "no more is left than is free");
  }
  const auto copy_tree = [this](std::string_view from, std::string_view to, copy_options o) {
    return attempt([&] { model_.copy_tree(from, to, o); });
  };
  const auto fork = [this] { return attempt([&] { model_.be_forked(); }); };
  const outcome expected = perform({*modelled_, modelled_files_, copy_tree, fork}, c, number);
  model_.refuse_bytes({});
  model_.note_peak();
  require_same("the outcome", real.text, expected.text);
}

std::unique_ptr<twins> twins::take_fork(time_point since) {
  if (!forked_) return nullptr;
  has_lent_ = true;
  const volume made = std::move(*std::exchange(forked_, std::nullopt));
  return std::unique_ptr<twins>(
      new twins(facade_, options_, make_file_system(facade_, made), &model_, since));
}

void twins::compare(time_point since) {
  since_ = since;
  compare_figures();
  compare_handles();
  std::vector<std::string> found{"/"};
  for (std::size_t i = 0; i < found.size(); ++i) {
    const auto node = model_.nodes().find(found[i]);
    require(node != model_.nodes().end(), "the model has " + found[i]);
    compare_node(found[i], node->second);
    if (!node->second.is_directory) continue;
    const auto names = real_->list(found[i]).value();
    for (const std::string& name : names) found.push_back((i == 0 ? "" : found[i]) + "/" + name);
  }
  require_same("the number of nodes", found.size(), model_.nodes().size());
}

void twins::compare_figures() {
  const volume_stats s = stats();
  require(s.used_bytes <= s.quota_bytes, "used <= quota");
  require(s.used_bytes + s.free_bytes == s.quota_bytes, "used + free = quota");
  require(s.peak_bytes >= s.used_bytes && s.peak_bytes <= s.quota_bytes, "used <= peak <= quota");
  require(s.held_bytes <= s.used_bytes, "held <= used");
  require(has_lent_ || s.held_bytes == 0, "nothing is held where nobody has a part of it");
  require_same("quota_bytes", s.quota_bytes, options_.max_quota);
  require_same("waiting", s.waiting, std::uint64_t{0});
  require_same("open_handles", s.open_handles, model_.open_handles());
  require_same("file_count", s.file_count, model_.files());
  require_same("directory_count", s.directory_count, model_.node_count() - model_.files());
  if (options_.max_nodes) require(model_.node_count() <= *options_.max_nodes, "nodes <= limit");
  if (counts_memory()) {
    require((s.used_bytes == s.held_bytes) == (model_.node_count() == 1),
            "what is there costs something");
  } else {
    require_same("held_bytes", s.held_bytes, std::uint64_t{0});
    require_same("used_bytes", s.used_bytes, model_.used());
    require_same("peak_bytes", s.peak_bytes, model_.peak());
  }
  if (options_.default_storage == storage_layout::random_access)
    require_same("chunk_count", s.chunk_count, std::uint64_t{0});
  if (options_.default_storage == storage_layout::sequential)
    require((s.chunk_count == 0) == (model_.stored() == 0), "content is in chunks");
}

void twins::compare_node(const std::string& path, model_node& n) {
  const file_status s = real_->stat(path).value();
  require_same("the kind of " + path, s.is_directory, n.is_directory);
  require_same("the size of " + path, s.size, std::uint64_t{n.content.size()});
  require_same("the generation of " + path, s.generation, n.generation);
  compare_time("created_at of " + path, s.created_at, n.created_at);
  compare_time("modified_at of " + path, s.modified_at, n.modified_at);
  compare_id(path, s.id, n);
  require(n.is_time_set || s.created_at <= s.modified_at, "created before modified");
  if (!n.is_directory) compare_content(path, n);
}

void twins::compare_time(const std::string& what, time_point real,
                         std::optional<time_point>& expected) const {
  if (expected) {
    require(real == *expected, what + " is as it was");
  } else {
    require(since_ <= real && real <= std::chrono::system_clock::now(), what + " is now");
    expected = real;
  }
}

void twins::compare_id(const std::string& path, std::uint64_t real, model_node& n) {
  if (n.id) return require_same("the id of " + path, real, *n.id);
  require(real > 0 && ids_.insert(real).second, "no other has had the id of " + path);
  n.id = real;
}

// Also shows whether the file is locked.
void twins::compare_content(const std::string& path, const model_node& n) {
  const auto content = real_->read_file(path);
  require_same("whether it can be read: " + path, content.has_value(), model_.can_be_read(path));
  if (content) {
    require_same("the content of " + path, content.value(), n.content);
  } else {
    require(content.error() == errc::would_block, "what can not be read is locked: " + path);
  }
}

void twins::compare_handles() {
  for (std::size_t i = 0; i < real_files_.size(); ++i) {
    require_same("whether there is a handle", real_files_[i] != nullptr,
                 modelled_files_[i] != nullptr);
    if (real_files_[i] == nullptr) continue;
    any_file& f = *real_files_[i];
    any_file& m = *modelled_files_[i];
    require_same("is_open", f.is_open(), m.is_open());
    require_same("readable", f.readable(), m.readable());
    require_same("writable", f.writable(), m.writable());
    require_same("seekable", f.seekable(), m.seekable());
    require_same("path", f.path(), m.path());
    require(f.mode() == m.mode(), "mode");
    if (!f.is_open()) continue;
    require_same("the cursor", f.tell().value(), m.tell().value());
    require_same("the size", f.size().value(), m.size().value());
    if (!f.readable()) continue;
    std::string content(m.size().value() + 1, '\0');
    content.resize(f.read_at(0, content).value());
    std::string expected(m.size().value(), '\0');
    m.read_at(0, expected).value();
    require_same("what the handle reads", content, expected);
  }
}

std::uint64_t twins::size_of(const std::string& path) const {
  const auto found = model_.nodes().find(path);
  return found != model_.nodes().end() ? found->second.content.size() : 0;
}

void twins::close_handles() {
  for (auto& f : real_files_) f.reset();
  for (auto& f : modelled_files_) f.reset();
}

void twins::remove_all() {
  const auto names = real_->list("/").value();
  for (const std::string& name : names) {
    const std::string path = "/" + name;
    const auto removed =
        model_.nodes().at(path).is_directory ? real_->remove_tree(path) : real_->remove(path);
    require(removed.has_value(), "without handles nothing is busy");
  }
  const volume_stats s = stats();
  require(s.used_bytes == s.held_bytes && s.file_count == 0 && s.directory_count == 1 &&
              s.chunk_count == 0 && s.open_handles == 0 && s.waiting == 0,
          "everything removed, nothing is left but what others have");
}

}  // namespace coramfs::tests
