// SPDX-License-Identifier: BSL-1.0
//
// Bytes as an archive, expanded or listed in a way that the first four of them choose. Whatever
// they are, the volume's books balance after it, a failure leaves nothing, and no more memory is
// taken than the quota and the decoder's budget allow (AG1 to AG5). What is expanded as a whole is
// expanded while it arrives, too, and is the same (AF22). It is a target of libFuzzer's, and
// replay.cpp runs it on files.
#include <coramfs/archive.hpp>

#include "fuzz/heap_watch.hpp"

#include <asio/bind_cancellation_slot.hpp>
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

using namespace coramfs;

namespace {

using tests::heap_watch;

constexpr std::uint64_t kib = 1024, mib = 1024 * kib;
// What the process may take beside the quota and the budget.
constexpr std::uint64_t slack = 16 * mib;
// Turns that a call may take with input of that size, which is far more than it does: it ends.
constexpr std::size_t most_turns = 1 << 20;

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "it does not hold: %s\n", what);
  std::abort();
}

/// What the first bytes choose.
struct choices {
  explicit choices(std::span<const std::uint8_t, 4> from)
      : call(from[0] % 4),
        by_coroutine((from[0] & 4) != 0),
        is_cancelled((from[0] & 8) != 0),
        cancelled_after(from[0] >> 4),
        visits(from[3]) {
    constexpr on_conflict conflicts[] = {on_conflict::fail, on_conflict::skip,
                                         on_conflict::overwrite};
    constexpr unsafe_entries unsafes[] = {unsafe_entries::refuse, unsafe_entries::skip,
                                          unsafe_entries::strip};
    constexpr storage_layout layouts[] = {storage_layout::automatic, storage_layout::sequential,
                                          storage_layout::random_access};
    expand.conflict = conflicts[from[1] % 3];
    expand.unsafe = unsafes[from[1] / 3 % 3];
    if ((from[1] & 0x10) != 0) expand.max_files = 3;
    if ((from[1] & 0x20) != 0) expand.max_bytes = 100 * kib;
    if ((from[1] & 0x40) != 0) expand.max_file_bytes = 10 * kib;
    if ((from[1] & 0x80) != 0) expand.max_decoder_memory = 1 * mib + 64 * kib;
    // By default what ordinary tools write fits.
    made.max_quota = (from[2] & 1) != 0 ? 96 * kib : (from[2] & 2) != 0 ? 2 * mib : 32 * mib;
    made.default_storage = layouts[from[2] / 4 % 3];
    if ((from[2] & 0x10) != 0) made.accounting = accounting::payload;
    if ((from[2] & 0x20) != 0) made.max_nodes = 8;
    // What it keeps for reuse counts as taken, but is none of what it needs.
    made.max_recycled = 0;
  }

  std::uint64_t most_memory() const { return made.max_quota + expand.max_decoder_memory + slack; }

  unsigned call;
  bool by_coroutine, is_cancelled;
  unsigned cancelled_after;
  unsigned visits;
  expand_options expand;
  volume_options made;
};

/// The call that no first byte chooses: it is made beside `expand_archive`.
constexpr unsigned arriving_call = 4;

using archive_bytes = std::span<const std::uint8_t>;

/// An archive that comes in pieces.
struct arriving_pieces {
  archive_bytes rest;
  std::size_t largest;

  std::size_t read_some(asio::mutable_buffer to, asio_error_code& ec) {
    const std::size_t n = std::min({largest, rest.size(), to.size()});
    if (n == 0) ec = asio::error::eof;
    std::copy_n(rest.data(), n, static_cast<std::uint8_t*>(to.data()));
    rest = rest.subspan(n);
    return n;
  }
};

/// All below the root: contents by path, directories with a slash at their end.
using tree = std::map<std::string, std::string>;

tree tree_of(sync::file_system& fs) {
  tree all;
  for (const walk_entry& e : fs.walk("/").value()) {
    const std::string in = e.path == "/" ? e.path : e.path + "/";
    for (const std::string& name : e.directories) all[in + name + "/"];
    for (const std::string& name : e.files) {
      // A file of holes may be larger than what there is memory for.
      const std::uint64_t size = fs.stat(in + name).value().size;
      all[in + name] = size > 64 * mib ? std::to_string(size) : fs.read_text(in + name).value();
    }
  }
  return all;
}

void check_books(sync::file_system& fs, const volume& v, const choices& c) {
  const volume_stats s = v.stats();
  require(s.used_bytes <= s.quota_bytes, "used <= quota");
  require(s.peak_bytes >= s.used_bytes && s.peak_bytes <= s.quota_bytes, "used <= peak <= quota");
  require(s.open_handles == 0 && s.waiting == 0 && s.pins == 0, "no handle, no wait and no pin");
  std::uint64_t files = 0, directories = 1, bytes = 0;
  for (const walk_entry& e : fs.walk("/").value()) {
    directories += e.directories.size();
    files += e.files.size();
    for (const std::string& name : e.files)
      bytes += fs.stat((e.path == "/" ? "/" : e.path + "/") + name).value().size;
  }
  require(s.file_count == files && s.directory_count == directories, "all nodes can be reached");
  if (c.made.max_nodes) require(files + directories <= *c.made.max_nodes, "nodes <= limit");
  if (c.made.accounting == accounting::payload) require(s.used_bytes == bytes, "used is the sizes");
}

void remove_all(sync::file_system& fs, const volume& v) {
  for (const std::string& name : fs.list("/").value()) {
    const std::string path = "/" + name;
    const bool is_directory = fs.stat(path).value().is_directory;
    require((is_directory ? fs.remove_tree(path) : fs.remove(path)).has_value(), "nothing is busy");
  }
  const volume_stats s = v.stats();
  require(s.used_bytes == 0 && s.file_count == 0 && s.directory_count == 1 && s.chunk_count == 0,
          "everything removed, nothing is left");
}

template <class T, class Call>
std::optional<result<T>> awaited(const volume& v, const choices& c, Call call) {
  asio::io_context context;
  file_system fs(context, v);
  asio::cancellation_signal signal;
  std::optional<result<T>> made;
  std::exception_ptr thrown;
  asio::co_spawn(
      context, [&]() -> asio::awaitable<void> { made.emplace(co_await call(fs, c.expand)); },
      asio::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr e) { thrown = e; }));
  for (std::size_t turns = 0; context.poll_one() > 0; ++turns) {
    require(turns < most_turns, "it ends");
    if (c.is_cancelled && turns == c.cancelled_after) signal.emit(asio::cancellation_type::all);
  }
  require(thrown == nullptr, "nothing is thrown");
  require(made.has_value(), "it has completed");
  return made;
}

/// The call of the choices; what it has failed with, or nothing.
std::optional<error> run(const volume& v, const choices& c, archive_bytes bytes,
                         bool by_coroutine) {
  const archive_source from(std::as_bytes(bytes));
  const auto outcome = [](const auto& done) {
    return done ? std::nullopt : std::optional<error>(done.error());
  };
  const auto by = [&]<class T>(auto call, result<T>*) {
    if (by_coroutine) return outcome(*awaited<T>(v, c, call));
    sync::file_system fs(v);
    return outcome(call(fs, c.expand));
  };
  result<expand_summary>* const summary = nullptr;
  result<std::uint64_t>* const count = nullptr;
  result<std::vector<archive_entry>>* const entries = nullptr;
  switch (c.call) {
    case 0:
      return by([&](auto& fs, auto o) { return expand_archive(fs, from, "/to", o); }, summary);
    case 1:
      return by([&](auto& fs, auto o) { return expand_archive_streaming(fs, from, "/to", o); },
                count);
    case 2: {
      unsigned visits = c.visits;
      const entry_visitor choose = [visits](const archive_entry&) mutable {
        const unsigned now = std::exchange(visits, visits >> 1 | (visits & 1) << 7);
        return (now & 1) != 0 ? entry_action::skip : entry_action::extract;
      };
      return by([&](auto& fs, auto o) { return expand_each(fs, from, "/to", choose, o); }, summary);
    }
    case arriving_call: {
      sync::file_system fs(v);
      arriving_pieces pieces{bytes, std::size_t{c.visits} * c.visits + 1};
      return outcome(expand_arriving(fs, pieces, "/to", c.expand));
    }
    default: return by([&](auto& fs, auto o) { return list_archive(fs, from, o); }, entries);
  }
}

/// One run, and its tree and outcome.
std::pair<tree, std::optional<error>> check_one(const choices& c, archive_bytes from,
                                                bool by_coroutine) {
  auto made = volume::create(c.made);
  const volume v = std::move(made.value());
  sync::file_system fs(v);
  // Something that is in the way of some, where it fits.
  static_cast<void>(fs.create_directories("/to"));
  static_cast<void>(fs.write_text("/to/a", "was there"));
  const tree before = tree_of(fs);
  const std::uint64_t used = v.stats().used_bytes;
  std::optional<error> failure;
  {
    const heap_watch watch(c.most_memory());
    failure = run(v, c, from, by_coroutine);
  }
  check_books(fs, v, c);
  tree after = tree_of(fs);
  const bool changes = c.call != 3 && (c.call == 1 || !failure);
  if (!changes) {
    require(after == before, "nothing is left of a call that has failed");
    require(v.stats().used_bytes == used, "nor is anything charged");
  }
  remove_all(fs, v);
  return {std::move(after), failure};
}

void check(const choices& c, archive_bytes from) {
  const auto [as_is, failure] = check_one(c, from, c.by_coroutine);
  // Both sides do the same, but that a thread is not cancelled.
  if (c.by_coroutine && c.is_cancelled) return;
  if (c.call == 0) {
    choices arriving = c;
    arriving.call = arriving_call;
    const auto [arrived, why] = check_one(arriving, from, false);
    // As a whole a zip is refused for some of what does not count, as times in its directory.
    if (!why && !failure) require(arrived == as_is, "what arrives is what it is as a whole");
  }
  if (!c.by_coroutine) return;
  const auto [by_thread, other] = check_one(c, from, false);
  require(failure.has_value() == other.has_value(), "both sides agree");
  if (failure) require(failure->code() == other->code(), "both sides fail in the same way");
  require(as_is == by_thread, "both sides make the same tree");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 4) return 0;
  const choices c(std::span<const std::uint8_t, 4>(data, 4));
  // Of its own, so that what is read behind it is seen.
  const std::vector<std::uint8_t> archive(data + 4, data + size);
  // What is made once, such as a locale, stays: it is not made again.
  for (int time = 0; time < 3; ++time) {
    const std::size_t live = heap_watch::live();
    check(c, archive);
    if (heap_watch::live() <= live) return 0;
  }
  require(false, "nothing leaks");
  return 0;
}
