// SPDX-License-Identifier: BSL-1.0
// Where operations with completion tokens take memory from, and whose contexts they need.
#include "api/token_fixture.hpp"
#include "api/tokens.hpp"

#include <asio/any_io_executor.hpp>
#include <asio/bind_allocator.hpp>
#include <asio/bind_executor.hpp>
#include <asio/io_context.hpp>
#if CORAMFS_ASIO_VERSION >= 102700
#include <asio/any_completion_handler.hpp>
#endif

#include <cstddef>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <utility>

namespace coramfs::tests {

namespace {

/// Has one piece of memory, and refuses more while that is in use.
template <class T>
class one_piece {
 public:
  using value_type = T;

  explicit one_piece(bool& in_use) noexcept : in_use_(&in_use) {}
  template <class U>
  one_piece(const one_piece<U>& other) noexcept : in_use_(other.in_use()) {}

  T* allocate(std::size_t n) {
    if (std::exchange(*in_use_, true)) throw std::bad_alloc();
    return std::allocator<T>().allocate(n);
  }
  void deallocate(T* memory, std::size_t n) noexcept {
    *in_use_ = false;
    std::allocator<T>().deallocate(memory, n);
  }
  bool* in_use() const noexcept { return in_use_; }
  friend bool operator==(const one_piece& a, const one_piece& b) noexcept {
    return a.in_use_ == b.in_use_;
  }

 private:
  bool* in_use_;
};

}  // namespace

TEST_CASE("tokens: an allocator that has memory for the operation alone is enough",
          "[api][tokens]") {
  token_fixture t;
  bool in_use = false;
  std::optional<bool> opened;
  const auto begin_open = [&] {
    const auto take = asio::bind_executor(t.context.get_executor(),
                                          [&opened](result<file> f) { opened = f.has_value(); });
    t.fs.open("/a", open_mode::read, asio::bind_allocator(one_piece<std::byte>(in_use), take));
  };
  SECTION("where it need not wait") {
    begin_open();
    CHECK_FALSE(opened.has_value());
    t.context.run();
  }
  SECTION("after a wait") {
    auto holder = t.threads.open("/a", open_mode::update).value();
    begin_open();
    t.context.poll();
    holder.close().value();
    t.context.restart();
    t.context.run();
  }
  CHECK(opened == true);
  CHECK_FALSE(in_use);
}

TEST_CASE("tokens: a turn needs the handler's context alone", "[api][tokens][slices]") {
  constexpr std::size_t mib = 1 << 20;
  auto v = volume::create().value();
  sync::file_system(v).write_file("/large", std::string(8 * mib, 'x')).value();
  asio::io_context handlers;
  auto own = std::make_unique<asio::io_context>();
  file_system fs(own->get_executor(), v);
  std::size_t read = 0;
  fs.read_file("/large", asio::bind_executor(handlers.get_executor(),
                                             [&](result<bytes> r) { read = r.value().size(); }));
  own.reset();
  CHECK(read == 0);
  handlers.run();
  CHECK(read == 8 * mib);
}

#if CORAMFS_ASIO_VERSION >= 102700
TEST_CASE("tokens: a handler may hide its type, and with it its executor", "[api][tokens]") {
  token_fixture t;
  std::optional<std::uint64_t> size;
  using handler = asio::any_completion_handler<void(result<file_status>)>;
  t.fs.stat("/a", handler([&](result<file_status> s) { size = s.value().size; }));
  t.fs.stat("/a", handler(asio::bind_executor(t.context.get_executor(), [&](result<file_status> s) {
              size = s.value().size;
            })));
  CHECK_FALSE(size.has_value());
  t.context.run();
  CHECK(size.has_value());
}
#endif

}  // namespace coramfs::tests
