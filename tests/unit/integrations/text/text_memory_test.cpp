// SPDX-License-Identifier: BSL-1.0
#include "unit/integrations/text/text_scenario.hpp"

#include <cstddef>
#include <cstdlib>
#include <new>

namespace {

// How many allocations of this thread still succeed; below zero: all.
thread_local long allocations_left = -1;

void* allocate(std::size_t size) noexcept {
  if (allocations_left == 0) return nullptr;
  if (allocations_left > 0) --allocations_left;
  return std::malloc(size == 0 ? 1 : size);
}

}  // namespace

void* operator new(std::size_t size) {
  if (void* const memory = allocate(size)) return memory;
  throw std::bad_alloc();
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return allocate(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { std::free(memory); }

namespace coramfs::tests {

namespace {

/// The text file of the blocking facade: what a coroutine's frame takes is not the library's.
std::unique_ptr<any_text> open_blocking(const volume& v, std::string encoding) {
  auto t = open_text_sync(v, open_mode::update, {});
  t->begin(std::move(encoding), decode_errors::strict);
  return t;
}

// Refuses the first, second, ... allocation of an operation until it needs no more, and returns
// what it does then. Each failure must leave the cursor and the size.
template <class Operation>
auto refuse_each(const any_text& t, Operation operation) {
  const auto size = t.size().value();
  const auto cursor = t.tell().value();
  for (long n = 0;; ++n) {
    allocations_left = n;
    auto outcome = operation();
    allocations_left = -1;
    if (outcome) return outcome;
    const bool is_unchanged = t.size().value() == size && t.tell().value() == cursor;
    if (error_of(outcome) != errc::out_of_memory || !is_unchanged) return outcome;
  }
}

}  // namespace

TEST_CASE("text: without memory an operation fails, and nothing has changed", "[text][memory]") {
  const volume v = volume::create({}).value();
  const std::string line(3000, 'x');
  for (const auto* encoding : {"utf-8", "utf-16", "iso-2022-jp", "cp1258"}) {
    for (const bool is_used : {false, true}) {
      INFO(encoding << (is_used ? ", used before" : ""));
      sync::file_system(v).write_file("/text", asio::const_buffer()).value();
      open_blocking(v, encoding)->write("ab" + line + "\n" + line).value();
      const auto t = open_blocking(v, encoding);
      if (is_used) CHECK(t->read(1).value() == "a");
      const auto cursor = static_cast<std::int64_t>(t->tell().value());
      const std::string first = (is_used ? "b" : "ab") + line + "\n";
      CHECK((refuse_each(*t, [&] { return t->read_line(); }).value() == first));
      CHECK((refuse_each(*t, [&] { return t->read(); }).value() == line));
      t->seek(cursor).value();
      CHECK((refuse_each(*t, [&] { return t->read(); }).value() == first + line));
      CHECK(refuse_each(*t, [&] { return t->write(line); }).value() == line.size());
    }
  }
}

}  // namespace coramfs::tests
