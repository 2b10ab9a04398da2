// SPDX-License-Identifier: BSL-1.0
#include <coramfs/iostream.hpp>

namespace coramfs {

namespace {

// The stream is made before its buffer, so it learns of that later.
void begin(std::ios& stream, detail::file_streambuf& buffer, const sync::file& of) {
  stream.rdbuf(&buffer);
  const auto is_open = of.tell();
  if (is_open) return;
  buffer.set_last_error(is_open.error());
  stream.setstate(std::ios::badbit);
}

}  // namespace

istream::istream(sync::file& of) : std::istream(nullptr), buffer_(of) { begin(*this, buffer_, of); }
istream::~istream() = default;
error istream::last_error() const noexcept { return buffer_.last_error(); }

ostream::ostream(sync::file& of) : std::ostream(nullptr), buffer_(of) { begin(*this, buffer_, of); }
ostream::~ostream() = default;
error ostream::last_error() const noexcept { return buffer_.last_error(); }

iostream::iostream(sync::file& of) : std::iostream(nullptr), buffer_(of) {
  begin(*this, buffer_, of);
}
iostream::~iostream() = default;
error iostream::last_error() const noexcept { return buffer_.last_error(); }

}  // namespace coramfs
