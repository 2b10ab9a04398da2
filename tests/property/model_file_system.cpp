// SPDX-License-Identifier: BSL-1.0
#include "property/model_file.hpp"
#include "property/naive_path.hpp"
#include "support/describe.hpp"

#include <stdexcept>
#include <utility>

namespace coramfs::tests {

namespace {

class model_file_system final : public any_file_system {
 public:
  explicit model_file_system(model& of) : of_(of) {}

  result<std::unique_ptr<any_file>> open(std::string_view path, open_mode mode,
                                         open_options options) override {
    return attempt([&] { return of_.open(path, mode, options); });
  }
  result<void> create_directory(std::string_view path) override {
    return attempt([&] { of_.create_directory(path); });
  }
  result<bool> create_directories(std::string_view path) override {
    return attempt([&] { return of_.create_directories(path); });
  }
  result<void> remove(std::string_view path, const remove_options& options) override {
    return attempt([&] { of_.remove(path, options.open); });
  }
  result<void> remove_directory(std::string_view path) override {
    return attempt([&] { of_.remove_directory(path); });
  }
  result<void> remove_tree(std::string_view path, const remove_options& options) override {
    return attempt([&] { of_.remove_tree(path, options.open); });
  }
  result<void> rename(std::string_view from, std::string_view to,
                      const rename_options& options) override {
    return attempt([&] { of_.relocate(from, to, options, false); });
  }
  result<void> move(std::string_view from, std::string_view to,
                    const rename_options& options) override {
    return attempt([&] { of_.relocate(from, to, options, true); });
  }
  result<void> copy(std::string_view from, std::string_view to,
                    const copy_options& options) override {
    return attempt([&] { of_.copy(from, to, options); });
  }
  result<void> copy_tree(std::string_view from, std::string_view to) override {
    return attempt([&] { of_.copy_tree(from, to, {}); });
  }
  result<std::vector<std::string>> list(std::string_view path) override {
    return attempt([&] { return of_.list(path); });
  }
  result<std::vector<directory_entry>> list_entries(std::string_view path) override {
    return attempt([&] { return of_.list_entries(path); });
  }
  // In the order of the names, which is as good as any.
  result<std::vector<directory_entry>> list_some(std::string_view path, std::string_view after,
                                                 std::size_t most) override {
    return attempt([&] {
      auto page = of_.list_entries(path);
      std::erase_if(page, [&](const directory_entry& e) { return e.name <= after; });
      if (page.size() > most) page.resize(most);
      return page;
    });
  }
  result<std::vector<found_entry>> each(std::string_view path) override {
    return attempt([&] { return found_in(path, false); });
  }
  result<std::vector<found_entry>> each_below(std::string_view path) override {
    return attempt([&] { return found_in(path, true); });
  }
  result<std::vector<found_entry>> each_match(std::string_view pattern) override {
    return attempt([&] {
      std::vector<found_entry> found;
      for (std::string& path : of_.glob(pattern)) {
        const file_status status = stat(path).value();
        found.push_back({std::move(path), status});
      }
      return found;
    });
  }
  result<std::vector<walk_entry>> walk(std::string_view path) override {
    return attempt([&] { return of_.walk(path); });
  }
  result<std::vector<std::string>> glob(std::string_view pattern) override {
    return attempt([&] { return of_.glob(pattern); });
  }
  result<bool> exists(std::string_view path) override { return stat(path).has_value(); }
  result<bool> is_file(std::string_view path) override {
    const auto s = stat(path);
    return s.has_value() && !s.value().is_directory;
  }
  result<bool> is_directory(std::string_view path) override {
    const auto s = stat(path);
    return s.has_value() && s.value().is_directory;
  }
  // Without the times, which it does not know.
  result<file_status> stat(std::string_view path) override {
    return attempt([&]() -> file_status {
      const model_node& n = of_.stat(path);
      return {n.content.size(), {}, {}, n.generation, n.is_directory, n.id.value_or(0), 0};
    });
  }
  result<void> set_modified(std::string_view path,
                            std::chrono::system_clock::time_point to) override {
    return attempt([&] { of_.set_modified(path, to); });
  }
  result<std::uint64_t> file_size(std::string_view path) override {
    return attempt([&] { return of_.file_size(path); });
  }
  result<std::string> read_file(std::string_view path,
                                std::optional<std::uint64_t> max_size) override {
    return attempt([&] { return of_.read_file(path, max_size); });
  }
  result<void> write_file(std::string_view path, std::string_view content) override {
    return attempt([&] { of_.write_file(path, content); });
  }
  result<file_map> export_tree(std::string_view prefix, export_options options) override {
    return attempt([&] {
      file_map files;
      for (const std::string& path : of_.files_below(prefix, options))
        files[path] = bytes_of(of_.read_file(path, {}));
      return files;
    });
  }
  result<void> export_each(std::string_view prefix, visitor v) override {
    return attempt([&] {
      for (const std::string& path : of_.files_below(prefix, {})) {
        const auto visited = v(path, bytes_of(of_.read_file(path, {})));
        if (!visited) throw visited.error();
      }
    });
  }
  result<void> import_tree(file_map files, const import_options&) override {
    return attempt([&] { of_.import_tree(files); });
  }

  result<std::unique_ptr<any_file>> open_unnamed(open_options) override {
    throw std::logic_error("a model has no files without a name");
  }
  result<void> give_name(any_file&, std::string_view, naming_options) override {
    throw std::logic_error("a model has no files without a name");
  }
  result<void> give_names(file_set&, std::vector<std::string>, naming_options) override {
    throw std::logic_error("a model has no files without a name");
  }
  const volume& get_volume() const override { throw std::logic_error("a model has no volume"); }
  result<volume_stats> stats() override { throw std::logic_error("a model has no volume"); }
  std::uint64_t suspensions() const override { return 0; }

 private:
  std::vector<found_entry> found_in(std::string_view text, bool all_below) {
    const std::string path = naive_path::normal(text);
    std::vector<found_entry> found;
    for (const directory_entry& e : of_.list_entries(path)) {
      found.push_back({naive_path::child(path, e.name), e.status});
      if (!all_below || !e.status.is_directory) continue;
      for (found_entry& f : found_in(found.back().path, true)) found.push_back(std::move(f));
    }
    return found;
  }

  model& of_;
};

}  // namespace

std::unique_ptr<any_file_system> make_file_system(model& of) {
  return std::make_unique<model_file_system>(of);
}

}  // namespace coramfs::tests
