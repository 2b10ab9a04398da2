// SPDX-License-Identifier: BSL-1.0
#include "shared/url.hpp"

#include "support/catch.hpp"

#include <stdexcept>
#include <string>

using namespace shared;

TEST_CASE("url: host, port and target are taken apart", "[examples][url]") {
  const url u = parse_url("http://example.org:8080/a/b%20c?d=/e#f");
  CHECK(u.host == "example.org");
  CHECK(u.port == "8080");
  CHECK(u.target == "/a/b%20c?d=/e");
}

TEST_CASE("url: what is left out has its default", "[examples][url]") {
  CHECK(parse_url("http://h").port == "80");
  CHECK(parse_url("http://h").target == "/");
  CHECK(parse_url("http://h:/").port == "80");
  CHECK(parse_url("http://h?q").target == "/?q");
  CHECK(parse_url("HTTP://h#f").target == "/");
}

TEST_CASE("url: an IPv6 address stands in brackets", "[examples][url]") {
  const url u = parse_url("http://[::1]:81/");
  CHECK(u.host == "::1");
  CHECK(u.port == "81");
  CHECK(authority(u) == "[::1]:81");
  CHECK(authority(parse_url("http://[::1]/")) == "[::1]");
}

TEST_CASE("url: the Host field names a port only if it is not 80", "[examples][url]") {
  CHECK(authority(parse_url("http://h:80/")) == "h");
  CHECK(authority(parse_url("http://h:0081/")) == "h:81");
}

TEST_CASE("url: what is no http URL is refused", "[examples][url]") {
  const auto* text =
      GENERATE("", "h", "https://h/", "http://", "http:///p", "http://:80/", "http://h:0/",
               "http://h:65536/", "http://h:x/", "http://h:-1/", "http://u:p@h/", "http://h h/",
               "http://[::1/", "http://[::1]x/", "http://h/a b", "http://h/\n", "http://h/\\",
               "http://h/%4", "http://h/%zz", "http://h/..", "http://h/./a", "http://h/a/../b");
  CAPTURE(text);
  CHECK_THROWS_AS(parse_url(text), std::invalid_argument);
}

TEST_CASE("url: encoding and decoding give any path back", "[examples][url]") {
  std::string every_byte;
  for (int byte = 0; byte < 256; ++byte) every_byte += static_cast<char>(byte);
  CHECK(percent_decode(percent_encode_path(every_byte)) == every_byte);
  CHECK(percent_encode_path("/a b/%\xc3\xa9~") == "/a%20b/%25%C3%A9~");
}

TEST_CASE("url: an escape that is none is not decoded", "[examples][url]") {
  CHECK(percent_decode("%41%6a") == "Aj");
  CHECK_FALSE(percent_decode("%"));
  CHECK_FALSE(percent_decode("a%4"));
  CHECK_FALSE(percent_decode("%4g"));
  CHECK_FALSE(percent_decode("%+1"));
}
