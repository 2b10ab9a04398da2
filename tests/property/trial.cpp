// SPDX-License-Identifier: BSL-1.0
#include "property/trial.hpp"

#include "support/describe.hpp"
#include "support/node_clock.hpp"

#include <sstream>
#include <stdexcept>

namespace coramfs::tests {

namespace {

std::string brief(const std::string& text) {
  return text.size() <= 300 ? text : text.substr(0, 300) + "... of " + std::to_string(text.size());
}

template <class T>
std::string shown(const T& value) {
  std::ostringstream out;
  out << value;
  return brief(out.str());
}

template <class T>
void require_same(const std::string& what, const T& real, const T& expected) {
  if (real == expected) return;
  throw std::logic_error(what + " is\n" + shown(real) + "\nand should be\n" + shown(expected));
}

void require(bool holds, const std::string& what) {
  if (!holds) throw std::logic_error("does not hold: " + what);
}

std::string figures(const volume_stats& s) {
  std::ostringstream out;
  out << "used " << s.used_bytes << " peak " << s.peak_bytes << " files " << s.file_count
      << " directories " << s.directory_count << " chunks " << s.chunk_count << " open "
      << s.open_handles;
  return out.str();
}

}  // namespace

trial::trial(facade_kind facade, const volume_options& options, tally& t,
             faults_in_commands& faults)
    : options_(options),
      tally_(t),
      faults_(faults),
      real_(create_file_system(facade, options).value()),
      model_(options),
      modelled_(make_file_system(model_)),
      step_begin_(earliest_node_time()) {
  // What it found the root to be is what the model goes on with.
  const file_status root = real_->stat("/").value();
  model_.nodes().at("/").created_at = root.created_at;
  model_.nodes().at("/").modified_at = root.modified_at;
}

void trial::run(const script& s) {
  for (std::size_t number = 0; number < s.commands.size(); ++number) {
    try {
      step(s.commands[number], number);
    } catch (const std::logic_error& e) {
      std::ostringstream where;
      where << "after command " << number << ", " << s.commands[number] << ": " << e.what();
      throw std::logic_error(where.str());
    }
  }
  finish();
  // Others get a turn after every 4 MiB through one handle, and with all that is compared no
  // command moves as much.
  require(real_->suspensions() <= s.commands.size() / 2, "operations suspend");
}

void trial::step(const command& c, std::size_t number) {
  const volume_stats before = real_->stats().value();
  step_begin_ = earliest_node_time();
  faults_.begin_command();
  const outcome real = perform(*real_, real_files_, c, number);
  // A layout that is refused its growth asks for less, so a fault may also go unnoticed.
  const bool is_faulty = faults_.end_command() && real.failed();
  const volume_stats after = real_->stats().value();
  if (!is_faulty) compare_outcomes(c, number, real, before);
  if (real.failed()) require_same("after a failure the volume", figures(after), figures(before));
  compare();
  ++tally_.commands;
  auto& counted = is_faulty ? tally_.faults : tally_.failures;
  if (real.failed()) ++counted[real.failure.code().message()];
}

void trial::compare_outcomes(const command& c, std::size_t number, const outcome& real,
                             const volume_stats& before) {
  if (real.failure == errc::quota_exceeded && counts_memory()) {
    // What things cost is the library's to know; but it may not refuse what there is room for.
    model_.refuse_bytes(real.failure);
    require(real.failure.requested() > real.failure.available(), "more was asked for than is left");
    require(real.failure.available() <= before.free_bytes, "no more is left than is free");
  }
  const outcome expected = perform(*modelled_, modelled_files_, c, number);
  model_.refuse_bytes({});
  model_.note_peak();
  require_same("the outcome", real.text, expected.text);
}

void trial::compare() {
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

void trial::compare_figures() {
  const volume_stats s = real_->stats().value();
  require(s.used_bytes <= s.quota_bytes, "used <= quota");
  require(s.used_bytes + s.free_bytes == s.quota_bytes, "used + free = quota");
  require(s.peak_bytes >= s.used_bytes && s.peak_bytes <= s.quota_bytes, "used <= peak <= quota");
  require_same("quota_bytes", s.quota_bytes, options_.max_quota);
  require_same("waiting", s.waiting, std::uint64_t{0});
  require_same("open_handles", s.open_handles, model_.open_handles());
  require_same("file_count", s.file_count, model_.files());
  require_same("directory_count", s.directory_count, model_.node_count() - model_.files());
  if (options_.max_nodes) require(model_.node_count() <= *options_.max_nodes, "nodes <= limit");
  if (counts_memory()) {
    require((s.used_bytes == 0) == (model_.node_count() == 1), "what is there costs something");
  } else {
    require_same("used_bytes", s.used_bytes, model_.used());
    require_same("peak_bytes", s.peak_bytes, model_.peak());
  }
  if (options_.default_storage == storage_layout::random_access)
    require_same("chunk_count", s.chunk_count, std::uint64_t{0});
  if (options_.default_storage == storage_layout::sequential)
    require((s.chunk_count == 0) == (model_.stored() == 0), "content is in chunks");
}

void trial::compare_node(const std::string& path, model_node& n) {
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

void trial::compare_time(const std::string& what, std::chrono::system_clock::time_point real,
                         std::optional<std::chrono::system_clock::time_point>& expected) const {
  if (expected) {
    require(real == *expected, what + " is as it was");
  } else {
    require(step_begin_ <= real && real <= std::chrono::system_clock::now(), what + " is now");
    expected = real;
  }
}

void trial::compare_id(const std::string& path, std::uint64_t real, model_node& n) {
  if (n.id) return require_same("the id of " + path, real, *n.id);
  require(real > 0 && ids_.insert(real).second, "no other has had the id of " + path);
  n.id = real;
}

// Also shows whether the file is locked.
void trial::compare_content(const std::string& path, const model_node& n) {
  const auto content = real_->read_file(path);
  require_same("whether it can be read: " + path, content.has_value(), model_.can_be_read(path));
  if (content) {
    require_same("the content of " + path, content.value(), n.content);
  } else {
    require(content.error() == errc::would_block, "what can not be read is locked: " + path);
  }
}

void trial::compare_handles() {
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

// With no handle left everything can be removed, and nothing is left.
void trial::finish() {
  for (auto& f : real_files_) f.reset();
  for (auto& f : modelled_files_) f.reset();
  compare();
  const auto names = real_->list("/").value();
  for (const std::string& name : names) {
    const std::string path = "/" + name;
    const auto removed =
        model_.nodes().at(path).is_directory ? real_->remove_tree(path) : real_->remove(path);
    require(removed.has_value(), "without handles nothing is busy");
  }
  const volume_stats s = real_->stats().value();
  require(s.used_bytes == 0 && s.file_count == 0 && s.directory_count == 1 && s.chunk_count == 0 &&
              s.open_handles == 0 && s.waiting == 0,
          "everything removed, nothing is left");
}

}  // namespace coramfs::tests
