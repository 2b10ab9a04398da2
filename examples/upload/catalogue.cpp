// SPDX-License-Identifier: BSL-1.0
#include "catalogue.hpp"

#include <coramfs/result.hpp>

#include <asio/buffer.hpp>

#include <cstddef>
#include <fstream>
#include <optional>
#include <system_error>
#include <utility>

namespace upload {

namespace {

// The entry with its content; nothing for what can not be read whole or has no name in a volume.
std::optional<entry> read(const std::filesystem::directory_entry& found,
                          const std::filesystem::path& root, std::vector<char>& content) {
  const std::string name = found.path().lexically_relative(root).string();
  if (name.find('\\') != std::string::npos) return std::nullopt;
  std::error_code error;
  entry e{found.path(), '/' + name, found.file_size(error), {}};
  if (!error) e.modified_at = found.last_write_time(error);
  if (error) return std::nullopt;
  content.resize(static_cast<std::size_t>(e.size));
  std::ifstream file(e.original, std::ios::binary);
  file.read(content.data(), static_cast<std::streamsize>(content.size()));
  if (!file || static_cast<std::size_t>(file.gcount()) != content.size()) return std::nullopt;
  return e;
}

coramfs::result<void> store(const entry& e, const std::vector<char>& content,
                            coramfs::sync::file_system& files) {
  const std::string path = served_root + e.name;
  BOOST_OUTCOME_TRYV(files.create_directories(path.substr(0, path.rfind('/'))));
  return files.write_file(path, asio::buffer(content));
}

void load_one(const std::filesystem::directory_entry& found, const std::filesystem::path& root,
              coramfs::sync::file_system& files, catalogue& to) {
  std::vector<char> content;
  auto e = read(found, root, content);
  if (!e) {
    ++to.skipped;
    return;
  }
  const auto stored = store(*e, content, files);
  if (stored)
    to.entries.push_back(std::move(*e));
  else if (stored.error() == coramfs::errc::quota_exceeded)
    ++to.refused;
  else
    throw std::system_error(stored.error().code(), e->name);
}

}  // namespace

catalogue load(const std::filesystem::path& directory, coramfs::sync::file_system files) {
  catalogue loaded;
  const std::filesystem::path root = std::filesystem::canonical(directory);
  const auto options = std::filesystem::directory_options::skip_permission_denied;
  std::error_code error;
  for (std::filesystem::recursive_directory_iterator at(root, options, error), end;
       !error && at != end; at.increment(error)) {
    std::error_code ignored;
    if (is_regular_file(at->symlink_status(ignored))) load_one(*at, root, files, loaded);
  }
  if (error) throw std::system_error(error, root.string());
  return loaded;
}

bool is_unchanged(const entry& e) {
  std::error_code error;
  return std::filesystem::file_size(e.original, error) == e.size && !error &&
         std::filesystem::last_write_time(e.original, error) == e.modified_at && !error;
}

}  // namespace upload
