// SPDX-License-Identifier: BSL-1.0
// An open between its steps: what others do there that no facade can do on purpose.
#include "handles/open_operation.hpp"

#include <coramfs/sync/file_system.hpp>

#include "core/pace.hpp"
#include "support/catch.hpp"

#include <asio/buffer.hpp>

#include <memory>
#include <string>

namespace coramfs::tests {

namespace {

using detail::open_operation;
using detail::progress;

class patient final : public detail::waiter {
 public:
  bool is_served = false;

 private:
  void granted() noexcept override { is_served = true; }
};

/// Looks, when it is served, whether the file is busy that it waits for. It holds nothing busy.
class onlooker final : public detail::waiter {
 public:
  onlooker(const detail::tree& names, const detail::file_node& file) noexcept
      : names_(names), file_(file) {}
  bool is_served = false, saw_it_busy = false;

 private:
  void granted() noexcept override {
    is_served = true;
    saw_it_busy = names_.is_busy(file_);
  }

  const detail::tree& names_;
  const detail::file_node& file_;
};

detail::file_node& find_file(detail::volume_state& v, const char* path) {
  detail::path_buffer buffer;
  const detail::tree::shared_access access(v.tree);
  return *v.tree.look_up(buffer.normalise(std::string_view(path)).value())
              .value()
              .require_file()
              .value();
}

/// A volume without room, whose root has three entries: a fifth needs a page for the table.
class full_volume {
 public:
  volume v = volume::create({.max_quota = 8 << 20}).value();
  sync::file_system fs{v};
  detail::volume_state& state = *detail::volume_access::state(v);

  full_volume() {
    fs.create_directory("/fillers").value();
    fs.write_file("/1", {}).value();
    fs.write_file("/2", {}).value();
    fill();
  }

  open_operation open_large(const std::string& path) {
    const open_options options{.preallocate = 2 * detail::slice_size, .on_full = when_full::wait};
    return open_operation(detail::volume_access::state(v), path, open_mode::create, options);
  }
  /// Takes all that is left.
  void fill() {
    for (std::size_t size = large_filler; size > 0; size /= 2)
      while (fs.write_file("/fillers/" + std::to_string(fillers_),
                           asio::buffer(std::string(size, 'x'))))
        ++fillers_;
  }
  /// Frees `count` times a little more than 64 KiB.
  void free(int count) {
    for (; count > 0; --count) fs.remove("/fillers/" + std::to_string(first_++)).value();
  }

 private:
  static constexpr std::size_t large_filler = 64 * 1024;

  int first_ = 0, fillers_ = 0;
};

}  // namespace

TEST_CASE(
    "opening: one who waited, and needs more when it has its bytes, is not overtaken by "
    "those behind it",
    "[tree][opening][fairness]") {
  full_volume f;
  open_operation op = f.open_large("/large");
  REQUIRE(op.advance() == progress::waits);
  patient first, behind;
  REQUIRE_FALSE(op.awaited().enqueue(first));
  f.free(2 * detail::slice_size / (64 * 1024) + 1);
  REQUIRE(first.is_served);
  // It has made its file, and has begun to fill it, when another takes the last place in the
  // directory's table, and all bytes that are left.
  REQUIRE(op.advance() == progress::yields);
  f.fs.write_file("/3", {}).value();
  f.fill();
  detail::space_claim small(f.state.quota, 64 * 1024);
  REQUIRE_FALSE(small.enqueue(behind));

  progress p = op.advance();
  while (p == progress::yields) p = op.advance();
  REQUIRE(p == progress::waits);
  CHECK_FALSE(behind.is_served);
  CHECK_FALSE(f.fs.exists("/large").value());
  patient again;
  REQUIRE_FALSE(op.awaited().enqueue(again));
  f.free(1);
  CHECK(again.is_served);
  CHECK_FALSE(behind.is_served);
  while ((p = op.advance()) == progress::yields) continue;
  REQUIRE(p == progress::done);
  CHECK(detail::open_file(op).size().value() == 2 * detail::slice_size);
  f.free(2);
  CHECK(behind.is_served);
  small.give_back();
}

// Else it could be removed, and freed, while its lock is being released.
TEST_CASE("opening: a file is busy until its lock has been handed on", "[tree][opening]") {
  const volume v = volume::create().value();
  sync::file_system fs{v};
  auto handle = fs.open("/file", open_mode::write).value();
  detail::volume_state& state = *detail::volume_access::state(v);
  detail::file_node& file = find_file(state, "/file");
  onlooker next(state.tree, file);
  REQUIRE_FALSE(file.lock.enqueue(next, detail::fair_lock::kind::exclusive));
  REQUIRE(handle.close().has_value());
  CHECK(next.is_served);
  CHECK(next.saw_it_busy);
  CHECK_FALSE(state.tree.is_busy(file));
  file.lock.unlock(detail::fair_lock::kind::exclusive);
}

TEST_CASE(
    "opening: the time of a directory does not go back, though a file that comes to it was "
    "begun before another",
    "[tree][opening][times]") {
  const volume v = volume::create().value();
  sync::file_system fs{v};
  const open_options large{.preallocate = 2 * detail::slice_size};
  open_operation op(detail::volume_access::state(v), "/large", open_mode::create, large);
  REQUIRE(op.advance() == progress::yields);
  fs.write_file("/small", {}).value();
  const auto begun = fs.stat("/").value().modified_at;
  // The clock that nodes have may be a coarse one.
  auto then = begun;
  for (int i = 0; then == begun; ++i) {
    fs.write_file("/small" + std::to_string(i), {}).value();
    then = fs.stat("/").value().modified_at;
  }
  while (op.advance() == progress::yields) continue;
  REQUIRE(fs.exists("/large").value());
  CHECK(fs.stat("/").value().modified_at >= then);
}

}  // namespace coramfs::tests
