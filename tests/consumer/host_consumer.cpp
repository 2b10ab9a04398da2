// SPDX-License-Identifier: BSL-1.0

// The least of all: one file to the disk and back, by a thread, and into a memory file and back.
#include <coramfs/host.hpp>
#include <coramfs/memfd.hpp>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>

int main() {
  std::string name = (std::filesystem::temp_directory_path() / "coramfs-XXXXXX").native();
  if (::mkdtemp(name.data()) == nullptr) return 1;
  const std::filesystem::path dir = name;
  coramfs::sync::file_system fs(coramfs::volume::create().value());
  fs.write_text("/a", "content").value();
  const auto files = coramfs::export_to_host(fs, "/", dir);
  const bool is_there = std::filesystem::file_size(dir / "a") == 7;
  const auto again = coramfs::export_to_host(fs, "/", dir);
  const auto back = coramfs::import_from_host(fs, dir, "/back");
  std::filesystem::remove_all(dir);
  const bool is_refused = !again && again.error() == coramfs::errc::already_exists;
  const bool is_back = back.value() == 1 && fs.read_text("/back/a").value() == "content";
  const auto memory = coramfs::to_memfd(fs, "/a").value();
  const bool is_read = coramfs::from_memfd(fs, memory.fd(), "/b").value() == 7;
  return files.value() == 1 && is_there && is_refused && is_back && is_read ? 0 : 1;
}
