// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/sync/file_system.hpp>

#include "support/catch.hpp"
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
    return open_in(volume_, mode, std::move(encoding), errors, options);
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
  std::string content() const { return content_of(volume_); }

  /// What a file holds into which this is written in one call. Not the one of this scenario.
  std::string encoded(std::string_view utf8, std::string encoding,
                      decode_errors errors = decode_errors::strict) const {
    const coramfs::volume other = make_volume(volume_.options().max_quota);
    open_in(other, open_mode::create, std::move(encoding), errors, {})->write(utf8).value();
    return content_of(other);
  }

  const coramfs::volume& volume() const { return volume_; }
  text_facade facade() const { return facade_; }

 private:
  std::unique_ptr<any_text> open_in(const coramfs::volume& v, open_mode mode, std::string encoding,
                                    decode_errors errors, open_options options) const {
    auto t = facade_ == text_facade::coroutines ? open_text_async(v, mode, options)
                                                : open_text_sync(v, mode, options);
    t->begin(std::move(encoding), errors);
    return t;
  }

  static std::string content_of(const coramfs::volume& v) {
    return text_of(sync::file_system(v).read_file("/text").value());
  }

  static coramfs::volume make_volume(std::uint64_t max_quota) {
    volume_options options;
    options.max_quota = max_quota;
    options.accounting = accounting::payload;
    options.default_lock_timeout = lock_timeout::immediate();  // to wait would be a mistake
    return coramfs::volume::create(options).value();
  }

  text_facade facade_;
  coramfs::volume volume_;
};

}  // namespace coramfs::tests
