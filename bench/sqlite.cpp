// SPDX-License-Identifier: BSL-1.0
//
// How fast is a database in a volume?
//
// Baselines, in the same process and with pages of 4 KiB: SQLite's memdb, which connections share,
// `:memory:`, which is one connection's, and the unix VFS on a tmpfs. The goals: 100,000 inserts in
// one transaction in at most memdb's time; point reads, a scan, and transactions with a journal in
// memory in at most 1.1 of it; transactions with a journal in a file in at most 0.2 of the tmpfs's;
// and that beside a writer with a log no reader waits.
//
// usage: bench_sqlite [DIRECTORY]    a directory on a tmpfs; without it /dev/shm
#include <coramfs/sqlite_vfs.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <filesystem>
#include <iostream>
#include <latch>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <sqlite3.h>
#include <stdlib.h>
#include <unistd.h>

using namespace coramfs;

namespace {

constexpr int rounds = 3;
constexpr int rows = 100'000;
constexpr int transactions = 10'000;
constexpr int readers = 4;
constexpr int mixed_transactions = 5'000;

/// Milliseconds of the processor's time, since the machine may have others to serve.
double cpu_time(const auto& act) {
  const auto now = [] {
    timespec t{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_nsec) / 1e6;
  };
  const double begin = now();
  act();
  return now() - begin;
}

struct closing {
  void operator()(sqlite3* db) const noexcept { sqlite3_close(db); }
  void operator()(sqlite3_stmt* s) const noexcept { sqlite3_finalize(s); }
};
using statement = std::unique_ptr<sqlite3_stmt, closing>;

class connection {
 public:
  explicit connection(const std::string& uri) {
    sqlite3* made = nullptr;
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_URI;
    const int code = sqlite3_open_v2(uri.c_str(), &made, flags, nullptr);
    db_.reset(made);
    if (code != SQLITE_OK) throw std::runtime_error(uri + ": " + sqlite3_errmsg(made));
    sqlite3_busy_handler(made, wait, &waits_);
    run("PRAGMA cache_size=-2000; PRAGMA synchronous=NORMAL");
  }

  void run(const std::string& sql) {
    if (sqlite3_exec(db_.get(), sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK)
      throw std::runtime_error(sql + ": " + sqlite3_errmsg(db_.get()));
  }
  statement prepare(const char* sql) {
    sqlite3_stmt* made = nullptr;
    if (sqlite3_prepare_v2(db_.get(), sql, -1, &made, nullptr) != SQLITE_OK)
      throw std::runtime_error(std::string(sql) + ": " + sqlite3_errmsg(db_.get()));
    return statement(made);
  }
  /// How often it had to try again.
  int waits() const { return waits_; }

 private:
  static int wait(void* count, int) {
    ++*static_cast<int*>(count);
    ::usleep(50);
    return 1;
  }

  std::unique_ptr<sqlite3, closing> db_;
  int waits_ = 0;
};

void step(sqlite3_stmt* s, int expected) {
  if (sqlite3_step(s) != expected) throw std::runtime_error(sqlite3_errmsg(sqlite3_db_handle(s)));
  sqlite3_reset(s);
}

struct contender {
  std::string name;
  std::string uri;
  std::string journal;
  bool is_shared = true;
};

constexpr std::array measures = {"100,000 inserts, one transaction", "10,000 transactions",
                                 "100,000 point reads", "a scan"};
using times = std::array<double, measures.size()>;

times measure(const contender& c) {
  connection db(c.uri);
  db.run("PRAGMA page_size=4096; PRAGMA journal_mode=" + c.journal);
  db.run("DROP TABLE IF EXISTS t; CREATE TABLE t(id INTEGER PRIMARY KEY, v BLOB)");
  const std::string blob(400, '\7');
  times found{};
  {
    const statement insert = db.prepare("INSERT INTO t(v) VALUES(?)");
    sqlite3_bind_blob(insert.get(), 1, blob.data(), static_cast<int>(blob.size()), SQLITE_STATIC);
    found[0] = cpu_time([&] {
      db.run("BEGIN");
      for (int i = 0; i < rows; ++i) step(insert.get(), SQLITE_DONE);
      db.run("COMMIT");
    });
    found[1] = cpu_time([&] {
      for (int i = 0; i < transactions; ++i) step(insert.get(), SQLITE_DONE);
    });
  }
  const statement point = db.prepare("SELECT v FROM t WHERE id = ?");
  unsigned x = 1;
  found[2] = cpu_time([&] {
    for (int i = 0; i < rows; ++i) {
      x = x * 1664525u + 1013904223u;
      sqlite3_bind_int(point.get(), 1, static_cast<int>(1 + x % rows));
      step(point.get(), SQLITE_ROW);
    }
  });
  const statement scan = db.prepare("SELECT sum(length(v)) FROM t");
  found[3] = cpu_time([&] { step(scan.get(), SQLITE_ROW); });
  const statement check = db.prepare("PRAGMA quick_check");
  step(check.get(), SQLITE_ROW);
  return found;
}

/// Four who read single rows, beside one who changes them.
void measure_mixed(const contender& c) {
  connection writer(c.uri);
  std::atomic<bool> is_done = false;
  std::atomic<long> reads = 0;
  std::atomic<long> waits = 0;
  std::vector<std::thread> all;
  std::atomic<bool> has_failed = false;
  std::latch all_read(readers + 1);
  for (int i = 0; i < readers; ++i)
    all.emplace_back([&, i] {
      try {
        connection db(c.uri);
        const statement point = db.prepare("SELECT v FROM t WHERE id = ?");
        unsigned x = static_cast<unsigned>(i);
        long count = 0;
        all_read.arrive_and_wait();
        for (; !is_done; ++count) {
          x = x * 1664525u + 1013904223u;
          sqlite3_bind_int(point.get(), 1, static_cast<int>(1 + x % rows));
          step(point.get(), SQLITE_ROW);
        }
        reads += count;
        waits += db.waits();
      } catch (const std::exception& e) {
        std::cerr << c.name << ": " << e.what() << '\n';
        has_failed = true;
      }
    });
  all_read.arrive_and_wait();
  const auto begin = std::chrono::steady_clock::now();
  const statement update = writer.prepare("UPDATE t SET v = zeroblob(400) WHERE id = ?");
  for (int i = 0; i < mixed_transactions; ++i) {
    sqlite3_bind_int(update.get(), 1, 1 + i * 37 % rows);
    step(update.get(), SQLITE_DONE);
  }
  const std::chrono::duration<double> time = std::chrono::steady_clock::now() - begin;
  is_done = true;
  for (std::thread& each : all) each.join();
  if (has_failed) throw std::runtime_error("a reader has failed");
  std::printf("%-28s %8.0f writes/s %10.0f reads/s; tried again: readers %ld, writer %d times\n",
              c.name.c_str(), mixed_transactions / time.count(),
              static_cast<double>(reads) / time.count(), waits.load(), writer.waits());
}

void tell_goal(const char* what, double ratio, double most) {
  std::printf("%-64s %6.2f, at most %.1f: %s\n", what, ratio, most,
              ratio <= most ? "reached" : "MISSED");
}

}  // namespace

int main(int argc, char** argv) {
  try {
    std::string tmpfs = std::string(argc > 1 ? argv[1] : "/dev/shm") + "/coramfs-XXXXXX";
    if (::mkdtemp(tmpfs.data()) == nullptr) throw std::runtime_error("no scratch directory");
    volume_options options;
    options.max_quota = std::uint64_t{1} << 30;
    const auto vfs = sqlite::vfs::create(volume::create(options).value()).value();
    std::vector<contender> all;
    for (const char* journal : {"DELETE", "MEMORY", "WAL"})
      all.push_back(
          {std::string("a volume, ") + journal, vfs.uri(std::string("/") + journal), journal});
    all.push_back({"memdb", "file:/bench?vfs=memdb", "MEMORY"});
    all.push_back({":memory:", ":memory:", "MEMORY", false});
    for (const char* journal : {"DELETE", "MEMORY", "WAL"})
      all.push_back({std::string("tmpfs, ") + journal, "file:" + tmpfs + "/" + journal, journal});
    // It would forget all with its last connection.
    connection keeps_memdb(all[3].uri);

    std::vector<times> best(all.size());
    for (times& each : best) each.fill(std::numeric_limits<double>::max());
    for (int round = 0; round < rounds; ++round)
      for (std::size_t i = 0; i < all.size(); ++i) {
        const times now = measure(all[i]);
        for (std::size_t k = 0; k < now.size(); ++k) best[i][k] = std::min(best[i][k], now[k]);
      }
    std::printf("SQLite %s; milliseconds of the processor, the best of %d\n", sqlite3_libversion(),
                rounds);
    for (const char* const name : measures) std::printf("%35s", name);
    std::printf("\n");
    for (std::size_t i = 0; i < all.size(); ++i) {
      for (const double time : best[i]) std::printf("%35.1f", time);
      std::printf("   %s\n", all[i].name.c_str());
    }
    std::printf("\n%d readers beside a writer\n", readers);
    for (const contender& c : all)
      if (c.is_shared) measure_mixed(c);
    std::printf("\n");
    const times &with_file = best[0], &in_memory = best[1], &memdb = best[3], &disk = best[5];
    tell_goal("inserts in one transaction, journal in memory, to memdb", in_memory[0] / memdb[0],
              1.0);
    tell_goal("inserts in one transaction, journal in a file, to memdb", with_file[0] / memdb[0],
              1.0);
    tell_goal("transactions, journal in memory, to memdb", in_memory[1] / memdb[1], 1.1);
    tell_goal("transactions, journal in a file, to the tmpfs", with_file[1] / disk[1], 0.2);
    tell_goal("point reads to memdb", in_memory[2] / memdb[2], 1.1);
    tell_goal("a scan to memdb", in_memory[3] / memdb[3], 1.1);
    std::filesystem::remove_all(tmpfs);
    return EXIT_SUCCESS;
  } catch (const std::exception& e) {
    std::cerr << e.what() << '\n';
    return EXIT_FAILURE;
  }
}
