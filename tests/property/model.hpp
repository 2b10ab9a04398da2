// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "api/facade.hpp"

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

namespace coramfs::tests {

class model_file;

struct model_node {
  bool is_directory = false;
  std::string content;
  bool is_table = false;  // or a chain, where a gap can not be
  /// Whether it may share bytes, so that with `accounting::memory` even an overwrite may cost some.
  bool may_share = false;
  /// Bytes that its handle has paid for, or 0; and whether growth to them can not be refused: a gap
  /// has not made a table of a chain since.
  std::uint64_t reserved = 0;
  bool is_promised = false;
  std::uint64_t generation = 0;
  /// None: in the operation that was just run, at a time that only the library knows.
  std::optional<std::chrono::system_clock::time_point> created_at, modified_at;
  bool is_time_set = false;         // to one before it was made
  std::optional<std::uint64_t> id;  // none: it is new, and nobody has asked

  void modified_now() {
    modified_at.reset();
    is_time_set = false;
  }
};

/// What a volume is to do, as simply as it can be told: a map from paths to nodes. Nothing waits:
/// all timeouts are immediate.
///
/// In `accounting::payload` it knows every figure. In `accounting::memory` it does not know what
/// things cost, only what may cost something: see `refuse_bytes`.
class model {
 public:
  /// An empty one, or a fork of another one that was `be_forked`.
  explicit model(const volume_options& options, const model* origin = nullptr);
  model(const model&) = delete;
  model& operator=(const model&) = delete;

  std::map<std::string, model_node>& nodes() { return nodes_; }
  const std::map<std::string, model_node>& nodes() const { return nodes_; }
  std::uint64_t used() const;
  /// Bytes in files, without what is paid for ahead.
  std::uint64_t stored() const;
  std::uint64_t peak() const { return peak_; }
  /// Between two operations: what is used in the middle of one is seen by nobody.
  void note_peak();
  std::uint64_t files() const;
  std::uint64_t node_count() const;  // with the root
  std::uint64_t open_handles() const { return handles_.size(); }
  /// Whether any file may share bytes.
  bool has_shared() const;
  /// Whether a file may be read by who has it not open.
  bool can_be_read(const std::string& path) const { return !is_locked(path, true); }

  /// In the operation that comes next, what may cost bytes does, and is refused them with this
  /// error. None: there are bytes enough.
  void refuse_bytes(std::optional<error> refusal) { refusal_ = refusal; }

  // The operations. They throw an `error`, and have changed nothing then.
  std::unique_ptr<any_file> open(std::string_view path, open_mode, const open_options&);
  void create_directory(std::string_view path);
  bool create_directories(std::string_view path);
  void remove(std::string_view path, if_open in_use);
  void remove_directory(std::string_view path);
  void remove_tree(std::string_view path, if_open in_use);
  void relocate(std::string_view from, std::string_view to, const rename_options&,
                bool makes_parents);
  void copy(std::string_view from, std::string_view to, const copy_options&);
  void copy_tree(std::string_view from, std::string_view to, const copy_options&);
  void be_forked();
  std::vector<std::string> list(std::string_view path);
  std::vector<directory_entry> list_entries(std::string_view path);
  std::vector<walk_entry> walk(std::string_view path);
  std::vector<std::string> glob(std::string_view pattern);
  const model_node& stat(std::string_view path);
  void set_modified(std::string_view path, std::chrono::system_clock::time_point to);
  std::uint64_t file_size(std::string_view path);
  std::string read_file(std::string_view path, std::optional<std::uint64_t> max_size);
  void write_file(std::string_view path, std::string_view content);
  std::vector<std::string> files_below(std::string_view prefix, const export_options&);
  void import_tree(const file_map& files);

 private:
  friend class model_file;

  model_node directory() const;
  model_node file(std::string_view content) const;

  // Looking.
  model_node* find(const std::string& path);
  model_node& require(const std::string& path);
  model_node& require_file(const std::string& path);
  model_node& require_directory(const std::string& path);
  /// The directories above it that are missing, and it too if it is.
  std::vector<std::string> missing(const std::string& path);
  std::vector<std::string> below(const std::string& path) const;

  /// Those that are open, and have no name any more.
  std::set<std::shared_ptr<model_node>> unnamed() const;

  // Locks.
  bool is_locked(const std::string& path, bool for_reading) const;
  void require_lock(const std::string& path, bool for_reading) const;
  bool is_in_use(const std::string& path) const;
  void require_idle(const std::string& path) const;
  void keep_unnamed(const std::string& path, const model_node& n);
  void clear(const std::string& path, if_open in_use);

  // Limits.
  void require_nodes(std::uint64_t added, std::uint64_t replaced = 0) const;
  void require_bytes(std::uint64_t added, std::uint64_t replaced = 0) const;
  void may_cost() const;

  // Changing.
  void put(const std::string& path, model_node fresh);
  void take_away(const std::string& path);
  void touch(const std::string& directory);
  void change(model_node& n, std::string content);
  void require_growth(const model_node& n, std::uint64_t size) const;
  void write(model_node& n, std::uint64_t offset, std::string_view from);
  void resize(model_node& n, std::uint64_t size);
  void punch(model_node& n, std::uint64_t offset, std::uint64_t size);
  void reserve(model_node& n, std::uint64_t size);
  void check_target(const std::string& from, const std::string& to, if_exists);

  const volume_options options_;
  std::map<std::string, model_node> nodes_;     // by normal path
  std::set<model_file*, std::less<>> handles_;  // those that are open
  std::optional<error> refusal_;
  std::uint64_t peak_ = 0;
};

/// The model as a file system, so that it runs what the library runs.
std::unique_ptr<any_file_system> make_file_system(model& of);

}  // namespace coramfs::tests
