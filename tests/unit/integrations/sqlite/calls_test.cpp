// SPDX-License-Identifier: BSL-1.0
// The calls that SQLite makes, one by one.
#include <coramfs/sqlite_vfs.hpp>
#include <coramfs/sync/file_system.hpp>

#include "support/catch.hpp"
#include "unit/integrations/sqlite/raw_file.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <sqlite3.h>

namespace coramfs::tests {

namespace {

constexpr int database = raw_file::database, journal = raw_file::journal;
constexpr int old_journal = SQLITE_OPEN_READONLY | SQLITE_OPEN_MAIN_JOURNAL;

constexpr int none = SQLITE_LOCK_NONE, shared = SQLITE_LOCK_SHARED;
constexpr int reserved = SQLITE_LOCK_RESERVED, exclusive = SQLITE_LOCK_EXCLUSIVE;

struct stage {
  sync::file_system fs{volume::create().value()};
  sqlite::vfs vfs =
      sqlite::vfs::create(fs.get_volume(), {.patience = lock_timeout::immediate()}).value();

  int remove(const char* path) const { return get().xDelete(&get(), path, 0); }
  bool has(const char* path) const {
    int is = -1;
    REQUIRE(get().xAccess(&get(), path, SQLITE_ACCESS_EXISTS, &is) == SQLITE_OK);
    return is != 0;
  }
  sqlite3_vfs& get() const { return *sqlite3_vfs_find(vfs.name().c_str()); }
};

}  // namespace

TEST_CASE("sqlite calls: locks are raised as others let them", "[sqlite][calls]") {
  const stage s;
  raw_file a(s.vfs, "/a", database), b(s.vfs, "/a", database), c(s.vfs, "/a", database);
  CHECK(a.lock(shared) == SQLITE_OK);
  CHECK(b.lock(shared) == SQLITE_OK);
  CHECK(!b.is_reserved());
  CHECK(a.lock(reserved) == SQLITE_OK);
  CHECK(b.is_reserved());
  CHECK(b.lock(reserved) == SQLITE_BUSY);
  CHECK(b.lock(exclusive) == SQLITE_BUSY);
  CHECK(c.lock(shared) == SQLITE_OK);
  CHECK(c.unlock(none) == SQLITE_OK);
  CHECK(a.lock(exclusive) == SQLITE_BUSY);  // b reads, and a is pending now
  CHECK(c.lock(shared) == SQLITE_BUSY);
  CHECK(b.unlock(none) == SQLITE_OK);
  CHECK(a.lock(exclusive) == SQLITE_OK);
  CHECK(b.lock(shared) == SQLITE_BUSY);
  CHECK(a.unlock(shared) == SQLITE_OK);
  CHECK(!a.is_reserved());
  CHECK(b.lock(shared) == SQLITE_OK);
  CHECK(b.lock(reserved) == SQLITE_OK);
  CHECK(b.lock(exclusive) == SQLITE_BUSY);  // a still reads
  CHECK(b.unlock(shared) == SQLITE_OK);
  CHECK(c.lock(shared) == SQLITE_OK);
}

TEST_CASE("sqlite calls: one that only reads gets no lock to write", "[sqlite][calls]") {
  const stage s;
  raw_file a(s.vfs, "/a", database);
  constexpr int read_only = SQLITE_OPEN_READONLY | SQLITE_OPEN_MAIN_DB;
  raw_file b(s.vfs, "/a", read_only);
  CHECK(b.lock(shared) == SQLITE_OK);
  CHECK(b.lock(reserved) == SQLITE_IOERR_LOCK);
  CHECK(b.lock(exclusive) == SQLITE_IOERR_LOCK);
  CHECK(a.lock(shared) == SQLITE_OK);
  CHECK(a.lock(reserved) == SQLITE_OK);
}

TEST_CASE("sqlite calls: a recovery goes from shared to exclusive", "[sqlite][calls]") {
  const stage s;
  raw_file a(s.vfs, "/a", database), b(s.vfs, "/a", database);
  CHECK(a.lock(shared) == SQLITE_OK);
  CHECK(a.lock(exclusive) == SQLITE_OK);
  CHECK(b.lock(shared) == SQLITE_BUSY);
  a.close();  // as for one that has died
  CHECK(b.lock(shared) == SQLITE_OK);
  CHECK(!b.is_reserved());
  CHECK(b.lock(exclusive) == SQLITE_OK);
}

TEST_CASE("sqlite calls: slots of a log are had with others, or alone", "[sqlite][calls]") {
  const stage s;
  raw_file a(s.vfs, "/a", database), b(s.vfs, "/a", database);
  constexpr int take = SQLITE_SHM_LOCK, give = SQLITE_SHM_UNLOCK;
  constexpr int with_others = SQLITE_SHM_SHARED, alone = SQLITE_SHM_EXCLUSIVE;
  CHECK(a.lock_index(3, 1, take | with_others) == SQLITE_OK);
  CHECK(b.lock_index(3, 1, take | with_others) == SQLITE_OK);
  CHECK(b.lock_index(3, 1, take | alone) == SQLITE_BUSY);
  CHECK(b.lock_index(2, 3, take | alone) == SQLITE_BUSY);
  CHECK(a.lock_index(2, 1, take | alone) == SQLITE_OK);  // b has taken none of the three
  CHECK(b.lock_index(2, 1, take | with_others) == SQLITE_BUSY);
  CHECK(b.lock_index(2, 1, take | alone) == SQLITE_BUSY);
  CHECK(a.lock_index(3, 1, give | with_others) == SQLITE_OK);
  CHECK(b.lock_index(3, 1, give | with_others) == SQLITE_OK);
  CHECK(b.lock_index(3, 5, take | alone) == SQLITE_OK);
  CHECK(a.lock_index(7, 1, take | with_others) == SQLITE_BUSY);
  CHECK(b.lock_index(3, 5, give | alone) == SQLITE_OK);
  CHECK(a.lock_index(7, 1, take | with_others) == SQLITE_OK);
  a.close();  // which gives back both
  CHECK(b.lock_index(0, 8, take | alone) == SQLITE_OK);
}

TEST_CASE("sqlite calls: the index of a log is memory that all share until the last goes",
          "[sqlite][calls]") {
  const stage s;
  raw_file a(s.vfs, "/a", database), b(s.vfs, "/a", database);
  CHECK(a.region(0, false) == nullptr);
  volatile char* const second = a.region(1, true);
  volatile char* const first = b.region(0, false);
  REQUIRE(first != nullptr);
  CHECK(std::all_of(first, first + 32768, [](char c) { return c == 0; }));
  first[0] = 7;
  CHECK(b.region(2, true) != nullptr);
  CHECK(a.region(0, true) == first);  // none has moved
  CHECK(b.region(1, true) == second);
  b.unmap();
  CHECK(a.region(0, false)[0] == 7);
  a.close();
  CHECK(b.region(0, false) == nullptr);
  CHECK(b.region(0, true)[0] == 0);
}

TEST_CASE("sqlite calls: a journal that is removed while it is open", "[sqlite][calls]") {
  stage s;
  auto a = std::make_unique<raw_file>(s.vfs, "/j", journal);
  REQUIRE(a->write("text") == SQLITE_OK);
  CHECK(s.has("/j"));
  CHECK(s.remove("/j") == SQLITE_OK);
  CHECK(!s.has("/j"));
  CHECK(s.remove("/j") == SQLITE_IOERR_DELETE_NOENT);
  CHECK(raw_file(s.vfs, "/j", old_journal).code == SQLITE_CANTOPEN);
  SECTION("goes with who has it open") {
    a.reset();
    CHECK(!s.fs.exists("/j").value());
  }
  SECTION("is one again once somebody writes to it") {
    REQUIRE(a->write("more") == SQLITE_OK);
    CHECK(s.has("/j"));
    CHECK(raw_file(s.vfs, "/j", old_journal).code == SQLITE_OK);
    a.reset();
    CHECK(s.fs.read_text("/j").value() == "more");
  }
  SECTION("is one for who makes it anew") {
    raw_file b(s.vfs, "/j", journal);
    REQUIRE(b.code == SQLITE_OK);
    REQUIRE(b.write("new") == SQLITE_OK);
    std::array<char, 8> read{};
    CHECK(a->read(read.data(), 8) == SQLITE_IOERR_SHORT_READ);
    CHECK(std::string_view(read.data(), 8) == std::string_view("new\0\0\0\0\0", 8));
  }
}

TEST_CASE("sqlite calls: files that exist, that go when closed, that are not there",
          "[sqlite][calls]") {
  stage s;
  s.fs.write_text("/old", "x").value();
  constexpr int fresh = journal | SQLITE_OPEN_EXCLUSIVE;
  CHECK(raw_file(s.vfs, "/old", fresh).code == SQLITE_CANTOPEN);
  {
    const raw_file a(s.vfs, "/new", fresh | SQLITE_OPEN_DELETEONCLOSE);
    REQUIRE(a.code == SQLITE_OK);
    CHECK(raw_file(s.vfs, "/new", fresh).code == SQLITE_CANTOPEN);
    CHECK(s.fs.exists("/new").value());
  }
  CHECK(!s.fs.exists("/new").value());
  CHECK(s.remove("/new") == SQLITE_IOERR_DELETE_NOENT);
  s.fs.create_directory("/d").value();
  CHECK(s.remove("/d") == SQLITE_IOERR_DELETE);
  CHECK(s.has("/d"));
  s.fs.write_text("/empty", "").value();
  CHECK(!s.has("/empty"));
}

}  // namespace coramfs::tests
