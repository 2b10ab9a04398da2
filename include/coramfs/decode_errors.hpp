// SPDX-License-Identifier: BSL-1.0
#pragma once

namespace coramfs {

/// What a text file does with what its encoding does not allow: malformed bytes when it reads,
/// and when it writes malformed UTF-8 and characters that the encoding lacks.
enum class decode_errors {
  strict,   ///< fail with `invalid_encoding`
  replace,  ///< put U+FFFD, or where the encoding lacks that a question mark
  ignore,   ///< leave it out
};

}  // namespace coramfs
