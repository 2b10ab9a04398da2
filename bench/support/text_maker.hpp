// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <random>
#include <string>
#include <vector>

namespace coramfs::bench {

/// Words, some of which are more frequent than others, as in a text.
class text_maker {
 public:
  text_maker() {
    for (std::string& w : words_)
      for (auto left = 2 + random_() % 9; left > 0; --left)
        w += static_cast<char>('a' + random_() % 26);
  }

  std::string make(std::size_t size) {
    std::string text;
    while (text.size() < size) {
      text += words_[random_() % (1 + random_() % words_.size())];
      text += random_() % 12 == 0 ? '\n' : ' ';
    }
    text.resize(size);
    return text;
  }

 private:
  std::minstd_rand random_{1};
  std::vector<std::string> words_ = std::vector<std::string>(4000);
};

}  // namespace coramfs::bench
