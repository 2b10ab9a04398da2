// SPDX-License-Identifier: BSL-1.0
//
// A cache in a volume: a page is made once and kept as a file, and where the volume is full those
// go that nobody has come back to for the longest time.
#include <coramfs/least_recently_used.hpp>
#include <coramfs/sync/file_system.hpp>

#include <exception>
#include <iostream>
#include <map>
#include <string>

using namespace coramfs;

std::map<int, int> made;  // how often each page was

result<std::string> page(const sync::file_system& fs, int number) {
  const std::string path = "/" + std::to_string(number);
  if (auto kept = fs.read_text(path)) return kept;
  ++made[number];
  const std::string fresh = "page " + std::to_string(number) + std::string(3000, '.');
  BOOST_OUTCOME_TRY(fs.write_text(path, fresh));
  return fresh;
}

int main() try {
  volume_options options;
  options.max_quota = 64 * 1024;
  options.reclaim = least_recently_used();
  auto fs = sync::file_system::create(options).value();
  std::size_t in_all = 0;
  for (int i = 0; i < 1000; ++i) {
    // Every second request is for one of a few pages, and every tenth for one and the same.
    const int number = i % 10 == 0 ? 0 : i % 2 == 0 ? i % 8 : i;
    if (!page(fs, number).value().starts_with("page " + std::to_string(number) + ".")) return 1;
  }
  for (const auto& [number, times] : made) in_all += static_cast<std::size_t>(times);
  std::cout << "made " << in_all << " of 1000 pages, at most " << fs.get_volume().stats().peak_bytes
            << " of 65536 bytes charged\n";
  std::cout << "the page that all want was made " << (made[0] == 1 ? "once\n" : "again\n");
} catch (const std::exception& e) {
  std::cerr << e.what() << '\n';
  return 1;
}
