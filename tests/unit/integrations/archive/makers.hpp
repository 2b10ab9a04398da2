// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace coramfs::tests {

/// Numbers as archives have them, the least significant byte first.
std::string le(std::uint64_t n, std::size_t size);
std::uint32_t crc_of(std::string_view text);

/// A member of a zip, with whatever one likes in its headers.
struct zip_part {
  std::string name;
  std::string content = {};  ///< as it is stored
  unsigned method = 0;
  unsigned flags = 0;
  std::uint32_t size = 0xFFFFFFFF;  ///< that is declared; all ones: that of the content
  std::uint32_t attributes = 0;     ///< of Unix: a mode, shifted by 16
  std::string extra = {};           ///< of the member itself
  std::uint32_t local_crc = 1;      ///< 1: the right one
  std::uint32_t crc = 1;            ///< of what is packed in the content; 1: it is stored
  std::string listed_name = {};     ///< in the directory, if that is another
};
std::string zip_of(const std::vector<zip_part>& parts);
/// One whose last record leaves all numbers to the larger one before it. That says which version it
/// takes to read it: 62 for an encrypted directory.
std::string zip64_of(const std::vector<zip_part>& parts, unsigned version = 45);

/// An entry of a tar.
struct tar_part {
  std::string name;
  std::string content = {};
  char type = '0';
  std::string link = {};
  std::string pax = {};  ///< records of a header of pax before it
};
std::string tar_of(const std::vector<tar_part>& parts);
/// A record of pax, with its length before it.
std::string pax_record(std::string_view key, std::string_view value);

/// The bytes compressed by a program that reads and writes standard streams.
std::string piped(const std::string& command, const std::string& input);

}  // namespace coramfs::tests
