// SPDX-License-Identifier: BSL-1.0
#include "api/sharing_facade.hpp"

#include <coramfs/sync/file_system.hpp>

#include "support/await_waiting.hpp"
#include "support/catch.hpp"
#include "support/describe.hpp"

#include <asio/buffer.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace coramfs::tests {

namespace {

using contents = std::map<std::string, std::string>;

void write(const volume& v, const std::string& path, std::string_view bytes) {
  sync::file_system fs(v);
  fs.write_file(path, asio::buffer(bytes.data(), bytes.size())).value();
}

result<void> write_at(const volume& v, const std::string& path, std::uint64_t at,
                      std::string_view bytes) {
  sync::file_system fs(v);
  BOOST_OUTCOME_TRY(auto f, fs.open(path, open_mode::update));
  BOOST_OUTCOME_TRY(f.write_at(at, asio::buffer(bytes.data(), bytes.size())));
  return f.close();
}

std::string read(const volume& v, const std::string& path) {
  return sync::file_system(v).read_text(path).value();
}

contents all_of(const volume& v) {
  sync::file_system fs(v);
  contents all;
  for (const auto& e : fs.walk("/").value())
    for (const auto& name : e.files) {
      const std::string path = e.path == "/" ? "/" + name : e.path + "/" + name;
      all[path] = fs.read_text(path).value();
    }
  return all;
}

void remove_all(const volume& v) {
  sync::file_system fs(v);
  for (const auto& e : fs.list_entries("/").value()) {
    if (e.status.is_directory) {
      fs.remove_tree("/" + e.name).value();
    } else {
      fs.remove("/" + e.name).value();
    }
  }
}

volume make(const volume_options& o = {}) { return volume::create(o).value(); }

std::uint64_t used(const volume& v) { return v.stats().used_bytes; }
std::uint64_t held(const volume& v) { return v.stats().held_bytes; }

/// Calls a fork in each way there is.
result<volume> fork(const volume& v, fork_options o = {}) {
  switch (GENERATE(0, 1, 2, 3)) {
    case 0: return v.fork(std::move(o));
    case 1: return make_sharing_facade(way::coroutines, v)->fork(std::move(o));
    case 2: return make_sharing_facade(way::tokens, v)->fork(std::move(o));
    default: return make_sharing_facade(way::threads, v)->fork(std::move(o));
  }
}

}  // namespace

TEST_CASE("fork: it has all that the origin has, and is a volume of its own", "[sharing][fork]") {
  volume_options o;
  o.default_storage = GENERATE(storage_layout::automatic, storage_layout::random_access);
  o.accounting = GENERATE(accounting::memory, accounting::payload);
  const volume v = make(o);
  sync::file_system fs(v);
  fs.create_directories("/d/e/f").value();
  fs.create_directory("/empty").value();
  write(v, "/a", std::string(200'000, 'a'));
  write(v, "/d/b", "b");
  write(v, "/d/e/nothing", "");
  const contents before = all_of(v);
  const std::uint64_t charged = used(v);

  const volume f = fork(v).value();
  sync::file_system in(f);
  CHECK(all_of(f) == before);
  CHECK(in.is_directory("/empty").value());
  CHECK(in.is_directory("/d/e/f").value());
  CHECK(in.stat("/a").value().generation == 0);
  CHECK(f.stats().file_count == v.stats().file_count);
  CHECK(f.stats().directory_count == v.stats().directory_count);
  CHECK(f.stats().chunk_count == v.stats().chunk_count);
  CHECK(used(v) == charged);
  if (o.accounting == accounting::payload) CHECK(used(f) == charged);
  if (o.accounting == accounting::memory) CHECK(used(f) < 10'000);
  CHECK(held(v) == 0);
  CHECK(held(f) == 0);

  write_at(f, "/a", 100'000, "fork").value();
  write_at(v, "/a", 0, "origin").value();
  write(f, "/d/b", "new");
  in.remove("/d/e/nothing").value();
  CHECK(read(v, "/a").substr(100'000, 4) == "aaaa");
  CHECK(read(f, "/a").substr(0, 6) == "aaaaaa");
  CHECK(read(v, "/d/b") == "b");
  CHECK(fs.exists("/d/e/nothing").value());
  // What only the fork has is held, and charged to the origin. In one chunk there is nothing, since
  // the fork has copied it before.
  const bool has_many = o.default_storage == storage_layout::random_access;
  if (o.accounting == accounting::memory && has_many) CHECK(held(v) > 60'000);
  remove_all(v);
  CHECK(used(v) == held(v));
  if (o.accounting == accounting::memory && has_many) CHECK(used(v) > 60'000);
  remove_all(f);
  CHECK(used(f) == 0);
  CHECK(used(v) == 0);
  CHECK(held(v) == 0);
}

TEST_CASE("fork: origin and forks may go in any order", "[sharing][fork]") {
  std::vector<std::optional<volume>> all;
  all.emplace_back(make());
  write(*all[0], "/a", std::string(100'000, 'a'));
  write(*all[0], "/b", "small");
  all.emplace_back(all[0]->fork().value());
  write(*all[1], "/c", std::string(70'000, 'c'));
  all.emplace_back(all[1]->fork().value());
  all.emplace_back(all[2]->fork().value());
  std::vector<contents> shown;
  for (const auto& v : all) shown.push_back(all_of(*v));
  std::vector<std::size_t> order{0, 1, 2, 3};
  const int turns = GENERATE(range(0, 24));
  for (int i = 0; i < turns; ++i) std::next_permutation(order.begin(), order.end());
  for (std::size_t gone = 0; gone < order.size(); ++gone) {
    all[order[gone]].reset();
    for (std::size_t i = 0; i < all.size(); ++i)
      if (all[i]) CHECK(all_of(*all[i]) == shown[i]);
  }
}

TEST_CASE("fork: a volume that has gone keeps only what others have of it", "[sharing][fork]") {
  std::optional<volume> v = make();
  write(*v, "/kept", std::string(100'000, 'k'));
  for (int i = 0; i < 10; ++i) write(*v, "/dropped" + std::to_string(i), std::string(100'000, 'd'));
  const volume f = v->fork().value();
  sync::file_system in(f);
  // It is kept by a file that is open, too, and that can still be asked for the volume's figures.
  const volume also = *v;
  v.reset();
  for (int i = 0; i < 10; ++i) in.remove("/dropped" + std::to_string(i)).value();
  CHECK(used(also) > 1'000'000);
  remove_all(also);
  CHECK(used(also) < 110'000);
  CHECK(read(f, "/kept") == std::string(100'000, 'k'));
}

TEST_CASE("fork: a pin of a fork outlives the fork and its origin", "[sharing][fork][pins]") {
  std::optional<volume> v = make();
  write(*v, "/a", std::string(100'000, 'a'));
  std::optional<volume> f = v->fork().value();
  std::optional<pinned> p =
      sync::file_system(*f).open("/a", open_mode::read).value().pin(0, 100'000).value();
  v.reset();
  remove_all(*f);
  CHECK(used(*f) == held(*f));
  f.reset();
  std::size_t seen = 0;
  for (const auto& piece : *p) {
    const auto* const bytes = static_cast<const char*>(piece.data());
    for (std::size_t i = 0; i < piece.size(); ++i) seen += bytes[i] == 'a' ? 1u : 0u;
  }
  CHECK(seen == 100'000);
}

TEST_CASE("fork: a file that is open for writing makes it busy, or is waited for",
          "[sharing][fork][lock]") {
  const volume v = make();
  write(v, "/a", "a");
  write(v, "/b", "b");
  sync::file_system fs(v);
  const auto reader = fs.open("/b", open_mode::read).value();
  CHECK(v.fork());
  auto writer = std::optional(fs.open("/a", open_mode::update).value());
  const auto refused = v.fork();
  REQUIRE_FALSE(refused);
  CHECK(refused.error() == errc::busy);
  CHECK(refused.error().message().find("/a") != std::string::npos);
  CHECK(v.stats().waiting == 0);

  const way by = GENERATE(way::coroutines, way::tokens, way::threads);
  result<volume> forked = errc::busy;
  std::thread waits([&] { forked = make_sharing_facade(by, v)->fork(); });
  await_waiting(v, 1);
  writer->write(asio::buffer("written", 7)).value();
  writer.reset();
  waits.join();
  REQUIRE(forked);
  CHECK(read(forked.value(), "/a") == "written");
  CHECK(read(forked.value(), "/b") == "b");
}

TEST_CASE("fork: what is waited for in vain leaves nothing", "[sharing][fork][lock]") {
  volume_options o;
  o.default_lock_timeout = std::chrono::milliseconds(1);
  const volume v = make(o);
  write(v, "/a", std::string(10'000, 'a'));
  write(v, "/b", "b");
  const auto writer = sync::file_system(v).open("/b", open_mode::update).value();
  const std::uint64_t before = used(v);
  const way by = GENERATE(way::coroutines, way::tokens, way::threads);
  CHECK(make_sharing_facade(by, v)->fork().error() == errc::timed_out);
  CHECK(used(v) == before);
  CHECK(held(v) == 0);
}

TEST_CASE("fork: options that are not given are the origin's", "[sharing][fork][options]") {
  volume_options o;
  o.max_quota = 1'000'000;
  o.max_nodes = 10;
  o.default_storage = storage_layout::random_access;
  o.accounting = accounting::payload;
  o.promotion_hard_limit = 77;
  volume v = make(o);
  v.set_quota(900'000).value();
  const volume same = v.fork().value();
  CHECK(same.options().max_quota == 900'000);
  CHECK(same.options().max_nodes == 10);
  CHECK(same.options().default_storage == storage_layout::random_access);
  CHECK(same.options().accounting == accounting::payload);
  CHECK(same.options().promotion_hard_limit == 77);
  fork_options some;
  some.max_quota = 5000;
  some.max_nodes.emplace(std::nullopt);
  const volume other = v.fork(some).value();
  CHECK(other.options().max_quota == 5000);
  CHECK_FALSE(other.options().max_nodes.has_value());
  CHECK(other.options().accounting == accounting::payload);
  const volume plain = v.fork(volume_options{}).value();
  CHECK(plain.options().max_quota == volume_options{}.max_quota);
  CHECK(plain.options().accounting == accounting::memory);
  some.default_storage = static_cast<storage_layout>(9);
  CHECK(v.fork(some).error() == errc::invalid_argument);
}

TEST_CASE("fork: its nodes, and with payload its sizes, must fit into its quota",
          "[sharing][fork][quota]") {
  volume_options o;
  o.accounting = GENERATE(accounting::memory, accounting::payload);
  const volume v = make(o);
  sync::file_system(v).create_directories("/d/e").value();
  for (int i = 0; i < 20; ++i) write(v, "/d/e/f" + std::to_string(i), std::string(100, 'f'));
  const volume measured = v.fork().value();
  fork_options narrow;
  narrow.max_quota = used(measured);
  CHECK(fork(v, narrow));
  narrow.max_quota = used(measured) - 1;
  const std::uint64_t before = used(v);
  const auto refused = fork(v, narrow);
  REQUIRE_FALSE(refused);
  CHECK(refused.error() == errc::quota_exceeded);
  CHECK(refused.error().requested() > refused.error().available());
  fork_options few;
  few.max_nodes.emplace(22);
  CHECK(fork(v, few).error() == errc::node_limit_exceeded);
  few.max_nodes.emplace(23);
  CHECK(fork(v, few));
  CHECK(used(v) == before);
  CHECK(held(v) == 0);
}

TEST_CASE("fork: a directory with many files, and deep ones", "[sharing][fork]") {
  const volume v = make();
  sync::file_system fs(v);
  std::string deep;
  for (int i = 0; i < 50; ++i) {
    deep += "/d";
    fs.create_directory(deep).value();
    write(v, deep + "/f", std::to_string(i));
  }
  fs.create_directory("/many").value();
  for (int i = 0; i < 3000; ++i) write(v, "/many/" + std::to_string(i), std::to_string(i));
  const volume f = fork(v).value();
  CHECK(all_of(f) == all_of(v));
  remove_all(f);
  CHECK(used(f) == 0);
}

TEST_CASE("fork: a random forest of copies and forks beside a model", "[sharing][fork][property]") {
  const auto counting = GENERATE(accounting::memory, accounting::payload);
  const auto layout = GENERATE(storage_layout::automatic, storage_layout::sequential,
                               storage_layout::random_access);
  for (unsigned seed = 0; seed < 12; ++seed) {
    CAPTURE(static_cast<int>(counting), static_cast<int>(layout), seed);
    std::mt19937_64 random(seed);
    const auto below = [&](std::uint64_t n) { return random() % n; };
    struct tree {
      volume v;
      contents model;
    };
    volume_options o;
    o.accounting = counting;
    o.default_storage = layout;
    o.max_quota = 4'000'000;
    std::vector<tree> all;
    std::vector<std::pair<pinned, std::string>> pins;
    all.push_back({make(o), {}});
    for (int step = 0; step < 250; ++step) {
      tree& t = all[below(all.size())];
      sync::file_system fs(t.v);
      const std::string path = "/" + std::to_string(below(6));
      const auto at = t.model.find(path);
      const std::string piece(below(std::uint64_t{1} << below(18)) + 1,
                              static_cast<char>('a' + below(26)));
      switch (below(10)) {
        case 0:
          if (fs.write_file(path, asio::buffer(piece))) t.model[path] = piece;
          break;
        case 1:
        case 2: {
          if (at == t.model.end()) break;
          const std::uint64_t to = below(at->second.size() + 1);
          if (!write_at(t.v, path, to, piece)) break;
          at->second.resize(std::max(at->second.size(), to + piece.size()));
          at->second.replace(to, piece.size(), piece);
          break;
        }
        case 3: {
          if (at == t.model.end()) break;
          auto f = fs.open(path, open_mode::update).value();
          const std::uint64_t size = below(2 * at->second.size() + 1);
          if (f.truncate(size)) at->second.resize(size);
          break;
        }
        case 4:
          if (at == t.model.end()) break;
          fs.remove(path).value();
          t.model.erase(at);
          break;
        case 5: {
          const std::string to = "/" + std::to_string(below(6));
          if (at == t.model.end() || to == path) break;
          const copy_options how(copy_options::content::share, if_exists::replace);
          if (fs.copy(path, to, how)) t.model[to] = at->second;
          break;
        }
        case 6:
          if (at == t.model.end() || at->second.empty()) break;
          pins.emplace_back(
              fs.open(path, open_mode::read).value().pin(0, at->second.size()).value(), at->second);
          break;
        case 7:
          if (!pins.empty()) pins.erase(pins.begin() + static_cast<int>(below(pins.size())));
          break;
        case 8:
          if (all.size() < 6) {
            auto f = t.v.fork();
            contents model = t.model;
            if (f) all.push_back({std::move(f).value(), std::move(model)});
          }
          break;
        default:
          if (all.size() > 1 && below(4) == 0)
            all.erase(all.begin() + static_cast<int>(below(all.size())));
      }
      for (const tree& each : all) {
        const volume_stats now = each.v.stats();
        REQUIRE(now.file_count == each.model.size());
        REQUIRE(now.held_bytes <= now.used_bytes);
        if (counting == accounting::memory) continue;
        std::uint64_t sizes = 0;
        for (const auto& [name, content] : each.model) sizes += content.size();
        REQUIRE(now.used_bytes == sizes);
      }
    }
    for (const tree& each : all) REQUIRE(all_of(each.v) == each.model);
    for (const auto& [p, shown] : pins) {
      std::string seen;
      for (const auto& piece : p) seen.append(static_cast<const char*>(piece.data()), piece.size());
      REQUIRE(seen == shown);
    }
    for (const tree& each : all) remove_all(each.v);
    for (const tree& each : all) REQUIRE(used(each.v) == held(each.v));
    pins.clear();
    for (const tree& each : all) REQUIRE(used(each.v) == 0);
  }
}

}  // namespace coramfs::tests
