// SPDX-License-Identifier: BSL-1.0
//
// Where the quota is full a writer waits until somebody frees bytes: so files of any number pass
// through a small volume. Each asks for all that it needs at once, by `preallocate`; if each held
// a part, all could wait for each other.
//
// usage: wait_for_space [FILE]   which is cut into pieces; without one, this program itself
#include <coramfs/file_system.hpp>

#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/use_awaitable.hpp>

#include <exception>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <string_view>

using namespace coramfs;

asio::awaitable<result<void>> pass(file_system fs, std::string path, std::string_view piece) {
  open_options all_at_once;
  all_at_once.preallocate = piece.size();
  all_at_once.on_full = when_full::wait;
  BOOST_OUTCOME_CO_TRY(auto f, co_await fs.open(path, open_mode::write, all_at_once));
  BOOST_OUTCOME_CO_TRY(co_await f.write(piece));
  co_await asio::post(asio::use_awaitable);  // the others begin meanwhile, and find it full
  BOOST_OUTCOME_CO_TRY(f.close());
  co_return co_await fs.remove(path);  // whoever is next in line gets its bytes
}

int main(int argc, char** argv) try {
  std::ifstream input(argv[argc > 1 ? 1 : 0], std::ios::binary);
  const std::string content{std::istreambuf_iterator<char>(input), {}};
  asio::io_context context;
  volume_options options;
  options.max_quota = 64 * 1024;
  auto fs = file_system::create(context.get_executor(), options).value();
  std::size_t passed = 0;
  for (std::size_t at = 0; at < content.size(); at += 16 * 1024) {
    const auto piece = std::string_view(content).substr(at, 16 * 1024);
    asio::co_spawn(context, pass(fs, "/" + std::to_string(at), piece),
                   [&passed, piece](std::exception_ptr thrown, result<void> ended) {
                     if (thrown) std::rethrow_exception(thrown);
                     ended.value();
                     passed += piece.size();
                   });
  }
  context.run();
  std::cout << passed << " bytes passed, at most " << fs.get_volume().stats().peak_bytes
            << " of 65536 charged\n";
} catch (const std::exception& e) {
  std::cerr << e.what() << '\n';
  return 1;
}
