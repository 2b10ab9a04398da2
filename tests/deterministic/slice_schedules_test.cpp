// SPDX-License-Identifier: BSL-1.0
// Operations on trees that are done in slices, between which others change the tree: in every
// schedule that the dice come upon each change is seen whole, in one step, and what looks on sees
// each directory as it was at one moment.
#include <coramfs/file_system.hpp>
#include <coramfs/sync/file_system.hpp>

#include "deterministic/request.hpp"
#include "deterministic/tree_history.hpp"
#include "deterministic/tree_state.hpp"
#include "deterministic/world.hpp"

#include "support/catch.hpp"
#include "support/describe.hpp"

#include <asio/buffer.hpp>
#include <asio/post.hpp>
#include <asio/use_awaitable.hpp>

#include <algorithm>
#include <deque>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace coramfs::tests {

namespace {

using asio::awaitable;

volume_options options_of(std::uint64_t seed) {
  volume_options o;
  o.default_lock_timeout = lock_timeout::forever();
  if (seed % 2 == 0) o.accounting = accounting::payload;
  if (seed % 8 == 6) o.max_quota = 2500;
  if (seed % 8 == 7) o.max_nodes = 25;
  return o;
}

/// How often what has come about that the schedules are for.
struct tally {
  std::uint64_t changed_meanwhile = 0;  // operations that saw more than one state, and succeeded
  std::uint64_t refused = 0;
};

class slice_world final : public world {
 public:
  slice_world(stage& on, std::uint64_t seed, tally& counts)
      : world(on, seed), options_(on[0].options(options_of(seed))), counts_(counts) {
    for (int i = 0; i < 6; ++i) create_directory();
    for (int i = 0; i < 8; ++i) write_file();
  }

 private:
  /// An operation in slices that goes on, or has just ended.
  struct operation : request {
    bool changes = false;
    std::string from = {}, to = {};  // of a removal the first, of a copy both
    tree_state::sizes files = {};    // of an import, or that get their names
    if_exists existing = if_exists::replace;
    std::size_t unnamed = 0;  // files that it has open without a name, at most
    tree_history::moment began = 0;
    std::uint64_t first_step = 0;
    bool took_effect = false;
    std::optional<errc> failure = {};
  };
  struct held {
    std::string path;
    file handle;
  };

  void act() override {
    switch (dice_.below(24)) {
      case 0: return cancel_one();
      case 1:
      case 2: return static_cast<void>(relieve());
      case 3:
      case 4: return write_file();
      case 5: return remove_file();
      case 6: return create_directory();
      case 7: return remove_directory();
      case 8:
      case 9: return rename();
      case 10: return begin_one(&slice_world::open, false);
      case 11: return begin_one(&slice_world::list, false);
      case 12: return begin_one(&slice_world::walk, false);
      case 13: return begin_one(&slice_world::glob_in, false);
      case 14: return begin_one(&slice_world::glob, false);
      case 15: return begin_one(&slice_world::export_tree, false);
      case 16: return begin_one(&slice_world::remove_tree, true);
      case 17: return begin_one(&slice_world::copy_tree, true);
      case 18: return begin_one(&slice_world::list_in_pages, false);
      case 19: return begin_one(&slice_world::each_below, false);
      case 20: return begin_one(&slice_world::name_files, true);
      case 21: return begin_one(&slice_world::fork, false);
      default: return begin_one(&slice_world::import_tree, true);
    }
  }

  std::string any_directory() {
    static const char* const all[] = {"/d", "/e", "/g", "/d/s", "/e/s", "/d/s/t"};
    return all[dice_.below(std::size(all))];
  }
  // Now and then where a directory could be.
  std::string any_file() {
    if (dice_.one_in(40)) return any_directory();
    return any_directory() + "/" + std::to_string(dice_.below(8));
  }
  std::uint64_t fresh_size() { return ++sizes_; }
  const tree_state& now() const { return history_.now(); }

  // What is done in one step, through the other facade.

  template <class T>
  void expect(const result<T>& done, const std::function<tree_state()>& effect) {
    const tree_state seen = tree_state::of(threads_);
    if (done) {
      require(seen == effect(), "what is done in one step does what it should");
    } else {
      require(seen == now(), "what fails changes nothing");
    }
    history_.add(seen);
  }

  // In one step, or not at all: others may have the file's lock.
  void write_file() {
    const std::string path = any_file();
    open_options o;
    o.timeout = lock_timeout::immediate();
    o.preallocate = fresh_size();
    const auto written = threads_.open(path, open_mode::write, o);
    expect(written, [&] { return now().with(path, o.preallocate); });
  }
  void remove_file() {
    const std::string path = any_file();
    expect(threads_.remove(path), [&] { return now().without(path); });
  }
  void create_directory() {
    const std::string path = any_directory();
    expect(threads_.create_directory(path),
           [&] { return now().with(path, tree_state::is_directory); });
  }
  void remove_directory() {
    const std::string path = any_directory();
    const auto effect = [&] { return now().without(path); };
    if (dice_.one_in(2)) return expect(threads_.remove_tree(path), effect);
    const bool is_full = !now().names_in(path).empty();
    const errc failure = is_full                ? errc::directory_not_empty
                         : now().has_file(path) ? errc::not_a_directory
                                                : errc::not_found;
    const auto removed = threads_.remove_directory(path);
    if (now().has_directory(path) && !is_full) {
      require(removed.has_value(), "an empty directory is removed");
    } else if (!now().has_file_above(path)) {
      require(error_of(removed) == failure, "and nothing else");
    }
    expect(removed, effect);
  }
  void rename() {
    const bool is_file = dice_.one_in(2);
    const std::string from = is_file ? any_file() : any_directory();
    const std::string to = is_file ? any_file() : any_directory();
    if (from == to) return;
    const auto existing = dice_.one_in(2) ? if_exists::fail : if_exists::replace;
    expect(threads_.rename(from, to, existing), [&] { return now().renamed(from, to); });
  }

  bool is_limited() const {
    return options_.max_nodes.has_value() || options_.max_quota < volume_options().max_quota;
  }
  bool is_open(const std::string& top) const {
    for (const held& h : held_)
      if (h.path == top || tree_state::is_below(h.path, top)) return true;
    return false;
  }

  // What is done in slices.

  using body = awaitable<void> (slice_world::*)(operation&, std::shared_ptr<int>);

  void begin_one(body b, bool changes) {
    operation& op = operations_.emplace_back();
    op.changes = changes;
    op.path = any_directory();
    begin(op, (this->*b)(op, alive_));
  }
  void started(operation& op) {
    op.has_begun = true;
    ++going_on_;
    op.began = history_.last();
    op.first_step = step_;
  }

  template <class T>
  bool end(operation& op, const result<T>& done) {
    op.has_ended = true;
    --going_on_;
    if (done) {
      counts_.changed_meanwhile += op.began != history_.last();
      return true;
    }
    ++counts_.refused;
    for (const errc e : {errc::not_found, errc::already_exists, errc::is_a_directory,
                         errc::not_a_directory, errc::busy, errc::quota_exceeded,
                         errc::node_limit_exceeded, errc::canceled, errc::invalid_argument})
      if (error_of(done) == e) op.failure = e;
    require(op.failure.has_value(), "an error is one of those that are known");
    if (op.failure == errc::canceled) require(op.is_canceled, "only a cancellation cancels");
    if (op.failure == errc::quota_exceeded || op.failure == errc::node_limit_exceeded)
      require(is_limited(), "only a limit is a limit");
    return false;
  }
  /// Likewise, where nothing but a cancellation refuses it.
  template <class T>
  bool end_well(operation& op, const result<T>& done) {
    const bool is_done = end(op, done);
    if (!is_done) require(op.failure == errc::canceled, "what looks on is not refused");
    return is_done;
  }
  template <class Holds>
  bool once(const operation& op, Holds holds) const {
    return history_.once(op.began, holds);
  }

  awaitable<void> open(operation& op, std::shared_ptr<int>) {
    op.path = any_file();
    const open_mode mode = dice_.one_in(2) ? open_mode::read : open_mode::update;
    started(op);
    auto opened = co_await fs_.open(op.path, mode);
    if (end(op, opened)) held_.push_back({op.path, std::move(opened).value()});
  }

  awaitable<void> list(operation& op, std::shared_ptr<int>) {
    started(op);
    const auto listed = co_await fs_.list(op.path);
    if (end(op, listed)) {
      history_.check_list(op.began, op.path, listed.value());
    } else if (op.failure != errc::canceled) {
      require(once(op, [&](const tree_state& s) { return !s.has_directory(op.path); }),
              "a list fails if there is no directory");
    }
  }
  awaitable<void> list_in_pages(operation& op, std::shared_ptr<int>) {
    std::vector<std::string> seen;
    std::string after;
    started(op);
    for (;;) {
      const std::size_t most = 1 + dice_.below(8);
      const auto page = co_await fs_.list_some(op.path, after, most);
      if (!page) {
        end(op, page);
        if (op.failure != errc::canceled)
          require(once(op, [&](const tree_state& s) { return !s.has_directory(op.path); }),
                  "a page is refused if there is no directory");
        co_return;
      }
      for (const directory_entry& e : page.value()) seen.push_back(e.name);
      if (page.value().size() < most) break;
      after = seen.back();
      if (dice_.one_in(2)) co_await asio::post(asio::use_awaitable);
    }
    end(op, result<void>(boost::outcome_v2::success()));
    history_.check_pages(op.began, op.path, std::move(seen));
  }
  awaitable<void> each_below(operation& op, std::shared_ptr<int>) {
    std::vector<std::string> paths;
    started(op);
    auto below = dice_.one_in(2) ? fs_.each_below("/") : fs_.each_match("/**");
    for (;;) {
      const auto page = co_await below.next();
      if (!page) {
        end_well(op, page);
        co_return;
      }
      if (page.value().empty()) break;
      for (const found_entry& e : page.value()) paths.push_back(e.path);
    }
    end(op, result<void>(boost::outcome_v2::success()));
    std::sort(paths.begin(), paths.end());
    history_.check_glob(op.began, paths);
  }
  awaitable<void> walk(operation& op, std::shared_ptr<int>) {
    started(op);
    const auto walked = co_await fs_.walk();
    if (end_well(op, walked)) history_.check_walk(op.began, walked.value());
  }
  awaitable<void> glob_in(operation& op, std::shared_ptr<int>) {
    started(op);
    const std::string pattern = op.path + "/*";
    const auto found = co_await fs_.glob(pattern);
    if (end_well(op, found)) history_.check_glob_in(op.began, op.path, found.value());
  }
  awaitable<void> glob(operation& op, std::shared_ptr<int>) {
    started(op);
    const auto found = co_await fs_.glob("/**");
    if (end_well(op, found)) history_.check_glob(op.began, found.value());
  }
  awaitable<void> export_tree(operation& op, std::shared_ptr<int>) {
    if (dice_.one_in(2)) op.path.clear();
    started(op);
    const std::string prefix = op.path + "/";
    const auto files = co_await fs_.export_tree(prefix);
    if (end_well(op, files)) history_.check_export(op.began, op.path, files.value());
  }

  awaitable<void> import_tree(operation& op, std::shared_ptr<int>) {
    file_map files;
    const std::size_t count = 1 + dice_.below(10);
    for (std::size_t i = 0; i < count; ++i) {
      const std::string path = any_file();
      op.files[path] = fresh_size();
      files[path] = bytes(op.files[path], std::byte{'x'});
    }
    started(op);
    const auto done = co_await fs_.import_tree(std::move(files));
    if (end(op, done)) co_return;
    require(op.failure != errc::not_found && op.failure != errc::already_exists,
            "an import makes parents, and replaces");
    if (op.failure == errc::is_a_directory)
      require(once_for_files(op, &tree_state::has_directory), "a directory was in the way");
    if (op.failure == errc::busy)
      require(once_for_files(op, &tree_state::has_file), "a file was in the way");
    if (op.failure == errc::not_a_directory)
      require(are_nested(op.files) || once_for_files(op, &tree_state::has_file_above),
              "a file was above");
  }
  // Opens files without a name, and gives all of them names at once, with a directory or two.
  awaitable<void> name_files(operation& op, std::shared_ptr<int>) {
    std::map<std::string, file> files;
    std::vector<std::string> directories;
    if (dice_.one_in(2)) op.existing = if_exists::fail;
    const std::size_t count = 1 + dice_.below(6);
    started(op);
    for (std::size_t i = 0; i < count; ++i) {
      const std::string path = any_file();
      const bytes content(fresh_size(), std::byte{'x'});
      ++op.unnamed;
      auto opened = co_await fs_.open_unnamed();
      if (!opened) co_return end_naming(op, result<void>(opened.error()));
      const auto written = co_await opened.value().write(asio::buffer(content));
      if (!written) co_return end_naming(op, result<void>(written.error()));
      files[path] = std::move(opened).value();
      op.files[path] = content.size();
    }
    for (std::size_t i = dice_.below(3); i > 0; --i) {
      const std::string path = any_directory();
      if (op.files.contains(path)) continue;
      directories.push_back(path);
      op.files[path] = tree_state::is_directory;
    }
    naming_options options;
    options.existing = op.existing;
    const auto done = co_await fs_.give_names(files, directories, options);
    for (const auto& [path, f] : files)
      require(f.is_open() == !done, "who fails keeps the files, and who succeeds has none");
    end_naming(op, done);
  }
  void end_naming(operation& op, const result<void>& done) {
    op.unnamed = 0;
    if (end(op, done)) return;
    require(op.failure != errc::not_found, "names are given with their parents");
    if (op.failure == errc::already_exists)
      require(op.existing == if_exists::fail && once_for_files(op, &tree_state::has_file),
              "a file was there");
    if (op.failure == errc::is_a_directory)
      require(once_for_files(op, &tree_state::has_directory), "a directory was in the way");
    if (op.failure == errc::busy)
      require(op.existing == if_exists::replace && once_for_files(op, &tree_state::has_file),
              "a file was in the way");
    if (op.failure == errc::not_a_directory)
      require(are_nested(op.files) || once_for_files(op, &tree_state::has_file_above) ||
                  once_for_files(op, &tree_state::has_file),
              "a file was above, or in the place of a directory");
  }

  template <class Has>
  bool once_for_files(const operation& op, Has has) const {
    return once(op, [&](const tree_state& s) {
      return std::any_of(op.files.begin(), op.files.end(),
                         [&](const auto& f) { return (s.*has)(f.first); });
    });
  }
  static bool are_nested(const tree_state::sizes& files) {
    return std::any_of(files.begin(), files.end(),
                       [&](const auto& f) { return tree_state{files}.has_file_above(f.first); });
  }

  awaitable<void> remove_tree(operation& op, std::shared_ptr<int>) {
    op.from = op.path;
    started(op);
    const auto done = co_await fs_.remove_tree(op.from);
    if (!end(op, done) && op.failure != errc::busy)
      require(once(op, [&](const tree_state& s) { return !s.has_directory(op.from); }),
              "what is there is removed");
  }

  awaitable<void> copy_tree(operation& op, std::shared_ptr<int>) {
    op.from = op.path;
    op.to = any_directory();
    started(op);
    copy_options how;
    if (dice_.one_in(2)) how.content = copy_options::content::share;
    const auto done = co_await fs_.copy_tree(op.from, op.to, how);
    end(op, done);
    if (op.failure == errc::already_exists)
      require(once(op, [&](const tree_state& s) { return s.has(op.to); }), "there was something");
    const std::string in = tree_state::parent(op.to);
    if (op.failure == errc::not_found || op.failure == errc::not_a_directory)
      require(once(op,
                   [&](const tree_state& s) {
                     return !s.has_directory(op.from) || !s.has_directory(in);
                   }),
              "what it needs was not there");
  }

  awaitable<void> fork(operation& op, std::shared_ptr<int>) {
    started(op);
    const auto made = co_await fs_.fork();
    if (!end(op, made)) co_return;
    sync::file_system in(made.value());
    const tree_state seen = tree_state::of(in);
    require(history_.is_copy(op.began, "", seen), "a fork has what was there");
    const volume_stats s = made.value().stats();
    require(s.file_count == seen.files(), "a fork is charged for the files that it has");
    require(s.directory_count == seen.all.size() - seen.files() + 1, "and for the directories");
    if (options_.accounting == accounting::payload)
      require(s.used_bytes == seen.bytes(), "and for their sizes");
    if (dice_.one_in(2)) co_return;
    for (const std::string& d : seen.names_in("", tree_state::kind::directory))
      in.remove_tree("/" + d).value();
    for (const std::string& f : seen.names_in("", tree_state::kind::file))
      in.remove("/" + f).value();
    require(made.value().stats().used_bytes == 0, "nothing is left of a fork");
  }

  // Whether a step was the whole of an operation's change.

  bool is_import(const operation& op, const tree_state& after) const {
    for (const auto& [path, size] : op.files) {
      if (now().has_file_above(path)) return false;
      if (size == tree_state::is_directory) {
        if (now().has_file(path)) return false;
        continue;
      }
      if (now().has_directory(path) || is_open(path)) return false;
      if (op.existing == if_exists::fail && now().has_file(path)) return false;
    }
    return after == now().with_all(op.files);
  }
  // What it began with.
  bool is_removal(const operation& op, const tree_state& after) const {
    return op.first_step == step_ && now().has_directory(op.from) && !is_open(op.from) &&
           after == now().without(op.from);
  }
  // What it ended with: each file is as it was at some moment, and those are there that were there
  // all the time.
  bool is_copy(const operation& op, const tree_state& after) const {
    if (!op.has_ended || op.failure) return false;
    if (now().has(op.to) || !now().has_directory(tree_state::parent(op.to))) return false;
    if (!after.has_directory(op.to) || !(after.without(op.to) == now())) return false;
    return history_.is_copy(op.began, op.from, after.below(op.to));
  }
  bool is_change(const operation& op, const tree_state& after) const {
    if (!op.changes || !op.has_begun || op.took_effect) return false;
    if (!op.files.empty()) return is_import(op, after);
    return op.to.empty() ? is_removal(op, after) : is_copy(op, after);
  }

  void check() override {
    const tree_state seen = tree_state::of(threads_);
    if (!(seen == now())) {
      const auto changed = std::find_if(operations_.begin(), operations_.end(),
                                        [&](const operation& op) { return is_change(op, seen); });
      require(changed != operations_.end(),
              "a step changes all that one operation changes, or none");
      changed->took_effect = true;
      history_.add(seen);
    }
    for (const operation& op : operations_)
      if (op.has_begun && op.has_ended && op.changes)
        require(op.took_effect == !op.failure, "what succeeds has been done, what fails has not");
    check_figures(seen);
    ++step_;
  }

  // What is removed or replaced is freed, and given back, slice by slice.
  void check_figures(const tree_state& seen) {
    const volume_stats s = threads_.get_volume().stats();
    const bool is_quiet = going_on_ == 0;
    require(s.used_bytes + s.free_bytes == s.quota_bytes, "used and free are all");
    std::size_t unnamed = 0;
    for (const operation& op : operations_) unnamed += op.unnamed;
    require(s.open_handles >= held_.size() && s.open_handles <= held_.size() + unnamed,
            "handles are counted");
    require(s.file_count >= seen.files(), "there are no more files than are charged");
    if (is_quiet) {
      require(s.file_count == seen.files(), "there are as many files as are charged");
      require(s.directory_count == seen.all.size() - seen.files() + 1, "and as many directories");
    }
    if (options_.accounting == accounting::payload)
      require(is_quiet ? s.used_bytes == seen.bytes() : s.used_bytes >= seen.bytes(),
              "the charge is what is there");
    if (options_.max_nodes)
      require(s.file_count + s.directory_count <= *options_.max_nodes, "the limit holds");
  }

  void check_quiet() override {
    require(going_on_ == threads_.get_volume().stats().waiting, "who does not wait goes on");
  }

  void check_end() override {
    require(alive_.use_count() == 1, "every coroutine has ended");
    for (const std::string& d : now().names_in("", tree_state::kind::directory))
      threads_.remove_tree("/" + d).value();
    for (const std::string& f : now().names_in("", tree_state::kind::file))
      threads_.remove("/" + f).value();
    require(threads_.get_volume().stats().used_bytes == 0, "nothing is left");
  }

  void cancel_one() {
    if (operations_.empty()) return;
    operation& op = operations_[dice_.below(operations_.size())];
    if (!op.has_ended) cancel(op);
  }

  bool relieve() override {
    if (held_.empty()) return false;
    held_.erase(held_.begin() + static_cast<std::ptrdiff_t>(dice_.below(held_.size())));
    return true;
  }

  const volume_options options_;
  tally& counts_;
  sync::file_system threads_ = sync::file_system::create(options_).value();
  file_system fs_{on_[0].executor(), threads_.get_volume()};
  tree_history history_{tree_state::of(threads_)};
  std::deque<operation> operations_;
  std::size_t going_on_ = 0;  // of operations_
  std::uint64_t step_ = 0;
  std::vector<held> held_;
  std::uint64_t sizes_ = 0;
  const std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

}  // namespace

TEST_CASE("slice schedules: trees are changed and looked at in slices, and each change is whole",
          "[deterministic][slices]") {
  tally counts;
  std::uint64_t seeds = 0;
  for_each_schedule(1, 15'000, [&](stage& on, std::uint64_t seed) {
    slice_world w(on, seed, counts);
    w.run(60);
    ++seeds;
  });
  INFO("seeds " << seeds << ", changed " << counts.changed_meanwhile << ", refused "
                << counts.refused);
  // The schedules are worth something: in each some operation goes on while others change the tree.
  CHECK(counts.changed_meanwhile > seeds);
}

}  // namespace coramfs::tests
