// SPDX-License-Identifier: BSL-1.0
//
// A database that many connections share: saved when the last one closes, and there for the next.
// `--help` says what it can do.
#include "command_line.hpp"
#include "shared/catalogue.hpp"
#include "shared/task_group.hpp"

#include <coramfs/blocking_pool.hpp>
#include <coramfs/file_system.hpp>
#include <coramfs/sqlite.hpp>
#include <coramfs/sync/file_system.hpp>

#include <asio/awaitable.hpp>
#include <asio/buffer.hpp>
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace sqlite_shared_store {

namespace {

using asio::awaitable;
using catalogue::entry;
using catalogue::totals;

constexpr const char* path = "/catalogue.db";
// So many files are added in one transaction.
constexpr std::size_t batch = 64;

struct report {
  totals before, found, after;
  std::uint64_t looks = 0, wrong_looks = 0, database_bytes = 0;
  double seconds = 0;
};

class catalogue_run {
 public:
  explicit catalogue_run(const settings& s)
      : settings_(s),
        files_(
            coramfs::file_system::create(context_.get_executor(), {.max_quota = s.quota}).value()) {
  }

  report execute();

 private:
  void bring_from_disk();
  void bring_to_disk();
  awaitable<void> run();
  awaitable<void> fill(coramfs::sqlite::store& store);
  awaitable<void> add_some(coramfs::sqlite::store& store, std::size_t first);
  awaitable<void> look(coramfs::sqlite::store& store);
  coramfs::sqlite::store_options options() { return {.kind = settings_.kind, .pool = &pool_}; }

  const settings& settings_;
  asio::io_context context_{1};
  coramfs::file_system files_;
  // A thread for each connection that adds, and one for who looks.
  coramfs::blocking_pool pool_{settings_.connections + 1};
  std::vector<entry> entries_;
  report report_;
  bool is_filled_ = false;
};

report catalogue_run::execute() {
  bring_from_disk();
  entries_ = catalogue::files_below(settings_.directory);
  for (const entry& e : entries_) {
    ++report_.found.files;
    report_.found.bytes += e.size;
  }
  std::exception_ptr failure;
  asio::co_spawn(context_, run(), [&failure](std::exception_ptr thrown) { failure = thrown; });
  context_.run();
  if (failure) std::rethrow_exception(failure);
  bring_to_disk();
  return report_;
}

void catalogue_run::bring_from_disk() {
  if (!settings_.database || !std::filesystem::exists(*settings_.database)) return;
  std::ifstream in(*settings_.database, std::ios::binary);
  const std::string content(std::istreambuf_iterator<char>(in), {});
  if (!in.is_open() || in.bad()) throw std::runtime_error("the database can not be read");
  coramfs::sync::file_system(files_.get_volume()).write_file(path, content).value();
}

// An image needs no copy in memory.
void catalogue_run::bring_to_disk() {
  if (!settings_.database) return;
  const auto image = coramfs::sqlite::image(files_.get_volume(), path).value();
  std::ofstream out(*settings_.database, std::ios::binary | std::ios::trunc);
  for (const asio::const_buffer part : image)
    out.write(static_cast<const char*>(part.data()), static_cast<std::streamsize>(part.size()));
  if (!out.flush()) throw std::runtime_error("the database can not be written");
}

awaitable<void> catalogue_run::run() {
  const auto began = std::chrono::steady_clock::now();
  {
    coramfs::sqlite::store store(files_, path, options());
    co_await fill(store);
    auto closed = co_await store.close();
    closed.value();
  }
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - began;
  report_.seconds = taken.count();
  auto size = co_await files_.file_size(path);
  report_.database_bytes = size.value();
  // Whoever comes later finds it.
  coramfs::sqlite::store store(files_, path, options());
  auto after = co_await store.run(catalogue::count);
  report_.after = after.value();
  auto closed = co_await store.close();
  closed.value();
}

awaitable<void> catalogue_run::fill(coramfs::sqlite::store& store) {
  // As long as it is open, a hot database stays where it is.
  auto first = co_await store.connect();
  const coramfs::sqlite::connection keeps_it = std::move(first.value());
  auto logged = co_await store.run(catalogue::keep_a_log);
  logged.value();
  auto made = co_await store.run(catalogue::make_tables);
  made.value();
  auto before = co_await store.run(catalogue::count);
  report_.before = before.value();

  const auto nothing = [] {};
  shared::task_group adding(context_.get_executor(), nothing);
  shared::task_group looking(context_.get_executor(), nothing);
  for (std::size_t i = 0; i < settings_.connections; ++i) adding.spawn(add_some(store, i));
  looking.spawn(look(store));
  co_await adding.join();
  is_filled_ = true;
  co_await looking.join();
  adding.rethrow_failure();
  looking.rethrow_failure();
}

// All batches of one coroutine are added on one connection.
awaitable<void> catalogue_run::add_some(coramfs::sqlite::store& store, std::size_t first) {
  const std::span<const entry> all(entries_);
  const std::size_t stride = batch * settings_.connections;
  auto add_batches = [all, stride, begin = first * batch](sqlite3* db) -> coramfs::result<void> {
    for (std::size_t at = begin; at < all.size(); at += stride) {
      BOOST_OUTCOME_TRY(catalogue::add(db, all.subspan(at, std::min(batch, all.size() - at))));
    }
    return coramfs::success();
  };
  auto added = co_await store.run(add_batches);
  added.value();
}

awaitable<void> catalogue_run::look(coramfs::sqlite::store& store) {
  do {
    auto is_right = co_await store.run(catalogue::belongs_together);
    ++report_.looks;
    if (!is_right.value()) ++report_.wrong_looks;
  } while (!is_filled_);
}

void print(std::ostream& out, const report& r, std::uint64_t quota) {
  const auto row = [&out](std::string_view name, auto value) {
    out << name << std::string(24 - name.size(), ' ') << value << '\n';
  };
  row("files before", r.before.files);
  row("files found", r.found.files);
  row("bytes found", r.found.bytes);
  row("files in the catalogue", r.after.files);
  row("bytes in the catalogue", r.after.bytes);
  row("looks meanwhile", r.looks);
  row("wrong looks", r.wrong_looks);
  row("bytes of the database", r.database_bytes);
  row("quota", quota);
  row("seconds", r.seconds);
}

}  // namespace

}  // namespace sqlite_shared_store

int main(int argc, char** argv) {
  using namespace sqlite_shared_store;
  try {
    const auto parsed = parse_command_line(argc, argv);
    if (const int* status = std::get_if<int>(&parsed)) return *status;
    const auto& s = std::get<settings>(parsed);
    const report done = catalogue_run(s).execute();
    print(std::cout, done, s.quota);
    // What was in the catalogue before may be of other directories.
    const bool is_right =
        done.wrong_looks == 0 && (done.before.files > 0 || done.after == done.found);
    return is_right ? exit_ok : exit_failure;
  } catch (const std::exception& e) {
    std::cerr << "sqlite_shared_store: " << e.what() << '\n';
    return exit_failure;
  }
}
