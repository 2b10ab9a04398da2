// SPDX-License-Identifier: BSL-1.0
// Copies, imports and names that replace files which are in use: they wait for them, or leave them
// to those who have them.
#include <coramfs/error_details.hpp>

#include "api/before_a_wait.hpp"
#include "api/scenario.hpp"

#include "support/await_waiting.hpp"

#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace coramfs::tests {

namespace {

constexpr lock_timeout for_ever = lock_timeout::forever();

bytes to_bytes(const std::string& text) {
  const auto* const begin = reinterpret_cast<const std::byte*>(text.data());
  return bytes(begin, begin + text.size());
}

/// A call that makes "newer" the content of "/d/b".
struct replacement {
  const char* name;
  std::function<result<void>(any_file_system&, if_open, lock_timeout)> run;
};

replacement any_replacement() {
  return GENERATE(values<replacement>({
      {"copy",
       [](any_file_system& fs, if_open open, lock_timeout t) {
         return fs.copy("/source", "/d/b", {if_exists::replace, open, t});
       }},
      {"import_tree",
       [](any_file_system& fs, if_open open, lock_timeout t) {
         file_map files;
         files.emplace("/d/b", to_bytes("newer"));
         files.emplace("/d/c", to_bytes("other"));
         files.emplace("/d/e/f", to_bytes("other"));
         return fs.import_tree(std::move(files), {open, t});
       }},
      {"give_name",
       [](any_file_system& fs, if_open open, lock_timeout t) {
         const auto f = fs.open_unnamed().value();
         f->write("newer").value();
         return fs.give_name(*f, "/d/b",
                             {.existing = if_exists::replace, .open = open, .timeout = t});
       }},
  }));
}

}  // namespace

TEST_CASE("replacing waits: until those have gone who have the file", "[api][copy][waiting]") {
  const scenario fs;
  fs->create_directory("/d").value();
  fs->write_file("/source", "newer").value();
  fs->write_file("/d/b", std::string(20'000, 'o')).value();
  const replacement replace = any_replacement();
  INFO(replace.name);
  auto reader = fs->open("/d/b", open_mode::read).value();
  CHECK(error_of(replace.run(*fs, if_open::fail, for_ever)) == errc::busy);
  CHECK(error_of(replace.run(*fs, if_open::wait, lock_timeout::immediate())) == errc::would_block);
  auto done = std::async(std::launch::async, [&, own = fs.twin()] {
    replace.run(*own, if_open::wait, for_ever).value();
  });
  await_waiting(fs.volume(), 1);
  // Who comes later waits behind it, and finds the new file.
  auto behind =
      std::async(std::launch::async, [own = fs.other()] { return own->read_file("/d/b").value(); });
  if (GENERATE(false, true)) {
    await_waiting(fs.volume(), 2);
  }
  // The source is not in use meanwhile.
  fs->write_file("/source", "changed").value();
  CHECK(fs->file_size("/d/b").value() == 20'000);
  reader.reset();
  done.get();
  const std::string seen = behind.get();
  CHECK((seen == "newer" || seen == std::string(20'000, 'o')));
  CHECK(fs->read_file("/d/b").value() == "newer");
  fs->remove_tree("/d").value();
  fs->remove("/source").value();
  await([&] { return fs.stats().file_count == 0; });
  CHECK(fs.stats().waiting == 0);
  CHECK(fs.used() == 0);
}

TEST_CASE("replacing waits: it says for which file", "[api][copy][waiting][details]") {
  before_a_wait policy;
  const scenario fs({.default_lock_timeout = std::chrono::milliseconds(1), .faults = &policy});
  fs.expect_slices();
  fs->create_directory("/d").value();
  fs->write_file("/source", "newer").value();
  fs->write_file("/d/b", "old").value();
  const auto reader = fs->open("/d/b", open_mode::read).value();
  const replacement replace = any_replacement();
  INFO(replace.name);
  const lock_timeout patience =
      GENERATE(lock_timeout::immediate(), lock_timeout(std::chrono::milliseconds(2)));
  std::string asked;
  policy.then = [&](std::string_view path) { asked = path; };
  const error e = error_of(replace.run(*fs, if_open::wait, patience));
  CHECK(e == (patience.is_immediate() ? errc::would_block : errc::timed_out));
  CHECK(e.details().operation == replace.name);
  CHECK(e.details().path == "/d/b");
  CHECK(e.details().holder_count == 1);
  CHECK(asked == (patience.is_immediate() ? "" : "/d/b"));
}

TEST_CASE("replacing from under handles: a copy, an import and a name", "[api][copy][unnamed]") {
  const scenario fs;
  fs->create_directory("/d").value();
  fs->write_file("/source", "newer").value();
  fs->write_file("/d/b", "old").value();
  const replacement replace = any_replacement();
  INFO(replace.name);
  const auto f = fs->open("/d/b", open_mode::update).value();
  replace.run(*fs, if_open::keep_unnamed, for_ever).value();
  CHECK(fs->read_file("/d/b").value() == "newer");
  f->write_at(3, "er").value();
  std::string old(5, '\0');
  f->read_at(0, old).value();
  CHECK(old == "older");
  f->close().value();
  fs->remove_tree("/d").value();
  fs->remove("/source").value();
  CHECK(fs.stats().file_count == 0);
  CHECK(fs.used() == 0);
}

TEST_CASE("replacing waits: an import has all of its files at once", "[api][import][waiting]") {
  const scenario fs;
  file_map files;
  std::vector<std::unique_ptr<any_file>> open;
  for (const char* const path : {"/a", "/b", "/c"}) {
    fs->write_file(path, "old").value();
    open.push_back(fs->open(path, open_mode::read).value());
    files.emplace(path, to_bytes("newer"));
  }
  auto done = std::async(std::launch::async, [&, own = fs.twin()] {
    own->import_tree(std::move(files), {if_open::wait, for_ever}).value();
  });
  while (!open.empty()) {
    await_waiting(fs.volume(), 1);
    CHECK(fs->file_size("/a").value() == 3);
    open.pop_back();
  }
  done.get();
  for (const char* const path : {"/a", "/b", "/c"}) CHECK(fs->read_file(path).value() == "newer");
  CHECK(fs.stats().file_count == 3);
}

TEST_CASE("replacing waits: options out of their types", "[api][copy]") {
  const scenario fs;
  fs->write_file("/a", "a").value();
  const auto unknown = static_cast<if_open>(7);
  CHECK(fs.refusal([&] {
    return fs->copy("/a", "/b", {if_exists::fail, unknown, {}});
  }) == errc::invalid_argument);
  CHECK(fs.refusal([&] { return fs->import_tree({}, {unknown, {}}); }) == errc::invalid_argument);
  const auto f = fs->open_unnamed().value();
  CHECK(error_of(fs->give_name(*f, "/b", {.open = unknown})) == errc::invalid_argument);
  CHECK(fs.refusal([&] { return fs->remove_tree("/a", {.open = unknown}); }) ==
        errc::invalid_argument);
}

}  // namespace coramfs::tests
