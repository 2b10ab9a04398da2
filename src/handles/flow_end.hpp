// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/flow_ref.hpp>
#include <coramfs/detail/open_file.hpp>
#include <coramfs/error.hpp>

#include <cstdint>

namespace coramfs::detail {

class file_node;
class volume_state;

/// Ends a flow whose writer lets go of its file, or whose open comes to nothing, and drops the
/// reference to it. From then on the file can not be followed anew; it need not have been listed.
///
/// One that has not ended before is abandoned, with `why`. If its file `is_begun`, so that it was
/// made or emptied for this flow, or written, it is marked as incomplete, or loses its name in the
/// same step, as the flow says; who holds it in use keeps the node. Otherwise the file stays as it
/// was. Only then followers are told: who makes the file anew because of that finds the name free.
///
/// The file of one that has ended before is settling from then on: who does not want to wait for
/// its lock tries again, since its writer lets go of that soon. Returns a use of it then, which
/// `settle` takes when that has been done, and an empty one else.
///
/// Precondition: the file's lock is held exclusively if it `is_begun`, and it is in use.
node_use end_flow(flow_ref& of, file_node* file, bool is_begun, volume_state& v,
                  const error& why) noexcept;
/// Takes the file of a flow that a producer feeds, and that nobody has followed since so many had
/// joined it, out of the tree: from then on its path names nothing, and nobody can join it. Returns
/// false, and does nothing, if somebody has, or if it has ended or is no producer's any more.
bool take_out_alone(flow& of, std::uint64_t joins, volume_state& v) noexcept;
/// Says that the lock of a file that was settling is free, and lets go of it.
void settle(node_use settling, volume_state& v) noexcept;

}  // namespace coramfs::detail
