// SPDX-License-Identifier: BSL-1.0
#include <coramfs/host.hpp>

#include <coramfs/asio.hpp>
#include <coramfs/detail/asio_compat.hpp>
#include <coramfs/detail/host_error.hpp>
#include <coramfs/detail/normal_text.hpp>
#include <coramfs/detail/open_file.hpp>

#include "integrations/host/cancellation_result.hpp"
#include "integrations/host/pooled.hpp"
#include "integrations/host/tree_source.hpp"
#include "integrations/on_thread.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <new>
#include <optional>
#include <stop_token>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace coramfs {

namespace detail {

namespace {

// How many files are dropped, and closed if they are not, before others have a turn.
constexpr std::size_t dropped_at_once = 500;

/// The rooms of a few items that are to be filled, and the handles of their files meanwhile. The
/// thread that fills them has a part in it: where the context dies, they stay until it is done. So
/// it has nothing of the context in it, such as the executor of a file.
struct arrivals {
  arrivals(volume v, std::size_t most)
      : of(std::move(v)), handles(most), rooms(most), count(most) {}

  const volume of;  // which outlives the handles
  std::vector<open_file> handles;
  std::vector<prepared> rooms;
  std::size_t count;  // of those items that are read to their ends
};

// Gives the handles of open files away, or takes them back.
template <class File>
void exchange_handles(std::vector<File>& files, std::vector<open_file>& with) noexcept {
  for (std::size_t i = 0; i < files.size(); ++i) std::swap(handle_access::of(files[i]), with[i]);
}

/// What an import does, for a coroutine: operations of the volume on the awaiting executor, calls
/// of the host's on a pool.
class importing_coroutine {
 public:
  using file_type = file;
  template <class T>
  using task = asio::awaitable<result<T>>;

  importing_coroutine(const file_system& fs, pooled<tree_source>& from) noexcept
      : fs_(fs), from_(from) {}

  const file_system& volume() noexcept { return fs_; }
  tree_source& source() noexcept { return from_.object(); }
  template <class T>
  static asio::awaitable<T> of(asio::awaitable<T> operation) noexcept {
    return operation;
  }
  template <class Work>
  task<void> on_host(Work work) {
    return from_.run(std::move(work));
  }
  static task<void> turn() {
    co_await asio::post(suspend);
    co_return success();
  }

 private:
  const file_system& fs_;
  pooled<tree_source>& from_;
};

/// The same for a thread, which does all of it itself.
class importing_thread {
 public:
  using file_type = sync::file;
  template <class T>
  using task = on_thread<result<T>>;

  importing_thread(const sync::file_system& fs, tree_source& from) noexcept
      : fs_(fs), from_(from) {}

  const sync::file_system& volume() noexcept { return fs_; }
  tree_source& source() noexcept { return from_; }
  template <class T>
  static made<T> of(T done) noexcept {
    return made<T>(std::move(done));
  }
  template <class Work>
  made<result<void>> on_host(Work work) {
    if constexpr (std::is_invocable_v<Work&, tree_source&, const std::stop_token&>) {
      return of(work(from_, std::stop_token()));
    } else {
      return of(work(from_));
    }
  }
  static made<result<void>> turn() noexcept { return of(result<void>(success())); }

 private:
  const sync::file_system& fs_;
  tree_source& from_;
};

std::string below(const std::string& dest, const std::string& path) {
  return (dest.back() == '/' ? dest : dest + '/') + path;
}

// Checks what is at a path, and opens a file that is to come there. A conflict that others make
// later is met where the files get their names.
template <class Side>
typename Side::template task<void> begin_item(Side& side, const host_options& options,
                                              std::string path, const source_item& item,
                                              typename Side::file_type& to) {
  auto there = co_await Side::of(side.volume().stat(path));
  if (there && there.value().is_directory != item.is_directory)
    co_return there.value().is_directory ? errc::is_a_directory : errc::not_a_directory;
  if (there && !item.is_directory && options.existing == if_exists::fail)
    co_return errc::already_exists;
  if (!there && there.error() != errc::not_found) co_return there.error();
  if (item.is_directory) co_return success();
  BOOST_OUTCOME_CO_TRY(auto opened, co_await Side::of(side.volume().open_unnamed()));
  to = std::move(opened);
  if (item.is_sparse) {
    // From now on it is a table, which has holes.
    BOOST_OUTCOME_CO_TRY(co_await Side::of(to.truncate(1)));
    BOOST_OUTCOME_CO_TRY(co_await Side::of(to.truncate(0)));
  }
  co_return success();
}

// Makes room for what comes next of a file.
template <class Side>
typename Side::template task<prepared> make_room(Side&, const source_item& item,
                                                 typename Side::file_type& in) {
  if (item.wanted == 0) co_return prepared();
  BOOST_OUTCOME_CO_TRY(in.seek(static_cast<std::int64_t>(item.at)));
  auto room = co_await Side::of(in.prepare(item.wanted));
  co_return room;
}

// Stores what was read.
template <class Side>
typename Side::template task<void> take_read(Side&, const source_item& item,
                                             typename Side::file_type& in) {
  BOOST_OUTCOME_CO_TRY(in.commit(item.in_room));
  if (!item.beyond.empty()) {
    BOOST_OUTCOME_CO_TRY(in.seek(static_cast<std::int64_t>(item.at - item.beyond.size())));
    BOOST_OUTCOME_CO_TRY(co_await Side::of(in.write(asio::buffer(item.beyond))));
  }
  if (item.is_whole && in.size().value() < item.at) {
    BOOST_OUTCOME_CO_TRY(co_await Side::of(in.truncate(item.at)));
  }
  co_return success();
}

// Directories are made at the end, but are refused as soon as there are too many.
result<void> require_nodes(const volume& v, const std::string& dest, std::size_t directories) {
  const std::optional<std::uint64_t> most = v.options().max_nodes;
  if (!most) return success();
  const volume_stats s = v.stats();
  const std::uint64_t left = *most - std::min(*most, s.file_count + s.directory_count);
  // Some of them may be there already.
  if (directories <= left + s.directory_count) return success();
  return about_host_call(dest, error(errc::node_limit_exceeded, directories, left),
                         host_call::import_from_host);
}

// Brings the items that were found into files without names, and notes the directories. Of several
// failures that of the first item is reported: so those before one that fails are read to the end.
template <class Side>
typename Side::template task<void> take_items(
    Side& side, const std::string& dest, const host_options& options,
    std::map<std::string, typename Side::file_type>& files, std::vector<std::string>& directories) {
  using file_type = typename Side::file_type;
  std::vector<source_item>& items = side.source().items();
  std::vector<file_type> arriving(items.size());  // closed for directories
  const auto arrived = std::make_shared<arrivals>(side.volume().get_volume(), items.size());
  std::optional<error> why;
  const auto fail_at = [&](std::size_t i, const error& e) {
    arrived->count = i;
    why = about_host_call(below(dest, items[i].path), e, host_call::import_from_host);
  };
  for (std::size_t i = 0; i < arrived->count; ++i) {
    auto begun =
        co_await begin_item(side, options, below(dest, items[i].path), items[i], arriving[i]);
    if (!begun) fail_at(i, begun.error());
  }
  for (bool is_left = true; is_left;) {
    is_left = false;
    for (std::size_t i = 0; i < arrived->count; ++i) {
      if (items[i].is_directory || items[i].is_whole) continue;
      auto room = co_await make_room(side, items[i], arriving[i]);
      if (!room) {
        fail_at(i, room.error());
        break;
      }
      arrived->rooms[i] = std::move(room.value());
      is_left = true;
    }
    if (!is_left) break;
    auto reading = [arrived](tree_source& from, const std::stop_token& stop) {
      return from.read(arrived->rooms, arrived->count, stop);
    };
    const std::size_t asked = arrived->count;
    exchange_handles(arriving, arrived->handles);
    auto done = co_await side.on_host(std::move(reading));
    exchange_handles(arriving, arrived->handles);
    BOOST_OUTCOME_CO_TRYV(done);
    if (arrived->count < asked) why = side.source().failure().error();
    for (std::size_t i = 0; i < arrived->count; ++i) {
      if (!arriving[i].is_open()) continue;
      arrived->rooms[i] = prepared();
      auto taken = co_await take_read(side, items[i], arriving[i]);
      if (!taken) {
        fail_at(i, taken.error());
        break;
      }
      if (items[i].is_whole) files.emplace(below(dest, items[i].path), std::move(arriving[i]));
    }
  }
  if (why) co_return *why;
  for (const source_item& item : items)
    if (item.is_directory) directories.push_back(below(dest, item.path));
  co_return require_nodes(side.volume().get_volume(), dest, directories.size());
}

template <class Side>
typename Side::template task<void> take_all(Side& side, const std::string& dest,
                                            const host_options& options,
                                            std::map<std::string, typename Side::file_type>& files,
                                            std::vector<std::string>& directories) {
  source_item top;
  top.is_directory = true;
  typename Side::file_type none;
  BOOST_OUTCOME_CO_TRY(co_await begin_item(side, options, dest, top, none));
  auto begin = [](tree_source& from) { return from.begin(); };
  BOOST_OUTCOME_CO_TRY(co_await side.on_host(begin));
  for (;;) {
    auto find = [](tree_source& from, const std::stop_token& stop) { return from.find(stop); };
    if (!side.source().has_next()) {
      BOOST_OUTCOME_CO_TRY(co_await side.on_host(find));
    }
    side.source().advance();
    if (side.source().items().empty()) co_return side.source().after();
    BOOST_OUTCOME_CO_TRY(co_await take_items(side, dest, options, files, directories));
  }
}

// Everything goes into files without names, which then get them all at once. A failure leaves
// nothing, since such files go with their handles.
template <class Side>
typename Side::template task<std::uint64_t> make_import(Side& side, const std::string& dest,
                                                        const host_options& options) {
  std::map<std::string, typename Side::file_type> files;
  std::vector<std::string> directories{dest};
  auto done = co_await take_all(side, dest, options, files, directories);
  const std::uint64_t count = files.size();
  if (done) {
    const naming_options naming{options.existing, true, options.open, options.timeout};
    auto named = co_await Side::of(side.volume().give_names(files, std::move(directories), naming));
    if (!named) done = named.error();
  }
  while (!files.empty()) {
    for (std::size_t i = 0; i < dropped_at_once && !files.empty(); ++i) files.erase(files.begin());
    auto others = co_await side.turn();
    static_cast<void>(others);
  }
  if (!done) co_return done.error();
  co_return count;
}

// How long a path below `dest`, in its normal form, may be.
std::size_t most_below(const std::string& dest) noexcept {
  const std::size_t used = dest.size() + (dest.back() == '/' ? 0 : 1);
  return max_path_size - std::min(used, max_path_size);
}

bool has_holes(const volume& v) noexcept {
  return v.options().default_storage != storage_layout::sequential;
}

asio::awaitable<result<std::uint64_t>> import_for_coroutine(file_system fs,
                                                            std::filesystem::path dir,
                                                            std::string dest, host_options options,
                                                            pool_ptr pool) {
  if (const auto valid = require_valid(dir, options); !valid) co_return valid.error();
  const auto normal = normal_text(dest);
  if (!normal) co_return normal.error();
  pooled<tree_source> from(std::move(pool), std::move(dir), options, most_below(normal.value()),
                           has_holes(fs.get_volume()));
  importing_coroutine side(fs, from);
  co_return co_await make_import(side, normal.value(), options);
}

result<std::uint64_t> import_on_thread(const sync::file_system& fs, std::filesystem::path dir,
                                       const std::string& dest, const host_options& options) try {
  BOOST_OUTCOME_TRY(require_valid(dir, options));
  BOOST_OUTCOME_TRY(const auto normal, normal_text(dest));
  tree_source from(std::move(dir), options, most_below(normal), has_holes(fs.get_volume()));
  importing_thread side(fs, from);
  return make_import(side, normal, options).take();
} catch (const std::bad_alloc&) {
  return errc::out_of_memory;
}

}  // namespace

}  // namespace detail

asio::awaitable<result<std::uint64_t>> import_from_host(const file_system& fs,
                                                        std::filesystem::path dir, std::string dest,
                                                        host_options options) {
  auto operation =
      detail::import_for_coroutine(fs, std::move(dir), dest, options, detail::pool_of(options));
  return detail::with_cancellation_as_result(std::move(dest), detail::host_call::import_from_host,
                                             std::move(operation));
}

result<std::uint64_t> import_from_host(const sync::file_system& fs, std::filesystem::path dir,
                                       std::string dest, host_options options) {
  auto made = detail::import_on_thread(fs, std::move(dir), dest, options);
  if (!made)
    return detail::about_host_call(dest, made.error(), detail::host_call::import_from_host);
  return made;
}

}  // namespace coramfs
