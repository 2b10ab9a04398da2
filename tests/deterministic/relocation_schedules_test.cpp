// SPDX-License-Identifier: BSL-1.0
// Files that some open, and others move, replace and remove, one by one or with their directories,
// by copies and imports, too, as soon as they are free. In every schedule that the dice come upon
// what is open stays where it was opened, all who wait have their turn, whatever they want of each
// other's files, and nothing is left of what goes.
#include <coramfs/file_system.hpp>
#include <coramfs/sync/file_system.hpp>

#include "deterministic/request.hpp"
#include "deterministic/world.hpp"

#include <asio/awaitable.hpp>
#include <asio/post.hpp>
#include <asio/use_awaitable.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace coramfs::tests {

namespace {

using asio::awaitable;

constexpr std::uint64_t seeds = 30'000;

constexpr std::array<const char*, 5> paths{"/d/f", "/d/g", "/e/f", "/e/d/f", "/e/d/g"};
constexpr std::array<const char*, 2> places{"/d", "/e/d"};

class relocation_world final : public world {
 public:
  relocation_world(stage& on, std::uint64_t seed, bool contexts_die, bool is_full)
      : world(on, seed), contexts_die_(contexts_die), is_full_(is_full) {
    for (std::size_t i = 0; i < on.size(); ++i) {
      on_each_.emplace_back(on[i].executor(), volume_);
      come_between(i);
    }
    for (const char* const path : {"/d/f", "/d/g", "/e/f"}) make(path);
  }
  ~relocation_world() override {
    for (std::size_t i = 0; i < on_.size(); ++i) on_[i].before_suspension = [] {};
  }

 private:
  enum wish {
    reads,
    writes,
    renames,
    moves_directory,
    removes,
    removes_tree,
    copies,
    imports,
    all_wishes
  };

  void act() override {
    if (contexts_die_ && dice_.one_in(16)) return kill_one();
    if (has_time_ && dice_.one_in(10)) return let_time_pass(dice_.one_in(4));
    switch (dice_.below(12)) {
      case 0: return cancel_one();
      case 1:
      case 2:
      case 3: return static_cast<void>(relieve());
      case 4: return make(paths[dice_.below(paths.size())]);
      case 5: return replace_now();
      default: return begin_one();
    }
  }

  void come_between(std::size_t context) {
    on_[context].before_suspension = [this] {
      if (!std::exchange(is_asking_, false)) return;
      if (dice_.one_in(8)) relieve();
      if (dice_.one_in(8)) replace_now();
    };
  }

  void begin_one() {
    request& r = requests_.emplace_back();
    r.context = dice_.below(on_.size());
    r.wanted = dice_.below(all_wishes);
    r.path = paths[dice_.below(paths.size())];
    r.patience = any_patience();
    begin(r, ask(r, alive_));
  }

  awaitable<void> ask(request& r, std::shared_ptr<int>) {
    if (dice_.one_in(4)) co_await asio::post(asio::use_awaitable);
    r.has_begun = true;
    is_asking_ = r.patience.is_forever();
    if (r.wanted == reads || r.wanted == writes) {
      open_options options;
      options.timeout = r.patience;
      options.label = r.path.c_str();
      const open_mode mode = r.wanted == reads ? open_mode::read : open_mode::update;
      auto opened = co_await on_each_[r.context].open(r.path, mode, options);
      is_asking_ = false;
      end(r, opened ? result<void>(boost::outcome_v2::success()) : opened.error());
      if (opened) held_.push_back(std::move(opened).value());
      co_return;
    }
    result<void> done = co_await change(r);
    is_asking_ = false;
    end(r, done);
  }

  awaitable<result<void>> change(request& r) {
    file_system& fs = on_each_[r.context];
    const rename_options renaming{if_exists::replace, if_open::wait, r.patience};
    const remove_options removing{if_open::wait, r.patience};
    const std::size_t at = dice_.below(2);
    switch (r.wanted) {
      case renames: {
        const std::string to = paths[dice_.below(paths.size())];
        return dice_.one_in(2) ? fs.rename(r.path, to, renaming) : fs.move(r.path, to, renaming);
      }
      case moves_directory: return fs.rename(places[at], places[1 - at], renaming);
      case removes: return fs.remove(r.path, removing);
      case copies: {
        const std::string to = paths[dice_.below(paths.size())];
        return fs.copy(r.path, to, copy_options{if_exists::replace, if_open::wait, r.patience});
      }
      case imports: {
        file_map files;
        files.emplace(r.path, content());
        files.emplace(paths[dice_.below(paths.size())], content());
        return fs.import_tree(std::move(files), {if_open::wait, r.patience});
      }
      default: return fs.remove_tree(places[at], removing);
    }
  }

  void end(request& r, const result<void>& done) {
    r.has_ended = true;
    if (done) return;
    const error e = done.error();
    if (e == errc::canceled) return require(r.is_canceled, "only a cancellation cancels");
    // For its source a copy waits with the timeout of the volume.
    if (e == errc::timed_out)
      return require(!r.patience.is_forever() || r.wanted == copies, "a wait may last for ever");
    if (e == errc::would_block)
      return require(r.patience.is_immediate(), "only an immediate attempt would block");
    require(e != errc::busy, "who waits finds nothing busy");
    // Those who have waited keep their nodes until they have looked.
    require(e != errc::quota_exceeded && (is_full_ || e != errc::node_limit_exceeded),
            "there is room");
    require(r.wanted >= renames || e == errc::not_found, "an open finds a file, or none");
  }

  static bytes content() {
    constexpr std::string_view text = "content";
    bytes all(text.size());
    std::memcpy(all.data(), text.data(), text.size());
    return all;
  }

  void make(const std::string& path) {
    const auto existing = threads_.exists(path);
    if (existing && !existing.value()) static_cast<void>(threads_.write_file(path, "content"));
  }
  void replace_now() {
    const std::string from = paths[dice_.below(paths.size())],
                      to = paths[dice_.below(paths.size())];
    const auto done =
        threads_.rename(from, to, {.existing = if_exists::replace, .open = if_open::keep_unnamed});
    require(done || done.error() == errc::not_found || done.error() == errc::busy,
            "what is open is replaced");
  }

  void cancel_one() {
    if (requests_.empty()) return;
    request& r = requests_[dice_.below(requests_.size())];
    if (!r.is_dead) cancel(r);
  }

  bool relieve() override {
    if (held_.empty()) return false;
    held_.erase(held_.begin() + static_cast<std::ptrdiff_t>(dice_.below(held_.size())));
    return true;
  }

  // Whoever waits there is gone without a word.
  void kill_one() {
    const std::size_t doomed = dice_.below(on_.size());
    on_.destroy(doomed);
    for (request& r : requests_)
      if (r.context == doomed) r.has_ended = r.is_dead = true;
    on_.replace(doomed);
    come_between(doomed);
    on_each_[doomed] = file_system(on_[doomed].executor(), volume_);
  }

  std::uint64_t waiting() const {
    return static_cast<std::uint64_t>(
        std::count_if(requests_.begin(), requests_.end(),
                      [](const request& r) { return r.has_begun && !r.has_ended; }));
  }

  void check() override {
    require(volume_.stats().waiting <= waiting(), "the figures count who waits");
    for (const open_handle& h : volume_.open_handles().value())
      require(h.path.empty() || h.label.empty() || h.path == h.label,
              "what is open stays where it is");
  }

  void check_quiet() override {
    require(volume_.stats().waiting == waiting(), "all that could go on has done so");
    const auto handles = volume_.open_handles().value();
    const auto named = std::count_if(handles.begin(), handles.end(),
                                     [](const open_handle& h) { return !h.path.empty(); });
    require(waiting() == 0 || named > 0, "only what is open is waited for");
    const auto files =
        static_cast<std::uint64_t>(std::count_if(paths.begin(), paths.end(), [&](const char* path) {
          return threads_.exists(path).value();
        }));
    const std::uint64_t unnamed = handles.size() - static_cast<std::uint64_t>(named);
    const std::uint64_t all = volume_.stats().file_count;
    require(all >= files && all <= files + unnamed, "what nobody has is gone");
    require(all > files || handles.size() == held_.size(), "the figures count who has it open");
  }

  void check_end() override {
    require(waiting() == 0, "nobody waits for ever");
    require(alive_.use_count() == 1, "every coroutine has ended");
    for (const char* const path : paths)
      if (threads_.exists(path).value()) {
        require(threads_.read_text(path).value() == "content", "content goes with its file");
        threads_.remove(path).value();
      }
    for (const char* const place : {"/d", "/e/d", "/e"})
      if (threads_.exists(place).value()) threads_.remove_tree(place).value();
    const volume_stats s = volume_.stats();
    require(s.file_count == 0 && s.directory_count == 1, "nothing is left");
    require(s.used_bytes == 0 && s.chunk_count == 0, "nothing is charged");
  }

  static volume with_directories(staged_context& on, bool is_full) {
    volume_options options = on.options();
    if (is_full) options.max_nodes = 7;
    volume v = volume::create(options).value();
    sync::file_system(v).create_directories("/d").value();
    sync::file_system(v).create_directories("/e").value();
    return v;
  }

  const bool contexts_die_;
  const bool is_full_;
  const volume volume_ = with_directories(on_[0], is_full_);
  sync::file_system threads_{volume_};
  std::vector<file_system> on_each_;
  std::deque<request> requests_;
  std::vector<file> held_;
  bool is_asking_ = false;  // and the next who is about to wait is the one who asked
  const std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

void explore(std::size_t contexts, bool contexts_die, bool is_full, std::uint64_t count) {
  for_each_schedule(contexts, count, [&](stage& on, std::uint64_t seed) {
    relocation_world w(on, seed, contexts_die, is_full);
    w.run(60);
  });
}

}  // namespace

TEST_CASE("relocation schedules: on one context", "[deterministic][rename]") {
  explore(1, false, false, seeds);
}

TEST_CASE("relocation schedules: on two contexts", "[deterministic][rename]") {
  explore(2, false, false, seeds / 2);
}

TEST_CASE("relocation schedules: on contexts that die", "[deterministic][rename]") {
  explore(2, true, false, seeds / 2);
}

TEST_CASE("relocation schedules: with no node left", "[deterministic][rename]") {
  explore(1, false, true, seeds / 3);
}

}  // namespace coramfs::tests
