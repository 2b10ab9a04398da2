// SPDX-License-Identifier: BSL-1.0
#include "api/scenario.hpp"

#include <functional>

namespace coramfs::tests {

namespace {

/// A volume whose guard does something to it just before a new file is put into its place: between
/// the look that found the place free and the one that takes it.
class interrupted {
 public:
  using action = std::function<void(any_file_system&)>;

  interrupted() : fs_({.max_quota = 1'000'000, .memory_guard = guard()}), other_(fs_.twin()) {
    for (const char* directory : {"/d", "/d/below", "/e"}) fs_->create_directory(directory).value();
  }

  any_file_system* operator->() const { return &*fs_; }

  /// Opens a new file with content, while others do something.
  auto open(const std::string& path, open_mode mode, action others) {
    others_ = std::move(others);
    auto opened = fs_->open(path, mode, {.preallocate = 10});
    CHECK(others_ == nullptr);
    return opened;
  }

 private:
  memory_guard_options guard() {
    return {.mode = guard_mode::per_write,
            .interval = {},
            .available_memory = [this]() -> std::optional<std::uint64_t> {
              if (const action act = std::exchange(others_, nullptr)) act(*other_);
              return 1'000'000;
            }};
  }

  action others_;
  scenario fs_;
  std::unique_ptr<any_file_system> other_;
};

}  // namespace

TEST_CASE("creation: a directory that goes meanwhile takes no new file", "[api][open]") {
  interrupted fs;
  const bool is_above = GENERATE(false, true);
  const std::string path = is_above ? "/d/below/new" : "/d/new";
  SECTION("removed") {
    const auto opened =
        fs.open(path, open_mode::write, [](any_file_system& o) { o.remove_tree("/d").value(); });
    CHECK(error_of(opened) == errc::not_found);
    CHECK(fs->glob("/**").value() == std::vector<std::string>{"/e"});
  }
  SECTION("given another name") {
    const auto opened =
        fs.open(path, open_mode::write, [](any_file_system& o) { o.rename("/d", "/x").value(); });
    CHECK(error_of(opened) == errc::not_found);
    CHECK(fs->glob("/**").value() == std::vector<std::string>{"/e", "/x", "/x/below"});
  }
  SECTION("replaced by another of the same name") {
    fs->create_directories("/other/below").value();
    const auto opened = fs.open(path, open_mode::write, [](any_file_system& o) {
      o.rename("/d", "/x").value();
      o.rename("/other", "/d").value();
    });
    REQUIRE(opened);
    CHECK(fs->is_file(path).value());
    CHECK(fs->glob("/x/**").value() == std::vector<std::string>{"/x/below"});
  }
  SECTION("replaced by a file") {
    const auto opened = fs.open(path, open_mode::write, [](any_file_system& o) {
      o.remove_tree("/d").value();
      o.write_file("/d", "a file").value();
    });
    CHECK(error_of(opened) == errc::not_a_directory);
    CHECK(fs->read_file("/d").value() == "a file");
  }
}

TEST_CASE("creation: what gets the name meanwhile is found", "[api][open]") {
  interrupted fs;
  SECTION("by one who wants a new file") {
    const auto opened = fs.open("/d/new", open_mode::create, [](any_file_system& o) {
      o.write_file("/d/new", "of another").value();
    });
    CHECK(error_of(opened) == errc::already_exists);
    CHECK(fs->read_file("/d/new").value() == "of another");
  }
  SECTION("by one who takes what is there") {
    {
      const auto opened = fs.open("/d/new", open_mode::append, [](any_file_system& o) {
        o.write_file("/d/new", "of another").value();
      });
      REQUIRE(opened);
      opened.value()->write("!").value();
    }
    CHECK(fs->read_file("/d/new").value() == "of another!");
  }
  SECTION("where it is a directory") {
    const auto opened = fs.open("/d/new", open_mode::write,
                                [](any_file_system& o) { o.create_directory("/d/new").value(); });
    CHECK(error_of(opened) == errc::is_a_directory);
  }
}

TEST_CASE("creation: other changes of the directory do no harm", "[api][open]") {
  interrupted fs;
  fs->write_file("/d/old", "old").value();
  const auto opened = fs.open("/d/new", open_mode::write, [](any_file_system& o) {
    o.remove("/d/old").value();
    for (int i = 0; i < 100; ++i) o.write_file("/d/" + std::to_string(i), "x").value();
    o.rename("/e", "/f").value();
  });
  REQUIRE(opened);
  CHECK(fs->list("/d").value().size() == 102);
  CHECK(fs->file_size("/d/new").value() == 10);
}

}  // namespace coramfs::tests
