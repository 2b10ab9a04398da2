// SPDX-License-Identifier: BSL-1.0
#include "unit/integrations/archive/makers.hpp"

#include "integrations/archive/crc32.hpp"
#include "unit/integrations/host/scratch.hpp"

#include <cstdlib>
#include <numeric>
#include <span>
#include <stdexcept>

namespace coramfs::tests {

std::string le(std::uint64_t n, std::size_t size) {
  std::string text;
  for (std::size_t i = 0; i < size; ++i, n >>= 8) text += static_cast<char>(n & 0xFF);
  return text;
}

std::uint32_t crc_of(std::string_view text) {
  return detail::crc32(0, std::as_bytes(std::span(text.data(), text.size())));
}

std::string zip_of(const std::vector<zip_part>& parts) {
  std::string all, directory;
  for (const zip_part& p : parts) {
    const auto stored = static_cast<std::uint32_t>(p.content.size());
    const std::uint32_t size = p.size == 0xFFFFFFFF ? stored : p.size;
    const std::uint32_t crc = p.crc == 1 ? crc_of(p.content) : p.crc;
    const std::string& listed = p.listed_name.empty() ? p.name : p.listed_name;
    const std::string sizes = le(stored, 4) + le(size, 4);
    const std::string head = le(20, 2) + le(p.flags, 2) + le(p.method, 2) + le(0x00210000, 4);
    const auto at = all.size();
    all += "PK\3\4" + head + le(p.local_crc == 1 ? crc : p.local_crc, 4) + sizes +
           le(p.name.size(), 2) + le(p.extra.size(), 2) + p.name + p.extra + p.content;
    directory += "PK\1\2" + le(0x0314, 2) + head + le(crc, 4) + sizes + le(listed.size(), 2) +
                 le(0, 2) + le(0, 2) + le(0, 2) + le(0, 2) + le(p.attributes, 4) + le(at, 4) +
                 listed;
  }
  const auto at = all.size();
  return all + directory + "PK\5\6" + le(0, 4) + le(parts.size(), 2) + le(parts.size(), 2) +
         le(directory.size(), 4) + le(at, 4) + le(0, 2);
}

std::string zip64_of(const std::vector<zip_part>& parts, unsigned version) {
  const std::string zip = zip_of(parts);
  const std::size_t end = zip.size() - 22;
  const std::string size = zip.substr(end + 12, 4), offset = zip.substr(end + 16, 4), none(4, '\0');
  const std::string record = "PK\6\6" + le(44, 8) + le(version, 2) + le(version, 2) + le(0, 8) +
                             le(parts.size(), 8) + le(parts.size(), 8) + size + none + offset +
                             none;
  return zip.substr(0, end) + record + "PK\6\7" + le(0, 4) + le(end, 8) + le(1, 4) + "PK\5\6" +
         std::string(16, '\xFF') + le(0, 2);
}

namespace {

std::string octal(std::uint64_t n, std::size_t digits) {
  std::string text(digits, '0');
  for (std::size_t i = digits; i-- > 0; n /= 8) text[i] = static_cast<char>('0' + n % 8);
  return text;
}

std::string tar_entry(std::string_view name, std::string_view content, char type,
                      std::string_view link, bool has_bytes) {
  std::string h(512, '\0');
  h.replace(0, std::min<std::size_t>(name.size(), 100), name.substr(0, 100));
  h.replace(100, 7, "0000644");
  h.replace(108, 7, "0000000");
  h.replace(116, 7, "0000000");
  h.replace(124, 11, octal(has_bytes ? content.size() : 0, 11));
  h.replace(136, 11, octal(0, 11));
  h.replace(148, 8, "        ");
  h[156] = type;
  h.replace(157, link.size(), link);
  h.replace(257, 8, std::string("ustar\00000", 8));
  std::uint64_t sum = 0;
  for (const char c : h) sum += static_cast<unsigned char>(c);
  h.replace(148, 7, octal(sum, 6) + '\0');
  if (!has_bytes) return h;
  h += content;
  h.resize((h.size() + 511) / 512 * 512);
  return h;
}

}  // namespace

std::string tar_of(const std::vector<tar_part>& parts) {
  std::string all;
  for (const tar_part& p : parts) {
    if (!p.pax.empty()) all += tar_entry("pax", p.pax, 'x', "", true);
    const bool has_bytes = !p.content.empty() || p.type == '0' || p.type == '7';
    all += tar_entry(p.name, p.content, p.type, p.link, has_bytes);
  }
  return all + std::string(1024, '\0');
}

std::string pax_record(std::string_view key, std::string_view value) {
  const std::string text = " " + std::string(key) + "=" + std::string(value) + "\n";
  std::size_t size = text.size() + 1;
  while (std::to_string(size).size() + text.size() != size) ++size;
  return std::to_string(size) + text;
}

std::string piped(const std::string& command, const std::string& input) {
  const scratch s;
  put(s / "in", input);
  const std::string line = command + " < " + (s / "in").native() + " > " + (s / "out").native();
  if (std::system(line.c_str()) != 0) throw std::runtime_error("it failed: " + line);
  return content_of(s / "out");
}

}  // namespace coramfs::tests
