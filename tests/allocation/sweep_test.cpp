// SPDX-License-Identifier: BSL-1.0
#include <coramfs/file_system.hpp>
#include <coramfs/sync/file_system.hpp>

#include <asio/io_context.hpp>

#include "allocation/malloc_faults.hpp"
#include "support/catch.hpp"
#include "support/describe.hpp"

#include <array>
#include <functional>
#include <map>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace coramfs::tests {

namespace {

asio::const_buffer buffer_of(const std::string& text) {
  return asio::const_buffer(text.data(), text.size());
}

/// All that can be seen of a volume.
std::string picture(sync::file_system& fs) {
  std::ostringstream out;
  const auto tree = fs.walk().value();
  for (const walk_entry& e : tree) {
    out << e.path << '\n';
    for (const std::string& name : e.files) {
      const std::string path = (e.path == "/" ? "" : e.path) + "/" + name;
      const file_status s = fs.stat(path).value();
      out << path << ' ' << s.size << ' ' << s.generation << ' '
          << s.modified_at.time_since_epoch().count() << ' '
          << std::hash<std::string>()(text_of(fs.read_file(path).value())) << '\n';
    }
  }
  const volume_stats s = fs.stats().value();
  out << s.used_bytes << ' ' << s.file_count << ' ' << s.directory_count << ' ' << s.chunk_count
      << ' ' << s.open_handles << ' ' << s.waiting;
  return out.str();
}

struct operation {
  const char* name;
  std::function<error(sync::file_system&)> run;
};

template <class Call>
operation simple(const char* name, Call call) {
  return {name, [call](sync::file_system& fs) { return error_of(call(fs)); }};
}

/// Opens before the failures begin, and closes when they are over.
template <class Call>
operation on_file(const char* name, Call call) {
  return simple(name, [call](sync::file_system& fs) {
    auto f = fs.open("/d/file", open_mode::update);
    if (!f) return result<void>(f.error());
    const error e = error_of(call(f.value()));
    return e.code() ? result<void>(e) : result<void>(boost::outcome_v2::success());
  });
}

const std::string large(300'000, 'l');
const std::string small = "small";
const std::string long_name(100, 'a');  // which no argument keeps without memory
bytes adoptable;                        // made anew before each run, while memory is to be had

file_map import_map() {
  return {{"/d/file", bytes_of(small)}, {"/new/deep/a", bytes_of(large)}, {"/new/b", bytes_of("")}};
}

const std::array operations{
    simple("create_directory", [](auto& fs) { return fs.create_directory("/d/new"); }),
    simple("create_directories", [](auto& fs) { return fs.create_directories("/x/y/z"); }),
    simple("the fifth entry", [](auto& fs) { return fs.create_directory("/four/e"); }),
    simple("open create", [](auto& fs) { return fs.open("/d/created", open_mode::create); }),
    simple("open write", [](auto& fs) { return fs.open("/d/file", open_mode::write); }),
    simple("open and preallocate",
           [](auto& fs) { return fs.open("/d/p", open_mode::append, {.preallocate = 200'000}); }),
    simple("preallocate in place",
           [](auto& fs) { return fs.open("/d/file", open_mode::write, {.preallocate = 400'000}); }),
    simple("open_unnamed", [](auto& fs) { return fs.open_unnamed({.preallocate = 200'000}); }),
    simple("write_file new", [](auto& fs) { return fs.write_file("/d/w", buffer_of(large)); }),
    simple("write_file larger",
           [](auto& fs) { return fs.write_file("/d/file", buffer_of(large)); }),
    simple("write_file smaller",
           [](auto& fs) { return fs.write_file("/d/file", buffer_of(small)); }),
    simple("rename", [](auto& fs) { return fs.rename("/d/file", "/four/a-longer-name-than-was"); }),
    simple("rename and replace",
           [](auto& fs) { return fs.rename("/d/file", "/d/other", if_exists::replace); }),
    simple("rename in turn",
           [](auto& fs) {
             return fs.rename("/d", "/a-longer-name-than-it-had-was-before",
                              rename_options{if_exists::fail, if_open::wait});
           }),
    simple("rename over a handle",
           [](auto& fs) {
             const auto f = fs.open("/d/other", open_mode::update);
             if (!f) return result<void>(f.error());
             return fs.rename("/d/file", "/d/other",
                              rename_options{if_exists::replace, if_open::keep_unnamed});
           }),
    simple("move", [](auto& fs) { return fs.move("/d", "/m/n/o"); }),
    simple("copy", [](auto& fs) { return fs.copy("/d/file", "/d/copy"); }),
    simple("copy and replace",
           [](auto& fs) { return fs.copy("/d/file", "/d/other", if_exists::replace); }),
    simple("copy over a handle",
           [](auto& fs) {
             const auto f = fs.open("/d/other", open_mode::update);
             if (!f) return result<void>(f.error());
             return fs.copy("/d/file", "/d/other",
                            copy_options{if_exists::replace, if_open::keep_unnamed});
           }),
    simple("copy with holes", [](auto& fs) { return fs.copy("/d/holes", "/d/copy"); }),
    simple("copy_tree", [](auto& fs) { return fs.copy_tree("/d", "/copy"); }),
    simple("remove", [](auto& fs) { return fs.remove("/d/file"); }),
    simple("remove in turn",
           [](auto& fs) { return fs.remove("/d/file", {.open = if_open::wait}); }),
    simple("remove from under a handle",
           [](auto& fs) {
             const auto f = fs.open("/d/file", open_mode::update);
             if (!f) return result<void>(f.error());
             return fs.remove("/d/file", {.open = if_open::keep_unnamed});
           }),
    simple("remove_directory", [](auto& fs) { return fs.remove_directory("/four/a"); }),
    simple("remove_tree", [](auto& fs) { return fs.remove_tree("/d"); }),
    simple("remove_tree in turn",
           [](auto& fs) { return fs.remove_tree("/d", {.open = if_open::wait}); }),
    simple("remove_tree from under a handle",
           [](auto& fs) {
             const auto f = fs.open("/d/file", open_mode::read);
             if (!f) return result<void>(f.error());
             return fs.remove_tree("/d", {.open = if_open::keep_unnamed});
           }),
    simple("list", [](auto& fs) { return fs.list("/four"); }),
    simple("list_entries", [](auto& fs) { return fs.list_entries("/four"); }),
    simple("list_some", [](auto& fs) { return fs.list_some("/four", long_name, 3); }),
    simple("walk", [](auto& fs) { return fs.walk(); }),
    simple("glob", [](auto& fs) { return fs.glob("/**/[a-z]*"); }),
    simple("each_match",
           [](auto& fs) {
             auto found = fs.each_match("/{d,four}/[a-z]*");
             for (auto at = found.begin(); at != found.end(); ++at) {
             }
             return found.status();
           }),
    simple("stat", [](auto& fs) { return fs.stat("/d/file"); }),
    simple("set_modified",
           [](auto& fs) {
             return fs.set_modified("/d/././././././././././././././././././././././././././file",
                                    {});
           }),
    simple("read_file", [](auto& fs) { return fs.read_file("/d/file"); }),
    simple("export_tree", [](auto& fs) { return fs.export_tree(); }),
    on_file("append", [](auto& f) { return f.write_at(20'000, buffer_of(large)); }),
    on_file("leave a gap", [](auto& f) { return f.write_at(900'000, buffer_of(large)); }),
    on_file("adopt",
            [](auto& f) {
              f.seek(0, seek_from::end).value();
              return f.write(std::move(adoptable));
            }),
    on_file("pin", [](auto& f) { return f.pin(0, 20'000); }),
    on_file("overwrite what is pinned",
            [](auto& f) -> result<std::size_t> {
              auto p = f.pin(100, 10);
              if (!p) return p.error();
              return f.write_at(0, buffer_of(small));
            }),
    on_file("append behind and over what is pinned",
            [](auto& f) -> result<std::size_t> {
              auto p = f.pin(100, 19'900);
              if (!p) return p.error();
              return f.write_at(19'000, buffer_of(large));
            }),
    on_file("prepare and commit at the end",
            [](auto& f) -> result<void> {
              f.seek(0, seek_from::end).value();
              auto room = f.prepare(300'000);
              if (!room) return room.error();
              return f.commit(200'000);
            }),
    on_file("prepare and commit over what is there",
            [](auto& f) -> result<void> {
              auto room = f.prepare(300'000);
              if (!room) return room.error();
              return f.commit(200'000);
            }),
    on_file("reserve", [](auto& f) { return f.reserve(400'000); }),
    on_file("write within a reserve",
            [](auto& f) -> result<std::size_t> {
              if (const auto paid = f.reserve(400'000); !paid) return paid.error();
              return f.write_at(19'000, buffer_of(large));
            }),
    on_file("grow", [](auto& f) { return f.truncate(400'000); }),
    on_file("cut", [](auto& f) { return f.truncate(100); }),
    on_file("punch a hole beside a pin",
            [](auto& f) -> result<void> {
              auto p = f.pin(0, 20'000);
              if (!p) return p.error();
              return f.punch_hole(100, 1000);
            }),
    on_file("read_all", [](auto& f) { return f.read_all(); }),
};

sync::file_system prepare(storage_layout layout, accounting counting) {
  volume_options options;
  options.default_storage = layout;
  options.accounting = counting;
  auto fs = sync::file_system::create(options).value();
  fs.create_directory("/d").value();
  for (const char* name : {"/four/a", "/four/b", "/four/c", "/four/d"})
    fs.create_directories(name).value();
  fs.write_file("/d/file", buffer_of(std::string(20'000, 'f'))).value();
  fs.write_file("/d/other", buffer_of(small)).value();
  auto holes = fs.open("/d/holes", open_mode::create).value();
  holes.write(buffer_of(small)).value();
  if (layout != storage_layout::sequential) holes.write_at(500'000, buffer_of(small)).value();
  return fs;
}

// Runs it until it needs fewer allocations than are let through. Returns how many failed.
std::size_t sweep(const operation& op, storage_layout layout, accounting counting, bool for_ever) {
  for (std::size_t nth = 1;; ++nth) {
    sync::file_system fs = prepare(layout, counting);
    const std::string before = picture(fs);
    adoptable = bytes_of(large);
    bool failed = false;
    error e{std::error_code()};
    {
      const malloc_faults failing(nth_allocation(nth, for_ever));
      e = op.run(fs);
      failed = failing.has_failed();
    }
    if (e.code()) {
      INFO(e.message());
      REQUIRE((e == errc::out_of_memory || e == errc::not_supported));
      REQUIRE(picture(fs) == before);
    }
    REQUIRE(fs.remove_tree("/four").has_value());
    const auto rest = fs.list("/").value();
    for (const std::string& name : rest) fs.remove_tree("/" + name).value();
    REQUIRE(fs.stats().value().used_bytes == 0);
    if (!failed) return nth - 1;
  }
}

}  // namespace

TEST_CASE("allocation: each one that fails leaves an operation undone or done, never between",
          "[allocation][errors]") {
  const auto layout = GENERATE(storage_layout::automatic, storage_layout::sequential,
                               storage_layout::random_access);
  const auto counting = GENERATE(accounting::memory, accounting::payload);
  const bool for_ever = GENERATE(false, true);
  std::size_t failures = 0;
  for (const operation& op : operations) {
    CAPTURE(op.name, static_cast<int>(layout), static_cast<int>(counting), for_ever);
    failures += sweep(op, layout, counting, for_ever);
  }
  // That it is the library's allocations that fail, and not none at all.
  CHECK(failures > 60);
}

TEST_CASE("allocation: an import that finds no memory imports nothing", "[allocation][errors]") {
  const bool for_ever = GENERATE(false, true);
  for (std::size_t nth = 1;; ++nth) {
    CAPTURE(nth, for_ever);
    sync::file_system fs = prepare(storage_layout::automatic, accounting::memory);
    const std::string before = picture(fs);
    file_map files = import_map();
    bool failed = false;
    error e{std::error_code()};
    {
      const malloc_faults failing(nth_allocation(nth, for_ever));
      e = error_of(fs.import_tree(std::move(files)));
      failed = failing.has_failed();
    }
    // Some can be done without.
    REQUIRE((!e.code() || e == errc::out_of_memory));
    REQUIRE((!e.code() || failed));
    if (e.code()) REQUIRE(picture(fs) == before);
    if (!failed) break;
  }
}

TEST_CASE("allocation: names that find no memory are not given, and files stay with their handles",
          "[allocation][errors]") {
  const bool for_ever = GENERATE(false, true);
  const std::string name(100, 'n');
  for (std::size_t nth = 1;; ++nth) {
    CAPTURE(nth, for_ever);
    sync::file_system fs = prepare(storage_layout::automatic, accounting::memory);
    std::map<std::string, sync::file> files;
    for (const std::string in : {"/", "/new/deep/", "/new/"}) {
      files[in + name] = fs.open_unnamed({.label = "part"}).value();
      files[in + name].write("content").value();
    }
    // The first attempt gives the slack back.
    CHECK(error_of(fs.give_names(files, {".."})) == errc::invalid_path);
    CHECK(error_of(fs.give_names(files, {"/" + name + "/x"})) == errc::not_a_directory);
    const std::string before = picture(fs);
    bool failed = false;
    error e{std::error_code()};
    {
      std::vector<std::string> directories{"/new/empty/" + name};
      const malloc_faults failing(nth_allocation(nth, for_ever));
      e = error_of(fs.give_names(files, std::move(directories)));
      failed = failing.has_failed();
    }
    REQUIRE((!e.code() || e == errc::out_of_memory));
    REQUIRE((!e.code() || failed));
    for (auto& [path, f] : files) REQUIRE(f.is_open() == bool(e.code()));
    if (e.code()) {
      REQUIRE(picture(fs) == before);
      fs.give_names(files).value();
    }
    REQUIRE(text_of(fs.read_file("/new/deep/" + name).value()) == "content");
    files.clear();
    if (!failed) break;
  }
}

TEST_CASE("allocation: a question by a path that found no memory has no answer",
          "[allocation][errors]") {
  auto fs = sync::file_system::create().value();
  const std::string path = "/" + std::string(100, 'n');  // too long to be kept without memory
  fs.write_file(path, "").value();
  using question = result<bool> (sync::file_system::*)(path_argument);
  const auto ask = GENERATE(as<question>(), &sync::file_system::exists, &sync::file_system::is_file,
                            &sync::file_system::is_directory);
  error e = errc::busy;
  {
    const malloc_faults failing(nth_allocation(1));
    e = error_of((fs.*ask)(path));
    REQUIRE(failing.has_failed());
  }
  CHECK(e == errc::out_of_memory);
}

TEST_CASE("allocation: all open handles are listed, or none", "[allocation][errors]") {
  auto fs = sync::file_system::create().value();
  const std::string path = "/" + std::string(100, 'n');
  const auto a = fs.open(path, open_mode::create, {.label = "a label of thirty characters.."});
  const auto b = fs.open("/b", open_mode::create);
  REQUIRE((a && b));
  std::size_t nth = 1;
  for (;; ++nth) {
    const malloc_faults failing(nth_allocation(nth));
    const auto all = fs.get_volume().open_handles();
    if (!failing.has_failed()) break;
    REQUIRE(error_of(all) == errc::out_of_memory);
  }
  CHECK(nth > 2);
}

TEST_CASE("allocation: a handle that finds no memory to be listed is as good as others",
          "[allocation][errors]") {
  auto fs = sync::file_system::create().value();
  fs.import_tree({{"/f", bytes_of(small)}}).value();  // opens no handle
  result<sync::file> f = errc::busy;
  {
    const malloc_faults failing(nth_allocation(1));
    f = fs.open("/f", open_mode::update);
    REQUIRE(failing.has_failed());
  }
  REQUIRE(f);
  CHECK(fs.get_volume().open_handles().value().empty());
  CHECK(fs.stats().value().open_handles == 1);
  const error e = fs.remove("/f").error();
  CHECK(e == errc::busy);
  CHECK(e.message() ==
        "busy: open or being opened: remove \"/f\": no handle is known to have it open, nobody "
        "else waits");
  CHECK(text_of(f.value().read_all().value()) == small);
  f.value().close().value();
  CHECK(!error_of(fs.remove("/f")).code());
}

TEST_CASE("allocation: a failure allocates nothing", "[allocation][errors]") {
  auto fs = sync::file_system::create().value();
  const auto f = fs.open("/f", open_mode::create, {.label = "holder"});
  const allocation_count count;
  CHECK(fs.open("/missing", open_mode::read).error() == errc::not_found);
  CHECK(fs.open("/f", open_mode::read, {.timeout = lock_timeout::immediate()}).error() ==
        errc::would_block);
  CHECK(fs.remove("/f").error() == errc::busy);
  CHECK(count.number() == 0);
}

TEST_CASE("allocation: a volume that can not be made is none", "[allocation][errors]") {
  const bool for_coroutines = GENERATE(false, true);
  asio::io_context context;
  const auto executor = context.get_executor();
  std::size_t nth = 1;
  for (;; ++nth) {
    const malloc_faults failing(nth_allocation(nth));
    const error e = for_coroutines ? error_of(file_system::create(executor))
                                   : error_of(sync::file_system::create());
    if (!failing.has_failed()) break;
    REQUIRE(e == errc::out_of_memory);
  }
  CHECK(nth > 1);
}

}  // namespace coramfs::tests
