// SPDX-License-Identifier: BSL-1.0
//
// How much memory do a million files take, here and with what a user could pick instead?
//
//   memory_0, memory_100, memory_4096
//                the counter `bytes`: what the resident set has grown by, for each file of so many
//                bytes; the time is that of making them. A path has 21 characters at most.
//
// The contenders are those of peers/workloads.cpp. Each fills a process of its own, in which
// nothing was freed before. Of a tmpfs and of memfd, whose memory is the system's, it is what
// shared memory and the system's own objects have grown by, and so a little of what other programs
// do meanwhile; and of memfd it is as many files as may be open at once, if those are fewer. The
// baseline is the map without a lock.
//
// A million files of 4,096 bytes take up to 9 GiB; --files=N makes it fewer.
#include "peers/peer.hpp"
#include "support/program.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <sstream>

namespace coramfs::bench {

namespace {

struct measured {
  double bytes, seconds;
};

double resident_bytes() {
  std::uint64_t pages = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> pages >> resident;
  return double(resident) * double(::sysconf(_SC_PAGESIZE));
}

double bytes_of_system() {
  double sum = 0;
  std::ifstream file("/proc/meminfo");
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string name;
    double kilos = 0;
    words >> name >> kilos;
    if (name == "Shmem:" || name == "Slab:") sum += 1024 * kilos;
  }
  return sum;
}

double bytes_taken(const contender& who) {
  return resident_bytes() + (who.is_kept_by_system ? bytes_of_system() : 0);
}

// A batch at a time, so that their names take next to nothing.
void fill(peer& place, std::size_t size, std::size_t count) {
  constexpr std::size_t batch = 1000;
  work w{{}, size == 0 ? std::size_t{0} : 1, size};
  buffers b(size);
  for (std::size_t i = 0; i < count;) {
    w.steps.clear();
    for (const std::size_t end = std::min(i + batch, count); i < end; ++i)
      w.steps.push_back({act::write, "/data/file_" + std::to_string(i) + ".dat"});
    place.carry_out(w, b);
  }
}

measured fill_and_measure(const contender& who, std::size_t size, std::size_t count) {
  const auto place = who.make();
  place->make_directory("/data");
  fill(*place, size, 1);
  const double before = bytes_taken(who);
  const auto begin = clock::now();
  fill(*place, size, count);
  const std::chrono::duration<double> took = clock::now() - begin;
  return {(bytes_taken(who) - before) / double(count), took.count()};
}

// By a process that ends with it.
measured in_a_child(const contender& who, std::size_t size, std::size_t count) {
  int ends[2];
  check(::pipe(ends) == 0, "pipe");
  const pid_t child = ::fork();
  check(child >= 0, "fork");
  if (child == 0) {
    const measured m = fill_and_measure(who, size, count);
    ::_exit(::write(ends[1], &m, sizeof m) == sizeof m ? 0 : 1);
  }
  ::close(ends[1]);
  measured m{};
  const bool ok = ::read(ends[0], &m, sizeof m) == sizeof m;
  ::close(ends[0]);
  int status = 0;
  check(::waitpid(child, &status, 0) == child && ok && status == 0,
        "the process that made the files failed: is there memory for them?");
  return m;
}

void fill_with(benchmark::State& state, const contender& who, std::size_t size) {
  for (auto _ : state) {
    const measured m = in_a_child(who, size, std::min(most_files(), who.files_at_most));
    state.SetIterationTime(m.seconds);
    state.counters["bytes"] = m.bytes;
  }
}

}  // namespace

void register_cases() {
  for (const std::size_t size : {0, 100, 4096})
    for (const contender& who : contenders()) {
      benchmark::RegisterBenchmark(("memory_" + std::to_string(size) + "/" + who.name).c_str(),
                                   [=](benchmark::State& state) { fill_with(state, who, size); })
          ->UseManualTime()
          ->Iterations(1)
          ->Repetitions(1)
          ->Unit(benchmark::kMillisecond);
    }
}

}  // namespace coramfs::bench
