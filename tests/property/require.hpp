// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <sstream>
#include <stdexcept>
#include <string>

namespace coramfs::tests {

/// What a trial throws where a file system is not as it should be. A test of Catch2's is for the
/// whole trial, which is made shorter meanwhile.
template <class T>
void require_same(const std::string& what, const T& real, const T& expected) {
  if (real == expected) return;
  const auto shown = [](const T& value) {
    std::ostringstream out;
    out << value;
    const std::string text = out.str();
    return text.size() <= 300 ? text
                              : text.substr(0, 300) + "... of " + std::to_string(text.size());
  };
  throw std::logic_error(what + " is\n" + shown(real) + "\nand should be\n" + shown(expected));
}

inline void require(bool holds, const std::string& what) {
  if (!holds) throw std::logic_error("does not hold: " + what);
}

}  // namespace coramfs::tests
