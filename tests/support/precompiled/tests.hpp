// SPDX-License-Identifier: BSL-1.0
// What many tests include, compiled once for each program of many sources. A source includes what
// it uses all the same: without precompiled headers (-Db_pch=false) all of them compile, too.
#include <coramfs/file_system.hpp>
#include <coramfs/sync/file_system.hpp>

#include "support/catch.hpp"

#include <asio/awaitable.hpp>
#include <asio/bind_cancellation_slot.hpp>
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/use_future.hpp>

#include <algorithm>
#include <chrono>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>
