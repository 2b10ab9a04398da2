// SPDX-License-Identifier: BSL-1.0
// Formats that are the caller's own (AF1, AF18).
#include <coramfs/archive.hpp>

#include "support/catch.hpp"
#include "support/describe.hpp"
#include "unit/integrations/archive/expand_by.hpp"
#include "unit/integrations/archive/makers.hpp"

#include <atomic>
#include <memory>
#include <new>
#include <span>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

namespace coramfs::tests {

namespace {

// What is in memory, whole.
std::string content_of(const archive_source& s) {
  if (const auto* span = std::get_if<std::span<const std::byte>>(&s.where()))
    return std::string(reinterpret_cast<const char*>(span->data()), span->size());
  std::string all;
  for (const asio::const_buffer b : std::get<pinned>(s.where()))
    all.append(static_cast<const char*>(b.data()), b.size());
  return all;
}

// "lines" and then a file for each line: its name, a colon, and its content.
class lines_reader : public archive_reader {
 public:
  explicit lines_reader(std::string all) : left_(std::move(all)) { left_.erase(0, 6); }

  result<std::optional<archive_entry>> next() override {
    if (left_.empty()) return std::optional<archive_entry>();
    const std::string line = left_.substr(0, left_.find('\n'));
    left_.erase(0, line.size() + 1);
    const auto colon = line.find(':');
    content_ = line.substr(colon + 1);
    if (content_ == "throw") throw std::runtime_error("from the adapter");
    if (content_ == "memory") throw std::bad_alloc();
    if (content_ == "busy") return errc::busy;
    return std::optional(archive_entry{line.substr(0, colon), entry_kind::file, {}});
  }
  result<std::span<const std::byte>> read() override {
    given_ = std::exchange(content_, {});
    return std::as_bytes(std::span(given_.data(), given_.size()));
  }

 private:
  std::string left_, content_, given_;
};

class lines_adapter : public archive_adapter {
 public:
  bool accepts(std::span<const std::byte> head, std::string_view name) const override {
    if (name == "/throws") throw std::runtime_error("from the adapter");
    const std::string_view text(reinterpret_cast<const char*>(head.data()), head.size());
    return text.starts_with("lines\n") && head.size() <= 512;
  }
  result<std::unique_ptr<archive_reader>> open(archive_source source) const override {
    return std::unique_ptr<archive_reader>(std::make_unique<lines_reader>(content_of(source)));
  }
};

expand_options with_adapter() {
  expand_options o;
  o.adapters = {nullptr, std::make_shared<lines_adapter>()};
  return o;
}

}  // namespace

TEST_CASE("expand_archive: by an adapter", "[archive]") {
  const way by = GENERATE(way::thread, way::coroutine, way::pool);
  const auto v = volume::create().value();
  sync::file_system fs(v);
  const std::string lines = "lines\na:1\nd/b:22\n";
  CHECK(expand_by(by, v, source_of(lines), "/to", with_adapter()).value().files == 2);
  CHECK(tree_in(v, "/to") ==
        std::map<std::string, std::string>{{"a", "1"}, {"d/", ""}, {"d/b", "22"}});
  fs.write_text("/lines", lines).value();
  CHECK(stream_by(by, v, archive_source::in_volume("/lines"), "/too", with_adapter()).value() == 2);
  CHECK(list_by(by, v, source_of(lines), with_adapter()).value().size() == 2);
  // What it does not accept is as ever, and its names are no safer than others.
  CHECK(expand_by(by, v, source_of(tar_of({{"t", ""}})), "/tar", with_adapter()).value().files ==
        1);
  CHECK(error_of(expand_by(by, v, source_of("lines\n../a:1\n"), "/x", with_adapter())) ==
        errc::unsafe_archive_entry);
}

TEST_CASE("expand_archive: what an adapter fails with, and what it throws", "[archive]") {
  const way by = GENERATE(way::thread, way::coroutine, way::pool);
  const auto v = volume::create().value();
  sync::file_system fs(v);
  fs.write_text("/throws", "lines\n").value();
  const figures before(v);
  const auto failure = [&](const std::string& lines) {
    return error_of(expand_by(by, v, source_of(lines), "/to", with_adapter()));
  };
  CHECK(failure("lines\na:1\nb:throw\n") == errc::corrupt_archive);
  CHECK(failure("lines\na:1\nb:memory\n") == errc::out_of_memory);
  CHECK(failure("lines\na:1\nb:busy\n") == errc::busy);
  CHECK(error_of(expand_by(by, v, archive_source::in_volume("/throws"), "/to", with_adapter())) ==
        errc::corrupt_archive);
  CHECK(figures(v) == before);
}

}  // namespace coramfs::tests
