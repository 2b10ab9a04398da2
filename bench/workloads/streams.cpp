// SPDX-License-Identifier: BSL-1.0
//
// How long do whole workloads take on the bytes of one file?
//
//   stream_16m   16 MiB written in pieces of 64 KiB, and read
//   random_16m   16 MiB written likewise, and then 256 pieces of 64 KiB overwritten at random
//   stream_512m  512 MiB written in pieces of 1 MiB, and read
//
// Each with memory that the iteration before gave back, and with fresh memory from the system.
//
// Baselines: POSIX calls on a tmpfs, a `std::vector` that grows and one that reserves,
// `std::stringstream`, and memcpy to and from memory that is there and warm.
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

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace coramfs::bench {

namespace {

struct plan {
  std::size_t size;   // bytes
  std::size_t piece;  // bytes, a divisor of the size
  std::vector<std::size_t> overwritten;
  bool is_read;
};

constexpr std::size_t kilo = 1024, mega = kilo * kilo;

plan stream_16m() { return {scaled(16 * mega, mega), 64 * kilo, {}, true}; }
plan stream_512m() { return {scaled(512 * mega, 4 * mega), mega, {}, true}; }

// Anywhere, not at the boundaries of pieces alone.
plan random_16m() {
  plan p{scaled(16 * mega, mega), 64 * kilo, {}, false};
  std::mt19937 random(1);
  for (std::size_t i = 0; i < p.size / p.piece; ++i)
    p.overwritten.push_back(random() % (p.size - p.piece) / kilo * kilo);
  return p;
}

using data = std::span<const std::byte>;
using space = std::span<std::byte>;

asio::const_buffer buffer(data d) { return asio::buffer(d.data(), d.size()); }
asio::mutable_buffer buffer(space s) { return asio::buffer(s.data(), s.size()); }

// Who can do such workloads: a fresh object of these is an empty file, `begin` to `end` is on the
// clock, and `write` appends.

template <memory From>
class of_coramfs {
 public:
  void empty() {
    file_ = sync::file();
    files_.reset();  // nothing keeps the volume of the iteration before
    files_.emplace(volume_.next());
  }
  void begin(const plan&) { file_ = files_->open("/stream", open_mode::write).value(); }
  void write(data from) { file_.write(buffer(from)).value(); }
  void begin_overwriting() { open(open_mode::update); }
  void overwrite(std::size_t at, data from) { file_.write_at(at, buffer(from)).value(); }
  void begin_reading() { open(open_mode::read); }
  void read(std::size_t, space to) { file_.read(buffer(to)).value(); }
  void end() { file_.close().value(); }

 private:
  void open(open_mode mode) {
    file_.close().value();
    file_ = files_->open("/stream", mode).value();
  }

  workload_volume volume_{From};
  std::optional<sync::file_system> files_;
  sync::file file_;
};

class of_tmpfs {
 public:
  void empty() { directory_.clear(); }
  void begin(const plan&) { file_ = directory_.open("/stream", O_CREAT | O_WRONLY); }
  void write(data from) { write_all(file_, from); }
  void begin_overwriting() { open(O_WRONLY); }
  void overwrite(std::size_t at, data from) { write_all_at(file_, at, from); }
  void begin_reading() { open(O_RDONLY); }
  void read(std::size_t, space to) { read_all(file_, to); }
  void end() { close(file_); }

 private:
  void open(int flags) {
    close(file_);
    file_ = directory_.open("/stream", flags);
  }

  scratch_directory directory_;
  int file_ = -1;
};

template <bool Reserves>
class of_vector {
 public:
  void empty() { bytes().swap(bytes_); }  // its memory goes too
  void begin(const plan& p) {
    if (Reserves) bytes_.reserve(p.size);
  }
  void write(data from) { bytes_.insert(bytes_.end(), from.begin(), from.end()); }
  void begin_overwriting() {}
  void overwrite(std::size_t at, data from) { std::copy(from.begin(), from.end(), &bytes_[at]); }
  void begin_reading() {}
  void read(std::size_t at, space to) { std::copy_n(&bytes_[at], to.size(), to.begin()); }
  void end() {}

 private:
  bytes bytes_;
};

class of_stringstream {
 public:
  void empty() { stream_.emplace(); }
  void begin(const plan&) {}
  void write(data from) {
    stream_->write(reinterpret_cast<const char*>(from.data()), std::ssize(from));
  }
  void begin_overwriting() {}
  void overwrite(std::size_t at, data from) {
    stream_->seekp(static_cast<std::streamoff>(at));
    write(from);
  }
  void begin_reading() {}
  void read(std::size_t, space to) {
    stream_->read(reinterpret_cast<char*>(to.data()), std::ssize(to));
  }
  void end() {}

 private:
  std::optional<std::stringstream> stream_;
};

// The floor: memory that is there, and has been touched.
class of_warm_memory {
 public:
  void empty() {}
  void begin(const plan& p) {
    bytes_.resize(p.size);  // on the clock, but of no effect there after the first time
    end_ = bytes_.data();
  }
  void write(data from) { end_ = std::copy(from.begin(), from.end(), end_); }
  void begin_overwriting() {}
  void overwrite(std::size_t at, data from) { std::copy(from.begin(), from.end(), &bytes_[at]); }
  void begin_reading() {}
  void read(std::size_t at, space to) { std::copy_n(&bytes_[at], to.size(), to.begin()); }
  void end() {}

 private:
  bytes bytes_;
  std::byte* end_ = nullptr;
};

template <class Stream>
void carry_out_once(Stream& stream, const plan& p, data from, space to) {
  stream.begin(p);
  for (std::size_t at = 0; at < p.size; at += p.piece) stream.write(from);
  if (!p.overwritten.empty()) stream.begin_overwriting();
  for (const std::size_t at : p.overwritten) stream.overwrite(at, from);
  if (p.is_read) stream.begin_reading();
  for (std::size_t at = 0; p.is_read && at < p.size; at += p.piece) {
    stream.read(at, to);
    benchmark::ClobberMemory();
  }
  stream.end();
}

template <class Stream>
void carry_out(benchmark::State& state, const plan& p) {
  const bytes from(p.piece, std::byte{'x'});
  bytes to(p.piece);
  Stream stream;
  // Once off the clock: then what can be warm is.
  stream.empty();
  carry_out_once(stream, p, from, to);
  for (auto _ : state) {
    stream.empty();
    const auto begin = clock::now();
    carry_out_once(stream, p, from, to);
    stop_watch(state, begin);
  }
}

asio::awaitable<void> await_stream(file_system& fs, const plan& p, data from, space to) {
  auto written = co_await fs.open("/stream", open_mode::write);
  for (std::size_t at = 0; at < p.size; at += p.piece) {
    auto count = co_await written.value().write(buffer(from));
    count.value();
  }
  written.value().close().value();
  if (!p.overwritten.empty()) {
    auto updated = co_await fs.open("/stream", open_mode::update);
    for (const std::size_t at : p.overwritten) {
      auto count = co_await updated.value().write_at(at, buffer(from));
      count.value();
    }
  }
  if (!p.is_read) co_return;
  auto read = co_await fs.open("/stream", open_mode::read);
  for (std::size_t at = 0; at < p.size; at += p.piece) {
    auto count = co_await read.value().read(buffer(to));
    count.value();
    benchmark::ClobberMemory();
  }
}

template <memory From>
void await_carrying_out(benchmark::State& state, const plan& p) {
  const bytes from(p.piece, std::byte{'x'});
  bytes to(p.piece);
  asio::io_context context(1);
  workload_volume place(From);
  const auto once = [&](const volume& store) {
    file_system fs(context.get_executor(), store);
    run(context, [&] { return await_stream(fs, p, from, to); });
  };
  once(place.next());
  for (auto _ : state) {
    const volume& store = place.next();
    const auto begin = clock::now();
    once(store);
    stop_watch(state, begin);
  }
}

// Without a copy: the file adopts the buffers, and shows its memory to the reader.

template <class File>
concept has_pins = requires(File& f) {
  f.pin(0u, 1u);
};

std::vector<bytes> make_buffers(const plan& p) {
  return std::vector<bytes>(p.size / p.piece, bytes(p.piece, std::byte{'x'}));
}

void adopt_all(sync::file_system& files, std::vector<bytes> buffers) {
  auto f = files.open("/stream", open_mode::write).value();
  for (bytes& b : buffers) f.write(std::move(b)).value();
}

template <class File>
void pin_all(File f, const plan& p) {
  for (std::size_t at = 0; at < p.size; at += p.piece) {
    auto pinned = f.pin(at, p.piece).value();
    for (const asio::const_buffer shown : pinned) benchmark::DoNotOptimize(shown.data());
  }
}

template <bool Pins>
void adopt_and_pin(benchmark::State& state, const plan& p) {
  workload_volume place(memory::recycled);
  for (auto _ : state) {
    sync::file_system files(place.next());
    auto buffers = make_buffers(p);
    const auto begin = clock::now();
    adopt_all(files, std::move(buffers));
    if constexpr (Pins) pin_all(files.open("/stream", open_mode::read).value(), p);
    stop_watch(state, begin);
  }
}

// By a template, so that it compiles with a library that has no pins yet.
template <class File>
void register_pins(const auto& add) {
  if constexpr (has_pins<File>) add("adopted_and_pinned", adopt_and_pin<true>);
}

using carrying_out = void (*)(benchmark::State&, const plan&);

template <class Add>
void register_all(const Add& add) {
  add("blocking", carry_out<of_coramfs<memory::recycled>>);
  add("blocking_fresh", carry_out<of_coramfs<memory::fresh>>);
  add("coroutine", await_carrying_out<memory::recycled>);
  add("coroutine_fresh", await_carrying_out<memory::fresh>);
  add("tmpfs", carry_out<of_tmpfs>);
  add("vector", carry_out<of_vector<false>>);
  add("reserved_vector", carry_out<of_vector<true>>);
  add("stringstream", carry_out<of_stringstream>);
  add("warm_memcpy", carry_out<of_warm_memory>);
}

// Few iterations of what is long: the repetitions make up for it.
auto adder(std::string name, plan p, benchmark::IterationCount iterations) {
  const auto shared = std::make_shared<const plan>(std::move(p));
  return [=](const char* who, carrying_out body) {
    const auto run_it = [=](benchmark::State& state) { body(state, *shared); };
    benchmark::RegisterBenchmark((name + "/" + who).c_str(), run_it)
        ->UseManualTime()
        ->Iterations(iterations)
        ->Unit(benchmark::kMillisecond);
  };
}

}  // namespace

void register_workloads_of_streams() {
  register_all(adder("stream_16m", stream_16m(), 5));
  register_all(adder("random_16m", random_16m(), 5));
  const auto add = adder("stream_512m", stream_512m(), 1);
  register_all(add);
  add("adopted", adopt_and_pin<false>);
  register_pins<sync::file>(add);
}

}  // namespace coramfs::bench
