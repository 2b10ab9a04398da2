// SPDX-License-Identifier: BSL-1.0
//
// How many cache lines does each operation write that the same operation of another thread uses,
// too? With many cores such lines are what it costs, and on a machine of two they hardly show in
// any time: each of them goes from core to core once an operation, one core after the other, so
// an operation that has one is no faster with 64 cores than with a few.
//
// Counted, and not timed, under `valgrind --tool=lackey --trace-mem=yes`, which writes down each
// load and store. Two threads take turns in doing the operation, and each notes where in the
// trace its turn begins and ends, by a store to an address of its own in `marks`. A line counts
// where both threads have used it in a pair of turns, and at least one has written it: be it the
// word of a mutex, a count of references, or two variables that lie beside each other.
// bench/report/shared_lines.py counts. What an operation does only now and then, as when it takes
// memory for many at once, falls out, since it takes the median of the pairs; and so does most of
// what comes to lie in one line by the chance of malloc, since all is done in several volumes, of
// which the one with the fewest lines counts.
//
// Why so: code that the compiler instruments (atomics of our own, or what -fsanitize=thread calls)
// does not see into the mutexes, the allocator and the shared pointers of the system's libraries,
// which are compiled already, and counters of the processor are not there in most virtual machines.
// Valgrind sees each store of the very code that is shipped, and the same ones in each run.
//
// Baselines: a ready coroutine, which shares nothing; a `std::shared_mutex` locked shared, which is
// one line; a `std::unordered_map` below one; and the counts in bench/shared_lines.json, with which
// `bench/run --compare` compares.
//
// usage: bench_shared_lines [--small]
#include <coramfs/file.hpp>
#include <coramfs/file_system.hpp>
#include <coramfs/sync/file_system.hpp>

#include "support/coroutines.hpp"

#include <asio/buffer.hpp>
#include <asio/io_context.hpp>

#include <pthread.h>
#include <semaphore.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <functional>
#include <iostream>
#include <memory>
#include <mutex>
#include <random>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#ifdef __GLIBCXX__
// Ours stands in front of the system's, for the libraries that are loaded too: so the keys of
// hashes are the same in each run, and with them what lies in which line.
std::random_device::result_type std::random_device::_M_getval() { return 1; }
#endif

namespace {

using namespace coramfs;
using bench::run;

// Where the files of the two threads are.
enum class where { apart, one_directory, one_file };

// What a thread works with, made by the thread itself, so that nothing of it lies beside what
// is the other's.
struct actor {
  actor(const volume& store, std::string the_path)
      : path(std::move(the_path)), blocking(store), coroutine(context.get_executor(), store) {}

  file open(open_mode mode) {
    file opened;
    run(context, [&]() -> asio::awaitable<void> {
      auto result = co_await coroutine.open(path, mode);
      opened = std::move(result).value();
    });
    return opened;
  }

  std::string path, new_path = path + ".new";
  asio::io_context context{1};
  sync::file_system blocking;
  file_system coroutine;
  std::array<std::byte, 64> piece{};
};

using turn = std::function<void()>;

struct operation {
  std::string name;
  where files;
  std::function<turn(actor&)> begin;  // makes what one thread does in each of its turns
};

std::string named(const char* question, where files, const char* who) {
  constexpr const char* suffixes[] = {"_apart", "_one_directory", "_one_file"};
  return std::string(question) + suffixes[static_cast<int>(files)] + "/" + who;
}

operation blocking(const char* question, where files, void (*body)(actor&)) {
  return {named(question, files, "blocking"), files,
          [body](actor& a) { return [&a, body] { body(a); }; }};
}

operation awaited(const char* question, where files, asio::awaitable<void> (*body)(actor&)) {
  return {named(question, files, "coroutine"), files,
          [body](actor& a) { return [&a, body] { run(a.context, [&] { return body(a); }); }; }};
}

// The next two keep a file open.

template <class Body>
operation on_blocking_file(const char* question, where files, open_mode mode, Body body) {
  return {named(question, files, "blocking"), files, [mode, body](actor& a) {
            auto f = std::make_shared<sync::file>(a.blocking.open(a.path, mode).value());
            return [&a, f, body] { body(*f, asio::buffer(a.piece)).value(); };
          }};
}

template <class Body>
operation on_awaited_file(const char* question, where files, open_mode mode, Body body) {
  return {named(question, files, "coroutine"), files, [mode, body](actor& a) {
            auto f = std::make_shared<file>(a.open(mode));
            return [&a, f, body] {
              run(a.context, [&]() -> asio::awaitable<void> {
                auto answer = co_await body(*f, asio::buffer(a.piece));
                answer.value();
              });
            };
          }};
}

constexpr auto read_piece = [](auto& f, asio::mutable_buffer piece) { return f.read_at(0, piece); };
constexpr auto write_piece = [](auto& f, asio::mutable_buffer piece) {
  return f.write_at(0, piece);
};
constexpr auto pin_piece = [](auto& f, asio::mutable_buffer piece) {
  return f.pin(0, piece.size());
};

void open_and_close(actor& a) { a.blocking.open(a.path, open_mode::read).value().close().value(); }

asio::awaitable<void> await_open_and_close(actor& a) {
  auto opened = co_await a.coroutine.open(a.path, open_mode::read);
  opened.value().close().value();
}

void open_to_update(actor& a) {
  a.blocking.open(a.path, open_mode::update).value().close().value();
}

asio::awaitable<void> await_open_to_update(actor& a) {
  auto opened = co_await a.coroutine.open(a.path, open_mode::update);
  opened.value().close().value();
}

void stat(actor& a) { a.blocking.stat(a.path).value(); }

asio::awaitable<void> await_stat(actor& a) {
  auto status = co_await a.coroutine.stat(a.path);
  status.value();
}

void create_and_remove(actor& a) {
  a.blocking.open(a.new_path, open_mode::create).value().close().value();
  a.blocking.remove(a.new_path).value();
}

asio::awaitable<void> await_create_and_remove(actor& a) {
  auto opened = co_await a.coroutine.open(a.new_path, open_mode::create);
  opened.value().close().value();
  auto removed = co_await a.coroutine.remove(a.new_path);
  removed.value();
}

operation ready_coroutine() {
  return {"baseline/ready_coroutine", where::apart, [](actor& a) {
            return [&a] {
              run(a.context, []() -> asio::awaitable<void> {
                auto answer = co_await bench::ready_coroutine();
                answer.value();
              });
            };
          }};
}

operation shared_mutex() {
  const auto mutex = std::make_shared<std::shared_mutex>();
  return {"baseline/shared_mutex", where::apart,
          [mutex](actor&) { return [mutex] { const std::shared_lock lock(*mutex); }; }};
}

operation map_with_shared_mutex() {
  struct locked_map {
    std::shared_mutex mutex;
    std::unordered_map<std::string, bytes> files;
  };
  const auto all = std::make_shared<locked_map>();
  return {"baseline/map_create_remove", where::one_directory, [all](actor& a) {
            return [all, &a] {
              {
                const std::unique_lock lock(all->mutex);
                all->files[a.new_path];
              }
              const std::unique_lock lock(all->mutex);
              all->files.erase(a.new_path);
            };
          }};
}

std::vector<operation> operations() {
  std::vector<operation> all = {ready_coroutine(), shared_mutex(), map_with_shared_mutex()};
  for (const where files : {where::apart, where::one_directory, where::one_file}) {
    all.push_back(blocking("open_close", files, open_and_close));
    all.push_back(awaited("open_close", files, await_open_and_close));
    all.push_back(blocking("stat", files, stat));
    all.push_back(awaited("stat", files, await_stat));
  }
  for (const where files : {where::apart, where::one_directory}) {
    all.push_back(blocking("open_close_update", files, open_to_update));
    all.push_back(awaited("open_close_update", files, await_open_to_update));
    all.push_back(blocking("create_remove", files, create_and_remove));
    all.push_back(awaited("create_remove", files, await_create_and_remove));
  }
  for (const where files : {where::apart, where::one_file}) {
    all.push_back(on_blocking_file("read_64", files, open_mode::read, read_piece));
    all.push_back(on_awaited_file("read_64", files, open_mode::read, read_piece));
    all.push_back(on_blocking_file("pin_64", files, open_mode::read, pin_piece));
  }
  all.push_back(on_blocking_file("write_64", where::apart, open_mode::update, write_piece));
  all.push_back(on_awaited_file("write_64", where::apart, open_mode::update, write_piece));
  return all;
}

std::string path_of(std::size_t thread, where files) {
  const std::string number = std::to_string(thread);
  switch (files) {
    case where::apart: return "/srv/data_" + number + "/report.txt";
    case where::one_directory: return "/srv/data/report_" + number + ".txt";
    case where::one_file: return "/srv/data/report.txt";
  }
  return {};
}

constexpr std::size_t threads = 2;

// Of each thread before those that count: a lock that only readers have used for a while is one
// that they share no line of.
constexpr int unmarked_turns = 64;

// Each thread makes what is its own, as it would in a program.
void make_file(const volume& store, const std::string& path) {
  sync::file_system all(store);
  all.create_directories(path.substr(0, path.rfind('/'))).value();
  if (!all.exists(path).value()) all.write_file(path, asio::buffer(std::string(4096, 'x'))).value();
}

// A store to one of them says that a turn of this operation and thread begins, or ends.
struct marks_of_thread {
  volatile std::uint64_t begin, end;
};
constexpr std::size_t most_operations = 64;
marks_of_thread marks[most_operations][threads];

// Who may go on. One that waits sleeps, and does not look again and again as
// `std::counting_semaphore` does; what it does of its own while the other has begun already is
// on its stack and here, and neither is counted.
struct alignas(64) semaphore {
  semaphore() { ::sem_init(&posix, 0, 0); }
  ~semaphore() { ::sem_destroy(&posix); }
  void acquire() {
    while (::sem_wait(&posix) != 0) {
    }
  }
  void release() { ::sem_post(&posix); }
  sem_t posix;
};
semaphore may_go[threads];

struct stack {
  const void *low, *high;
};

// As far up as the caller goes: above are the thread's own variables, which may well be shared.
stack own_stack(const void* in_caller) {
  pthread_attr_t attributes;
  ::pthread_getattr_np(::pthread_self(), &attributes);
  void* low = nullptr;
  std::size_t size = 0;
  ::pthread_attr_getstack(&attributes, &low, &size);
  ::pthread_attr_destroy(&attributes);
  return {low, in_caller};
}

struct course {
  std::vector<operation> operations;
  std::size_t places, rounds;   // how often in each of how many volumes
  std::vector<volume> volumes;  // for each operation so many
  stack stacks[threads];
};

// Begins an operation in one of its places, from where malloc gives memory that lies otherwise in
// its line than in the place before.
struct beginning {
  beginning(const operation& o, const volume& store, std::size_t place, std::size_t thread)
      : shift(1000 + 16 * place), self(made(o, store, thread)), take_turn(o.begin(*self)) {}

  static std::unique_ptr<actor> made(const operation& o, const volume& store, std::size_t thread) {
    const std::string path = path_of(thread, o.files);
    make_file(store, path);
    return std::make_unique<actor>(store, path);
  }

  bytes shift;
  std::unique_ptr<actor> self;
  turn take_turn;
};

// One thread's part. It works, also to begin and to end with an operation, in its turn alone.
void take_part(course& c, std::size_t thread) {
  c.stacks[thread] = own_stack(&thread);
  std::vector<std::unique_ptr<beginning>> all;
  for (std::size_t i = 0; i < c.operations.size() * c.places; ++i) {
    const std::size_t number = i / c.places, place = i % c.places;
    for (std::size_t round = 0; round < c.rounds; ++round) {
      may_go[thread].acquire();
      if (round == 0) {
        all.push_back(
            std::make_unique<beginning>(c.operations[number], c.volumes[i], place, thread));
        for (int warm = 0; warm < unmarked_turns; ++warm) all.back()->take_turn();
      }
      marks[number][thread].begin = round;
      all.back()->take_turn();
      marks[number][thread].end = round;
      may_go[1 - thread].release();
    }
  }
  may_go[thread].acquire();
  all.clear();
  may_go[1 - thread].release();
}

}  // namespace

// Writes what the trace is to be read with: where the marks are and whose; what is not counted;
// and where the code is.
int main(int argc, char** argv) {
  const bool small = argc > 1 && std::string_view(argv[1]) == "--small";
  course c{operations(), small ? std::size_t{1} : 3, small ? std::size_t{2} : 8, {}, {}};
  if (c.operations.size() > most_operations) return 1;
  // The threads come first, so that what they begin with does not lie beside what they work on.
  std::thread first([&] { take_part(c, 0); }), second([&] { take_part(c, 1); });
  while (c.volumes.size() < c.operations.size() * c.places)
    c.volumes.push_back(volume::create().value());
  may_go[0].release();
  first.join();
  second.join();

  std::cout << "marks " << marks << '\n';
  for (const operation& o : c.operations) std::cout << "operation " << o.name << '\n';
  std::cout << "rounds " << c.rounds << '\n';
  std::cout << "apart " << may_go << ' ' << may_go + threads << '\n';
  for (const stack& s : c.stacks) std::cout << "apart " << s.low << ' ' << s.high << '\n';
  std::cout << "loaded\n" << std::ifstream("/proc/self/maps").rdbuf();
}
