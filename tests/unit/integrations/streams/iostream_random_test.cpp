// SPDX-License-Identifier: BSL-1.0
// The same random calls on a stream over a file of a volume and on a std::fstream: each must give
// the same, and leave the same state, position and content.
#include <coramfs/iostream.hpp>
#include <coramfs/sync/file_system.hpp>

#include "support/catch.hpp"
#include "support/dice.hpp"
#include "support/seeds.hpp"
#include "unit/integrations/streams/choices.hpp"
#include "unit/integrations/streams/host_file.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <ios>
#include <sstream>
#include <stdexcept>
#include <string>

namespace coramfs::tests {

namespace {

struct kind {
  open_mode mode;
  std::ios::openmode host;
  bool reads, writes, appends;
};

constexpr std::ios::openmode in = std::ios::in, out = std::ios::out, app = std::ios::app,
                             trunc = std::ios::trunc, binary = std::ios::binary;
const kind kinds[] = {
    {open_mode::read, in | binary, true, false, false},
    {open_mode::update, in | out | binary, true, true, false},
    {open_mode::write_read, in | out | trunc | binary, true, true, false},
    {open_mode::append_read, in | out | app | binary, true, true, true},
    {open_mode::write, out | trunc | binary, false, true, false},
    {open_mode::append, out | app | binary, false, true, true},
};

/// What a call gave: its result as text, and the state that it has left.
std::string told(std::ostringstream& what, std::iostream& s) {
  what << " state " << s.rdstate();
  // Catch2 shows no more than is before a NUL.
  std::string text = what.str();
  std::ranges::replace(text, '\0', '.');
  return text;
}

/// One call on one of the streams, whose choices are those of the dice: the same for both.
std::string act(std::iostream& s, const kind& k, dice d) {
  std::ostringstream what;
  std::size_t call = d.below(18);
  if (!k.reads && call < 9) call = 9 + d.below(9);
  switch (call) {
    case 0: what << "get " << s.get(); break;
    case 1: {
      std::string to(random_size(d), '\0');
      s.read(to.data(), static_cast<std::streamsize>(to.size()));
      to.resize(static_cast<std::size_t>(s.gcount()));
      what << "read gave " << to.size() << ": " << to.substr(0, 20) << " hash "
           << std::hash<std::string>()(to);
      // What was read past its buffer libstdc++ would put back from what the buffer had before.
      if (to.size() > 1000) what << " then " << s.peek();
      break;
    }
    case 2: {
      std::string line;
      std::getline(s, line);
      what << "getline " << line;
      break;
    }
    case 3: {
      int number = -1;
      s >> number;
      what << "number " << number;
      break;
    }
    case 4: {
      std::string word;
      s >> word;
      what << "word " << word;
      break;
    }
    case 5: what << "peek " << s.peek(); break;
    case 6:
      s.ignore(static_cast<std::streamsize>(random_size(d)), d.one_in(2) ? '\n' : EOF);
      what << "ignored " << s.gcount();
      break;
    case 7:
      s.unget();
      what << "unget";
      break;
    case 8: {
      // The one that is there, or another, which is read again here: libstdc++ does not know the
      // position while it is put back.
      const int one = s.get();
      what << "get " << one;
      if (one == EOF) break;
      const bool is_other = d.one_in(2);
      s.putback(is_other ? 'q' : static_cast<char>(one));
      if (is_other) what << ' ' << s.get() << ' ' << s.peek();
      what << " putback";
      break;
    }
    case 9: s.put(static_cast<char>('A' + d.below(26))), what << "put"; break;
    case 10: {
      const std::string from = random_text(d, random_size(d));
      s.write(from.data(), static_cast<std::streamsize>(from.size()));
      what << "write " << from.size();
      break;
    }
    case 11: s << d.below(100'000) << ' ', what << "insert"; break;
    case 12: s.flush(), what << "flush"; break;
    case 13: what << "sync " << (k.reads ? s.sync() : 0); break;
    default: {
      const auto from = call == 14 ? std::ios::beg : call == 15 ? std::ios::cur : std::ios::end;
      const auto most = static_cast<std::int64_t>(call == 15 ? 200 : 100'000);
      const auto offset = static_cast<std::int64_t>(d.below(static_cast<std::size_t>(most))) -
                          (call == 14   ? most / 50
                           : call == 15 ? most / 2
                                        : most - most / 50);
      if (d.one_in(2))
        s.seekg(offset, from);
      else
        s.seekp(offset, from);
      what << "seek " << offset << " from " << from;
    }
  }
  return told(what, s);
}

// What is buffered of an append is not where the host's stream says that it is.
std::string position_of(std::iostream& s, const kind& k) {
  std::ostringstream what;
  if (k.appends) s.flush();
  what << "tellg " << s.tellg() << " tellp " << s.tellp();
  return what.str();
}

void run(std::uint64_t seed) {
  dice d(seed);
  const kind& k = kinds[d.below(std::size(kinds))];
  sync::file_system fs(volume::create(random_options(d)).value());
  const std::string content = random_text(d, random_size(d));
  const host_file host(content);
  fs.write_text("/f", content).value();
  std::fstream theirs(host.path(), k.host);
  auto file = fs.open("/f", k.mode).value();
  {
    iostream ours(file);
    // Theirs is at the beginning until something has been written.
    if (k.mode == open_mode::append) theirs.put('-').flush(), ours.put('-');
    std::string story(to_string(k.mode));
    for (std::size_t steps = 1 + d.below(60); steps > 0; --steps) {
      const dice choices(d.roll());
      const std::string they = act(theirs, k, choices);
      const std::string we = act(ours, k, choices);
      story += "\n" + we;
      if (they != we) throw std::logic_error(story + "\ntheirs: " + they);
      // Where nothing could be put back theirs may have gone back all the same.
      if (theirs.bad()) {
        theirs.clear(), theirs.seekg(0);
        ours.clear(), ours.seekg(0);
      }
      if (theirs.rdstate() != std::ios::goodbit && !d.one_in(4)) {
        theirs.clear();
        ours.clear();
      }
      if (!d.one_in(3)) continue;
      const std::string their_position = position_of(theirs, k), position = position_of(ours, k);
      if (their_position != position)
        throw std::logic_error(story + "\n" + position + "\ntheirs: " + their_position);
    }
  }
  theirs.close();
  file.close().value();
  require(host.content() == fs.read_text("/f").value(), "the content");
}

}  // namespace

TEST_CASE("streams: random calls give what a std::fstream gives", "[streams][random]") {
  for_each_seed(1000, run);
}

}  // namespace coramfs::tests
