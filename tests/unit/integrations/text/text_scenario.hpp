// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/sync/file_system.hpp>

#include "support/describe.hpp"
#include "unit/integrations/text/text_facade.hpp"

#include <string>
#include <string_view>
#include <utility>

namespace coramfs::tests {

using namespace std::string_view_literals;

/// A volume with one file, which a test opens as text. Declared first in a test case, it makes the
/// case run once through each facade.
class text_scenario {
 public:
  explicit text_scenario(std::uint64_t max_quota = 64 * 1024 * 1024)
      : facade_(GENERATE(text_facade::coroutines, text_facade::threads)),
        volume_(make_volume(max_quota)) {}

  std::unique_ptr<any_text> open(open_mode mode, std::string encoding = "utf-8",
                                 decode_errors errors = decode_errors::strict,
                                 open_options options = {}) const {
    auto t = facade_ == text_facade::coroutines ? open_text_async(volume_, mode, options)
                                                : open_text_sync(volume_, mode, options);
    t->begin(std::move(encoding), errors);
    return t;
  }

  /// The file with other content, opened.
  std::unique_ptr<any_text> over(std::string_view content, std::string encoding = "utf-8",
                                 decode_errors errors = decode_errors::strict) const {
    put(content);
    return open(open_mode::update, std::move(encoding), errors);
  }

  void put(std::string_view content) const {
    sync::file_system(volume_)
        .write_file("/text", asio::const_buffer(content.data(), content.size()))
        .value();
  }
  std::string content() const {
    return text_of(sync::file_system(volume_).read_file("/text").value());
  }

  /// What is stored if this is written in one call.
  std::string stored(std::string_view utf8, std::string encoding,
                     decode_errors errors = decode_errors::strict) const {
    put("");
    open(open_mode::write, std::move(encoding), errors)->write(utf8).value();
    return content();
  }

  const coramfs::volume& volume() const { return volume_; }
  text_facade facade() const { return facade_; }

 private:
  static coramfs::volume make_volume(std::uint64_t max_quota) {
    volume_options options;
    options.max_quota = max_quota;
    options.accounting = accounting::payload;
    return coramfs::volume::create(options).value();
  }

  text_facade facade_;
  coramfs::volume volume_;
};

}  // namespace coramfs::tests
