// SPDX-License-Identifier: BSL-1.0
#include "input_stream.hpp"

#include <algorithm>
#include <cerrno>
#include <iostream>
#include <system_error>

namespace guarded_stream {

namespace {

coramfs::error last_error() { return std::error_code(errno, std::generic_category()); }

}  // namespace

std::vector<std::filesystem::path> find_files(const std::filesystem::path& input) {
  if (!std::filesystem::is_directory(input)) return {input};
  std::vector<std::filesystem::path> files;
  constexpr auto how = std::filesystem::directory_options::skip_permission_denied;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(input, how))
    if (entry.symlink_status().type() == std::filesystem::file_type::regular)
      files.push_back(entry.path());
  std::sort(files.begin(), files.end(),
            [](const auto& a, const auto& b) { return a.native() < b.native(); });
  return files;
}

bool is_repeatable(const std::filesystem::path& input) {
  return input != standard_input &&
         (std::filesystem::is_directory(input) || std::filesystem::is_regular_file(input));
}

coramfs::result<std::size_t> input_stream::read(std::vector<char>& to) {
  std::size_t filled = 0;
  while (filled < to.size()) {
    if (current_ == nullptr) {
      if (next_ == files_.size()) break;
      BOOST_OUTCOME_TRY(open_next());
      continue;
    }
    current_->read(to.data() + filled, static_cast<std::streamsize>(to.size() - filled));
    filled += static_cast<std::size_t>(current_->gcount());
    if (current_->bad()) return last_error();
    if (current_->eof()) current_ = nullptr;
  }
  seen_.add(to.data(), filled);
  return filled;
}

coramfs::result<void> input_stream::open_next() {
  const std::filesystem::path& path = files_[next_++];
  if (path == standard_input) {
    current_ = &std::cin;
    return boost::outcome_v2::success();
  }
  file_ = std::ifstream(path, std::ios::binary);
  if (file_.is_open()) {
    current_ = &file_;
    return boost::outcome_v2::success();
  }
  if (files_.size() == 1) return last_error();
  skipped_files_ += 1;
  return boost::outcome_v2::success();
}

coramfs::result<digest> digest_of(const std::vector<std::filesystem::path>& files) {
  input_stream input(files);
  std::vector<char> piece(1024 * 1024);
  for (;;) {
    BOOST_OUTCOME_TRY(const std::size_t n, input.read(piece));
    if (n == 0) return input.seen();
  }
}

}  // namespace guarded_stream
