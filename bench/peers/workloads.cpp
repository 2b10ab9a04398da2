// SPDX-License-Identifier: BSL-1.0
//
// How does the library do beside what a user could pick instead?
//
//   files_0, files_100, files_4096
//                2,000 files of so many bytes, made and written, and then read
//   stream_16m   16 MiB written in pieces of 64 KiB, and read
//   read_random  8,000 times one of 8,000 files of 100 bytes opened at random and read
//   open_close   8,000 times one of 8,000 files of 100 bytes opened at random and closed
//   remove       2,000 files of 100 bytes removed
//
// Each by one thread, and ..._by_two, each of which does all of it with files of its own in a
// directory of its own; the time is then the half, so that two threads can halve it. What takes
// memory runs with memory that the iteration before gave back, and as ..._fresh with memory from
// the system.
//
// The contenders are in the sources beside this one, and are left out where they were not there to
// build with: Cap'n Proto's directory in memory, the environments in memory of LevelDB and
// RocksDB, GLib's table of bytes, an `unordered_map` with a `shared_mutex`, a tmpfs, memfd. The
// baseline is the map without a lock, for one thread. How much memory each takes tells
// peers/memory.cpp.
#include "peers/peer.hpp"
#include "support/program.hpp"
#include "workloads/memory.hpp"

#include <barrier>
#include <random>
#include <thread>

namespace coramfs::bench {

namespace {

// What a thread does in its directory: `present` once, `before` and `after` the timed steps of
// each iteration.
struct plan {
  std::string directory;
  work present, before, timed, after;
};

using make_plan = plan (*)(std::size_t thread);

work of_size(std::size_t size) { return {{}, size == 0 ? std::size_t{0} : 1, size}; }

std::vector<std::string> names(const std::string& directory, std::size_t count) {
  std::vector<std::string> all;
  for (std::size_t i = 0; i < count; ++i)
    all.push_back(directory + "/file_" + std::to_string(i) + ".dat");
  return all;
}

void add(work& w, act what, const std::vector<std::string>& paths) {
  for (const std::string& path : paths) w.steps.push_back({what, path});
}

// Random, but the same for all.
std::vector<std::string> some_of(const std::vector<std::string>& all, std::size_t count) {
  std::mt19937 random(1);
  std::vector<std::string> chosen;
  for (std::size_t i = 0; i < count; ++i) chosen.push_back(all[random() % all.size()]);
  return chosen;
}

plan plan_for(std::size_t thread, const work& like) {
  return {"/place_" + std::to_string(thread), like, like, like, like};
}

template <std::size_t Size>
plan files(std::size_t thread) {
  plan p = plan_for(thread, of_size(Size));
  const auto paths = names(p.directory, scaled(2000, 10));
  add(p.timed, act::write, paths);
  add(p.timed, act::read, paths);
  add(p.after, act::remove, paths);
  return p;
}

plan stream_16m(std::size_t thread) {
  plan p = plan_for(thread, {{}, scaled(256, 4), 64 * 1024});
  const std::string path = p.directory + "/stream.dat";
  p.timed.steps = {{act::write, path}, {act::read, path}};
  p.after.steps = {{act::remove, path}};
  return p;
}

template <act What>
plan at_random(std::size_t thread) {
  plan p = plan_for(thread, of_size(100));
  const auto paths = names(p.directory, scaled(8000, 10));
  add(p.present, act::write, paths);
  add(p.timed, What, some_of(paths, paths.size()));
  return p;
}

plan remove(std::size_t thread) {
  plan p = plan_for(thread, of_size(100));
  const auto paths = names(p.directory, scaled(2000, 10));
  add(p.before, act::write, paths);
  add(p.timed, act::remove, paths);
  return p;
}

struct participant {
  explicit participant(plan its_plan) : p(std::move(its_plan)), b(p.timed.piece_size) {}
  plan p;
  buffers b;
};

// Of two threads from when both begin until the last is done.
std::chrono::duration<double> timed(peer& place, participant& who) {
  const auto begin = clock::now();
  place.carry_out(who.p.timed, who.b);
  return clock::now() - begin;
}

std::chrono::duration<double> timed(peer& place, std::vector<participant>& all) {
  if (all.size() == 1) return timed(place, all.front());
  clock::time_point begin, end;
  std::barrier starting(std::ptrdiff_t(all.size()), [&]() noexcept { begin = clock::now(); });
  std::barrier ending(std::ptrdiff_t(all.size()), [&]() noexcept { end = clock::now(); });
  std::vector<std::thread> threads;
  for (participant& who : all)
    threads.emplace_back([&] {
      starting.arrive_and_wait();
      place.carry_out(who.p.timed, who.b);
      ending.arrive_and_wait();
    });
  for (std::thread& t : threads) t.join();
  return (end - begin) / double(all.size());
}

void begin_iteration(peer& place, std::vector<participant>& all) {
  for (participant& who : all) place.carry_out(who.p.before, who.b);
}

void end_iteration(peer& place, std::vector<participant>& all) {
  for (participant& who : all) place.carry_out(who.p.after, who.b);
}

void prepare(peer& place, std::vector<participant>& all) {
  for (participant& who : all) {
    place.make_directory(who.p.directory);
    place.carry_out(who.p.present, who.b);
  }
}

// Ends a place, and leaves nothing of it in the process that could come for fresh: glibc keeps the
// top of other arenas than the first, however much it is, up to this threshold.
void give_back(std::unique_ptr<peer> place) {
  constexpr int usual = 64 << 20;  // what it has learnt when it is settled
  ::mallopt(M_TRIM_THRESHOLD, 0);
  place.reset();
  ::malloc_trim(0);
  ::mallopt(M_TRIM_THRESHOLD, usual);
}

void in_recycled_memory(benchmark::State& state, const contender& who,
                        std::vector<participant>& all) {
  auto place = who.make();
  prepare(*place, all);
  const auto iteration = [&] {
    begin_iteration(*place, all);
    const double seconds = timed(*place, all).count();
    end_iteration(*place, all);
    return seconds;
  };
  iteration();  // takes what the next ones reuse
  for (auto _ : state) state.SetIterationTime(iteration());
  give_back(std::move(place));
}

void in_fresh_memory(benchmark::State& state, const contender& who, std::vector<participant>& all) {
  for (auto _ : state) {
    auto place = who.make();
    prepare(*place, all);
    begin_iteration(*place, all);
    state.SetIterationTime(timed(*place, all).count());
    give_back(std::move(place));
  }
}

void carry_out(benchmark::State& state, const contender& who, make_plan make, std::size_t threads,
               memory from) {
  std::vector<participant> all;
  for (std::size_t thread = 0; thread < threads; ++thread) all.emplace_back(make(thread));
  if (from == memory::fresh) {
    in_fresh_memory(state, who, all);
  } else {
    in_recycled_memory(state, who, all);
  }
}

struct question {
  const char* name;
  make_plan make;
  bool takes_memory;
};

constexpr question questions[] = {
    {"files_0", files<0>, true},
    {"files_100", files<100>, true},
    {"files_4096", files<4096>, true},
    {"stream_16m", stream_16m, true},
    {"read_random", at_random<act::read>, false},
    {"open_close", at_random<act::open>, false},
    {"remove", remove, false},
};
constexpr std::size_t files_of_thread = 8000;  // at most

void add_case(const question& q, const contender& who, std::size_t threads, memory from) {
  const std::string name = q.name + std::string(threads == 1 ? "/" : "_by_two/") + who.name +
                           (from == memory::fresh ? "_fresh" : "");
  const auto body = [=, make = q.make](benchmark::State& state) {
    carry_out(state, who, make, threads, from);
  };
  benchmark::RegisterBenchmark(name.c_str(), body)->UseManualTime()->Unit(benchmark::kMicrosecond);
}

}  // namespace

void register_cases() {
  settle_allocator();
  for (const contender& who : contenders())
    for (const question& q : questions)
      for (const std::size_t threads : {1, 2}) {
        if (threads > 1 && !who.takes_threads) continue;
        if (threads * files_of_thread > who.files_at_most) continue;
        add_case(q, who, threads, memory::recycled);
        if (q.takes_memory) add_case(q, who, threads, memory::fresh);
      }
}

}  // namespace coramfs::bench
