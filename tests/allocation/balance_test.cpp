// SPDX-License-Identifier: BSL-1.0
// What a volume has taken from the heap, it gives back.
#include <coramfs/sync/file_system.hpp>

#include "allocation/malloc_faults.hpp"
#include "support/catch.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace coramfs::tests {

namespace {

constexpr int many_operations = 20'000;
constexpr std::size_t largest = 100'000;

/// A seeded mix of operations, on few names so that they meet. Most succeed, some are refused.
class mix {
 public:
  explicit mix(sync::file_system& fs) : fs_(fs) {}

  void run(int operations) {
    for (int i = 0; i < operations; ++i) step();
  }

  std::uint64_t succeeded() const { return succeeded_; }
  std::uint64_t failed() const { return failed_; }

 private:
  std::size_t below(std::size_t n) { return random_() % n; }
  std::string name() { return std::string(1 + 40 * below(2), static_cast<char>('a' + below(5))); }
  std::string path() { return below(2) == 0 ? "/" + name() : "/" + name() + "/" + name(); }
  bytes content() { return bytes(below(10) == 0 ? below(largest) : below(100), std::byte{'x'}); }

  template <class T>
  void note(const result<T>& r) {
    ++(r.has_value() ? succeeded_ : failed_);
  }

  void write_somewhere() {
    static constexpr std::array modes{open_mode::write, open_mode::append, open_mode::update};
    auto f = fs_.open(path(), modes[below(modes.size())], {.preallocate = below(300)});
    note(f);
    if (!f) return;
    const bytes from = content();
    note(f.value().write_at(below(200), asio::buffer(from)));
    note(f.value().write(content()));
    note(f.value().truncate(below(1000)));
    note(f.value().write(asio::buffer(from)));
  }

  void import_some() {
    file_map files;
    for (int i = 0; i < 4; ++i) files[path() + "/" + name()] = content();
    note(fs_.import_tree(std::move(files)));
  }

  void look_around() {
    note(fs_.walk());
    note(fs_.glob("/**/[a-c]*"));
    note(fs_.export_tree(path()));
  }

  void step() {
    const auto existing = below(2) == 0 ? if_exists::fail : if_exists::replace;
    switch (below(12)) {
      case 0: return note(fs_.create_directories(path()));
      case 1: return note(fs_.remove(path()));
      case 2: return note(fs_.remove_tree(path()));
      case 3: return note(fs_.rename(path(), path(), existing));
      case 4: return note(fs_.move(path(), path(), existing));
      case 5: return note(fs_.copy(path(), path(), existing));
      case 6: return note(fs_.copy_tree(path(), path()));
      case 7: return note(fs_.write_file(path(), asio::buffer(content())));
      case 8: return import_some();
      case 9: return look_around();
      default: return write_somewhere();
    }
  }

  sync::file_system& fs_;
  std::mt19937 random_;
  std::uint64_t succeeded_ = 0, failed_ = 0;
};

void remove_all(sync::file_system& fs) {
  const auto names = fs.list("/").value();
  for (const std::string& name : names)
    if (!fs.remove("/" + name)) fs.remove_tree("/" + name).value();
}

}  // namespace

TEST_CASE("allocation: with everything removed, as much is allocated as at the start",
          "[allocation][balance]") {
  const auto layout = GENERATE(storage_layout::automatic, storage_layout::sequential,
                               storage_layout::random_access);
  const auto counting = GENERATE(accounting::memory, accounting::payload);
  CAPTURE(static_cast<int>(layout), static_cast<int>(counting));
  volume_options options;
  options.max_quota = 2'000'000;
  options.default_storage = layout;
  options.accounting = counting;
  // The first use of a thread has something done at its end. The C library's list of that may grow.
  static_cast<void>(sync::file_system::create(options).value());
  const std::int64_t without_volume = live_allocations();
  std::int64_t at_start = 0, at_end = 0;
  std::uint64_t succeeded = 0, failed = 0;
  {
    auto fs = sync::file_system::create(options).value();
    // The first handle of a thread makes room for some, which stays with the volume.
    fs.write_file("/first", asio::const_buffer("x", 1)).value();
    fs.remove("/first").value();
    at_start = live_allocations();
    mix operations(fs);
    operations.run(many_operations);
    fs.write_file("/last", asio::const_buffer("x", 1)).value();
    CHECK(fs.stats().value().file_count > 0);
    remove_all(fs);
    at_end = live_allocations();
    succeeded = operations.succeeded();
    failed = operations.failed();
  }
  const std::int64_t with_volume_gone = live_allocations();
  CHECK(at_start > without_volume);
  CHECK(at_end == at_start);
  CHECK(with_volume_gone == without_volume);
  CHECK(succeeded > many_operations / 4);
  CHECK(failed > many_operations / 20);
}

TEST_CASE("allocation: a refused operation leaves as much allocated as before it",
          "[allocation][balance]") {
  volume_options options;
  options.max_quota = 1000;
  options.accounting = accounting::payload;
  auto fs = sync::file_system::create(options).value();
  fs.write_file("/f", asio::const_buffer("content", 7)).value();
  const bytes large(2000);
  const std::int64_t before = live_allocations();
  const bool refused = !fs.write_file("/g", asio::buffer(large)) &&
                       !fs.write_file("/f", asio::buffer(large)) && !fs.copy("/f", "/d/g") &&
                       !fs.open("/g", open_mode::create, {.preallocate = 2000}) &&
                       !fs.import_tree({{"/h/i", large}}) && !fs.move("/f", "/f/g/h");
  const std::int64_t after = live_allocations();
  CHECK(refused);
  CHECK(after == before);
}

}  // namespace coramfs::tests
