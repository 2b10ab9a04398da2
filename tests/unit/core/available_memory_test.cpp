// SPDX-License-Identifier: BSL-1.0
#include "core/available_memory.hpp"

#include "support/catch.hpp"

#include <atomic>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#if defined(__linux__)

#include <unistd.h>

namespace coramfs::tests {

namespace {

namespace fs = std::filesystem;
using detail::available_memory;

/// A made-up root directory, from the names of files to their content.
class fake_root {
 public:
  using files = std::map<std::string, std::string>;

  explicit fake_root(const files& content) : path_(unused_name()) {
    fs::create_directories(path_);
    for (const auto& [name, text] : content) put(name, text);
  }
  fake_root(const fake_root&) = delete;
  fake_root& operator=(const fake_root&) = delete;
  ~fake_root() { fs::remove_all(path_); }

  void put(const std::string& name, const std::string& text) const {
    fs::create_directories((path_ / name).parent_path());
    std::ofstream(path_ / name) << text;
  }
  const fs::path& path() const { return path_; }

 private:
  static fs::path unused_name() {
    static std::atomic<int> made = 0;
    return fs::temp_directory_path() /
           ("coramfs root " + std::to_string(getpid()) + "-" + std::to_string(made++));
  }

  fs::path path_;
};

using files = fake_root::files;

struct example {
  const char* what;
  files content;
  std::optional<std::uint64_t> answer;
};

void check(const std::vector<example>& table) {
  for (const example& e : table) {
    INFO(e.what);
    CHECK(available_memory(fake_root(e.content).path()) == e.answer);
  }
}

// A machine with 1,000,000 KiB left.
const std::string machine = "MemTotal: 2000000 kB\nMemFree: 10 kB\nMemAvailable:  1000000 kB\n";
constexpr std::uint64_t all = 1000000 * 1024;

const std::string unified = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw\n";
const std::string legacy =
    "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n"
    "32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n"
    "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n";

files operator+(files a, const files& b) {
  for (const auto& [name, text] : b) a[name] = text;
  return a;
}

// What /proc shows of a process.
files process(const std::string& groups, const std::string& mounts) {
  return {{"proc/meminfo", machine}, {"proc/self/cgroup", groups}, {"proc/self/mountinfo", mounts}};
}

// The files of a group, of version 2 and of version 1.
files group_2(const std::string& at, const std::string& limit, const std::string& usage,
              const std::string& statistics = "anon 1\ninactive_file 0\nactive_file 0\n") {
  return {{at + "/memory.max", limit + "\n"},
          {at + "/memory.current", usage + "\n"},
          {at + "/memory.stat", statistics}};
}

files group_1(const std::string& at, const std::string& limit, const std::string& usage,
              const std::string& statistics = "total_inactive_file 0\ntotal_active_file 0\n") {
  return {{at + "/memory.limit_in_bytes", limit + "\n"},
          {at + "/memory.usage_in_bytes", usage + "\n"},
          {at + "/memory.stat", statistics}};
}

const std::string top = "sys/fs/cgroup";
const std::string memory = top + "/memory";

}  // namespace

TEST_CASE("available memory: the machine's own account", "[core][guard]") {
  const std::string cache = "Active(file):  30 kB\nInactive(file): 4 kB\n";
  const std::string noise = "SwapFree: 900 kB\nActive: 5000 kB\nInactive: 5000 kB\n";
  check({
      {"what the kernel reckons", {{"proc/meminfo", machine + cache}}, all},
      {"an old kernel", {{"proc/meminfo", noise + "MemFree: 200 kB\n" + cache}}, 234 * 1024},
      {"no word on the cache", {{"proc/meminfo", "MemFree: 200 kB\n"}}, 200 * 1024},
      {"a garbled reckoning",
       {{"proc/meminfo", "MemAvailable: ? kB\nMemFree: 200 kB\n"}},
       200 * 1024},
      {"nothing left", {{"proc/meminfo", "MemAvailable: 0 kB\n"}}, 0},
      {"without a line's end", {{"proc/meminfo", "MemAvailable: 7 kB"}}, 7 * 1024},
      {"more than 64 bits",
       {{"proc/meminfo", "MemAvailable: 99999999999999999999 kB\n"}},
       std::nullopt},
      {"more bytes than 64 bits",
       {{"proc/meminfo", "MemAvailable: 18446744073709551615 kB\n"}},
       ~std::uint64_t{0}},
      {"cache alone", {{"proc/meminfo", cache}}, std::nullopt},
      {"nothing of use", {{"proc/meminfo", "Mem\n\n:::\nMemAvailable\n"}}, std::nullopt},
      {"an empty file", {{"proc/meminfo", ""}}, std::nullopt},
      {"a directory in its place", {{"proc/meminfo/x", ""}}, std::nullopt},
      {"no file at all", {}, std::nullopt},
  });
}

TEST_CASE("available memory: a group of version 2", "[core][guard]") {
  const files self = process("0::/a\n", unified);
  const std::string cache = "file 9\ninactive_file 100\nactive_file 20\n";
  check({
      {"limit less usage", self + group_2(top + "/a", "5000", "3000"), 2000},
      {"cache can be dropped", self + group_2(top + "/a", "5000", "3000", cache), 2120},
      {"no more than the limit", self + group_2(top + "/a", "5000", "50", cache), 5000},
      {"never below nothing", self + group_2(top + "/a", "5000", "7000", cache), 0},
      {"no limit", self + group_2(top + "/a", "max", "3000"), all},
      {"a limit of nothing", self + group_2(top + "/a", "0", "0"), 0},
      {"the machine has less", self + group_2(top + "/a", "9999999999", "0"), all},
      {"no file of a limit", self + files{{top + "/a/memory.current", "3000\n"}}, all},
      {"no usage", self + files{{top + "/a/memory.max", "5000\n"}}, all},
      {"no statistics",
       self + files{{top + "/a/memory.max", "5000\n"}, {top + "/a/memory.current", "3000\n"}},
       2000},
      {"a garbled limit", self + group_2(top + "/a", "50x0", "3000"), all},
      {"a negative limit", self + group_2(top + "/a", "-1", "3000"), all},
      {"a garbled usage", self + group_2(top + "/a", "5000", ""), all},
      {"garbled statistics",
       self + group_2(top + "/a", "5000", "3000", "inactive_file x\nactive_file 20\nzap"), 2020},
      {"cache beyond 64 bits",
       self + group_2(top + "/a", "5000", "3000",
                      "inactive_file 18446744073709551615\nactive_file 20\n"),
       5000},
      {"memory.high is no limit",
       self + group_2(top + "/a", "max", "3000") + files{{top + "/a/memory.high", "10\n"}}, all},
      {"the machine is unknown",
       self + group_2(top + "/a", "5000", "3000") + files{{"proc/meminfo", ""}}, 2000},
  });
}

TEST_CASE("available memory: the tightest of a group and those around it", "[core][guard]") {
  const files self = process("0::/a/b/c\n", unified);
  const files loose = group_2(top + "/a", "9000", "0") + group_2(top + "/a/b", "8000", "0") +
                      group_2(top + "/a/b/c", "7000", "0");
  check({
      {"its own", self + loose, 7000},
      {"its parent's", self + loose + group_2(top + "/a/b", "8000", "5000"), 3000},
      {"its grandparent's", self + loose + group_2(top + "/a", "9000", "5000"), 4000},
      {"the root's", self + loose + group_2(top, "10000", "9000"), 1000},
      {"not a neighbour's", self + loose + group_2(top + "/a/d", "10", "0"), 7000},
      {"not one below", self + loose + group_2(top + "/a/b/c/d", "10", "0"), 7000},
      {"not one beside the mount", self + loose + group_2("sys/fs", "10", "0"), 7000},
      {"an unlimited one between",
       self + group_2(top + "/a", "9000", "0") + group_2(top + "/a/b", "max", "0") +
           group_2(top + "/a/b/c", "max", "0"),
       9000},
  });
}

TEST_CASE("available memory: a group of version 1", "[core][guard]") {
  const files self = process("9:name=systemd:/s\n4:memory:/a/b\n1:cpu:/c\n", legacy);
  const std::string cache = "inactive_file 7\ntotal_inactive_file 100\ntotal_active_file 20\n";
  check({
      {"limit less usage", self + group_1(memory + "/a/b", "5000", "3000"), 2000},
      {"cache can be dropped", self + group_1(memory + "/a/b", "5000", "3000", cache), 2120},
      {"no more than the limit", self + group_1(memory + "/a/b", "5000", "50", cache), 5000},
      {"never below nothing", self + group_1(memory + "/a/b", "5000", "7000"), 0},
      {"what no limit looks like", self + group_1(memory + "/a/b", "9223372036854771712", "3000"),
       all},
      {"a group around it",
       self + group_1(memory + "/a/b", "5000", "0") + group_1(memory + "/a", "900", "0"), 900},
      {"the root", self + group_1(memory + "/a/b", "5000", "0") + group_1(memory, "800", "0"), 800},
      {"not the group of another controller",
       self + group_1(memory + "/a/b", "5000", "0") + group_1(memory + "/c", "10", "0") +
           group_1(top + "/cpu/c", "10", "0"),
       5000},
      {"no files", self + files{{memory + "/a/b/tasks", ""}}, all},
  });
}

TEST_CASE("available memory: controllers may share a hierarchy", "[core][guard]") {
  const std::string mounts = "32 31 0:29 / /cg/all rw - cgroup cgroup rw,cpu,memory,pids\n";
  const files self = process("2:cpu,memory,pids:/x\n", mounts);
  check({{"a list", self + group_1("cg/all/x", "5000", "0"), 5000},
         {"no part of a name",
          process("2:memoryless:/x\n", "1 2 0:3 / /cg rw - cgroup cgroup rw,memoryless\n") +
              group_1("cg/x", "10", "0"),
          all}});
}

TEST_CASE("available memory: both versions at once", "[core][guard]") {
  const std::string mounts =
      legacy + "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
  const files self = process("4:memory:/a\n0::/u\n", mounts);
  const files first = group_1(memory + "/a", "5000", "0");
  check({
      {"version 2 has no memory", self + first + files{{top + "/unified/u/cgroup.procs", ""}},
       5000},
      {"version 2 is tighter", self + first + group_2(top + "/unified/u", "4000", "0"), 4000},
      {"version 1 is tighter", self + first + group_2(top + "/unified/u", "6000", "0"), 5000},
  });
}

TEST_CASE("available memory: a mount may show a part of the hierarchy", "[core][guard]") {
  const std::string part = "30 23 0:26 /docker/abc /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";
  const std::string outer = "30 23 0:26 /../.. /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";
  const files at_top = group_2(top, "5000", "0");
  const files in_x = group_2(top + "/x", "4000", "0");
  const files in_b = group_2(top + "/b", "10", "0");
  check({
      {"the mount's own group", process("0::/docker/abc\n", part) + at_top + in_x, 5000},
      {"one below it", process("0::/docker/abc/x\n", part) + at_top + in_x, 4000},
      {"a neighbour, not seen", process("0::/docker/abcd/x\n", part) + at_top + in_x, 5000},
      {"a group elsewhere, not seen", process("0::/b\n", part) + at_top + in_b, 5000},
      {"a group that is gone", process("0::/gone (deleted)\n", unified) + at_top + in_x, 5000},
      {"a group outside the name space", process("0::/../x\n", unified) + at_top + in_x, 5000},
      {"a mount from outside", process("0::/x\n", outer) + at_top + in_x, 5000},
      {"a mount from outside, and a group too", process("0::/../../x\n", outer) + at_top + in_x,
       4000},
  });
}

TEST_CASE("available memory: several mounts", "[core][guard]") {
  const std::string elsewhere = "50 23 0:26 /other /cg/other rw - cgroup2 cgroup2 rw\n";
  const std::string hidden = "29 23 0:20 /a /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";
  const files own = group_2(top + "/a", "5000", "0");
  check({
      {"one that shows another group",
       process("0::/a\n", elsewhere + unified) + own + group_2("cg/other", "10", "0"), 5000},
      {"one below a later one",
       process("0::/a\n", hidden + unified) + own + group_2(top, "7000", "0"), 5000},
      {"none that shows the group: the first",
       process("0::/b\n", hidden + elsewhere) + group_2(top, "7000", "0") +
           group_2("cg/other", "10", "0"),
       7000},
  });
}

TEST_CASE("available memory: blanks in the names of groups and mounts", "[core][guard]") {
  const std::string mounts =
      "30 23 0:26 /my\\040group\\134 /my\\040mounts\\011here rw - cgroup2 cgroup2 rw\n";
  check({{"escaped in one file, as they are in the other",
          process("0::/my group\\/x: y\n", mounts) + group_2("my mounts\there/x: y", "5000", "0"),
          5000},
         {"a backslash that escapes nothing",
          process("0::/a\n", "30 23 0:26 / /cg\\04 rw - cgroup2 cgroup2 rw\n") +
              group_2("cg\\04/a", "5000", "0"),
          5000}});
}

TEST_CASE("available memory: garbled tables are passed over", "[core][guard]") {
  const files own = group_2(top + "/a", "5000", "0");
  check({
      {"no mounts", process("0::/a\n", "") + own, all},
      {"no groups", process("", unified) + own, all},
      {"a group without a path", process("0::\n", unified) + own, all},
      {"lines of nothing", process("\n::\n\n0::/a", "\n - \n30 23\n" + unified) + own, 5000},
      {"a mount without a dash",
       process("0::/a\n", "30 23 0:26 / /sys/fs/cgroup rw cgroup2 cgroup2 rw\n") + own, all},
      {"a mount that is cut off",
       process("0::/a\n", "30 23 0:26 / /sys/fs/cgroup rw - cgroup2") + own, 5000},
  });
}

TEST_CASE("available memory: each reading looks anew", "[core][guard]") {
  const fake_root root(process("0::/a\n", unified) + group_2(top + "/a", "5000", "0") +
                       group_2(top + "/b", "4000", "0"));
  CHECK(available_memory(root.path()) == 5000);
  root.put(top + "/a/memory.current", "1000\n");
  CHECK(available_memory(root.path()) == 4000);
  root.put("proc/self/cgroup", "0::/b\n");
  CHECK(available_memory(root.path()) == 4000);
  root.put("proc/self/mountinfo", "");
  CHECK(available_memory(root.path()) == all);
}

TEST_CASE("available memory: this machine has some", "[core][guard]") {
  const auto left = available_memory();
  REQUIRE(left);
  CHECK(*left > 0);
  CHECK(*left < std::uint64_t{1} << 60);
}

}  // namespace coramfs::tests

#else

namespace coramfs::tests {

TEST_CASE("available memory: unknown on this system", "[core][guard]") {
  CHECK(!detail::available_memory());
}

}  // namespace coramfs::tests

#endif
