// SPDX-License-Identifier: BSL-1.0
#include "tree/recent_directories.hpp"

#include "support/catch.hpp"
#include "tree/node.hpp"
#include "unit/tree/memory.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace coramfs::tests {

namespace {

using detail::directory_node;
using detail::recent_directories;

/// Directories that know their place, in no index.
class places {
 public:
  directory_node& root() { return *all_.front(); }
  directory_node& add(directory_node& above, std::string_view name) {
    directory_node& made = *all_.emplace_back(make());
    made.parent = &above;
    REQUIRE(made.name.assign(memory_.small(), name));
    return made;
  }

 private:
  std::unique_ptr<directory_node> make() {
    return std::unique_ptr<directory_node>(new (memory_.small())
                                               directory_node(now_, key_, memory_.small()));
  }

  memory memory_;
  const detail::hash_key key_{1, 2};
  const detail::time_point now_ = std::chrono::system_clock::now();
  std::vector<std::unique_ptr<directory_node>> all_ = [this] {
    std::vector<std::unique_ptr<directory_node>> v;
    v.push_back(make());
    return v;
  }();
};

}  // namespace

TEST_CASE("recent directories: what is remembered is found by its whole path alone",
          "[tree][recent]") {
  places p;
  directory_node& a = p.add(p.root(), "a");
  directory_node& ab = p.add(a, "b");
  recent_directories recent;
  CHECK(recent.find("/a/b") == nullptr);
  recent.remember("/a/b", ab);
  CHECK(recent.find("/a/b") == &ab);
  for (const std::string_view other : {"/b", "/x/b", "/a/a/b", "/aa/b", "/a/bb", "a/b", "/a", ""})
    CHECK(recent.find(other) == nullptr);
  recent.remember("/a", a);
  CHECK(recent.find("/a") == &a);
}

TEST_CASE("recent directories: a path whose end another shares leads to its own directory",
          "[tree][recent]") {
  const std::string end(60, 'x');
  places p;
  directory_node& in_a = p.add(p.add(p.root(), "a"), end);
  directory_node& in_b = p.add(p.add(p.root(), "b"), end);
  recent_directories recent;
  recent.remember("/a/" + end, in_a);
  CHECK(recent.find("/b/" + end) == nullptr);
  recent.remember("/b/" + end, in_b);
  CHECK(recent.find("/b/" + end) == &in_b);
  CHECK((recent.find("/a/" + end) == nullptr || recent.find("/a/" + end) == &in_a));
}

TEST_CASE("recent directories: what is remembered is busy with all above it, until it is forgotten",
          "[tree][recent]") {
  places p;
  directory_node& a = p.add(p.root(), "a");
  directory_node& ab = p.add(a, "b");
  recent_directories recent;
  recent.remember("/a/b", ab);
  CHECK(ab.has_users());
  CHECK(a.has_users());
  recent.remember("/a/b", ab);
  recent.remember("/a", a);
  recent.forget();
  CHECK_FALSE(ab.has_users());
  CHECK_FALSE(a.has_users());
  CHECK(recent.find("/a/b") == nullptr);
  CHECK(recent.find("/a") == nullptr);
}

TEST_CASE("recent directories: of too many the older give way, and are busy no more",
          "[tree][recent]") {
  constexpr int count = 1000;
  places p;
  recent_directories recent;
  std::vector<directory_node*> all;
  for (int i = 0; i < count; ++i) {
    const std::string name = "d" + std::to_string(i);
    all.push_back(&p.add(p.root(), name));
    recent.remember("/" + name, *all.back());
    CHECK(recent.find("/" + name) == all.back());
  }
  int busy = 0;
  for (int i = 0; i < count; ++i) {
    directory_node* const found = recent.find("/d" + std::to_string(i));
    CHECK((found != nullptr) == all[std::size_t(i)]->has_users());
    if (found != nullptr) CHECK(found == all[std::size_t(i)]);
    busy += all[std::size_t(i)]->has_users() ? 1 : 0;
  }
  CHECK(busy > 0);
  CHECK(busy < count / 2);
}

}  // namespace coramfs::tests
