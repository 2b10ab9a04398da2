// SPDX-License-Identifier: BSL-1.0
// AI11, AI12: what a failed test leaves on disk.
#include <coramfs/testing.hpp>

#include "support/catch.hpp"
#include "unit/integrations/testing/fake_framework.hpp"

#include <asio/awaitable.hpp>

#include <cerrno>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace coramfs::tests {

namespace {

using testing::files;
using testing::fixture;
using testing::fixture_options;
using testing::tree_of;

using name_list = std::vector<std::string>;

/// A test with a tree, that fails.
void fail_with(tree_of tree, std::uint64_t most = 64 << 20) {
  fixture t(testing::small(), {.tree = std::move(tree), .max_export = most});
  t.failed();
}

/// The lines of a manifest that are about one path, without the times.
std::string about(const std::string& manifest, const std::string& path) {
  const std::size_t at = manifest.find("\nfile: \"" + path + "\"\n");
  if (at == std::string::npos) return "none";
  std::string all = manifest.substr(at + 1);
  all = all.substr(0, all.find("\n\n") == std::string::npos ? all.size() : all.find("\n\n") + 1);
  for (const char* const time : {"  created: ", "  modified: "}) {
    const std::size_t begin = all.find(time);
    all.erase(begin, all.find('\n', begin) + 1 - begin);
  }
  return all;
}

/// As an earlier run of the program: in a process of its own.
void fail_earlier_with(tree_of tree) {
  const pid_t child = ::fork();
  if (child == 0) {
    fail_with(std::move(tree));
    ::_exit(0);
  }
  int status = -1;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(status == 0);
}

bool is_in(const std::string& part, const std::string& text) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("export: a failed test leaves its tree, and says where", "[testing][export]") {
  output_folder out;
  fake_framework tests;
  const std::string binary("\x00\x01\xff", 3);
  fail_with(files({{"/in/a", "hello"}, {"/in/b", binary}, {"/empty/", ""}, {"/c", ""}}));
  CHECK(out.names() ==
        name_list{"c", "empty/", "in/", "in/a", "in/b", "manifest.txt", "stats.txt"});
  CHECK(out.content("suite.test/in/a") == "hello");
  CHECK(out.content("suite.test/in/b") == binary);
  CHECK(out.said() == "coramfs: the tree of \"suite.test\" is in \"" +
                          (out.path / "suite.test").string() + "\": 5 entries\n");
  CHECK(tests.said.empty());
}

TEST_CASE("export: what this process has written stays, and what comes then has a number",
          "[testing][export]") {
  output_folder out;
  fake_framework tests;
  fail_earlier_with(files({{"/earlier", "1"}}));
  CHECK(out.names() == name_list{"earlier", "manifest.txt", "stats.txt"});
  for (const char* const content : {"1", "2", "3"}) fail_with(files({{"/a", content}}));
  CHECK(out.names() == name_list{"a", "manifest.txt", "stats.txt"});
  std::string said;
  for (const auto& [folder, content] :
       {std::pair("suite.test", "1"), {"suite.test.2", "2"}, {"suite.test.3", "3"}}) {
    CHECK(out.content(std::string(folder) + "/a") == content);
    said += "coramfs: the tree of \"suite.test\" is in \"" + (out.path / folder).string() +
            "\": 1 entry\n";
  }
  CHECK(out.said() == said);
  CHECK(tests.said.empty());
}

TEST_CASE("export: the manifest has all there is", "[testing][export]") {
  output_folder out;
  fake_framework tests;
  testing::simulation sim;
  auto how = testing::small();
  how.default_storage = storage_layout::random_access;
  {
    fixture t(how, {.tree = files({{"/d/a", "12345"}})});
    t.fs().write_file("/d/a", "1234").value();
    auto sparse = t.fs().open("/d/sparse", open_mode::create).value();
    sparse.write_at(1'000'000, "x").value();
    sparse.close().value();
    auto reader = t.fs().open("/d/a", open_mode::read, {.label = "reader"}).value();
    auto writer = t.fs().open("/d/w", open_mode::write, {.label = "writer"}).value();
    writer.write("unseen").value();
    t.failed();
    // They end after the fixture has been looked at.
    static std::vector<sync::file> held;
    held.clear();
    held.push_back(std::move(reader));
    held.push_back(std::move(writer));
  }
  const std::string manifest = out.content("suite.test/manifest.txt");
  CAPTURE(manifest);
  CHECK(
      manifest.starts_with("coramfs tree 1\ntest: \"suite.test\"\n"
                           "tree: 3 files, 1 directory, 1000011 bytes\n"
                           "not written as they are: 1 file\n"));
  CHECK(
      is_in("\n\ndirectory: \"/d\"\n  created: 2000-01-01T00:00:00.000000000Z\n"
            "  modified: 2000-01-01T00:00:00.000000000Z\n",
            manifest));
  CHECK(about(manifest, "/d/a") ==
        "file: \"/d/a\"\n  size: 4\n  generation: 2\n  held by: \"reader\" (read)\n"
        "  written: as it is\n");
  const std::string sparse = about(manifest, "/d/sparse");
  CHECK(
      sparse.starts_with("file: \"/d/sparse\"\n  size: 1000001\n  generation: 1\n  holes: 0 to "));
  CHECK(sparse.ends_with("\n  written: as it is\n"));
  CHECK(is_in("  held by: \"writer\" (write)\n  written: no: would block\n",
              about(manifest, "/d/w")));
  const std::string content = out.content("suite.test/d/sparse");
  CHECK(content == std::string(1'000'000, '\0') + "x");
  // Zeros that nobody has written take no room there either.
  struct stat seen {};
  CHECK(::stat((out.path / "suite.test/d/sparse").c_str(), &seen) == 0);
  CHECK(seen.st_blocks * 512 < 500'000);
  CHECK(out.names() == name_list{"d/", "d/a", "d/sparse", "manifest.txt", "seed.txt", "stats.txt"});
  const std::string stats = out.content("suite.test/stats.txt");
  CHECK(
      is_in("layout: random_access\naccounting: payload\nquota_bytes: 16777216\n"
            "used_bytes: 1000011\n",
            stats));
  CHECK(is_in("\nopen_handles: 2\n", stats));
}

TEST_CASE("export: in a simulation it has the seed", "[testing][export]") {
  output_folder out;
  fake_framework tests;
  testing::simulation sim(testing::schedule::uniform(4711));
  const auto fail_now = [&] {
    fixture t;
    auto fs = t.fs(sim.get_executor());
    sim.run(fs.write_file("/a", asio::buffer("x", 1))).value();
    sim.spawn(
        [fs]() mutable -> asio::awaitable<void> {
          const auto held = co_await fs.open("/b", open_mode::create, {.label = "held"});
          const auto again = co_await fs.open("/b", open_mode::read);
        },
        "twice");
    while (t.vol().stats().waiting == 0) sim.step();
    t.failed();
  };
  fail_now();
  const std::string seed = out.content("suite.test/seed.txt");
  CAPTURE(seed);
  CHECK(seed.starts_with("schedule: schedule::uniform(4711)\nsteps: "));
  CHECK(is_in("\nfingerprint: " + std::to_string(sim.fingerprint()) + "\n", seed));
  CHECK(is_in("coroutine \"twice\" has not ended", seed));
  sim.clear();
  // Not that of another simulation, which the volume does not belong to.
  auto how = testing::small();
  how.clock = testing::simulation().clock();
  {
    fixture t(how, {.name = "other"});
    t.failed();
  }
  CHECK(out.names("other") == name_list{"manifest.txt", "stats.txt"});
}

TEST_CASE("export: the largest come last, and what is too much is cut", "[testing][export]") {
  output_folder out;
  fake_framework tests;
  fail_with(files({{"/a", std::string(100, 'a')},
                   {"/b", std::string(50, 'b')},
                   {"/c", std::string(200, 'c')},
                   {"/d", "d"}}),
            120);
  CHECK(out.content("suite.test/d") == "d");
  CHECK(out.content("suite.test/b") == std::string(50, 'b'));
  CHECK(out.content("suite.test/a") == std::string(69, 'a'));
  const std::string manifest = out.content("suite.test/manifest.txt");
  CHECK(is_in("\nnot written as they are: 2 files\n", manifest));
  CHECK(is_in("\n  written: cut: 69 bytes of it\n", about(manifest, "/a")));
  CHECK(is_in("\n  written: cut: nothing of it\n", about(manifest, "/c")));
  CHECK(is_in("\n  written: as it is\n", about(manifest, "/b")));
  CHECK(out.names() == name_list{"a", "b", "d", "manifest.txt", "stats.txt"});
}

TEST_CASE("export: names that some system can not have", "[testing][export]") {
  output_folder out;
  fake_framework tests;
  const std::string long_name(200, ':');
  tree_of tree = files({{"/a:b", "1"},
                        {"/100%", "2"},
                        {"/100%25", "3"},
                        {"/dot.", "4"},
                        {"/\xff\n/b", "5"},
                        {"/nul.txt", "6"},
                        {"/ok \xc3\xa4", "7"},
                        {'/' + long_name, "8"},
                        {"/%long/1", "9"},
                        {"/manifest.txt", "10"},
                        {"/in/manifest.txt", "11"},
                        {"/...", "12"},
                        {"/com1", "13"},
                        {"/seed.txt/stats.txt", "14"}});
  fail_with(tree);
  CHECK(out.content("suite.test/a%3Ab") == "1");
  CHECK(out.content("suite.test/100%25") == "2");
  CHECK(out.content("suite.test/100%2525") == "3");
  CHECK(out.content("suite.test/dot%2E") == "4");
  CHECK(out.content("suite.test/%FF%0A/b") == "5");
  CHECK(out.content("suite.test/%6Eul.txt") == "6");
  CHECK(out.content("suite.test/ok \xc3\xa4") == "7");
  CHECK(out.content("suite.test/%25long/1") == "9");
  CHECK(out.content("suite.test/%6Danifest.txt") == "10");
  CHECK(out.content("suite.test/in/manifest.txt") == "11");
  CHECK(out.content("suite.test/..%2E") == "12");
  CHECK(out.content("suite.test/%63om1") == "13");
  CHECK(out.content("suite.test/%73eed.txt/stats.txt") == "14");
  const std::string manifest = out.content("suite.test/manifest.txt");
  CAPTURE(manifest);
  CHECK(is_in("file: \"/a:b\"\n  here: \"a%3Ab\"\n", manifest));
  CHECK(is_in("file: \"/\\xff\\n/b\"\n  here: \"%FF%0A/b\"\n", manifest));
  CHECK(is_in("file: \"/ok \xc3\xa4\"\n  size: 1\n", manifest));
  const std::size_t at = manifest.find("file: \"/" + long_name + "\"\n  here: \"%long/");
  REQUIRE(at != std::string::npos);
  const std::string here = manifest.substr(manifest.find("here: \"", at) + 7, 20);
  CHECK(out.content("suite.test/" + here.substr(0, here.find('"'))) == "8");
}

TEST_CASE("export: a deep tree is written", "[testing][export]") {
  output_folder out;
  fake_framework tests;
  std::string path;
  for (int i = 0; i < 1500; ++i) path += "/d";
  fail_earlier_with(files({{path + "/a", "x"}}));
  const std::string manifest = out.content("suite.test/manifest.txt");
  CHECK(is_in("file: \"" + path + "/a\"\n  here: \"%long/1501\"\n", manifest));
  CHECK(out.content("suite.test/%long/1501") == "x");
  // And it is emptied again.
  fail_with(files({{"/b", "y"}}));
  CHECK(out.names() == name_list{"b", "manifest.txt", "stats.txt"});
}

TEST_CASE("export: a folder of an earlier failure is emptied, and no other", "[testing][export]") {
  namespace disk = std::filesystem;
  output_folder out;
  fake_framework tests;
  const disk::path folder = out.path / "suite.test";
  fail_earlier_with(files({{"/old/a", "x"}}));
  std::ofstream(folder / "note") << "somebody's";
  disk::create_symlink("/", folder / "old/link");
  fail_earlier_with(files({{"/new", "y"}}));
  CHECK(out.names() == name_list{"manifest.txt", "new", "stats.txt"});

  // It stays as it is if nothing shows that it is a fixture's.
  disk::remove_all(folder);
  disk::create_directory(folder);
  SECTION("the manifest is empty") {
    std::ofstream(folder / "precious") << "x";
    std::ofstream(folder / "manifest.txt") << "";
  }
  SECTION("there is no manifest") { std::ofstream(folder / "precious") << "x"; }
  SECTION("the manifest is another's") {
    std::ofstream(folder / "precious") << "x";
    std::ofstream(folder / "manifest.txt") << "coramfs tree of somebody\n";
  }
  SECTION("the manifest is a link") {
    std::ofstream(out.path / "mark") << "coramfs tree 1\n";
    std::ofstream(folder / "precious") << "x";
    disk::create_symlink("../mark", folder / "manifest.txt");
  }
  SECTION("the manifest is a pipe") {
    std::ofstream(folder / "precious") << "x";
    REQUIRE(::mkfifo((folder / "manifest.txt").c_str(), 0600) == 0);
  }
  const name_list before = out.names();
  fail_with(files({{"/new", "y"}}));
  CHECK(out.names() == before);
  CHECK(out.content("suite.test/precious") == "x");
  CHECK(is_in("could not be written: " + folder.string() +
                  " is there, and is not of a fixture: it "
                  "has no manifest.txt of one\n",
              out.said()));
  CHECK(tests.said.empty());
}

TEST_CASE("export: a folder that was stopped at the first word is used", "[testing][export]") {
  namespace disk = std::filesystem;
  output_folder out;
  fake_framework tests;
  const disk::path folder = out.path / "suite.test";
  disk::create_directory(folder);
  // What a full disk, or a process that is killed, leaves of a manifest.
  const char* const written = GENERATE("", "c", "coramfs tree 1");
  std::ofstream(folder / "manifest.txt") << written;
  fail_with(files({{"/a", "x"}}));
  CHECK(out.names() == name_list{"a", "manifest.txt", "stats.txt"});
  CHECK(out.content("suite.test/manifest.txt").starts_with("coramfs tree 1\n"));
}

TEST_CASE("export: links are not followed", "[testing][export]") {
  namespace disk = std::filesystem;
  output_folder out;
  fake_framework tests;
  const disk::path elsewhere = out.path / "elsewhere";
  disk::create_directory(elsewhere);
  std::ofstream(elsewhere / "manifest.txt") << "coramfs tree 1\n";
  std::ofstream(elsewhere / "precious") << "x";
  disk::create_symlink("elsewhere", out.path / "suite.test");
  fail_with(files({{"/a", "y"}}));
  CHECK(out.names("elsewhere") == name_list{"manifest.txt", "precious"});
  CHECK(is_in("the tree of \"suite.test\" could not be written: suite.test: ", out.said()));
}

TEST_CASE("export: what can not be written is said, and hides nothing", "[testing][export]") {
  output_folder out;
  fake_framework tests;
  std::ofstream(out.path / "file") << "x";
  const environment variable("CORAMFS_TEST_OUTPUT", (out.path / "file").string());
  std::vector<pinned> held;
  {
    fixture t(testing::small(), {.tree = files({{"/a", "y"}})});
    held.push_back(t.fs().open("/a", open_mode::read).value().pin(0, 1).value());
  }
  REQUIRE(tests.said.size() == 1);
  CHECK(is_in("1 pin is held", tests.said[0]));
  CHECK(is_in("coramfs: the tree of \"suite.test\" could not be written: ", out.said()));
}

TEST_CASE("export: it is named after the test", "[testing][export]") {
  output_folder out;
  fake_framework tests;
  const auto named = [&](const std::string& name) {
    tests.name = name;
    fail_with({});
  };
  named("two uploads: a/b");
  CHECK(!out.names("two uploads%3A a%2Fb").empty());
  named("..");
  CHECK(!out.names(".%2E").empty());
  named("");
  CHECK(!out.names("test").empty());
  named(std::string(300, 'x') + "1");
  named(std::string(300, 'x') + "2");
  {
    fixture t(testing::small(), {.name = "by options"});
    t.failed();
  }
  CHECK(!out.names("by options").empty());
  {
    fixture t;
    t.name("by call");
    t.failed();
  }
  CHECK(!out.names("by call").empty());
  CHECK(std::distance(std::filesystem::directory_iterator(out.path), {}) == 7);
}

TEST_CASE("export: two fixtures of one test have a folder each", "[testing][export]") {
  output_folder out;
  fake_framework tests;
  for (int again = 0; again < 2; ++again) {
    fixture first(testing::small(), {.tree = files({{"/first", "1"}})});
    fixture second(testing::small(), {.tree = files({{"/second", "2"}})});
    ++fake_framework::failures;
  }
  CHECK(out.content("suite.test/first") == "1");
  CHECK(out.content("suite.test.2/second") == "2");
  CHECK(std::distance(std::filesystem::directory_iterator(out.path), {}) == 4);
}

TEST_CASE("export: not where the framework has none, nor in a child", "[testing][export]") {
  output_folder out;
  fake_framework tests;
  SECTION("by the framework") {
    tests.exports = false;
    fail_with(files({{"/a", "x"}}));
  }
  SECTION("in a child") {
    fixture t;
    const pid_t child = ::fork();
    if (child == 0) {
      t.failed();
      t.~fixture();
      ::_exit(0);
    }
    int status = -1;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
  }
  CHECK(out.names().empty());
  CHECK(out.said().empty());
}

}  // namespace coramfs::tests
