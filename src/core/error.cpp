// SPDX-License-Identifier: BSL-1.0
#include <coramfs/error.hpp>

#include <cstring>
#include <optional>
#include <ostream>

namespace coramfs {

namespace {

struct description {
  const char* text;
  std::optional<std::errc> equivalent;
};

description describe(errc c) {
  switch (c) {
    case errc::quota_exceeded: return {"quota exceeded", std::errc::no_space_on_device};
    case errc::node_limit_exceeded: return {"node limit exceeded", std::errc::no_space_on_device};
    case errc::memory_guard: return {"refused by the memory guard", std::errc::not_enough_memory};
    case errc::out_of_memory: return {"out of memory", std::errc::not_enough_memory};
    case errc::not_found: return {"not found", std::errc::no_such_file_or_directory};
    case errc::already_exists: return {"already exists", std::errc::file_exists};
    case errc::is_a_directory: return {"is a directory", std::errc::is_a_directory};
    case errc::not_a_directory: return {"not a directory", std::errc::not_a_directory};
    case errc::directory_not_empty: return {"directory not empty", std::errc::directory_not_empty};
    case errc::busy: return {"busy: open or being opened", std::errc::device_or_resource_busy};
    case errc::would_block: return {"would block", std::errc::operation_would_block};
    case errc::timed_out: return {"timed out", std::errc::timed_out};
    case errc::canceled: return {"canceled", std::errc::operation_canceled};
    case errc::invalid_path: return {"invalid path", std::errc::invalid_argument};
    case errc::name_too_long: return {"name too long", std::errc::filename_too_long};
    case errc::invalid_argument: return {"invalid argument", std::errc::invalid_argument};
    case errc::not_open: return {"not open", std::errc::bad_file_descriptor};
    case errc::not_readable: return {"not readable", std::errc::operation_not_permitted};
    case errc::not_writable: return {"not writable", std::errc::operation_not_permitted};
    case errc::not_supported: return {"not supported", std::errc::operation_not_supported};
    case errc::too_large: return {"too large", std::errc::file_too_large};
    case errc::invalid_encoding: return {"invalid encoding", std::errc::illegal_byte_sequence};
    case errc::unsafe_archive_entry: return {"unsafe archive entry", std::nullopt};
    case errc::corrupt_archive: return {"corrupt archive", std::nullopt};
    case errc::unsupported_archive: return {"unsupported archive", std::nullopt};
    case errc::abandoned: return {"abandoned by its writer", std::errc::connection_aborted};
  }
  return {"unknown error", std::nullopt};
}

/// Another copy of the library, linked into another part of the program, has a category of its own
/// with the same name, and its numbers mean the same.
bool is_ours(const std::error_category& c) noexcept;

class category final : public std::error_category {
 public:
  const char* name() const noexcept override { return "coramfs"; }
  std::string message(int value) const override { return describe(static_cast<errc>(value)).text; }
  std::error_condition default_error_condition(int value) const noexcept override {
    const auto equivalent = describe(static_cast<errc>(value)).equivalent;
    return equivalent ? std::make_error_condition(*equivalent) : std::error_condition(value, *this);
  }
  bool equivalent(int value, const std::error_condition& condition) const noexcept override {
    return is_ours(condition.category()) ? condition.value() == value
                                         : default_error_condition(value) == condition;
  }
  bool equivalent(const std::error_code& code, int condition) const noexcept override {
    return is_ours(code.category()) && code.value() == condition;
  }
};

// Never destroyed: codes may be compared while statics are torn down.
union immortal_category {
  constexpr immortal_category() : value() {}
  ~immortal_category() {}
  category value;
};
constinit const immortal_category immortal;

bool is_ours(const std::error_category& c) noexcept {
  return c == immortal.value || std::strcmp(c.name(), immortal.value.name()) == 0;
}

}  // namespace

const std::error_category& error_category() noexcept { return immortal.value; }

std::error_code make_error_code(errc c) noexcept { return {static_cast<int>(c), error_category()}; }

bool operator==(const std::error_code& code, errc c) noexcept {
  return code.value() == static_cast<int>(c) && is_ours(code.category());
}

error::error(errc code, std::uint64_t requested, std::uint64_t available) noexcept
    : code_(make_error_code(code)), requested_(requested), available_(available) {}

std::ostream& operator<<(std::ostream& to, errc c) { return to << describe(c).text; }

std::ostream& operator<<(std::ostream& to, const error& e) { return to << e.message(); }

failure::failure(const error& e) : std::system_error(e.code()), why_(e), text_(e.message()) {}

const char* failure::what() const noexcept { return text_.what(); }

}  // namespace coramfs
