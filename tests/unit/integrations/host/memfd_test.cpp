// SPDX-License-Identifier: BSL-1.0
// Files of a volume for children, and what comes back.
#include <coramfs/memfd.hpp>
#include <coramfs/testing/fault_policy.hpp>

#include "support/await_waiting.hpp"
#include "unit/integrations/host/memfd_by.hpp"
#include "unit/integrations/host/scratch.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace coramfs::tests {

namespace {

std::string noise(std::size_t size) {
  std::string all(size, '\0');
  std::uint32_t state = 12345;
  for (char& c : all) c = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  return all;
}

// Of what a command says there is no more than one line.
std::string said_by(const std::string& command) {
  FILE* const pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) throw std::runtime_error("popen");
  std::string line(4096, '\0');
  const std::size_t size = std::fread(line.data(), 1, line.size(), pipe);
  line.resize(size);
  if (::pclose(pipe) != 0) throw std::runtime_error(command + " failed: " + line);
  return line;
}

/// A descriptor of the test's own.
class owned {
 public:
  explicit owned(int number) : number_(number) {
    if (number < 0) throw std::system_error(errno, std::system_category());
  }
  owned(const owned&) = delete;
  owned& operator=(const owned&) = delete;
  ~owned() { ::close(number_); }
  int number() const { return number_; }

 private:
  const int number_;
};

void put_into(int fd, const std::string& content) {
  if (::pwrite(fd, content.data(), content.size(), 0) != static_cast<ssize_t>(content.size()))
    throw std::system_error(errno, std::system_category());
}

std::uint64_t page_size() { return static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)); }

/// Fails one of the points that operations come to: the one where `left` falls to 0.
class nth_point final : public testing::fault_policy {
 public:
  std::optional<error> at(testing::fault_point, std::string_view of, std::uint64_t size) override {
    if (left == 0 || --left > 0) return std::nullopt;
    path = of;
    amount = size;
    return errc::busy;  // the point makes its own of it
  }

  std::size_t left = 0;
  std::string path;
  std::uint64_t amount = 0;
};

volume payload_volume(std::uint64_t quota) {
  return volume::create({.max_quota = quota, .accounting = accounting::payload}).value();
}

}  // namespace

TEST_CASE("to_memfd: a child reads the file by its path", "[memfd]") {
  const bool by_coroutine = GENERATE(false, true);
  const auto size = GENERATE(0, 1, 4096, (1 << 20) + 5, 5 << 20);
  const auto v = volume::create().value();
  sync::file_system fs(v);
  const std::string content = noise(static_cast<std::size_t>(size));
  fs.write_text("/a", content).value();
  const auto memory = to_memfd_by(by_coroutine, v, "/a").value();
  CHECK(memory.path() == "/proc/self/fd/" + std::to_string(memory.fd()));
  CHECK(content_of_descriptor(memory.fd()) == content);
  CHECK(content_of(memory.path()) == content);
  CHECK(::lseek(memory.fd(), 0, SEEK_CUR) == 0);
  CHECK(said_by("wc -c < " + memory.path()) == std::to_string(size) + "\n");
  const scratch s;
  put(s / "a", content);
  CHECK(said_by("cmp " + memory.path() + " " + (s / "a").native() + " && echo same") == "same\n");
}

TEST_CASE("to_memfd: holes are zeros", "[memfd]") {
  const bool by_coroutine = GENERATE(false, true);
  const auto v = volume::create().value();
  sync::file_system fs(v);
  auto f = fs.open("/sparse", open_mode::create).value();
  f.write_at((3 << 20) + 7, "end").value();
  f.close().value();
  const auto memory = to_memfd_by(by_coroutine, v, "/sparse").value();
  CHECK(content_of_descriptor(memory.fd()) == std::string((3 << 20) + 7, '\0') + "end");
}

TEST_CASE("to_memfd: what is sealed can not be changed by anybody", "[memfd]") {
  const bool by_coroutine = GENERATE(false, true);
  const auto v = volume::create().value();
  sync::file_system(v).write_text("/a", "content").value();
  const auto memory = to_memfd_by(by_coroutine, v, "/a").value();
  const int fd = memory.fd();
  CHECK((::pwrite(fd, "x", 1, 0) == -1 && errno == EPERM));
  CHECK((::pwrite(fd, "x", 1, 100) == -1 && errno == EPERM));
  CHECK((::ftruncate(fd, 0) == -1 && errno == EPERM));
  CHECK((::ftruncate(fd, 100) == -1 && errno == EPERM));
  CHECK((::fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL) == -1 && errno == EPERM));
  CHECK(::mmap(nullptr, 7, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED);
  CHECK(said_by("(echo x > " + memory.path() + ") 2> /dev/null || echo refused") == "refused\n");
  CHECK(content_of_descriptor(fd) == "content");

  memfd_options open;
  open.seal = false;
  const auto unsealed = to_memfd_by(by_coroutine, v, "/a", open).value();
  CHECK(said_by("echo changed >> " + unsealed.path()).empty());
  CHECK(content_of_descriptor(unsealed.fd()) == "contentchanged\n");
}

TEST_CASE("to_memfd: children have it if they are to", "[memfd]") {
  const bool by_coroutine = GENERATE(false, true), inherits = GENERATE(false, true);
  const auto v = volume::create().value();
  sync::file_system(v).write_text("/a", "content").value();
  memfd_options options;
  options.inherit = inherits;
  const auto memory = to_memfd_by(by_coroutine, v, "/a", options).value();
  CHECK(said_by("test -e " + memory.path() + " && echo there || echo not there") ==
        (inherits ? "there\n" : "not there\n"));
}

TEST_CASE("to_memfd: holds the bytes against the quota while it is there", "[memfd]") {
  const bool by_coroutine = GENERATE(false, true);
  const auto counting = GENERATE(accounting::memory, accounting::payload);
  const auto v = volume::create({.max_quota = 1 << 20, .accounting = counting}).value();
  sync::file_system fs(v);
  fs.write_text("/a", std::string(100'001, 'a')).value();
  const auto before = v.stats().used_bytes;
  const std::uint64_t pages = (100'001 + page_size() - 1) / page_size() * page_size();
  const std::uint64_t held = counting == accounting::payload ? 100'001 : pages;
  {
    auto memory = to_memfd_by(by_coroutine, v, "/a").value();
    CHECK(v.stats().used_bytes == before + held);
    memory_file moved = std::move(memory);
    CHECK(memory.fd() == -1);
    CHECK(memory.path().empty());
    CHECK(v.stats().used_bytes == before + held);
    memory = to_memfd_by(by_coroutine, v, "/a").value();
    CHECK(v.stats().used_bytes == before + 2 * held);
    moved = std::move(memory);
    CHECK(memory.fd() == -1);
    CHECK(v.stats().used_bytes == before + held);
    fs.remove("/a").value();
    CHECK(v.stats().used_bytes == held);
    CHECK(content_of_descriptor(moved.fd()) == std::string(100'001, 'a'));
  }
  CHECK(v.stats().used_bytes == 0);
  CHECK(v.stats().free_bytes == 1 << 20);
  fs.write_text("/a", "again").value();
  memfd_options free;
  free.charge = false;
  const auto used = v.stats().used_bytes;
  const auto memory = to_memfd_by(by_coroutine, v, "/a", free).value();
  CHECK(v.stats().used_bytes == used);
}

TEST_CASE("to_memfd: what the quota has no room for is refused before anything is made",
          "[memfd]") {
  const bool by_coroutine = GENERATE(false, true);
  const auto v = payload_volume(1000);
  sync::file_system fs(v);
  fs.write_text("/a", std::string(600, 'a')).value();
  const std::size_t descriptors = open_descriptors();
  const auto refused = to_memfd_by(by_coroutine, v, "/a");
  CHECK(error_of(refused) == errc::quota_exceeded);
  CHECK(refused.error().requested() == 600);
  CHECK(refused.error().available() == 400);
  CHECK(refused.error().details().operation == "to_memfd");
  CHECK(refused.error().details().path == "/a");
  CHECK(v.stats().used_bytes == 600);
  CHECK(open_descriptors() == descriptors);
  memfd_options free;
  free.charge = false;
  CHECK(content_of_descriptor(to_memfd_by(by_coroutine, v, "/a", free).value().fd()).size() == 600);
}

TEST_CASE("to_memfd: the guard is asked for the copy", "[memfd]") {
  const bool by_coroutine = GENERATE(false, true);
  std::uint64_t available = 10'000;
  memory_guard_options guard;
  guard.mode = guard_mode::per_write;
  guard.action = guard_action::reject;
  guard.interval = {};
  guard.available_memory = [&]() -> std::optional<std::uint64_t> { return available; };
  const auto v =
      volume::create(
          {.max_quota = 10'000, .accounting = accounting::payload, .memory_guard = guard})
          .value();
  sync::file_system(v).write_text("/a", std::string(600, 'a')).value();
  available = 599;
  CHECK(error_of(to_memfd_by(by_coroutine, v, "/a")) == errc::memory_guard);
  CHECK(v.stats().used_bytes == 600);
  available = 600;
  CHECK(to_memfd_by(by_coroutine, v, "/a").has_value());
}

TEST_CASE("to_memfd: each point of it can fail, and then nothing is left", "[memfd][faults]") {
  const bool by_coroutine = GENERATE(false, true);
  nth_point faults;
  volume_options options{.max_quota = 10'000, .faults = &faults};
  options.accounting = accounting::payload;
  options.memory_guard = {.mode = guard_mode::per_write,
                          .action = guard_action::reject,
                          .available_memory = [] { return std::uint64_t{1} << 40; }};
  const auto v = volume::create(options).value();
  sync::file_system(v).write_text("/a", std::string(600, 'a')).value();
  const std::vector<errc> expected{errc::quota_exceeded, errc::memory_guard};
  for (std::size_t n = 0; n < expected.size(); ++n) {
    faults.left = n + 1;
    const auto refused = to_memfd_by(by_coroutine, v, "/a");
    CHECK(error_of(refused) == expected[n]);
    CHECK(faults.path == "/a");
    CHECK(faults.amount == 600);
    CHECK(v.stats().used_bytes == 600);
  }
  faults.left = expected.size() + 1;
  CHECK(to_memfd_by(by_coroutine, v, "/a").has_value());
  CHECK(faults.left == 1);
}

TEST_CASE("to_memfd: it gives bytes to who waits for them, and outlives its file system",
          "[memfd]") {
  auto v = std::optional(payload_volume(1000));
  memory_file memory;
  {
    sync::file_system fs(*v);
    fs.write_text("/a", std::string(400, 'a')).value();
    memory = to_memfd(fs, "/a").value();
    auto writer = fs.open("/b", open_mode::create, {.on_full = when_full::wait}).value();
    std::optional<result<std::size_t>> written;
    std::thread waiting([&] { written.emplace(writer.write(std::string(300, 'b'))); });
    await_waiting(*v, 1);
    memory = memory_file();
    waiting.join();
    CHECK(written->value() == 300);
    fs.remove("/a").value();
    fs.write_text("/a", "last").value();
    memory = to_memfd(fs, "/a").value();
  }
  v.reset();
  CHECK(content_of_descriptor(memory.fd()) == "last");
}

TEST_CASE("to_memfd: a writer is waited for, and waits for nothing", "[memfd]") {
  const bool by_coroutine = GENERATE(false, true);
  const auto v = volume::create({.default_lock_timeout = std::chrono::seconds(60)}).value();
  sync::file_system fs(v);
  fs.write_text("/a", "old").value();
  auto writer = fs.open("/a", open_mode::update).value();
  std::optional<result<memory_file>> made;
  std::thread other([&] { made.emplace(to_memfd_by(by_coroutine, v, "/a")); });
  await_waiting(v, 1);
  writer.write("new").value();
  writer.close().value();
  other.join();
  // No lock is left behind.
  auto next = fs.open("/a", open_mode::update, {.timeout = lock_timeout::immediate()}).value();
  next.write("NEW").value();
  CHECK(content_of_descriptor(made->value().fd()) == "new");
  CHECK(content_of_descriptor(made->value().fd()) == "new");
}

TEST_CASE("to_memfd: each error says what it is about", "[memfd]") {
  const bool by_coroutine = GENERATE(false, true);
  const auto v = volume::create({.default_lock_timeout = lock_timeout::immediate()}).value();
  sync::file_system fs(v);
  fs.create_directory("/d").value();
  fs.write_text("/a", "content").value();
  CHECK(error_of(to_memfd_by(by_coroutine, v, "/none")) == errc::not_found);
  CHECK(error_of(to_memfd_by(by_coroutine, v, "/d")) == errc::is_a_directory);
  CHECK(error_of(to_memfd_by(by_coroutine, v, "/a/b")) == errc::not_a_directory);
  CHECK(error_of(to_memfd_by(by_coroutine, v, "/../a")) == errc::invalid_path);
  CHECK(error_of(to_memfd_by(by_coroutine, v, std::string(300, 'n'))) == errc::name_too_long);
  const auto writer = fs.open("/a", open_mode::update).value();
  CHECK(error_of(to_memfd_by(by_coroutine, v, "/a")) == errc::would_block);

  const auto patient =
      volume::create({.default_lock_timeout = std::chrono::milliseconds(1)}).value();
  auto other = sync::file_system(patient).open("/a", open_mode::write).value();
  CHECK(error_of(to_memfd_by(by_coroutine, patient, "/a")) == errc::timed_out);
}

TEST_CASE("to_memfd: what the host refuses has its own code", "[memfd]") {
  const bool by_coroutine = GENERATE(false, true);
  const auto v = volume::create().value();
  sync::file_system(v).write_text("/a", std::string(100'000, 'a')).value();
  const auto used = v.stats().used_bytes;
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  struct rlimit old_limit;
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &old_limit) == 0);
  struct rlimit limit = old_limit;
  limit.rlim_cur = 50'000;
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &limit) == 0);
  const auto refused = to_memfd_by(by_coroutine, v, "/a");
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &old_limit) == 0);
  std::signal(SIGXFSZ, old_handler);
  CHECK(error_of(refused) == std::errc::file_too_large);
  CHECK(refused.error().message() == "File too large: to_memfd \"/a\"");
  CHECK(v.stats().used_bytes == used);
}

TEST_CASE("from_memfd: takes back what a child has written", "[memfd]") {
  const bool by_coroutine = GENERATE(false, true);
  const auto v = volume::create().value();
  sync::file_system fs(v);
  fs.write_text("/empty", "").value();
  memfd_options options;
  options.seal = false;
  const auto memory = to_memfd_by(by_coroutine, v, "/empty", options).value();
  CHECK(said_by("printf 'by a child' > " + memory.path()).empty());
  CHECK(from_memfd_by(by_coroutine, v, memory.fd(), "/result").value() == 10);
  CHECK(fs.read_text("/result").value() == "by a child");
  CHECK(fs.list("/").value() == std::vector<std::string>{"empty", "result"});
}

TEST_CASE("from_memfd: any size comes in whole, and is charged as a file", "[memfd]") {
  const bool by_coroutine = GENERATE(false, true);
  const auto size = GENERATE(0, 1, 65'537, (1 << 20), (3 << 20) + 7);
  const auto layout = GENERATE(storage_layout::automatic, storage_layout::sequential,
                               storage_layout::random_access);
  const auto v = volume::create({.default_storage = layout}).value();
  sync::file_system fs(v);
  const std::string content = noise(static_cast<std::size_t>(size));
  const owned file(::memfd_create("test", MFD_CLOEXEC));
  put_into(file.number(), content);
  REQUIRE(::lseek(file.number(), 3, SEEK_SET) == 3);
  CHECK(from_memfd_by(by_coroutine, v, file.number(), "/a").value() == content.size());
  CHECK(fs.read_text("/a").value() == content);
  CHECK(::lseek(file.number(), 0, SEEK_CUR) == 3);
  // Nothing beside the file is left charged: one that is written is charged the same.
  const auto used = v.stats().used_bytes;
  fs.remove("/a").value();
  fs.write_text("/a", content).value();
  CHECK(used <= v.stats().used_bytes + 4096);
  CHECK(v.stats().open_handles == 0);
  fs.remove("/a").value();
  CHECK(v.stats().used_bytes == 0);
}

TEST_CASE("from_memfd: sealed files, holes, and files of the disk", "[memfd]") {
  const bool by_coroutine = GENERATE(false, true);
  const auto v = volume::create().value();
  sync::file_system fs(v);
  fs.write_text("/a", "content").value();
  const auto sealed = to_memfd_by(by_coroutine, v, "/a").value();
  CHECK(from_memfd_by(by_coroutine, v, sealed.fd(), "/b").value() == 7);
  CHECK(fs.read_text("/b").value() == "content");
  const owned sparse(::memfd_create("test", MFD_CLOEXEC));
  REQUIRE(::ftruncate(sparse.number(), 1 << 20) == 0);
  CHECK(from_memfd_by(by_coroutine, v, sparse.number(), "/zeros").value() == 1 << 20);
  CHECK(fs.read_text("/zeros").value() == std::string(1 << 20, '\0'));
  const scratch s;
  put(s / "disk", "on the disk");
  const owned disk(::open((s / "disk").c_str(), O_RDONLY | O_CLOEXEC));
  CHECK(from_memfd_by(by_coroutine, v, disk.number(), "/disk").value() == 11);
  CHECK(fs.read_text("/disk").value() == "on the disk");
  // It says that it is empty.
  const owned odd(::open("/proc/self/status", O_RDONLY | O_CLOEXEC));
  CHECK(from_memfd_by(by_coroutine, v, odd.number(), "/odd").value() == 0);
}

TEST_CASE("from_memfd: what is there stays, or is replaced", "[memfd]") {
  const bool by_coroutine = GENERATE(false, true);
  const auto v = volume::create().value();
  sync::file_system fs(v);
  fs.write_text("/a", "old").value();
  fs.create_directory("/d").value();
  const owned file(::memfd_create("test", MFD_CLOEXEC));
  put_into(file.number(), "new");
  const auto take = [&](const char* path, if_exists existing) {
    return error_of(from_memfd_by(by_coroutine, v, file.number(), path, existing));
  };
  const auto before = v.stats().used_bytes;
  CHECK(take("/a", if_exists::fail) == errc::already_exists);
  CHECK(take("/d", if_exists::fail) == errc::already_exists);
  CHECK(take("/d", if_exists::replace) == errc::is_a_directory);
  CHECK(take("/", if_exists::replace) == errc::is_a_directory);
  CHECK(take("/a/b", if_exists::fail) == errc::not_a_directory);
  CHECK(take("/../b", if_exists::fail) == errc::invalid_path);
  CHECK(take(std::string(300, 'n').c_str(), if_exists::fail) == errc::name_too_long);
  CHECK(take("/b", static_cast<if_exists>(7)) == errc::invalid_argument);
  {
    const auto reader = fs.open("/a", open_mode::read).value();
    CHECK(take("/a", if_exists::replace) == errc::busy);
  }
  CHECK(fs.list("/").value() == std::vector<std::string>{"a", "d"});
  CHECK(fs.read_text("/a").value() == "old");
  CHECK(v.stats().used_bytes == before);
  CHECK(from_memfd_by(by_coroutine, v, file.number(), "/a", if_exists::replace).value() == 3);
  CHECK(fs.read_text("/a").value() == "new");
}

TEST_CASE("from_memfd: missing parents come with the file", "[memfd]") {
  const bool by_coroutine = GENERATE(false, true);
  const auto v = volume::create().value();
  const owned file(::memfd_create("test", MFD_CLOEXEC));
  put_into(file.number(), "new");
  CHECK(from_memfd_by(by_coroutine, v, file.number(), "/d/e/a", if_exists::fail).value() == 3);
  CHECK(sync::file_system(v).read_text("/d/e/a").value() == "new");
}

TEST_CASE("from_memfd: a descriptor that is no file says so", "[memfd]") {
  const bool by_coroutine = GENERATE(false, true);
  const auto v = volume::create().value();
  sync::file_system fs(v);
  const auto why = [&](int fd) { return error_of(from_memfd_by(by_coroutine, v, fd, "/a")); };
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  const owned reads(ends[0]), writes(ends[1]);
  const owned directory(::open("/", O_RDONLY | O_CLOEXEC));
  const owned device(::open("/dev/zero", O_RDONLY | O_CLOEXEC));
  const owned socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const scratch s;
  put(s / "a", "content");
  const owned unreadable(::open((s / "a").c_str(), O_WRONLY | O_CLOEXEC));
  const owned by_path(::open((s / "a").c_str(), O_PATH | O_CLOEXEC));
  put(s / "empty", "");
  const owned nothing(::open((s / "empty").c_str(), O_WRONLY | O_CLOEXEC));
  CHECK(why(-1) == std::errc::bad_file_descriptor);
  CHECK(why(std::numeric_limits<int>::min()) == std::errc::bad_file_descriptor);
  CHECK(why(1'000'000) == std::errc::bad_file_descriptor);
  CHECK(why(unreadable.number()) == std::errc::bad_file_descriptor);
  CHECK(why(by_path.number()) == std::errc::bad_file_descriptor);
  CHECK(why(nothing.number()) == std::errc::bad_file_descriptor);
  CHECK(why(directory.number()) == errc::is_a_directory);
  CHECK(why(reads.number()) == errc::not_supported);
  CHECK(why(writes.number()) == errc::not_supported);
  CHECK(why(device.number()) == errc::not_supported);
  CHECK(why(socket.number()) == errc::not_supported);
  CHECK(from_memfd_by(by_coroutine, v, -1, "/a").error().message() ==
        "Bad file descriptor: from_memfd \"/a\"");
  CHECK(fs.list("/").value().empty());
  CHECK(v.stats().used_bytes == 0);
}

TEST_CASE("from_memfd: a size that the quota has no room for is refused unread", "[memfd]") {
  const bool by_coroutine = GENERATE(false, true);
  const auto v = payload_volume(1000);
  sync::file_system fs(v);
  fs.write_text("/a", std::string(600, 'a')).value();
  const owned file(::memfd_create("test", MFD_CLOEXEC));
  // More than there is memory in the machine, if it were read.
  const auto size = GENERATE(std::int64_t{401}, std::int64_t{1} << 50);
  REQUIRE(::ftruncate(file.number(), size) == 0);
  const auto refused = from_memfd_by(by_coroutine, v, file.number(), "/b");
  CHECK(error_of(refused) == errc::quota_exceeded);
  CHECK(refused.error().requested() == static_cast<std::uint64_t>(size));
  CHECK(refused.error().available() == 400);
  CHECK(fs.list("/").value() == std::vector<std::string>{"a"});
  CHECK(v.stats().used_bytes == 600);
  REQUIRE(::ftruncate(file.number(), 400) == 0);
  CHECK(from_memfd_by(by_coroutine, v, file.number(), "/b").value() == 400);
}

TEST_CASE("from_memfd: the guard is asked before anything is read", "[memfd]") {
  const bool by_coroutine = GENERATE(false, true);
  std::uint64_t available = 1000;
  memory_guard_options guard;
  guard.mode = guard_mode::per_write;
  guard.action = guard_action::reject;
  guard.interval = {};
  guard.available_memory = [&]() -> std::optional<std::uint64_t> { return available; };
  const auto v =
      volume::create({.max_quota = 1000, .accounting = accounting::payload, .memory_guard = guard})
          .value();
  const owned file(::memfd_create("test", MFD_CLOEXEC));
  put_into(file.number(), std::string(600, 'a'));
  available = 599;
  CHECK(error_of(from_memfd_by(by_coroutine, v, file.number(), "/a")) == errc::memory_guard);
  CHECK(v.stats().used_bytes == 0);
  CHECK(v.stats().file_count == 0);
}

TEST_CASE("from_memfd: the number of files is limited", "[memfd]") {
  const bool by_coroutine = GENERATE(false, true);
  const auto v = volume::create({.max_nodes = 2}).value();
  sync::file_system(v).write_text("/a", "").value();
  const owned file(::memfd_create("test", MFD_CLOEXEC));
  CHECK(error_of(from_memfd_by(by_coroutine, v, file.number(), "/b")) == errc::node_limit_exceeded);
}

}  // namespace coramfs::tests
