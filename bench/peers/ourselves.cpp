// SPDX-License-Identifier: BSL-1.0
#include <coramfs/file_system.hpp>
#include <coramfs/sync/file_system.hpp>
#include <coramfs/volume.hpp>

#include "peers/peer.hpp"
#include "support/coroutines.hpp"

#include <asio/buffer.hpp>
#include <asio/io_context.hpp>

#include <cstdint>

namespace coramfs::bench {

namespace {

// Enough for a million files of a page, and all of it kept for reuse.
volume roomy_volume() {
  volume_options options;
  options.max_quota = std::uint64_t{16} << 30;
  options.max_recycled = options.max_quota;
  return volume::create(options).value();
}

asio::const_buffer buffer(data d) { return asio::buffer(d.data(), d.size()); }
asio::mutable_buffer buffer(space s) { return asio::buffer(s.data(), s.size()); }

class of_blocking {
 public:
  void make_directory(const std::string& path) { files_.create_directory(path).value(); }
  void write(const std::string& path, data piece, std::size_t pieces) {
    auto f = files_.open(path, open_mode::write).value();
    for (; pieces != 0; --pieces) f.write(buffer(piece)).value();
  }
  void read(const std::string& path, space piece, std::size_t pieces) {
    auto f = files_.open(path, open_mode::read).value();
    for (; pieces != 0; --pieces) f.read(buffer(piece)).value();
  }
  void open(const std::string& path) { files_.open(path, open_mode::read).value().close().value(); }
  void remove(const std::string& path) { files_.remove(path).value(); }

 private:
  sync::file_system files_{roomy_volume()};
};

asio::awaitable<void> await_writing(file_system& files, const std::string& path, data piece,
                                    std::size_t pieces) {
  auto f = co_await files.open(path, open_mode::write);
  for (; pieces != 0; --pieces) {
    auto count = co_await f.value().write(buffer(piece));
    count.value();
  }
}

asio::awaitable<void> await_reading(file_system& files, const std::string& path, space piece,
                                    std::size_t pieces) {
  auto f = co_await files.open(path, open_mode::read);
  for (; pieces != 0; --pieces) {
    auto count = co_await f.value().read(buffer(piece));
    count.value();
  }
}

// A context for each thread, over one volume.
class of_coroutines : public peer {
 public:
  void make_directory(const std::string& path) override {
    sync::file_system(volume_).create_directory(path).value();
  }
  void carry_out(const work& w, buffers& b) override {
    asio::io_context context(1);
    file_system files(context.get_executor(), volume_);
    run(context, [&] { return await_steps(files, w, b); });
  }

 private:
  static asio::awaitable<void> await_steps(file_system& files, const work& w, buffers& b) {
    for (const step& s : w.steps) switch (s.what) {
        case act::write: co_await await_writing(files, s.path, b.content, w.pieces); break;
        case act::read: co_await await_reading(files, s.path, b.piece, w.pieces); break;
        case act::open: {
          auto f = co_await files.open(s.path, open_mode::read);
          f.value().close().value();
          break;
        }
        case act::remove: {
          auto removed = co_await files.remove(s.path);
          removed.value();
          break;
        }
      }
  }

  volume volume_ = roomy_volume();
};

}  // namespace

std::vector<contender> ourselves() {
  return {blocking_contender<of_blocking>("blocking"),
          {"coroutine", true, false, any_number, [] { return std::make_unique<of_coroutines>(); }}};
}

}  // namespace coramfs::bench
