// SPDX-License-Identifier: BSL-1.0
// Renames, moves, removals, copies and imports against opens and those who wait: in every
// schedule that the dice come upon each does exactly what it should, busy nodes stay where they
// are, and what an open waits for is still there when it gets the lock.
#include <coramfs/file_system.hpp>
#include <coramfs/sync/file_system.hpp>

#include "deterministic/request.hpp"
#include "deterministic/world.hpp"

#include "support/catch.hpp"
#include "support/describe.hpp"

#include <asio/buffer.hpp>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace coramfs::tests {

namespace {

using asio::awaitable;

/// What a tree should be, and who uses what in it.
class expected_tree {
 public:
  std::set<std::string> directories{"/d", "/e"};
  std::map<std::string, std::string> files;  // content by path

  static std::string parent(const std::string& path) { return path.substr(0, path.rfind('/')); }
  bool has_parent(const std::string& path) const {
    const std::string above = parent(path);
    return above.empty() || directories.contains(above);
  }
  bool has(const std::string& path) const {
    return files.contains(path) || directories.contains(path);
  }
  static bool is_below(const std::string& path, const std::string& directory) {
    return path.starts_with(directory + "/");
  }
  void rename_directory(const std::string& from, const std::string& to) {
    directories.erase(from);
    directories.insert(to);
    std::map<std::string, std::string> all;
    for (const auto& [path, content] : files)
      all[is_below(path, from) ? to + path.substr(from.size()) : path] = content;
    files = std::move(all);
  }
};

bool exclude_each_other(const request& a, const request& b) {
  return a.is_exclusive || b.is_exclusive;
}

using maybe = std::optional<errc>;

class tree_world final : public world {
 public:
  tree_world(stage& on, std::uint64_t seed) : world(on, seed) {
    for (const std::string& d : should_.directories) threads_.create_directory(d).value();
    for (const char* path : {"/d/a", "/d/b", "/e/a"}) write_now(path);
  }

 private:
  struct held {
    std::string path;
    bool is_exclusive;
    file handle;
  };

  void act() override {
    if (has_time_ && dice_.one_in(10)) return let_time_pass_for_all();
    switch (dice_.below(16)) {
      case 0: return cancel_one();
      case 1:
      case 2:
      case 3: return static_cast<void>(relieve());
      case 4:
      case 5: return rename_file();
      case 6: return rename_directory();
      case 7: return remove_file();
      case 8: return remove_directory();
      case 9: return import_two();
      case 10: return write_now(any_file());
      case 11: return begin_one(&tree_world::copy);
      case 12: return begin_one(&tree_world::write);
      default: return begin_one(&tree_world::open);
    }
  }

  std::string any_directory() {
    static const std::string names[] = {"/d", "/e", "/g"};
    return names[dice_.below(3)];
  }
  std::string any_file() { return any_directory() + (dice_.one_in(2) ? "/a" : "/b"); }
  std::string fresh_content() { return "content " + std::to_string(++contents_); }

  bool is_busy(const std::string& path) const {
    for (const held& h : held_)
      if (h.path == path || expected_tree::is_below(h.path, path)) return true;
    for (const auto& [waited_for, l] : lines_)
      if (!l.empty() && (waited_for == path || expected_tree::is_below(waited_for, path)))
        return true;
    return false;
  }

  template <class T>
  static void expect(const result<T>& done, maybe failure, const char* what) {
    require(failure ? error_of(done) == *failure : done.has_value(), what);
  }

  // What must come of it, all of them in the order in which they are looked at.

  maybe rename_failure(const std::string& from, const std::string& to, if_exists existing) const {
    if (!should_.has_parent(from) || !should_.has(from)) return errc::not_found;
    if (!should_.has_parent(to)) return errc::not_found;
    if (should_.has(to) && existing == if_exists::fail) return errc::already_exists;
    if (from == to) return {};
    if (is_busy(from) || is_busy(to)) return errc::busy;
    return {};
  }
  maybe copy_failure(const std::string& from, const std::string& to, if_exists existing) const {
    if (!should_.files.contains(from)) return errc::not_found;
    if (!should_.has_parent(to)) return errc::not_found;
    if (!should_.has(to)) return {};
    if (existing == if_exists::fail || from == to) return errc::already_exists;
    if (is_busy(to)) return errc::busy;
    return {};
  }
  maybe remove_failure(const std::string& path) const {
    if (!should_.has(path)) return errc::not_found;
    if (is_busy(path)) return errc::busy;
    return {};
  }

  // What never waits, through the other facade.

  void rename_file() {
    const std::string from = any_file(), to = any_file();
    const if_exists existing = any_existing();
    const maybe failure = rename_failure(from, to, existing);
    expect(threads_.rename(from, to, existing), failure, "rename does what it should");
    if (failure || from == to) return;
    should_.files[to] = should_.files[from];
    should_.files.erase(from);
  }

  void rename_directory() {
    const std::string from = any_directory(), to = any_directory();
    maybe failure = rename_failure(from, to, if_exists::fail);
    expect(threads_.move(from, to), failure, "move does what it should");
    if (!failure) should_.rename_directory(from, to);
  }

  void remove_file() {
    const std::string path = any_file();
    const maybe failure = remove_failure(path);
    expect(threads_.remove(path), failure, "remove does what it should");
    if (!failure) should_.files.erase(path);
  }

  void remove_directory() {
    const std::string path = any_directory();
    if (dice_.one_in(2)) return remove_empty_directory(path);
    const maybe failure = remove_failure(path);
    expect(threads_.remove_tree(path), failure, "remove_tree does what it should");
    if (failure) return;
    should_.directories.erase(path);
    std::erase_if(should_.files,
                  [&](const auto& f) { return expected_tree::is_below(f.first, path); });
  }

  void remove_empty_directory(const std::string& path) {
    const bool is_empty =
        std::none_of(should_.files.begin(), should_.files.end(),
                     [&](const auto& f) { return expected_tree::is_below(f.first, path); });
    maybe failure;
    if (!should_.has(path)) {
      failure = errc::not_found;
    } else if (!is_empty) {
      failure = errc::directory_not_empty;
    }
    expect(threads_.remove_directory(path), failure, "remove_directory does what it should");
    if (!failure) should_.directories.erase(path);
  }

  void import_two() {
    const std::string one = any_file(), other = any_file();
    file_map files;
    for (const std::string& path : {one, other}) files[path] = bytes_of(fresh_content());
    const bool refused = is_busy(one) || is_busy(other);
    expect(threads_.import_tree(files), refused ? maybe(errc::busy) : maybe(),
           "import_tree does what it should");
    if (refused) return;
    for (const auto& [path, content] : files) {
      should_.directories.insert(expected_tree::parent(path));
      should_.files[path] = text_of(content);
    }
  }

  void write_now(const std::string& path) {
    if (!should_.has_parent(path) || is_busy(path)) return;
    const std::string content = fresh_content();
    threads_.write_file(path, asio::buffer(content)).value();
    should_.files[path] = content;
  }

  if_exists any_existing() { return dice_.one_in(2) ? if_exists::fail : if_exists::replace; }

  // What may wait.

  void begin_one(awaitable<void> (tree_world::*operation)(request&, std::shared_ptr<int>)) {
    request& r = requests_.emplace_back();
    r.number = requests_.size();
    r.path = any_file();
    r.patience = any_patience();
    begin(r, (this->*operation)(r, alive_));
  }

  awaitable<void> open(request& r, std::shared_ptr<int>) {
    r.is_exclusive = dice_.one_in(2);
    const open_mode mode = r.is_exclusive ? open_mode::update : open_mode::read;
    open_options options;
    options.timeout = r.patience;
    const bool is_there = should_.files.contains(r.path);
    lines_[r.path].join(r);
    auto opened = co_await fs_.open(r.path, mode, options);
    if (!is_there) {
      require(error_of(opened) == errc::not_found, "what is not there is not opened");
      lines_[r.path].fail(r, opened.error());
    } else if (!opened) {
      lines_[r.path].fail(r, opened.error());
    } else {
      file f = std::move(opened).value();
      co_await look_at(r, f);
      lines_[r.path].succeed(r, exclude_each_other);
      held_.push_back({r.path, r.is_exclusive, std::move(f)});
    }
  }

  // It does not suspend.
  awaitable<void> look_at(request& r, file& f) {
    for (const held& h : held_)
      if (h.path == r.path) require(!h.is_exclusive && !r.is_exclusive, "a writer is alone");
    const auto content = co_await f.read_all();
    require(should_.files.contains(r.path), "what an open waits for is still there");
    require(text_of(content.value()) == should_.files[r.path], "and it is what was there");
    require(threads_.file_size(r.path).value() == content.value().size(), "under its name");
  }

  awaitable<void> write(request& r, std::shared_ptr<int>) {
    r.is_exclusive = true;
    r.patience = lock_timeout::forever();
    const bool has_parent = should_.has_parent(r.path);
    const std::string content = fresh_content();
    lines_[r.path].join(r);
    const auto written = co_await fs_.write_file(r.path, asio::buffer(content));
    if (!has_parent) require(error_of(written) == errc::not_found, "a parent is not made");
    if (!written) {
      lines_[r.path].fail(r, written.error());
    } else {
      lines_[r.path].succeed(r, exclude_each_other);
      should_.files[r.path] = content;
    }
  }

  awaitable<void> copy(request& r, std::shared_ptr<int>) {
    r.is_exclusive = false;
    r.patience = lock_timeout::forever();
    const std::string to = any_file();
    const if_exists existing = any_existing();
    const maybe failure = copy_failure(r.path, to, existing);
    lines_[r.path].join(r);
    copy_options how(existing);
    if (dice_.one_in(2)) how.content = copy_options::content::share;
    const auto copied = co_await fs_.copy(r.path, to, how);
    const bool is_canceled = error_of(copied) == errc::canceled;
    const bool had_lock = copied || (r.has_waited && !is_canceled);
    // One that has waited looks again.
    if (!is_canceled)
      expect(copied, r.has_waited ? copy_failure(r.path, to, existing) : failure,
             "copy does what it should");
    if (had_lock) {
      lines_[r.path].succeed(r, exclude_each_other);
    } else {
      lines_[r.path].fail(r, copied.error());
    }
    if (copied) should_.files[to] = should_.files[r.path];
  }

  void cancel_one() {
    if (requests_.empty()) return;
    request& r = requests_[dice_.below(requests_.size())];
    if (!r.has_ended) cancel(r);
  }

  void let_time_pass_for_all() {
    const bool much = dice_.one_in(4);
    for (auto& [path, l] : lines_) l.time_passed(much);
    let_time_pass(much);
  }

  bool relieve() override {
    if (held_.empty()) return false;
    held_.erase(held_.begin() + static_cast<std::ptrdiff_t>(dice_.below(held_.size())));
    return true;
  }

  std::uint64_t waiting() const {
    std::uint64_t n = 0;
    for (const auto& [path, l] : lines_) n += l.waiting().size();
    return n;
  }

  void check() override {
    for (auto& [path, l] : lines_) l.step_ended();
    const volume_stats s = threads_.get_volume().stats();
    require(s.waiting == waiting() && s.open_handles == held_.size(), "the figures count them");
    require(s.file_count == should_.files.size(), "there are as many files as there should be");
    require(s.directory_count == should_.directories.size() + 1, "and as many directories");
  }

  void check_quiet() override {
    for (const auto& [path, l] : lines_) {
      l.check_quiet();
      if (l.empty()) continue;
      bool stands_in_the_way = false;
      for (const held& h : held_)
        stands_in_the_way =
            stands_in_the_way || (h.path == path && (h.is_exclusive || l.head().is_exclusive));
      require(stands_in_the_way, "a release lets in whom it can");
    }
  }

  void check_end() override {
    require(waiting() == 0, "nobody waits for ever");
    require(alive_.use_count() == 1, "every coroutine has ended");
    for (const auto& [path, content] : should_.files)
      require(text_of(threads_.read_file(path).value()) == content, "all content is there");
    for (const std::string& d : should_.directories) threads_.remove_tree(d).value();
    require(threads_.get_volume().stats().used_bytes == 0, "nothing is busy, nothing is left");
  }

  sync::file_system threads_ = sync::file_system::create(on_[0].options()).value();
  file_system fs_{on_[0].executor(), threads_.get_volume()};
  expected_tree should_;
  std::deque<request> requests_;
  std::map<std::string, line> lines_;  // by the path that is waited for
  std::vector<held> held_;
  int contents_ = 0;
  const std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

}  // namespace

TEST_CASE("tree schedules: what is moved, removed, copied and imported against what is open",
          "[deterministic][busy]") {
  for_each_schedule(1, 50'000, [](stage& on, std::uint64_t seed) {
    tree_world w(on, seed);
    w.run(60);
  });
}

}  // namespace coramfs::tests
