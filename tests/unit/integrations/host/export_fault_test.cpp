// SPDX-License-Identifier: BSL-1.0
// Each call of the host's fails in turn.
#include <coramfs/host.hpp>

#include "support/catch.hpp"
#include "support/describe.hpp"
#include "unit/integrations/host/host_calls.hpp"
#include "unit/integrations/host/scratch.hpp"

#include <cerrno>
#include <filesystem>
#include <set>
#include <string>
#include <system_error>

namespace coramfs::tests {

TEST_CASE("export_to_host and faults: whole files only, and the volume as before",
          "[host][faults]") {
  host_features features;
  features.has_unnamed_files = GENERATE(true, false);
  features.has_no_replace = GENERATE(true, false);
  const auto existing = GENERATE(if_exists::fail, if_exists::replace);
  const auto v = volume::create().value();
  sync::file_system fs(v);
  const std::string large((1 << 20) + 5, 'l');
  fs.create_directories("/d/e").value();
  fs.create_directory("/empty").value();
  fs.write_text("/a", "new a").value();
  fs.write_text("/d/e/b", "new b").value();
  fs.write_text("/d/large", large).value();
  const auto before = v.stats();
  std::set<std::string> met;
  std::size_t refused_closes = 0;
  bool has_failed = true;
  for (std::size_t nth = 1; has_failed; ++nth) {
    const scratch s;
    if (existing == if_exists::replace) put(s / "a", "old");
    host_options options;
    options.existing = existing;
    options.sync = host_sync::data;
    const std::size_t descriptors = open_descriptors();
    features.apply();
    std::string which;
    result<std::uint64_t> made = errc::canceled;
    {
      const host_faults failing(nth_host_call(nth), EIO);
      made = export_to_host(fs, "/", s / "", options);
      has_failed = failing.has_failed();
      which = failing.which();
    }
    host_features().apply();
    INFO("the call that fails: " << nth << ", " << which);
    met.insert(which);
    CHECK(open_descriptors() == descriptors);
    if (!made) {
      CHECK(made.error() == std::errc::io_error);
      const std::string path = made.error().details().path;
      CHECK(path.starts_with(s.path().native()));
      // The file that is not wholly there has no name; an fsync is one of a directory.
      if (which != "fsync" && std::filesystem::is_regular_file(path))
        CHECK(content_of(path) == "old");
      if (which == "close") ++refused_closes;
    }
    if (which == "writev" || which == "fdatasync" || which == "fsync") CHECK(!made);
    for (const auto& [name, content] : tree_of(s.path())) {
      INFO(name);
      if (name.back() == '/') continue;
      const bool is_old = name == "a" && existing == if_exists::replace && content == "old";
      const bool is_part = name.find(".part") != name.npos;
      if (is_part) {
        // Only where it is the removal of the other name that has failed.
        CHECK(which == "unlinkat");
        continue;
      }
      CHECK((is_old || content == (name == "a"         ? "new a"
                                   : name == "d/e/b"   ? "new b"
                                   : name == "d/large" ? large
                                                       : "unknown")));
    }
    const auto after = v.stats();
    CHECK(after.used_bytes == before.used_bytes);
    CHECK(after.open_handles == 0);
  }
  CHECK(refused_closes >= 3);  // of each file
  CHECK(met.count("writev") == 1);
  CHECK(met.count("fdatasync") == 1);
  CHECK(met.count("fsync") == 1);
  CHECK(met.count("mkdirat") == 1);
  CHECK(met.count(features.has_unnamed_files ? "linkat" : "getrandom") == 1);
}

}  // namespace coramfs::tests
