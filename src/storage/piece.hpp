// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/piece_list.hpp>

#include "storage/block.hpp"

#include <boost/container/small_vector.hpp>

namespace coramfs::detail {

using pieces = boost::container::small_vector<piece, 4>;

}  // namespace coramfs::detail
