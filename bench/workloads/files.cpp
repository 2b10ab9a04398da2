// SPDX-License-Identifier: BSL-1.0
//
// How long do whole workloads of files take that are found by their names?
//
//   small_files  300 files of 4 KiB, written and read
//   many_files   10,000 files of 4 KiB in 16 directories, and then 5,000 of them read at random
//   deep_file    a file 50 levels deep, opened and read 1,000 times
//
// Each with memory that the iteration before gave back, and with fresh memory from the system.
//
// Baselines: POSIX calls on a tmpfs; `std::unordered_map<std::string, std::vector<std::byte>>`,
// which has no directories, no locks and no quota; LevelDB's environment in memory.
#include <coramfs/file_system.hpp>
#include <coramfs/sync/file_system.hpp>

#include "support/coroutines.hpp"
#include "support/program.hpp"
#include "support/scratch_directory.hpp"
#include "workloads/memory.hpp"
#include "workloads/workloads.hpp"

#include <asio/buffer.hpp>
#include <asio/io_context.hpp>

#include <fcntl.h>
#ifdef CORAMFS_BENCH_LEVELDB
#include <leveldb/env.h>
#include <leveldb/helpers/memenv.h>
#endif

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <vector>

namespace coramfs::bench {

namespace {

// What a workload does: the first two before the clock starts.
struct plan {
  std::vector<std::string> directories, present;
  std::vector<std::string> written, read;
  std::size_t file_size;
};

plan small_files() {
  plan p{{"/work"}, {}, {}, {}, 4096};
  const std::size_t count = scaled(300, 10);
  for (std::size_t i = 0; i < count; ++i)
    p.written.push_back("/work/file_" + std::to_string(i) + ".dat");
  p.read = p.written;
  return p;
}

plan many_files() {
  plan p{{}, {}, {}, {}, 4096};
  const std::size_t count = scaled(10'000, 100), directories = 16;
  for (std::size_t i = 0; i < directories; ++i) p.directories.push_back("/dir" + std::to_string(i));
  for (std::size_t i = 0; i < count; ++i)
    p.written.push_back(p.directories[i % directories] + "/file_" + std::to_string(i) + ".dat");
  std::mt19937 random(1);
  for (std::size_t i = 0; i < count / 2; ++i) p.read.push_back(p.written[random() % count]);
  return p;
}

plan deep_file() {
  plan p{{}, {}, {}, {}, 64};
  std::string path;
  for (int level = 0; level < 50; ++level) {
    path += "/level_" + std::to_string(level);
    p.directories.push_back(path);
  }
  p.present = {path + "/file.dat"};
  p.read.assign(scaled(1000, 10), p.present.front());
  return p;
}

using data = std::span<const std::byte>;
using space = std::span<std::byte>;

// Who can do such workloads: `begin` makes an empty place, and the rest is plain.

template <memory From>
class of_coramfs {
 public:
  void begin() {
    files_.reset();  // nothing keeps the volume of the iteration before
    files_.emplace(volume_.next());
  }
  void make_directory(const std::string& path) { files_->create_directory(path).value(); }
  void write(const std::string& path, data from) {
    auto f = files_->open(path, open_mode::write);
    f.value().write(asio::buffer(from.data(), from.size())).value();
  }
  void read(const std::string& path, space to) {
    auto f = files_->open(path, open_mode::read);
    f.value().read(asio::buffer(to.data(), to.size())).value();
  }

 private:
  workload_volume volume_{From};
  std::optional<sync::file_system> files_;
};

// The operations for whole files, which are one step each.
class of_whole_files {
 public:
  void begin() { files_.emplace(volume_.next()); }
  void make_directory(const std::string& path) { files_->create_directory(path).value(); }
  void write(const std::string& path, data from) {
    files_->write_file(path, asio::buffer(from.data(), from.size())).value();
  }
  void read(const std::string& path, space to) {
    const auto content = files_->read_file(path).value();
    std::copy_n(content.begin(), std::min(content.size(), to.size()), to.begin());
  }

 private:
  workload_volume volume_{memory::recycled};
  std::optional<sync::file_system> files_;
};

class of_tmpfs {
 public:
  void begin() { directory_.clear(); }
  void make_directory(const std::string& path) { directory_.make_directory(path); }
  void write(const std::string& path, data from) {
    const int f = directory_.open(path, O_CREAT | O_TRUNC | O_WRONLY);
    write_all(f, from);
    close(f);
  }
  void read(const std::string& path, space to) {
    const int f = directory_.open(path, O_RDONLY);
    read_all(f, to);
    close(f);
  }

 private:
  scratch_directory directory_;
};

template <memory From>
class of_map {
 public:
  void begin() {
    files_ = map();
    if (From == memory::fresh) ::malloc_trim(0);
  }
  void make_directory(const std::string&) {}
  void write(const std::string& path, data from) { files_[path].assign(from.begin(), from.end()); }
  void read(const std::string& path, space to) {
    const auto& content = files_.find(path)->second;
    std::copy_n(content.begin(), std::min(content.size(), to.size()), to.begin());
  }

 private:
  using map = std::unordered_map<std::string, std::vector<std::byte>>;
  map files_;
};

#ifdef CORAMFS_BENCH_LEVELDB
class of_leveldb {
 public:
  void begin() { files_.reset(leveldb::NewMemEnv(leveldb::Env::Default())); }
  void make_directory(const std::string&) {}
  void write(const std::string& path, data from) {
    leveldb::WritableFile* f = nullptr;
    check(files_->NewWritableFile(path, &f));
    const std::unique_ptr<leveldb::WritableFile> owner(f);
    check(f->Append({reinterpret_cast<const char*>(from.data()), from.size()}));
    check(f->Close());
  }
  void read(const std::string& path, space to) {
    leveldb::SequentialFile* f = nullptr;
    check(files_->NewSequentialFile(path, &f));
    const std::unique_ptr<leveldb::SequentialFile> owner(f);
    const auto scratch = reinterpret_cast<char*>(to.data());
    leveldb::Slice shown;
    check(f->Read(to.size(), &shown, scratch));
    // It shows its own memory where it can, and the others all copy.
    if (shown.data() != scratch) std::copy_n(shown.data(), shown.size(), scratch);
  }

 private:
  static void check(const leveldb::Status& s) {
    if (!s.ok()) throw std::runtime_error(s.ToString());
  }
  std::unique_ptr<leveldb::Env> files_;
};
#endif

template <class Files>
void carry_out(benchmark::State& state, const plan& p) {
  const std::vector<std::byte> content(p.file_size, std::byte{'x'});
  std::vector<std::byte> piece(p.file_size);
  Files files;
  for (auto _ : state) {
    files.begin();
    for (const std::string& path : p.directories) files.make_directory(path);
    for (const std::string& path : p.present) files.write(path, content);
    const auto begin = clock::now();
    for (const std::string& path : p.written) files.write(path, content);
    for (const std::string& path : p.read) {
      files.read(path, piece);
      benchmark::ClobberMemory();
    }
    stop_watch(state, begin);
  }
}

asio::awaitable<void> await_files(file_system& fs, const plan& p, data content, space piece) {
  for (const std::string& path : p.written) {
    auto f = co_await fs.open(path, open_mode::write);
    auto count = co_await f.value().write(asio::buffer(content.data(), content.size()));
    count.value();
  }
  for (const std::string& path : p.read) {
    auto f = co_await fs.open(path, open_mode::read);
    auto count = co_await f.value().read(asio::buffer(piece.data(), piece.size()));
    count.value();
    benchmark::ClobberMemory();
  }
}

template <memory From>
void await_carrying_out(benchmark::State& state, const plan& p) {
  const std::vector<std::byte> content(p.file_size, std::byte{'x'});
  std::vector<std::byte> piece(p.file_size);
  asio::io_context context(1);
  workload_volume place(From);
  for (auto _ : state) {
    sync::file_system files(place.next());
    for (const std::string& path : p.directories) files.create_directory(path).value();
    for (const std::string& path : p.present) files.write_file(path, asio::buffer(content)).value();
    file_system fs(context.get_executor(), files.get_volume());
    const auto begin = clock::now();
    run(context, [&] { return await_files(fs, p, content, piece); });
    stop_watch(state, begin);
  }
}

using carrying_out = void (*)(benchmark::State&, const plan&);

void register_workload(const std::string& name, const std::shared_ptr<const plan>& p) {
  const auto add = [&](const char* who, carrying_out body) {
    const auto run_it = [p, body](benchmark::State& state) { body(state, *p); };
    benchmark::RegisterBenchmark((name + "/" + who).c_str(), run_it)
        ->UseManualTime()
        ->Unit(benchmark::kMillisecond);
  };
  add("blocking", carry_out<of_coramfs<memory::recycled>>);
  add("blocking_fresh", carry_out<of_coramfs<memory::fresh>>);
  add("coroutine", await_carrying_out<memory::recycled>);
  add("coroutine_fresh", await_carrying_out<memory::fresh>);
  add("whole_files", carry_out<of_whole_files>);
  add("tmpfs", carry_out<of_tmpfs>);
  add("map", carry_out<of_map<memory::recycled>>);
  add("map_fresh", carry_out<of_map<memory::fresh>>);
#ifdef CORAMFS_BENCH_LEVELDB
  add("leveldb", carry_out<of_leveldb>);
#endif
}

}  // namespace

void register_workloads_of_files() {
  register_workload("small_files", std::make_shared<plan>(small_files()));
  register_workload("many_files", std::make_shared<plan>(many_files()));
  register_workload("deep_file", std::make_shared<plan>(deep_file()));
}

}  // namespace coramfs::bench
