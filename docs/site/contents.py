# SPDX-License-Identifier: BSL-1.0
"""The pages of the site, in the order of its menu. Paths are below docs/.

A new page is listed here. A new code of `errc` gets a page in docs/errors/, which is found by its
name, and a new line of docs/behaviours.md a test that names it, or an entry in docs/site/held_by.txt.
"""

CONTENTS = [
    ("Start", ["index.md", "five_minutes.md", "recipes.md"]),
    ("Concepts", [
        "concepts/quota.md", "concepts/locks.md", "concepts/waiting.md",
        "concepts/zero_copy.md", "concepts/layouts.md", "concepts/memory_guard.md",
        "concepts/sharing.md", "concepts/following.md", "concepts/host_trees.md",
        "concepts/archives.md", "concepts/sqlite.md", "concepts/streams.md",
        "concepts/errors.md", "concepts/facades.md", "concepts/limits.md", "testing.md",
        "schedules.md"]),
    ("Coming from", [
        "coming_from/d_memfs.md", "coming_from/tmpfs.md", "coming_from/filesystem.md",
        "coming_from/fstream.md"]),
    ("Programs", [
        "archive_extraction.md", "ci_debug_export.md", "sqlite_shared_store.md",
        "sqlite_test_fixtures.md"]),
    ("Reference", ["reference.md", "errors.md", "behaviours.md", "performance.md",
                   "architecture.md"]),
]
