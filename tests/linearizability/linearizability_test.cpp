// SPDX-License-Identifier: BSL-1.0
// Threads and coroutines on several threads rename, write, read and import the same few files,
// and write down what they see: it is what calls one after another would have seen.
#include <coramfs/file_system.hpp>
#include <coramfs/sync/file_system.hpp>

#include "linearizability/history.hpp"

#include "support/catch.hpp"
#include "support/describe.hpp"
#include "support/dice.hpp"
#include "support/seeds.hpp"

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/post.hpp>
#include <asio/thread_pool.hpp>
#include <asio/use_awaitable.hpp>

#include <atomic>
#include <barrier>
#include <latch>
#include <string>
#include <thread>
#include <vector>

namespace coramfs::tests {

namespace {

using asio::awaitable;
using kind = call::kind;

constexpr std::size_t thread_count = 2, coroutine_count = 2, calls_each = 5;

const char* path_of(std::size_t i) {
  static const char* const paths[path_count] = {"/a", "/b", "/d/c"};
  return paths[i];
}

/// The contents from here on are long.
constexpr int long_one = 128;

/// Full of one letter, so that a torn one shows. Some are so long that a coroutine lets others go
/// on while it has the file, and they meet it there however few processors there are.
bytes content_of(int value) {
  const std::size_t size = value >= long_one ? 1'100'000 : 64 + static_cast<std::size_t>(value);
  return bytes(size, static_cast<std::byte>(value));
}

int value_of(const result<bytes>& content) {
  if (!content) {
    require(content.error() == errc::not_found, "a read gives the file, or there is none");
    return call::not_found;
  }
  require(!content.value().empty(), "a file is never seen empty");
  const int value = static_cast<int>(content.value().front());
  require(content.value() == content_of(value), "a file is seen whole");
  return value;
}

int value_of(const result<void>& done) {
  if (done) return call::done;
  if (done.error() == errc::busy) return call::busy;
  require(done.error() == errc::not_found, "it is done, or busy, or there is no file");
  return call::not_found;
}

int value_of(const result<bool>& answer) { return answer.value() ? call::yes : call::no; }

file_map map_of(const call& c) {
  return {{path_of(c.path), content_of(c.content)},
          {path_of(c.other_path), content_of(c.other_content)}};
}

int perform(sync::file_system& fs, const call& c) {
  const char* const path = path_of(c.path);
  switch (c.what) {
    case kind::exists: return value_of(fs.exists(path));
    case kind::read: return value_of(fs.read_file(path));
    case kind::write: return value_of(fs.write_file(path, asio::buffer(content_of(c.content))));
    case kind::rename: return value_of(fs.rename(path, path_of(c.other_path), if_exists::replace));
    case kind::import: return value_of(fs.import_tree(map_of(c)));
  }
  throw std::logic_error("no such call");
}

awaitable<int> perform(file_system& fs, const call& c) {
  const char* const path = path_of(c.path);
  if (c.what == kind::exists) {
    const auto answer = co_await fs.exists(path);
    co_return value_of(answer);
  }
  if (c.what == kind::read) {
    const auto content = co_await fs.read_file(path);
    co_return value_of(content);
  }
  const bytes content = content_of(c.content);
  file_map map = map_of(c);
  result<void> done;
  if (c.what == kind::write) done = co_await fs.write_file(path, asio::buffer(content));
  if (c.what == kind::rename)
    done = co_await fs.rename(path, path_of(c.other_path), if_exists::replace);
  if (c.what == kind::import) done = co_await fs.import_tree(std::move(map));
  co_return value_of(done);
}

/// What one of them does, chosen before.
std::vector<call> plan(dice& d, int& contents) {
  std::vector<call> calls(calls_each);
  const auto fresh = [&] { return ++contents + (d.one_in(16) ? long_one : 0); };
  for (call& c : calls) {
    c.what = static_cast<kind>(d.below(5));
    c.path = d.below(path_count);
    c.other_path = (c.path + 1 + d.below(path_count - 1)) % path_count;
    c.content = fresh();
    c.other_content = fresh();
  }
  return calls;
}

/// Threads that stand ready for one history after another.
class recorder {
 public:
  recorder() {
    for (std::size_t i = 0; i < thread_count; ++i) threads_.emplace_back([this, i] { serve(i); });
  }
  ~recorder() {
    stops_ = true;
    begin_.arrive_and_wait();
    for (std::thread& t : threads_) t.join();
    pool_.join();
  }

  std::vector<call> record(std::uint64_t seed) {
    dice d(seed);
    int contents = 0;
    for (auto& p : plans_) p = plan(d, contents);
    fs_ = sync::file_system::create().value();
    fs_.create_directory("/d").value();
    file_system async(pool_.get_executor(), fs_.get_volume());
    std::latch ended(coroutine_count);
    arrived_ = 0;
    for (std::size_t i = 0; i < coroutine_count; ++i)
      asio::co_spawn(pool_, go_through(async, plans_[thread_count + i], ended), asio::detached);
    begin_.arrive_and_wait();
    end_.arrive_and_wait();
    ended.wait();
    if (const auto e = std::exchange(thrown_, nullptr)) std::rethrow_exception(e);
    std::vector<call> all;
    for (const auto& p : plans_) all.insert(all.end(), p.begin(), p.end());
    return all;
  }
  volume_stats stats() const { return fs_.get_volume().stats(); }

 private:
  void serve(std::size_t i) {
    for (;;) {
      begin_.arrive_and_wait();
      if (stops_) return;
      try {
        meet();
        for (call& c : plans_[i]) {
          c.begin = clock_++;
          // With few processors, or busy ones, calls would hardly ever overlap.
          if (c.begin % 4 == 0) std::this_thread::yield();
          c.came_of_it = perform(fs_, c);
          c.end = clock_++;
        }
      } catch (...) {
        keep(std::current_exception());
      }
      end_.arrive_and_wait();
    }
  }

  awaitable<void> go_through(file_system& fs, std::vector<call>& calls, std::latch& ended) {
    try {
      meet();
      for (call& c : calls) {
        co_await asio::post(asio::use_awaitable);
        c.begin = clock_++;
        if (c.begin % 4 == 0) co_await asio::post(asio::use_awaitable);
        c.came_of_it = co_await perform(fs, c);
        c.end = clock_++;
      }
    } catch (...) {
      keep(std::current_exception());
    }
    ended.count_down();
  }

  // Not for ever: there may be fewer processors than of us.
  void meet() {
    ++arrived_;
    for (int i = 0; i < 1000 && arrived_ < thread_count + coroutine_count; ++i)
      if (i % 100 == 99) std::this_thread::yield();
  }
  void keep(std::exception_ptr e) {
    const std::lock_guard lock(mutex_);
    thrown_ = e;
  }

  std::vector<call> plans_[thread_count + coroutine_count];
  sync::file_system fs_ = sync::file_system::create().value();
  asio::thread_pool pool_{2};
  std::barrier<> begin_{thread_count + 1}, end_{thread_count + 1};
  std::atomic<bool> stops_ = false;
  std::atomic<std::uint64_t> clock_ = 0;
  std::atomic<std::size_t> arrived_ = 0;
  std::mutex mutex_;
  std::exception_ptr thrown_;  // guarded by mutex_
  std::vector<std::thread> threads_;
};

std::size_t overlaps(const std::vector<call>& calls) {
  std::size_t n = 0;
  for (const call& a : calls)
    for (const call& b : calls) n += a.begin < b.begin && b.begin < a.end;
  return n;
}

}  // namespace

TEST_CASE("linearizability: what threads and coroutines see has an order", "[linearizability]") {
  recorder r;
  std::size_t overlapping = 0, busy = 0;
  for_each_seed(10'000, [&](std::uint64_t seed) {
    const auto calls = r.record(seed);
    require(is_linearizable(calls), "the history has an order");
    require(is_busy_for_a_reason(calls), "busy is what another holds");
    require(r.stats().waiting == 0 && r.stats().open_handles == 0, "nothing is left");
    overlapping += overlaps(calls);
    for (const call& c : calls) busy += c.came_of_it == call::busy;
  });
  CHECK(overlapping > 0);
  CHECK(busy > 0);
}

}  // namespace coramfs::tests
