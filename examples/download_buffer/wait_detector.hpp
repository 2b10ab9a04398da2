// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <asio/any_io_executor.hpp>
#include <asio/post.hpp>

#include <memory>

namespace download_buffer {

/// Tells whether a coroutine was suspended since this was made: other work of its thread has run
/// then. An operation of the file system's suspends only where it waits.
class wait_detector {
 public:
  explicit wait_detector(const asio::any_io_executor& executor)
      : others_ran_(std::make_shared<bool>(false)) {
    asio::post(executor, [flag = others_ran_] { *flag = true; });
  }

  bool waited() const { return *others_ran_; }

 private:
  std::shared_ptr<bool> others_ran_;
};

}  // namespace download_buffer
