// SPDX-License-Identifier: BSL-1.0
// Memory that is refused to operations with completion tokens. Either nothing has begun, and the
// call throws, or the handler is called.
#include <coramfs/file_system.hpp>
#include <coramfs/sync/file_system.hpp>

#include "allocation/malloc_faults.hpp"
#include "support/catch.hpp"
#include "support/describe.hpp"

#include <asio/io_context.hpp>

#include <cstddef>
#include <functional>
#include <new>
#include <optional>
#include <string>

namespace coramfs::tests {

namespace {

constexpr std::size_t mib = 1024 * 1024;

/// A tree, an open file, and a context.
struct fixture {
  asio::io_context context;
  volume v = volume::create().value();
  file_system fs{context.get_executor(), v};
  sync::file_system threads{v};
  file f;

  int calls = 0;
  std::optional<error> failed;

  fixture() {
    threads.write_file("/a", "abc").value();
    threads.write_file("/large", std::string(3 * mib, 'x')).value();
    threads.create_directories("/d/e").value();
    fs.open("/f", open_mode::create_read, [this](result<file> r) { f = std::move(r).value(); });
    context.run();
    context.restart();
  }

  auto take() {
    return [this](auto r) {
      ++calls;
      if (!r) failed = r.error();
    };
  }
  std::string picture() {
    std::string all;
    const auto paths = threads.glob("/**").value();
    for (const std::string& path : paths) {
      const file_status s = threads.stat(path).value();
      all += path + ' ' + std::to_string(s.size) + ' ' + std::to_string(s.generation) + '\n';
    }
    return all + std::to_string(f.tell().value());
  }
};

struct operation {
  const char* name;
  std::function<void(fixture&)> begin;
};

const operation operations[]{
    {"remove", [](fixture& t) { t.fs.remove("/a", t.take()); }},
    {"remove in turn", [](fixture& t) { t.fs.remove("/a", {.open = if_open::wait}, t.take()); }},
    {"remove_directory", [](fixture& t) { t.fs.remove_directory("/d/e", t.take()); }},
    {"remove_tree", [](fixture& t) { t.fs.remove_tree("/d", t.take()); }},
    {"rename", [](fixture& t) { t.fs.rename("/a", "/b", t.take()); }},
    {"create_directories", [](fixture& t) { t.fs.create_directories("/x/y", t.take()); }},
    {"write_file", [](fixture& t) { t.fs.write_file("/new", "xyz", t.take()); }},
    {"copy", [](fixture& t) { t.fs.copy("/large", "/copy", t.take()); }},
    {"copy_tree", [](fixture& t) { t.fs.copy_tree("/d", "/copy", t.take()); }},
    {"import_tree",
     [](fixture& t) {
       t.fs.import_tree({{"/i/a", bytes(3)}}, t.take());
     }},
    {"read_file", [](fixture& t) { t.fs.read_file("/large", t.take()); }},
    {"stat", [](fixture& t) { t.fs.stat("/a", t.take()); }},
    {"open", [](fixture& t) { t.fs.open("/new", open_mode::create, t.take()); }},
    {"a write", [](fixture& t) { t.f.write("xyz", t.take()); }},
    {"a write of a buffer", [](fixture& t) { t.f.write(bytes(100), t.take()); }},
    {"a read", [](fixture& t) { t.f.read_all(t.take()); }},
    {"a truncate", [](fixture& t) { t.f.truncate(2 * mib, t.take()); }},
};

}  // namespace

TEST_CASE("tokens and allocations: a call throws before it has begun, or the handler is called",
          "[allocation][tokens]") {
  for (const operation& op : operations) {
    INFO(op.name);
    bool has_failed = true;
    int thrown = 0;
    for (std::size_t nth = 1; has_failed; ++nth) {
      INFO("the allocation that fails: " << nth);
      fixture t;
      const std::string before = t.picture();
      bool has_thrown = false;
      {
        const malloc_faults failing(nth_allocation(nth));
        try {
          op.begin(t);
        } catch (const std::bad_alloc&) {
          has_thrown = true;
        }
        has_failed = failing.has_failed();
      }
      if (has_thrown) CHECK(t.picture() == before);
      t.context.run();
      CHECK(t.calls == (has_thrown ? 0 : 1));
      if (t.failed) CHECK(*t.failed == errc::out_of_memory);
      if (t.failed || has_thrown) CHECK(t.picture() == before);
      CHECK(t.v.stats().waiting == 0);
      thrown += has_thrown ? 1 : 0;
    }
    // The memory of the completion itself.
    CHECK(thrown >= 1);
  }
}

}  // namespace coramfs::tests
