"""NVIDIA's disassembler: where it is, and what it says of a module."""

from __future__ import annotations

import glob
import os
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ARCHITECTURE = "sm_90"
_SECTION = re.compile(r"^//-+ \.text\.(\S+)\s+-+$", re.MULTILINE)


class NotHere(Exception):
    """What is needed is not on this machine; the text says what."""


def cache() -> Path:
    """Where scripts/install_dependencies.sh puts the tools where the CUDA toolkit has none: a virtual environment."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cusgd" / "sass"


def find() -> tuple[str, str]:
    """
    Find cuobjdump and nvdisasm, the toolkit's before others.

    Returns
    -------
    tuple of str
        Their paths.

    Raises
    ------
    NotHere
        If one of them is not there, or c++filt, which is needed too.
    """
    if not shutil.which("c++filt"):
        raise NotHere("there is no c++filt (binutils)")
    folders = [os.environ.get("CUDA_HOME", "/usr/local/cuda") + "/bin", *os.environ.get("PATH", "").split(os.pathsep)]
    folders += sorted(glob.glob(str(cache() / "lib/python3*/site-packages/nvidia/cu*/bin")), reverse=True)
    found = [shutil.which(name, path=os.pathsep.join(folders)) for name in ("cuobjdump", "nvdisasm")]
    if not found[0] or not found[1]:
        raise NotHere("cuobjdump and nvdisasm are neither in the CUDA toolkit nor in " + str(cache()))
    return found[0], found[1]


def _run(command: list[str], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]}: status {done.returncode}: {done.stderr.strip()[-500:]}")
    return done.stdout


def disassemble(module: Path, folder: Path) -> tuple[dict[str, str], str]:
    """
    Take the code for compute capability 9.0 out of a module.

    Parameters
    ----------
    module : Path
        A shared library or an object file.
    folder : Path
        An empty one, for what lies between.

    Returns
    -------
    dict of str to str
        What nvdisasm prints, by kernel (the name that the linker knows).
    str
        The version of the assembler, such as 13.0.88; empty: not said.

    Raises
    ------
    NotHere, RuntimeError
        If the tools are missing, or fail, or the module has no such code.
    """
    cuobjdump, nvdisasm = find()
    _run([cuobjdump, "-xelf", ARCHITECTURE, str(module.resolve())], folder)
    cubins = sorted(folder.glob(f"*{ARCHITECTURE}*.cubin"))
    if not cubins:
        raise RuntimeError(f"{module} has no code for {ARCHITECTURE}")
    versions = {match for cubin in cubins for match in re.findall(rb"release [0-9.]+, V([0-9.]+)", cubin.read_bytes())}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        texts = list(pool.map(lambda cubin: _run([nvdisasm, "-c", str(cubin)], folder), cubins))
    return {name: text for whole in texts for name, text in split(whole).items()}, b" ".join(sorted(versions)).decode()


def split(text: str) -> dict[str, str]:
    """What nvdisasm prints, by kernel."""
    begins = list(_SECTION.finditer(text))
    ends = [match.start() for match in begins[1:]] + [len(text)]
    return {match.group(1): text[match.start():end] for match, end in zip(begins, ends, strict=True)}


def plain_names(names: list[str]) -> dict[str, str]:
    """Names as the sources have them, without arguments, by the linker's."""
    done = subprocess.run(["c++filt"], input="\n".join(names), capture_output=True, text=True, check=True)
    plain = [re.sub(r" >", ">", re.sub(r"\(.*", "", line.removeprefix("void "))) for line in done.stdout.splitlines()]
    return dict(zip(names, plain, strict=True))
