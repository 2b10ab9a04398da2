// SPDX-License-Identifier: BSL-1.0
// libpng knows files only as FILE*.
#include <coramfs/stdio.hpp>
#include <coramfs/sync/file_system.hpp>

#include "support/catch.hpp"
#include "support/dice.hpp"

#include <cstdint>
#include <cstdio>
#include <vector>

#include <png.h>

namespace coramfs::tests {

namespace {

constexpr png_uint_32 width = 333, height = 222;
using pixels = std::vector<png_byte>;

png_image image() {
  png_image i{};
  i.version = PNG_IMAGE_VERSION;
  i.width = width;
  i.height = height;
  i.format = PNG_FORMAT_RGBA;
  return i;
}

pixels random_pixels() {
  pixels p(width * height * 4);
  dice d(1);
  for (png_byte& b : p) b = static_cast<png_byte>(d.roll());
  return p;
}

bool write_png(std::FILE* to, const pixels& p) {
  png_image i = image();
  return png_image_write_to_stdio(&i, to, 0, p.data(), 0, nullptr) != 0;
}

}  // namespace

TEST_CASE("stdio: libpng writes a picture and reads it back", "[streams][stdio][png]") {
  sync::file_system fs(volume::create().value());
  const pixels before = random_pixels();
  std::FILE* const to = open_stdio(fs.open("/a.png", open_mode::write).value()).value();
  CHECK(write_png(to, before));
  CHECK(std::fclose(to) == 0);
  CHECK(fs.read_text("/a.png").value().substr(1, 3) == "PNG");

  std::FILE* const from = open_stdio(fs.open("/a.png", open_mode::read).value()).value();
  png_image i = image();
  REQUIRE(png_image_begin_read_from_stdio(&i, from) != 0);
  i.format = PNG_FORMAT_RGBA;
  pixels after(PNG_IMAGE_SIZE(i));
  REQUIRE(png_image_finish_read(&i, nullptr, after.data(), 0, nullptr) != 0);
  CHECK(std::fclose(from) == 0);
  CHECK(i.width == width);
  CHECK(i.height == height);
  CHECK((after == before));
}

TEST_CASE("stdio: libpng is told of a quota that is full", "[streams][stdio][png]") {
  sync::file_system fs(
      volume::create({.max_quota = 100'000, .accounting = accounting::payload}).value());
  std::FILE* const to = open_stdio(fs.open("/a.png", open_mode::write).value()).value();
  CHECK(!write_png(to, random_pixels()));
  std::fclose(to);
  CHECK(fs.get_volume().stats().used_bytes <= 100'000);
  CHECK(fs.get_volume().stats().open_handles == 0);
}

}  // namespace coramfs::tests
