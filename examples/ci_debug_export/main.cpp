// SPDX-License-Identifier: BSL-1.0
//
// Tests that leave their tree on disk when they fail, where continuous integration finds it. Each
// has a file of this machine in a volume, which a small program splits into parts. `--help` says
// what it can do.
#include "command_line.hpp"
#include "splitter.hpp"

#include <coramfs/testing.hpp>

#include <algorithm>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

namespace ci_debug_export {

namespace {

using coramfs::testing::fixture;

std::vector<std::filesystem::path> find_texts(const std::vector<std::filesystem::path>& places) {
  std::vector<std::filesystem::path> texts;
  for (const std::filesystem::path& place : places) {
    if (!std::filesystem::is_directory(place)) {
      texts.push_back(place);
      continue;
    }
    const auto first_of_place = std::ssize(texts);
    for (const auto& entry : std::filesystem::directory_iterator(place))
      if (entry.is_regular_file()) texts.push_back(entry.path());
    std::sort(texts.begin() + first_of_place, texts.end());
  }
  return texts;
}

std::string read_text(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::string text(std::istreambuf_iterator<char>(in), {});
  if (in.bad() || !in.is_open()) throw std::runtime_error(file.string() + ": can not be read");
  return text;
}

std::string joined(coramfs::sync::file_system& fs, const std::string& directory) {
  std::string all;
  for (const std::string& part : fs.list(directory).value())
    all += fs.read_text(directory + '/' + part).value();
  return all;
}

/// Splits one text, and puts it together again. What the test leaves open, the fixture finds.
void test_split(splitter& tested, const std::string& name, const std::string& text) {
  auto how = coramfs::testing::small();
  how.max_quota = 4 * text.size() + how.max_quota;
  fixture t(how, {.tree = coramfs::testing::tree_of().file("/in/" + name, text),
                  .name = "split." + name});
  tested.split(t.fs(), name).value();
  const std::string again = joined(t.fs(), "/parts/" + name);
  if (again == text) return;
  std::cout << "split." << name << ": the parts have " << again.size() << " bytes, and the text "
            << text.size() << std::endl;
  t.failed();
}

int run(const settings& s) {
  const std::vector<std::filesystem::path> texts = find_texts(s.inputs);
  splitter tested(s.size, s.what);
  for (const std::filesystem::path& file : texts)
    test_split(tested, file.filename().string(), read_text(file));
  std::cout << "tests: " << texts.size() << std::endl;
  // Those that have failed give the process its status.
  return exit_ok;
}

}  // namespace

}  // namespace ci_debug_export

int main(int argc, char** argv) {
  try {
    const auto parsed = ci_debug_export::parse_command_line(argc, argv);
    if (const int* status = std::get_if<int>(&parsed)) return *status;
    return ci_debug_export::run(std::get<ci_debug_export::settings>(parsed));
  } catch (const std::exception& e) {
    std::cerr << "ci_debug_export: " << e.what() << '\n';
    return ci_debug_export::exit_failure;
  }
}
