// SPDX-License-Identifier: BSL-1.0
#include "splitter.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

namespace ci_debug_export {

namespace {

std::string three_digits(int n) {
  std::string digits = std::to_string(n);
  return std::string(digits.size() < 3 ? 3 - digits.size() : 0, '0') + digits;
}

}  // namespace

coramfs::result<void> splitter::split(coramfs::sync::file_system fs, const std::string& name) {
  BOOST_OUTCOME_TRY(auto in, fs.open("/in/" + name, coramfs::open_mode::read, {.label = "text"}));
  text_ = std::move(in);
  BOOST_OUTCOME_TRY(const coramfs::bytes all, text_->read_all());
  const std::string_view text(reinterpret_cast<const char*>(all.data()), all.size());
  const std::string directory = "/parts/" + name;
  BOOST_OUTCOME_TRYV(fs.create_directories(directory));
  parts_ = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size() - 1) + 1;
    BOOST_OUTCOME_TRYV(add(fs, directory, std::string(text.substr(begin, end - begin))));
    begin = end;
  }
  part_.reset();
  if (bug_ != bug::left_open) text_.reset();
  return boost::outcome_v2::success();
}

coramfs::result<void> splitter::add(coramfs::sync::file_system& fs, const std::string& directory,
                                    std::string line) {
  BOOST_OUTCOME_TRY(const std::uint64_t has, part_ ? part_->size() : size_);
  if (!part_ || has + line.size() > size_) {
    const bool is_first = !part_;
    part_.reset();
    BOOST_OUTCOME_TRY(auto next, fs.open(directory + '/' + three_digits(parts_++),
                                         coramfs::open_mode::create, {.label = "part"}));
    part_ = std::move(next);
    if (bug_ == bug::lost_line && !is_first) return boost::outcome_v2::success();
  }
  BOOST_OUTCOME_TRYV(part_->write(line));
  return boost::outcome_v2::success();
}

}  // namespace ci_debug_export
