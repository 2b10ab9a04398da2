// SPDX-License-Identifier: BSL-1.0
#include "property/generator.hpp"

#include <limits>
#include <ostream>
#include <string>
#include <tuple>
#include <utility>

namespace coramfs::tests {

namespace {

// Shrinks towards the front of the table.
template <class T>
rc::Gen<T> one_of(std::vector<T> table) {
  return rc::gen::map(rc::gen::inRange<std::size_t>(0, table.size()),
                      [table](std::size_t i) { return table[i]; });
}

rc::Gen<action> any_action() {
  using enum action;
  return rc::gen::weightedElement<action>({{1, create_directories},
                                           {2, create_directory},
                                           {3, write_file},
                                           {6, open},
                                           {4, write},
                                           {4, write_at},
                                           {2, adopt},
                                           {2, truncate},
                                           {1, truncate_here},
                                           {2, reserve},
                                           {2, punch_hole},
                                           {3, seek},
                                           {1, read},
                                           {1, read_at},
                                           {1, read_all},
                                           {1, close},
                                           {1, drop},
                                           {2, rename},
                                           {2, move},
                                           {3, copy},
                                           {4, copy_tree},
                                           {1, remove},
                                           {1, remove_in_turn},
                                           {2, take_name},
                                           {1, remove_directory},
                                           {1, remove_tree},
                                           {1, set_modified},
                                           {1, import_tree},
                                           {1, read_file},
                                           {1, export_tree},
                                           {1, export_each},
                                           {1, list},
                                           {1, list_entries},
                                           {1, walk},
                                           {1, glob},
                                           {1, look},
                                           {2, fork},
                                           {1, end_volume}});
}

// The last is too long for where short names are kept.
const std::vector<std::string> names{"a", "b", "f", "g", std::string(50, 'l')};

// Few, and the upper ones often, so that they collide.
std::vector<std::string> plain_paths() {
  std::vector<std::string> all;
  for (int i = 0; i < 3; ++i)
    for (const std::string& name : names) all.push_back("/" + name);
  for (const char* above : {"/a", "/a", "/b", "/a/a", "/a/b"})
    for (const std::string& name : names) all.push_back(std::string(above) + "/" + name);
  return all;
}

std::vector<std::string> odd_paths() {
  const std::string too_deep = [] {
    std::string path;
    while (path.size() <= 4096) path += "/" + std::string(200, 'd');
    return path;
  }();
  return {"",
          "/",
          ".",
          "a",
          "a/b/",
          "//a//b",
          "/./a/.",
          "/b/../a",
          "/missing/..",
          "\\a\\b",
          "/a\\..\\b",
          "/..",
          "../a",
          "/a/../..",
          "/a/../../a",
          "/A",
          " a",
          std::string("/a\0b", 4),
          "/a/\xFF",
          "/" + std::string(255, 'n'),
          "/" + std::string(256, 'n'),
          too_deep};
}

rc::Gen<std::string> any_path() {
  return rc::gen::weightedOneOf<std::string>(
      {{15, one_of(plain_paths())}, {1, one_of(odd_paths())}});
}

rc::Gen<std::string> any_pattern() {
  return one_of<std::string>({"/a",          "/*",       "*",
                              "/**",         "**",       "/a/**",
                              "/**/a",       "**/b",     "/a/**/b",
                              "/*/*",        "/**/*/**", "/?",
                              "/[ab]",       "/[!a]",    "/[a-c]/[b-z]",
                              "/[z-a]",      "/[",       "/[]a]",
                              "/[!]a]*",     "/l*l",     "/l**",
                              "//a//*",      "\\a\\*",   "",
                              "/",           "/.",       "/a/..",
                              "/**/..",      "/a/**/**", "a/",
                              "/*a*/**/*b*", "/{a,b}",   "/{a,b/a}/{b,*}",
                              "/{a,{b,l}*}", "/a{,/b}",  "/{a",
                              "/{a,b",       "/{**/,}b"});
}

constexpr std::uint64_t largest_size = std::numeric_limits<std::int64_t>::max();

rc::Gen<std::uint64_t> any_size(scale s) {
  const std::vector<std::uint64_t> small{0, 1, 2, 3, 4, 5, 8, 13, 21, 34, 55, 89};
  if (s == scale::small) return one_of(small);
  const std::vector<std::uint64_t> large{4'000, 65'535, 65'536, 65'537, 100'000, 131'072, 140'000};
  return rc::gen::weightedOneOf<std::uint64_t>({{3, one_of(small)}, {1, one_of(large)}});
}

rc::Gen<std::uint64_t> any_offset(scale s, bool far) {
  std::vector<std::uint64_t> beyond{largest_size + 1, ~std::uint64_t{0}};
  if (far) beyond.insert(beyond.begin(), {1'000'000'000'000, largest_size - 1, largest_size});
  return rc::gen::weightedOneOf<std::uint64_t>({{20, any_size(s)}, {1, one_of(beyond)}});
}

}  // namespace

void showValue(const script& s, std::ostream& out) {
  for (std::size_t i = 0; i < s.commands.size(); ++i) out << "\n  " << i << ". " << s.commands[i];
}

rc::Gen<script> any_script(scale s, bool far, std::size_t series) {
  using rc::gen::set;
  const auto any_command = rc::gen::build<command>(
      set(&command::what, any_action()), set(&command::tree, rc::gen::inRange<std::size_t>(0, 3)),
      set(&command::slot, rc::gen::inRange<std::size_t>(0, std::tuple_size_v<handles>)),
      set(&command::mode, one_of<open_mode>({open_mode::write, open_mode::read, open_mode::append,
                                             open_mode::update, open_mode::update,
                                             open_mode::create, open_mode::write_read,
                                             open_mode::append_read, open_mode::create_read})),
      set(&command::existing, one_of<if_exists>({if_exists::fail, if_exists::replace})),
      set(&command::in_use, one_of<if_open>({if_open::fail, if_open::wait, if_open::keep_unnamed})),
      set(&command::content, one_of<enum copy_options::content>(
                                 {copy_options::content::own, copy_options::content::share})),
      set(&command::owns, rc::gen::weightedElement<bool>({{3, false}, {1, true}})),
      set(&command::origin,
          one_of<seek_from>({seek_from::start, seek_from::current, seek_from::end})),
      set(&command::path, any_path()), set(&command::to, any_path()),
      set(&command::pattern, any_pattern()), set(&command::size, any_size(s)),
      set(&command::offset, any_offset(s, far)));
  const auto commands = rc::gen::resize(400, rc::gen::container<std::vector<command>>(any_command));
  const auto scripts =
      rc::gen::map(commands, [](std::vector<command> all) { return script{std::move(all)}; });
  return [scripts, series](const rc::Random& seed, int size) {
    rc::Random random = seed;
    for (std::size_t i = 0; i < series; ++i) random.split();
    return scripts(random, size);
  };
}

}  // namespace coramfs::tests
