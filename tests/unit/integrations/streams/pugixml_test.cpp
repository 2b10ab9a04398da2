// SPDX-License-Identifier: BSL-1.0
// Of what can be opened, pugixml takes streams: it seeks to learn the size, reads, and writes.
#include <coramfs/iostream.hpp>
#include <coramfs/sync/file_system.hpp>

#include "support/catch.hpp"
#include "support/describe.hpp"

#include <sstream>
#include <string>

#include <pugixml.hpp>

namespace coramfs::tests {

namespace {

pugi::xml_document large_document() {
  pugi::xml_document d;
  pugi::xml_node root = d.append_child("entries");
  for (int i = 0; i < 5000; ++i) {
    pugi::xml_node entry = root.append_child("entry");
    entry.append_attribute("number") = i;
    entry.append_child(pugi::node_pcdata).set_value(std::to_string(i * i).c_str());
  }
  return d;
}

}  // namespace

TEST_CASE("streams: pugixml saves a document and loads it again", "[streams][pugixml]") {
  sync::file_system fs(volume::create().value());
  const pugi::xml_document before = large_document();
  std::ostringstream expected;
  before.save(expected);
  {
    auto f = fs.open("/a.xml", open_mode::write).value();
    ostream out(f);
    before.save(out);
    CHECK(out.good());
  }
  CHECK((fs.read_text("/a.xml").value() == expected.str()));
  auto f = fs.open("/a.xml", open_mode::read).value();
  istream in(f);
  pugi::xml_document after;
  CHECK(after.load(in).status == pugi::status_ok);
  CHECK(after.select_node("/entries/entry[@number=4711]").node().text().as_int() == 4711 * 4711);
  std::ostringstream again;
  after.save(again);
  CHECK((again.str() == expected.str()));
}

TEST_CASE("streams: pugixml's stream is bad where the quota is full", "[streams][pugixml]") {
  sync::file_system fs(
      volume::create({.max_quota = 50'000, .accounting = accounting::payload}).value());
  auto f = fs.open("/a.xml", open_mode::write_read).value();
  iostream both(f);
  large_document().save(both);
  CHECK(both.bad());
  CHECK(both.last_error() == errc::quota_exceeded);
  // What is there is the beginning of a document, which is not taken for a whole one.
  both.clear();
  both.seekg(0);
  pugi::xml_document after;
  CHECK(after.load(both).status != pugi::status_ok);
}

}  // namespace coramfs::tests
