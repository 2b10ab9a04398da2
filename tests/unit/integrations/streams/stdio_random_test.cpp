// SPDX-License-Identifier: BSL-1.0
// The same random calls on a FILE* over a file of a volume and on one over a file of the disk.
#include <coramfs/stdio.hpp>
#include <coramfs/sync/file_system.hpp>

#include "support/catch.hpp"
#include "support/dice.hpp"
#include "support/seeds.hpp"
#include "unit/integrations/streams/choices.hpp"
#include "unit/integrations/streams/host_file.hpp"

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>

namespace coramfs::tests {

namespace {

struct kind {
  open_mode mode;
  const char* host;
  bool reads, writes;
};

constexpr kind kinds[] = {
    {open_mode::read, "rb", true, false},       {open_mode::write, "wb", false, true},
    {open_mode::append, "ab", false, true},     {open_mode::update, "r+b", true, true},
    {open_mode::write_read, "w+b", true, true}, {open_mode::append_read, "a+b", true, true},
};

enum class last_call { none, read, write };

// Between a read and a write there is a seek, as the standard asks for.
void turn(std::FILE* f, last_call& last, last_call now) {
  if (last != last_call::none && last != now) std::fseek(f, 0, SEEK_CUR);
  last = now;
}

std::string act(std::FILE* f, const kind& k, dice d, last_call& last) {
  std::ostringstream what;
  std::size_t call = d.below(13);
  if (!k.reads && call < 5) call += 5;
  if (!k.writes && call >= 5 && call < 9) call -= 5;
  if (call < 5) turn(f, last, last_call::read);
  if (call >= 5 && call < 9) turn(f, last, last_call::write);
  switch (call) {
    case 0: what << "fgetc " << std::fgetc(f); break;
    case 1: {
      std::string to(random_size(d), '\0');
      const std::size_t n = std::fread(to.data(), 1, to.size(), f);
      what << "fread " << to.size() << " gave " << n << ": "
           << std::hash<std::string>()(to.substr(0, n));
      break;
    }
    case 2: {
      std::array<char, 50> line{};
      const bool is_there = std::fgets(line.data(), 50, f) != nullptr;
      what << "fgets " << is_there << ' ' << (is_there ? line.data() : "");
      break;
    }
    case 3: {
      int number = -1;
      what << "fscanf " << std::fscanf(f, "%d", &number) << ' ' << number;
      break;
    }
    case 4: {
      const int one = std::fgetc(f);
      what << "ungetc "
           << (one == EOF ? EOF : std::ungetc(!k.writes && d.one_in(2) ? 'q' : one, f));
      // What was put back is given up by the seek that a write needs; so it is read again here.
      what << " then " << std::fgetc(f);
      break;
    }
    case 5: what << "fputc " << std::fputc(static_cast<int>('A' + d.below(26)), f); break;
    case 6: {
      const std::string from = random_text(d, random_size(d));
      what << "fwrite " << from.size() << " took " << std::fwrite(from.data(), 1, from.size(), f);
      break;
    }
    case 7: what << "fprintf " << std::fprintf(f, "%zu %s\n", d.below(100'000), "text"); break;
    case 8: what << "fputs " << (std::fputs("some text", f) >= 0); break;
    case 9:
      what << "fflush " << std::fflush(f);
      if (last == last_call::write) last = last_call::none;
      break;
    default: {
      const int from = call == 10 ? SEEK_SET : call == 11 ? SEEK_CUR : SEEK_END;
      const auto most = static_cast<long>(call == 11 ? 200 : 100'000);
      const long offset = static_cast<long>(d.below(static_cast<std::size_t>(most))) -
                          (call == 10   ? most / 50
                           : call == 11 ? most / 2
                                        : most - most / 50);
      errno = 0;
      const int sought = std::fseek(f, offset, from);
      what << "fseek " << offset << " from " << from << ": " << sought << " errno " << errno;
      if (sought == 0) last = last_call::none;
    }
  }
  what << " eof " << (std::feof(f) != 0) << " error " << (std::ferror(f) != 0);
  return what.str();
}

void run(std::uint64_t seed) {
  dice d(seed);
  const kind& k = kinds[d.below(std::size(kinds))];
  sync::file_system fs(volume::create(random_options(d)).value());
  const std::string content = random_text(d, random_size(d));
  const host_file host(content);
  fs.write_text("/f", content).value();
  std::array<char, 200> buffer;
  std::FILE* const theirs = std::fopen(host.path().c_str(), k.host);
  std::FILE* const ours = open_stdio(fs.open("/f", k.mode).value()).value();
  // glibc does not know where such a stream is that reads and writes through a buffer.
  if (!(k.reads && k.writes) && d.one_in(3))
    std::setvbuf(ours, buffer.data(), _IOFBF, buffer.size());
  last_call last_of_theirs = last_call::none, last_of_ours = last_call::none;
  std::string wrong, story;
  for (std::size_t steps = 1 + d.below(60); steps > 0 && wrong.empty(); --steps) {
    const dice choices(d.roll());
    const std::string they = act(theirs, k, choices, last_of_theirs);
    const std::string we = act(ours, k, choices, last_of_ours);
    story += "\n" + we;
    if (they != we) wrong = "theirs: " + they + "\nours: " + we;
    if (d.one_in(2)) std::clearerr(theirs), std::clearerr(ours);
    if (!d.one_in(3)) continue;
    const long their_position = std::ftell(theirs), position = std::ftell(ours);
    if (their_position != position)
      wrong = "after " + we + "\ntheirs: " + std::to_string(their_position) +
              "\nours: " + std::to_string(position);
  }
  const bool are_closed = std::fclose(theirs) == 0 && std::fclose(ours) == 0;
  if (!wrong.empty()) throw std::logic_error(std::string(k.host) + story + "\n" + wrong);
  require(are_closed, "fclose");
  require(fs.get_volume().stats().open_handles == 0, "it is closed");
  require(host.content() == fs.read_text("/f").value(), "the content");
}

}  // namespace

TEST_CASE("stdio: random calls give what a FILE* of the disk gives", "[streams][stdio][random]") {
  for_each_seed(1000, run);
}

}  // namespace coramfs::tests
