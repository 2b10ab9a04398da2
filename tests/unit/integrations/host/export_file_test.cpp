// SPDX-License-Identifier: BSL-1.0
// How a file of an export comes into its place: its mode, and the name that it has until then.
#include <coramfs/host.hpp>

#include "unit/integrations/host/export_by.hpp"
#include "unit/integrations/host/host_calls.hpp"
#include "unit/integrations/host/scratch.hpp"

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <sys/stat.h>

namespace coramfs::tests {

namespace {

using tree = std::map<std::string, std::string>;

}  // namespace

TEST_CASE("export_to_host: modes are those that are asked for, cut by the umask", "[host]") {
  const bool by_coroutine = GENERATE(false, true), with_least = GENERATE(false, true);
  const least_host host(with_least);
  const scratch s;
  const auto v = volume::create().value();
  sync::file_system fs(v);
  fs.create_directory("/d").value();
  fs.write_text("/d/none", "").value();
  fs.write_text("/d/some", "1").value();
  host_options options;
  options.file_mode = 0756;
  options.directory_mode = 0775;
  const mode_t before = ::umask(027);
  CHECK(export_by(by_coroutine, v, "/", s / "out", options).value() == 2);
  ::umask(before);
  const auto mode_of = [&](const char* name) {
    struct stat found {};
    CHECK(::stat((s / name).c_str(), &found) == 0);
    return found.st_mode & 07777;
  };
  CHECK(mode_of("out") == 0750);
  CHECK(mode_of("out/d") == 0750);
  CHECK(mode_of("out/d/none") == 0750);
  CHECK(mode_of("out/d/some") == 0750);
}

TEST_CASE("export_to_host: where unnamed files get no names it does without them", "[host]") {
  const bool by_coroutine = GENERATE(false, true);
  const scratch s;
  const auto v = volume::create().value();
  sync::file_system fs(v);
  fs.write_text("/a", "new a").value();
  fs.write_text("/b", "new b").value();
  put(s / "a", "old a");
  host_features features;
  features.link_refusal = GENERATE(EPERM, EACCES, ENOSYS, EOPNOTSUPP);
  features.apply();
  CHECK(error_of(export_by(by_coroutine, v, "/", s.path())) == errc::already_exists);
  CHECK(export_by(by_coroutine, v, "/b", s / "out").value() == 1);
  CHECK(export_by(by_coroutine, v, "/", s.path(), replacing()).value() == 2);
  CHECK(tree_of(s.path()) ==
        tree{{"a", "new a"}, {"b", "new b"}, {"out/", ""}, {"out/b", "new b"}});
}

TEST_CASE("export_to_host: a name on the way has nothing of the file's", "[host]") {
  const bool with_least = GENERATE(false, true);
  const least_host host(with_least);
  const scratch s;
  const auto v = volume::create().value();
  sync::file_system fs(v);
  std::string name;
  for (int i = 0; i < 127; ++i) name += "\u00e9";
  fs.write_text("/" + name, "new").value();
  put(s / name, "old");
  std::vector<std::string> parts;
  {
    const host_call_watch watch([&](std::string_view call) {
      if (call != "renameat") return;
      for (const auto& [found, content] : tree_of(s.path()))
        if (found != name) parts.push_back(found);
    });
    CHECK(export_by(false, v, "/", s.path(), replacing()).value() == 1);
  }
  CHECK(tree_of(s.path()) == tree{{name, "new"}});
  REQUIRE(parts.size() == 1);
  CHECK(parts.front().size() < 100);
  CHECK(parts.front().ends_with(".part"));
  for (const char c : parts.front()) CHECK((c > ' ' && c < 127));
}

TEST_CASE("export_to_host: a name that the host can not have leaves nothing of its file",
          "[host]") {
  const int code = GENERATE(EINVAL, ENAMETOOLONG, EILSEQ);
  host_features features;
  features.has_unnamed_files = GENERATE(true, false);
  // That may also mean that there is no such call, and another one is tried.
  if (code == EINVAL && !features.has_unnamed_files) return;
  const auto v = volume::create().value();
  sync::file_system fs(v);
  fs.write_text("/a", "1").value();
  fs.write_text("/b\xff", "2").value();
  fs.write_text("/c", "3").value();
  // It is told where the second file is to get its name.
  const std::string_view naming = features.has_unnamed_files ? "linkat" : "renameat2";
  std::size_t nth = 0, named = 0;
  features.apply();
  {
    const scratch s;
    std::size_t calls = 0;
    const host_call_watch watch([&](std::string_view call) {
      ++calls;
      if (call == naming && ++named == 2) nth = calls;
    });
    CHECK(export_by(false, v, "/", s.path()).value() == 3);
  }
  const scratch s;
  result<std::uint64_t> made = errc::canceled;
  {
    const host_faults failing(nth_host_call(nth), code);
    made = export_by(false, v, "/", s.path());
    CHECK(failing.which() == naming);
  }
  REQUIRE(!made);
  CHECK(made.error().code() == std::error_code(code, std::system_category()));
  CHECK(made.error().details().path == s / "b\xff");
  CHECK(tree_of(s.path()) == tree{{"a", "1"}});
}

TEST_CASE("export_to_host: of two names that are one on the host the second meets the first",
          "[host]") {
  const bool by_coroutine = GENERATE(false, true);
  host_features features;
  features.knows_case = false;
  features.has_unnamed_files = GENERATE(true, false);
  features.apply();
  const scratch s;
  const auto v = volume::create().value();
  sync::file_system fs(v);
  fs.create_directory("/D").value();
  fs.create_directory("/d").value();
  fs.write_text("/D/x", "1").value();
  fs.write_text("/d/X", "2").value();
  // The directories become one, and the files would.
  const auto refused = export_by(by_coroutine, v, "/", s.path());
  CHECK(error_of(refused) == errc::already_exists);
  CHECK(refused.error().details().path == s / "d/X");
  CHECK(tree_of(s.path()) == tree{{"d/", ""}, {"d/x", "1"}});
  CHECK(export_by(by_coroutine, v, "/", s.path(), replacing()).value() == 2);
  CHECK(tree_of(s.path()) == tree{{"d/", ""}, {"d/x", "2"}});
}

}  // namespace coramfs::tests
