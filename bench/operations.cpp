// SPDX-License-Identifier: BSL-1.0
//
// How long does each operation take that ought to be cheap?
//
// Baselines: `co_await` of a coroutine that is ready at once, a bare `asio::post` (both on an
// io_context for one thread, as ours are), and the same by POSIX calls on a tmpfs.
#include "support/operations.hpp"
#include "support/program.hpp"
#include "support/scratch_directory.hpp"

#include <fcntl.h>

#include <array>
#include <memory>
#include <string>

namespace coramfs::bench {

namespace {

// The twin of the volume that the operations run on.
struct tmpfs_fixture {
  tmpfs_fixture() {
    directory.make_directory("/srv");
    directory.make_directory("/srv/data");
    const int made = directory.open(path, O_CREAT | O_RDWR);
    write_all(made, std::array<std::byte, 4096>{});
    close(made);
    opened = directory.open(path, O_RDWR);
  }
  ~tmpfs_fixture() { close(opened); }

  const std::string path = "/srv/data/report.txt", other_path = "/srv/data/report.bak";
  scratch_directory directory;
  int opened;
  std::array<std::byte, 64> piece{};
  std::array<std::byte, 4096> page{};
};

void open_and_close(tmpfs_fixture& f) { close(f.directory.open(f.path, O_RDONLY)); }
void open_to_update(tmpfs_fixture& f) { close(f.directory.open(f.path, O_RDWR)); }
void read_piece(tmpfs_fixture& f) { read_all_at(f.opened, 0, f.piece); }
void write_piece(tmpfs_fixture& f) { write_all_at(f.opened, 0, f.piece); }
void stat(tmpfs_fixture& f) { benchmark::DoNotOptimize(f.directory.size_of(f.path)); }
void create_and_remove(tmpfs_fixture& f) {
  close(f.directory.open(f.other_path, O_CREAT | O_EXCL | O_WRONLY));
  f.directory.remove(f.other_path);
}
void create_and_write(tmpfs_fixture& f) {
  const int made = f.directory.open(f.other_path, O_CREAT | O_EXCL | O_WRONLY);
  write_all(made, f.page);
  close(made);
  f.directory.remove(f.other_path);
}
void rename(tmpfs_fixture& f) {
  f.directory.rename(f.path, f.other_path);
  f.directory.rename(f.other_path, f.path);
}

void register_on_tmpfs(const char* name, const std::shared_ptr<tmpfs_fixture>& f,
                       void (*body)(tmpfs_fixture&)) {
  benchmark::RegisterBenchmark(name, [f, body](benchmark::State& state) {
    for (auto _ : state) body(*f);
  });
}

}  // namespace

void register_cases() {
  for (const operation& o : operations()) register_operation(o);
  const auto f = std::make_shared<tmpfs_fixture>();
  register_on_tmpfs("open_close/tmpfs", f, open_and_close);
  register_on_tmpfs("open_close_update/tmpfs", f, open_to_update);
  register_on_tmpfs("read_64/tmpfs", f, read_piece);
  register_on_tmpfs("write_64/tmpfs", f, write_piece);
  register_on_tmpfs("stat/tmpfs", f, stat);
  register_on_tmpfs("create_remove/tmpfs", f, create_and_remove);
  register_on_tmpfs("create_write_remove/tmpfs", f, create_and_write);
  register_on_tmpfs("rename_twice/tmpfs", f, rename);
}

}  // namespace coramfs::bench
