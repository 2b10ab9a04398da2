// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <utility>

namespace coramfs::detail {

/// The rest of an operation, on its way to an executor, without the operation's type.
///
/// It runs once, or it is destroyed without that, and then the owner is told.
class continuation {
 public:
  class owner {
   public:
    virtual void run() = 0;
    virtual void dropped() noexcept = 0;

   protected:
    owner() = default;
    ~owner() = default;
  };

  explicit continuation(owner& of) noexcept : owner_(&of) {}
  continuation(continuation&& other) noexcept : owner_(std::exchange(other.owner_, nullptr)) {}
  continuation& operator=(continuation&&) = delete;
  ~continuation() {
    if (owner_ != nullptr) owner_->dropped();
  }

  void operator()() { std::exchange(owner_, nullptr)->run(); }

 private:
  owner* owner_;
};

}  // namespace coramfs::detail
