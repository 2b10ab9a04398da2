// SPDX-License-Identifier: BSL-1.0
//
// A database for each test, from one that was made once, in several ways. `--help` says what it can
// do.
#include "command_line.hpp"
#include "fixtures.hpp"
#include "report.hpp"
#include "shared/catalogue.hpp"

#include <coramfs/sqlite.hpp>
#include <coramfs/sync/file_system.hpp>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <iostream>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <variant>
#include <vector>

#include <sqlite3.h>

namespace sqlite_test_fixtures {

namespace {

namespace sqlite = coramfs::sqlite;

/// A folder that goes with its content.
class scratch {
 public:
  explicit scratch(const std::filesystem::path& in) {
    std::string name = (in / "fixtures-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr)
      throw std::system_error(errno, std::generic_category(), in.string());
    path_ = name;
  }
  scratch(const scratch&) = delete;
  scratch& operator=(const scratch&) = delete;
  ~scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// Makes the database that all tests begin with.
master make_master(const settings& s, report& r) {
  master made{coramfs::volume::create({.max_quota = s.quota}).value(), "/catalogue.db"};
  coramfs::sync::file_system files(made.in);
  {
    sqlite::sync::store store(files, made.path);
    const sqlite::connection db = store.connect().value();
    const std::vector<catalogue::entry> entries = catalogue::files_below(s.directory);
    catalogue::make_tables(db.get()).value();
    catalogue::add(db.get(), entries).value();
    r.files = catalogue::known(db.get()).value().files;
  }
  r.database_bytes = files.file_size(made.path).value();
  return made;
}

/// What a test would do that is about a catalogue: adds two files, of which one is there already
/// after that, and looks at the totals. Returns whether they are right.
bool passes(sqlite3* db, const catalogue::totals& before) {
  const std::vector<catalogue::entry> first{{"/of/a/test", 100}, {"/of/the/same/test", 20}};
  const std::vector<catalogue::entry> again{{"/of/a/test", 3}};
  catalogue::add(db, first).value();
  catalogue::add(db, again).value();
  return catalogue::known(db).value() == catalogue::totals{before.files + 2, before.bytes + 23};
}

timing time_tests(fixture& way, unsigned tests, const catalogue::totals& before) {
  timing t{.name = std::string(way.name())};
  const auto began = std::chrono::steady_clock::now();
  for (unsigned i = 0; i < tests; ++i) {
    way.give_to([&](sqlite3* db) {
      if (!passes(db, before)) ++t.failed;
    });
  }
  const std::chrono::duration<double, std::micro> taken = std::chrono::steady_clock::now() - began;
  t.microseconds = taken.count() / tests;
  return t;
}

/// Shows what a fork takes, and that all that belongs to a database belongs together after a test.
void look_at_fork(const master& of, const catalogue::totals& before, report& r) {
  const coramfs::volume mine = of.in.fork({}).value();
  r.fork_bytes = mine.stats().used_bytes;
  {
    coramfs::sync::file_system files(mine);
    sqlite::sync::store store(files, of.path);
    const sqlite::connection db = store.connect().value();
    if (!passes(db.get(), before) || !catalogue::belongs_together(db.get()).value())
      throw std::runtime_error("the totals of a fork are not those of its files");
  }
  r.changed_bytes = mine.stats().used_bytes;
}

catalogue::totals totals_of(const master& of) {
  coramfs::sync::file_system files(of.in);
  sqlite::sync::store store(files, of.path);
  return catalogue::count(store.connect().value().get()).value();
}

report compare(const settings& s) {
  report r{.tests = s.tests};
  const master all_begin_with = make_master(s, r);
  const catalogue::totals before = totals_of(all_begin_with);
  look_at_fork(all_begin_with, before, r);
  const scratch folder(s.folder);
  for (const auto& way : all_fixtures(all_begin_with, folder.path()))
    r.ways.push_back(time_tests(*way, s.tests, before));
  if (totals_of(all_begin_with) != before)
    throw std::runtime_error("a test has changed what the others begin with");
  return r;
}

}  // namespace

}  // namespace sqlite_test_fixtures

int main(int argc, char** argv) {
  using namespace sqlite_test_fixtures;
  try {
    const auto parsed = parse_command_line(argc, argv);
    if (const int* status = std::get_if<int>(&parsed)) return *status;
    const report done = compare(std::get<settings>(parsed));
    print(std::cout, done);
    unsigned failed = 0;
    for (const timing& t : done.ways) failed += t.failed;
    return failed == 0 ? exit_ok : exit_failure;
  } catch (const std::exception& e) {
    std::cerr << "sqlite_test_fixtures: " << e.what() << '\n';
    return exit_failure;
  }
}
