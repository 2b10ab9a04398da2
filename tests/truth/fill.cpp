// SPDX-License-Identifier: BSL-1.0
// Fills a volume in one way until the quota refuses, and compares what the volume says with what
// the process takes from the machine.
//
// usage: fill WAY QUOTA_MIB
#include <coramfs/sync/file_system.hpp>

#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

using namespace coramfs;

namespace {

constexpr std::uint64_t mib = 1024 * 1024;

std::uint64_t resident() {
  std::ifstream in("/proc/self/statm");
  std::uint64_t all = 0, pages = 0;
  in >> all >> pages;
  return pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

// All that is filled in, so that nobody needs a list of it.
constexpr const char* top = "/d";

std::string name(std::uint64_t i) { return std::string(top) + "/" + std::to_string(i); }

/// Does it until it is refused for space, and gives the number of times that it was not.
std::uint64_t until_full(const std::function<result<void>(std::uint64_t)>& step) {
  for (std::uint64_t i = 0;; ++i) {
    const auto done = step(i);
    if (done) continue;
    if (!(done.error() == errc::quota_exceeded)) {
      std::printf("%s\n", done.error().message().c_str());
      std::exit(1);
    }
    return i;
  }
}

std::uint64_t fill_with_files(sync::file_system& fs, const bytes& content, std::uint64_t from = 0) {
  return until_full(
      [&](std::uint64_t i) { return fs.write_file(name(from + i), asio::buffer(content)); });
}

void fill_in_pieces(sync::file_system& fs, const bytes& piece, std::uint64_t file_size) {
  until_full([&](std::uint64_t i) -> result<void> {
    BOOST_OUTCOME_TRY(auto f, fs.open(name(i), open_mode::append));
    for (std::uint64_t done = 0; done < file_size; done += piece.size()) {
      BOOST_OUTCOME_TRY(f.write(asio::buffer(piece)));
    }
    return boost::outcome_v2::success();
  });
}

void fill_sparsely(sync::file_system& fs, const bytes& piece) {
  auto f = fs.open(name(0), open_mode::write).value();
  until_full([&](std::uint64_t i) -> result<void> {
    BOOST_OUTCOME_TRY(f.write_at(i * 1'000'003, asio::buffer(piece)));
    return boost::outcome_v2::success();
  });
}

// Each round rewrites what it has pinned, and keeps the pins.
void fill_with_pins(sync::file_system& fs, std::vector<pinned>& pins) {
  const bytes piece(300'000, std::byte{'p'});
  fs.write_file(name(0), asio::buffer(piece)).value();
  auto f = fs.open(name(0), open_mode::update).value();
  until_full([&](std::uint64_t) -> result<void> {
    pins.push_back(f.pin(0, piece.size()).value());
    BOOST_OUTCOME_TRY(f.write_at(0, asio::buffer(piece)));
    return boost::outcome_v2::success();
  });
}

void begin(sync::file_system& fs) { fs.create_directories(top).value(); }
void remove_all(sync::file_system& fs) { fs.remove_tree(top).value(); }

void refill(sync::file_system& fs, const bytes& content) {
  const std::uint64_t files = fill_with_files(fs, content);
  for (std::uint64_t i = 0; i < files; i += 2) fs.remove(name(i)).value();
  fill_with_files(fs, content, files);
}

// Full again and again with files of another size. Each time two of three go, of all sizes.
void shift_sizes(sync::file_system& fs) {
  struct filling {
    std::uint64_t begin, end;
    std::uint64_t distance = 1;  // of those that are there
  };
  std::vector<filling> all;
  std::uint64_t number = 0;
  for (const std::size_t size : {900, 1'900, 3'900, 7'900, 15'900, 31'900, 63'000}) {
    const std::uint64_t added = fill_with_files(fs, bytes(size, std::byte{'a'}), number);
    if (fs.stats().value().free_bytes > 2 * size + 4096) {
      std::printf("refused with %zu bytes free\n", std::size_t(fs.stats().value().free_bytes));
      std::exit(1);
    }
    all.push_back({number, number + added});
    number += added;
    for (filling& f : all) {
      for (std::uint64_t i = 0; f.begin + i < f.end; i += f.distance)
        if (i % (3 * f.distance) != 0) fs.remove(name(f.begin + i)).value();
      f.distance *= 3;
    }
  }
  fill_with_files(fs, bytes(mib, std::byte{'a'}), number);
}

// Many long names, of which few stay, and large files behind them.
void shift_from_names(sync::file_system& fs) {
  const std::string stem(180, 'n');
  const std::uint64_t files =
      until_full([&](std::uint64_t i) { return fs.write_file(name(i) + stem, {}); });
  for (std::uint64_t i = 0; i < files; ++i)
    if (i % 64 != 0) fs.remove(name(i) + stem).value();
  fill_with_files(fs, bytes(mib, std::byte{'a'}));
  if (fs.stats().value().free_bytes > 2 * mib) {
    std::printf("refused with %zu bytes free\n", std::size_t(fs.stats().value().free_bytes));
    std::exit(1);
  }
}

// Moved-in buffers, cut and removed, and large files in their place.
void shift_from_buffers(sync::file_system& fs) {
  const std::uint64_t files = until_full([&](std::uint64_t i) -> result<void> {
    BOOST_OUTCOME_TRY(auto f, fs.open(name(i), open_mode::write));
    BOOST_OUTCOME_TRY(f.write(bytes(3 * mib, std::byte{'a'})));
    return boost::outcome_v2::success();
  });
  for (std::uint64_t i = 0; i < files; ++i) {
    if (i % 2 == 0) {
      fs.open(name(i), open_mode::update).value().truncate(mib).value();
    } else {
      fs.remove(name(i)).value();
    }
  }
  fill_with_files(fs, bytes(mib, std::byte{'a'}), files);
}

using way = std::function<void(sync::file_system&, std::vector<pinned>&)>;

const std::map<std::string_view, way> ways{
    {"empty", [](auto& fs, auto&) { fill_with_files(fs, {}); }},
    {"100", [](auto& fs, auto&) { fill_with_files(fs, bytes(100, std::byte{'a'})); }},
    {"4k", [](auto& fs, auto&) { fill_with_files(fs, bytes(4096, std::byte{'a'})); }},
    {"100k", [](auto& fs, auto&) { fill_with_files(fs, bytes(100'000, std::byte{'a'})); }},
    {"large", [](auto& fs, auto&) { fill_in_pieces(fs, bytes(mib, std::byte{'a'}), 100 * mib); }},
    {"appends", [](auto& fs, auto&) { fill_in_pieces(fs, bytes(10, std::byte{'a'}), mib); }},
    {"sparse", [](auto& fs, auto&) { fill_sparsely(fs, bytes(10'000, std::byte{'a'})); }},
    {"pins", [](auto& fs, auto& pins) { fill_with_pins(fs, pins); }},
    {"refill_4k", [](auto& fs, auto&) { refill(fs, bytes(4096, std::byte{'a'})); }},
    {"refill_100k", [](auto& fs, auto&) { refill(fs, bytes(100'000, std::byte{'a'})); }},
    {"refill_1m", [](auto& fs, auto&) { refill(fs, bytes(mib, std::byte{'a'})); }},
    {"shifting_sizes", [](auto& fs, auto&) { shift_sizes(fs); }},
    {"after_names", [](auto& fs, auto&) { shift_from_names(fs); }},
    {"after_buffers", [](auto& fs, auto&) { shift_from_buffers(fs); }},
    {"small_after_large",
     [](auto& fs, auto&) {
       fill_in_pieces(fs, bytes(mib, std::byte{'a'}), 100 * mib);
       remove_all(fs);
       begin(fs);
       fill_with_files(fs, bytes(100, std::byte{'a'}));
     }},
};

bool check(bool holds, const char* what) {
  if (!holds) std::printf("FAILED: %s\n", what);
  return holds;
}

}  // namespace

int main(int argc, char** argv) {
  const auto chosen = argc == 3 ? ways.find(argv[1]) : ways.end();
  if (chosen == ways.end()) {
    std::printf("usage: fill WAY QUOTA_MIB\n");
    return 2;
  }
  const std::uint64_t max_quota = std::strtoull(argv[2], nullptr, 10) * mib;
  constexpr std::uint64_t constant = 8 * mib;
  bool good = true;
  const std::uint64_t at_start = resident();
  {
    volume_options options;
    options.max_quota = max_quota;
    auto fs = sync::file_system::create(options).value();
    std::vector<pinned> pins;
    begin(fs);
    chosen->second(fs, pins);
    const volume_stats stats = fs.stats().value();
    const std::uint64_t used = stats.used_bytes, told = used + stats.recycled_bytes;
    const std::uint64_t grown = resident() - at_start;
    std::printf("%s: used %.1f MiB, with what is kept %.1f MiB, grown by %.1f MiB\n", argv[1],
                static_cast<double>(used) / mib, static_cast<double>(told) / mib,
                static_cast<double>(grown) / mib);
    good &= check(told <= max_quota, "used and kept within the quota");
    good &= check(grown <= max_quota + constant, "resident within the quota");
    const std::uint64_t off = told > grown ? told - grown : grown - told;
    // The heap of the process keeps some pages, too, how many depends on when it looks.
    good &= check(grown < 64 * mib || off <= std::max(grown / 20, constant),
                  "told within 5 % of what is resident");
    pins.clear();
    remove_all(fs);
    good &= check(fs.stats().value().used_bytes == 0, "nothing is used by nothing");
  }
  ::malloc_trim(0);
  const std::uint64_t at_end = resident();
  good &= check(at_end <= at_start + constant, "the memory of a volume that is gone");
  return good ? 0 : 1;
}
