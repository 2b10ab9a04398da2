// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace coramfs::bench {

/// What is done with one file; `write` makes it, or empties it.
enum class act { write, read, open, remove };

struct step {
  act what;
  std::string path;
};

/// Steps of one thread. All its files are as large, and are written and read in pieces as large.
struct work {
  std::vector<step> steps;
  std::size_t pieces = 1, piece_size = 0;
};

using data = std::span<const std::byte>;
using space = std::span<std::byte>;

/// What a piece is written from and read to: one of each for each thread.
struct buffers {
  explicit buffers(std::size_t piece_size)
      : content(piece_size, std::byte{'x'}), piece(piece_size, std::byte{'y'}) {}
  std::vector<std::byte> content, piece;
};

/// A place for files that a user could pick. It is empty at first.
///
/// Its own class carries out whole lists of steps, so that what can be called directly is called
/// directly, and what is awaited is awaited in one coroutine, as a user's code would do it.
class peer {
 public:
  peer() = default;
  peer(const peer&) = delete;
  peer& operator=(const peer&) = delete;
  virtual ~peer() = default;

  virtual void make_directory(const std::string& path) = 0;
  /// Throws where a step fails. Several threads may do it at once, with files of their own.
  virtual void carry_out(const work& w, buffers& b) = 0;
};

/// One whose steps are plain functions of `Place`:
///
///     void make_directory(const std::string& path);
///     void write(const std::string& path, data piece, std::size_t pieces);
///     void read(const std::string& path, space piece, std::size_t pieces);
///     void open(const std::string& path);
///     void remove(const std::string& path);
template <class Place>
class blocking_peer : public peer {
 public:
  void make_directory(const std::string& path) override { place_.make_directory(path); }
  void carry_out(const work& w, buffers& b) override {
    for (const step& s : w.steps) switch (s.what) {
        case act::write: place_.write(s.path, b.content, w.pieces); break;
        case act::read: place_.read(s.path, b.piece, w.pieces); break;
        case act::open: place_.open(s.path); break;
        case act::remove: place_.remove(s.path); break;
      }
  }

 private:
  Place place_;
};

/// What a place says of a failure.
inline void check(bool ok, const std::string& what) {
  if (!ok) throw std::runtime_error(what);
}

/// Who competes, and with what.
struct contender {
  std::string name;
  bool takes_threads;         ///< it may be used by several at once
  bool is_kept_by_system;     ///< its memory is not the process's own
  std::size_t files_at_most;  ///< it can hold
  std::function<std::unique_ptr<peer>()> make;
};

constexpr std::size_t any_number = static_cast<std::size_t>(-1);

template <class Place>
contender blocking_contender(std::string name) {
  return {std::move(name), true, false, any_number,
          [] { return std::make_unique<blocking_peer<Place>>(); }};
}

/// All that this program was built with. Each of those below is in a source of its own.
std::vector<contender> contenders();

std::vector<contender> ourselves();
std::vector<contender> maps();
std::vector<contender> of_the_system();
contender kj_directory();
contender leveldb_environment();
contender rocksdb_environment();
contender glib_table();

}  // namespace coramfs::bench
