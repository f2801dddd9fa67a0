"""A shell that runs the blocks of a page as a reader does: in order, with its variables kept."""

import json
import os
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from select import select
from tempfile import TemporaryDirectory

from typing_extensions import override

from tests.pages.blocks import Block
from tintype_testing.cluster.processes import tintype_child
from tintype_testing.gateway_process import clean_environ
from tintype_testing.requirements import require

SECONDS = 300
"""The time limit of a page."""

POLL_SECONDS = 0.05

END = "\x1e"
"""What separates the outputs of blocks."""

CLIENT = f"""#!{sys.executable} -IS
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as server:
    server.connect({{address!r}})
    ask = {{{{"words": sys.argv[1:], "environ": dict(os.environ), "folder": os.getcwd()}}}}
    server.sendall(json.dumps(ask).encode() + b"\\n")
    code, out, err = json.loads(server.makefile("rb").readline())
sys.stdout.write(out)
sys.stderr.write(err)
sys.exit(code)
"""
"""`tintype` in a shell: it takes 20 ms, because a process that has imported the program does it."""


class _Handler(socketserver.StreamRequestHandler):
    """Runs one command, until it ends or its shell does."""

    @override
    def handle(self) -> None:
        ask = json.loads(self.rfile.readline())
        with TemporaryDirectory() as own:
            out, err = Path(own, "out"), Path(own, "err")
            child = tintype_child(ask["words"], ask["environ"], Path(ask["folder"]), out, err)
            try:
                while child.poll() is None:
                    if select([self.connection], [], [], POLL_SECONDS)[0]:
                        return
            finally:
                child.kill()
                child.wait()
            said = (child.returncode, out.read_text(), err.read_text())
        self.wfile.write(json.dumps(said).encode() + b"\n")


@contextmanager
def programs(folder: Path, stubs: Iterable[str] = ()) -> Iterator[Path]:
    """Put `tintype` into a folder, and stubs of programs, which succeed and do nothing else."""
    with TemporaryDirectory() as near:  # the path of a socket may have 107 characters
        address = str(Path(near, "tintype"))
        for name, text in {
            "tintype": CLIENT.format(address=address),
            **dict.fromkeys(stubs, "#!/bin/sh\n"),
        }.items():
            (folder / name).write_text(text)
            (folder / name).chmod(0o755)
        with socketserver.ThreadingUnixStreamServer(address, _Handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            yield folder
            server.shutdown()


class Shell:
    """A folder with an environment in which the blocks of a page run."""

    def __init__(
        self, folder: Path, path: Iterable[Path], environ: Mapping[str, str] | None = None
    ) -> None:
        """Run in a folder, with programs in the folders of `path` before all others."""
        for program in ("curl", "jq", "openssl"):
            require(program, f"install it, such as by `apt-get install {program}`")
        self._folder = folder
        places = [*map(str, path), str(Path(sys.executable).parent), os.environ["PATH"]]
        self._environ = clean_environ() | {"PATH": ":".join(places)} | dict(environ or {})

    def run(
        self,
        blocks: Iterable[Block],
        *,
        before: str = "",
        replaced: Mapping[str, str] | None = None,
    ) -> list[str]:
        """Run blocks in one shell, and return what each wrote to its output.

        `before` is run first. `replaced` has texts of the page that are a reader's own, such as
        `registry.example.com`, and what is run in their place: each must be in a block.

        Raises:
            AssertionError: A command failed; the message has its block and all outputs.
        """
        taken = list(blocks)
        codes = [block.code for block in taken]
        for old, new in (replaced or {}).items():
            assert any(old in code for code in codes), f"no block has {old!r} any more"
            codes = [code.replace(old, new) for code in codes]
        lines = ["trap 'kill $(jobs -p) 2>/dev/null || true' EXIT", before]
        for block, code in zip(taken, codes, strict=True):
            lines += [f"""trap 'echo "{block} failed: $BASH_COMMAND" >&2' ERR""", code]
            lines += [f"printf '{END}'"]
        ended = subprocess.run(
            ["bash", "-Eeuo", "pipefail", "-c", "\n".join(lines)],
            cwd=self._folder,
            env=self._environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout.split(END)[:-1]

    def python(self, code: str) -> str:
        """Run a program of Python, and return what it wrote to its output."""
        ended = subprocess.run(
            [sys.executable, "-c", code],
            cwd=self._folder,
            env=self._environ,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout
