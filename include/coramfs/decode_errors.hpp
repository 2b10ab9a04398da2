// SPDX-License-Identifier: BSL-1.0
#pragma once

namespace coramfs {

/// What a text file does with text that its encoding does not allow: with malformed bytes that it
/// reads, and with malformed UTF-8, and characters that the encoding lacks, that it is to write.
enum class decode_errors {
  strict,   ///< fails with `invalid_encoding`
  replace,  ///< puts U+FFFD in its place, or a question mark where the encoding lacks that
  ignore,   ///< leaves it out
};

}  // namespace coramfs
