// SPDX-License-Identifier: BSL-1.0
#include <coramfs/detail/context_time.hpp>

namespace coramfs::detail {

namespace {

class time_service : public asio::execution_context::service {
 public:
  inline static asio::execution_context::id id;

  explicit time_service(asio::execution_context& context)
      : asio::execution_context::service(context) {}

  context_time* time = nullptr;

 private:
  void shutdown() override {}
};

}  // namespace

void context_time::set(asio::execution_context& context, context_time& time) {
  asio::use_service<time_service>(context).time = &time;
}

context_time* context_time::of(asio::execution_context& context) {
  if (!asio::has_service<time_service>(context)) return nullptr;
  return asio::use_service<time_service>(context).time;
}

}  // namespace coramfs::detail
