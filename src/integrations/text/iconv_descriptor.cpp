// SPDX-License-Identifier: BSL-1.0
#include "integrations/text/iconv_descriptor.hpp"

#include <cerrno>
#include <system_error>

namespace coramfs::detail {

namespace {

/// iconv's input, which some declare `char**` and others `const char**`.
class input_pointer {
 public:
  explicit input_pointer(const char** at) noexcept : at_(at) {}
  operator char**() const noexcept { return const_cast<char**>(at_); }
  operator const char**() const noexcept { return at_; }

 private:
  const char** at_;
};

iconv_descriptor::outcome outcome_of(std::size_t returned) noexcept {
  using outcome = iconv_descriptor::outcome;
  if (returned == 0) return outcome::done;
  if (returned != static_cast<std::size_t>(-1)) return outcome::approximated;
  if (errno == E2BIG) return outcome::full;
  return errno == EINVAL ? outcome::incomplete : outcome::illegal;
}

}  // namespace

result<iconv_descriptor> iconv_descriptor::open(const char* to, const char* from) noexcept {
  const ::iconv_t handle = ::iconv_open(to, from);
  if (handle != none()) return iconv_descriptor(handle);
  if (errno == EINVAL) return errc::invalid_argument;
  if (errno == ENOMEM) return errc::out_of_memory;
  return error(std::error_code(errno, std::generic_category()));
}

iconv_descriptor::outcome iconv_descriptor::convert(std::string_view& from,
                                                    std::span<char>& to) noexcept {
  const char* in = from.data();
  std::size_t in_left = from.size();
  char* out = to.data();
  std::size_t out_left = to.size();
  const std::size_t returned = ::iconv(handle_, input_pointer(&in), &in_left, &out, &out_left);
  const outcome o = outcome_of(returned);
  from = from.substr(from.size() - in_left);
  to = to.last(out_left);
  return o;
}

iconv_descriptor::outcome iconv_descriptor::finish(std::span<char>& to) noexcept {
  char* out = to.data();
  std::size_t out_left = to.size();
  const std::size_t returned = ::iconv(handle_, nullptr, nullptr, &out, &out_left);
  to = to.last(out_left);
  return outcome_of(returned);
}

void iconv_descriptor::reset() noexcept { ::iconv(handle_, nullptr, nullptr, nullptr, nullptr); }

}  // namespace coramfs::detail
