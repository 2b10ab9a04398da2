# SPDX-License-Identifier: BSL-1.0
"""Fails on an include against the layers.

usage: check_layers.py ROOT LAYER=HEADER...   looks at include/ and src/ below ROOT
       check_layers.py --self-test            shows that each rule can fail

LAYER=HEADER names the layer of a public header: core=coramfs/error.hpp.
"""
import pathlib
import re
import sys
import tempfile

# Each layer, and the layers that it may include beside itself.
BELOW = {
    "core": [],
    "storage": ["core"],
    "tree": ["core", "storage"],
    "handles": ["core", "storage", "tree"],
    "operations": ["core", "storage", "tree", "handles"],
    "buffers": ["core", "storage", "tree"],
    "async": ["core", "storage", "tree", "handles", "operations", "buffers"],
    "sync": ["core", "storage", "tree", "handles", "operations", "buffers"],
    "integrations": [],
}

# The files that include Asio, whichever it is, and what of it. All others include these, so they are
# the same for both; and so the blocking facade takes buffers, and never runs a context.
ASIO = {
    "coramfs/asio.hpp": re.compile(r"(buffer|error|version)\.hpp"),
    "coramfs/detail/arriving.hpp": re.compile(r"redirect_error\.hpp"),
    "coramfs/detail/asio_compat.hpp": re.compile(r".*"),
    "coramfs/detail/asio_spawn.hpp": re.compile(r"co_spawn\.hpp"),
    "coramfs/detail/asio_stream.hpp": re.compile(r"socket_base\.hpp"),
    "async/asio_spawn.hpp": re.compile(r"(co_spawn|strand)\.hpp"),
    "async/asio_timer.hpp": re.compile(r".*"),
    "integrations/archive/asio_race.hpp":
        re.compile(r"(bind_cancellation_slot|experimental/awaitable_operators|strand)\.hpp"),
    "integrations/testing/asio_scheduler.hpp": re.compile(r"detail/scheduler\.hpp"),
}
FROM_ASIO = re.compile(r"(?P<boost>boost/)?asio(?:\.hpp|/(?P<header>.*))")

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:<([^>]+)>|"([^"]+)")', re.M)


class Tree:
    """The sources below one root, and what is wrong with them."""

    def __init__(self, root, layer_of_public):
        self.include = pathlib.Path(root) / "include"
        self.src = pathlib.Path(root) / "src"
        self.layer_of_public = layer_of_public
        self.wrong = []

    def check(self):
        for file in sorted(self.include.rglob("*.hpp")):
            self.check_file(file, file.relative_to(self.include).as_posix(), True)
        for file in sorted([*self.src.rglob("*.hpp"), *self.src.rglob("*.cpp")]):
            self.check_file(file, file.relative_to(self.src).as_posix(), False)
        return self.wrong

    def check_file(self, file, name, public):
        layer = self.layer_of_public.get(name) if public else name.split("/")[0]
        if layer not in BELOW:
            self.wrong.append(f"{name}: belongs to no layer; src/meson.build lists public headers")
            return
        text = file.read_text(encoding="utf-8")
        # One knows which it is, one what differs between versions, one that all files have the same.
        if ("ASIO_VERSION" in text and
                file.name not in ["asio.hpp", "asio_compat.hpp", "asio_build.hpp"]):
            self.wrong.append(f"{name}: asks for ASIO_VERSION; asio_compat.hpp does that")
        taken = {"boost/": set(), None: set()}
        for angled, quoted in INCLUDE.findall(text):
            if (found := FROM_ASIO.fullmatch(angled)) and name in ASIO:
                taken[found["boost"]].add(found["header"] or "asio.hpp")
            elif fault := self.fault_of(layer, public, angled, quoted):
                self.wrong.append(f"{name}: includes {angled or quoted}, {fault}")
        for header in sorted(taken["boost/"] | taken[None]):
            if not ASIO[name].fullmatch(header):
                self.wrong.append(f"{name}: includes {header} of Asio, too much for all layers")
            elif header not in taken["boost/"] & taken[None]:
                self.wrong.append(f"{name}: includes {header} of one Asio and not of the other")

    def fault_of(self, layer, public, angled, quoted):
        if quoted:
            return self.fault_of_private(layer, public, quoted)
        if angled.startswith("coramfs/"):
            return self.fault_of_public(layer, angled)
        return f"which {' or '.join(ASIO)} should" if FROM_ASIO.fullmatch(angled) else None

    def fault_of_private(self, layer, public, name):
        if public:
            return "a private header"
        if not (self.src / name).is_file():
            return "which src/ does not have: a private include starts at the layer"
        other = name.split("/")[0]
        return None if other in [layer, *BELOW[layer]] else f"but {layer} may not use {other}"

    def fault_of_public(self, layer, name):
        made = self.include / (name + ".in")
        if not (self.include / name).is_file() and not made.is_file():
            return "which does not exist"
        other = self.layer_of_public.get(name)
        if layer == "integrations" or other in [None, layer, *BELOW[layer]]:
            return None  # one of no layer is reported by itself
        return f"but {layer} may not use {other}"


# A tree of made-up files, and a part of the only complaint about it; None: it is good.
SAMPLES = [
    ({"src/tree/a.hpp": '#include "core/b.hpp"', "src/core/b.hpp": "#include <vector>"}, None),
    ({"src/async/asio_timer.hpp": "#include <asio/a.hpp>\n#include <boost/asio/a.hpp>"}, None),
    ({"include/coramfs/asio.hpp": "#include <asio/buffer.hpp>\n#include <boost/asio/buffer.hpp>",
      "src/sync/a.cpp": "#include <coramfs/asio.hpp>"}, None),
    ({"src/async/asio_compat.hpp": "#if ASIO_VERSION > 1"}, None),
    ({"src/core/a.hpp": '#include "tree/b.hpp"', "src/tree/b.hpp": ""}, "core may not use tree"),
    ({"src/async/a.hpp": '#include "sync/b.hpp"', "src/sync/b.hpp": ""}, "async may not use sync"),
    ({"src/sync/a.hpp": '#include "async/b.hpp"', "src/async/b.hpp": ""}, "sync may not use async"),
    ({"src/integrations/a.hpp": '#include "core/b.hpp"', "src/core/b.hpp": ""},
     "integrations may not use core"),
    ({"src/tree/a.hpp": "# include <asio.hpp>"}, "which coramfs/asio.hpp or"),
    ({"src/async/a.cpp": "#include <boost/asio/post.hpp>"}, "which coramfs/asio.hpp or"),
    ({"src/storage/a.cpp": "#include <coramfs/asio.hpp>", "include/coramfs/asio.hpp": ""},
     "storage may not use buffers"),
    ({"include/coramfs/asio.hpp": "#include <asio/post.hpp>\n#include <boost/asio/post.hpp>"},
     "too much for all layers"),
    ({"src/async/asio_timer.hpp": "#include <asio/a.hpp>"}, "a.hpp of one Asio and not of the other"),
    ({"src/core/a.hpp": '#include "b.hpp"', "src/core/b.hpp": ""}, "starts at the layer"),
    ({"src/stray.hpp": ""}, "belongs to no layer"),
    ({"src/async/a.cpp": "#if ASIO_VERSION > 1"}, "asks for ASIO_VERSION"),
    ({"include/coramfs/stray.hpp": ""}, "belongs to no layer"),
    ({"include/coramfs/error.hpp": '#include "core/b.hpp"', "src/core/b.hpp": ""}, "a private header"),
    ({"include/coramfs/error.hpp": "#include <coramfs/gone.hpp>"}, "does not exist"),
    ({"include/coramfs/error.hpp": "#include <coramfs/made.hpp>", "include/coramfs/made.hpp.in": ""},
     None),
    ({"include/coramfs/error.hpp": "#include <coramfs/volume.hpp>", "include/coramfs/volume.hpp": ""},
     "core may not use tree"),
    ({"src/core/a.cpp": "#include <coramfs/file.hpp>", "include/coramfs/file.hpp": ""},
     "core may not use async"),
]


SAMPLE_LAYERS = {
    "coramfs/asio.hpp": "buffers",
    "coramfs/error.hpp": "core",
    "coramfs/volume.hpp": "tree",
    "coramfs/file.hpp": "async",
}


def self_test():
    wrong = []
    for files, expected in SAMPLES:
        with tempfile.TemporaryDirectory() as root:
            for name, text in files.items():
                file = pathlib.Path(root) / name
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text + "\n", encoding="utf-8")
            found = Tree(root, SAMPLE_LAYERS).check()
        good = not found if expected is None else len(found) == 1 and expected in found[0]
        if not good:
            wrong.append(f"{files}: expected {expected}, found {found}")
    return wrong


def main(arguments):
    if arguments == ["--self-test"]:
        wrong = self_test()
    else:
        root, *layers = arguments
        wrong = Tree(root, {header: layer for layer, header in (l.split("=") for l in layers)}).check()
    print("\n".join(wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
