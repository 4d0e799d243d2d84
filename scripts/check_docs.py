#!/usr/bin/env python3
"""Check the documentation against the command and the source tree.

usage: check_docs.py CUSGD [--write]

CUSGD is the path of the command. Checked are:

* every block of commands that follows ``<!-- checked -->`` in README.md and docs/: the commands are run in order in one folder
  per page, and their output is compared with the block. ``...`` stands for any text within a line, or for any number of lines;
* docs/options.md and the options in man/cusgd.1, which are what ``--help`` says (``--write`` writes them);
* links to files and to headings of them;
* the counts of losses, optimizers, schedules and solvers in README.md, and its length;
* that the tests which docs/reliability.md names exist, and that each guarantee has one;
* words that docs/developers/glossary.md replaces by others.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
README_LINES = 150
OPTIONS_PAGE = ROOT / "docs" / "options.md"
MANUAL = ROOT / "man" / "cusgd.1"
MANUAL_BEGIN = r".\" options: written by scripts/check_docs.py --write"
MANUAL_END = r".\" end of options"
MANUAL_COMMANDS = (
    "train",
    "sweep",
    "path",
    "predict",
    "evaluate",
    "generate",
    "convert",
    "info",
    "bench",
    "check",
    "grad",
    "minimize",
    "solve",
)

# Words of an earlier dialect of this project, and of British spelling.
BANNED = [
    r"\bseam\b",
    r"\bbeside\b",
    r"\bexcess\b",
    r"\bmade data\b",
    r"\bnull model\b",
    r"\bbest constant\b",
    r"\bin vain\b",
    r"\bkinks?\b",
    r"\bgoes with\b",
    r"\b(told|tells|untold)\b",
    r"\bslopes?\b",
    r"\bbackoffs?\b",
    r"\b(rows|steps|bytes|us|microseconds|instructions) an? (second|epoch|step|pass|target|row|parameter|thread)\b",
    r"\bwhich was taken\b",
    r"\b(minimis|maximis|optimis|standardis|penalis|normalis|initialis|recognis|vectoris|factoris|regularis)",
    r"\b(neighbour|behaviour|licence|colour|favour|honour|judgement|programmes?\b|learnt\b)",
]


def pages() -> list[Path]:
    """Return the pages that are checked."""
    top = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")]
    return top + sorted((ROOT / "docs").rglob("*.md"))


# ---- Blocks of commands ----


def matches(expected: list[str], actual: list[str]) -> bool:
    """Tell whether lines match a pattern in which ``...`` stands for text or lines."""
    parts = []
    for line in expected:
        if line.strip() == "...":
            parts.append(r"(?:[^\n]*\n)*?")
        else:
            parts.append(".*?".join(re.escape(piece) for piece in line.split("...")) + r"\n")
    return re.fullmatch("".join(parts), "".join(line + "\n" for line in actual)) is not None


def checked_blocks(text: str) -> list[list[str]]:
    """Return the lines of each block that follows the mark."""
    found = re.findall(r"<!-- checked -->\n```console\n(.*?)```", text, flags=re.DOTALL)
    return [block.splitlines() for block in found]


def split_commands(block: list[str]) -> list[tuple[str, list[str]]]:
    """Split a block into commands, which start with ``$ ``, and their output."""
    commands: list[tuple[str, list[str]]] = []
    for line in block:
        if line.startswith("$ "):
            commands.append((line[2:], []))
        elif commands:
            commands[-1][1].append(line)
    return commands


def run_commands(page: Path, cusgd: Path, folder: Path) -> list[str]:
    """Run a page's commands in ``folder``; return what is wrong."""
    environment = dict(os.environ, PATH=f"{cusgd.parent}:{os.environ['PATH']}", LC_ALL="C", CUSGD_MODULE_DIR="/nonexistent")
    faults = []
    (folder / "tests").symlink_to(ROOT / "tests")
    for block in checked_blocks(page.read_text()):
        for command, expected in split_commands(block):
            done = subprocess.run(
                ["bash", "-c", command],
                cwd=folder,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=120,
            )
            actual = done.stdout.splitlines()
            if not matches(expected, actual):
                said = "\n".join(f"    | {line}" for line in actual[:12] + (["    ..."] if len(actual) > 12 else []))
                where = page.relative_to(ROOT)
                faults.append(f"{where}: output of `{command}` is not as shown, but (exit code {done.returncode})\n{said}")
    return faults


def check_commands(cusgd: Path) -> list[str]:
    """Run the commands of all pages."""
    faults = []
    count = 0
    for page in pages():
        count += len(checked_blocks(page.read_text()))
        with tempfile.TemporaryDirectory() as folder:
            faults += run_commands(page, cusgd, Path(folder))
    if count < 5:
        faults.append(f"only {count} blocks of commands are marked as checked")
    return faults


# ---- Options ----


def options_of(cusgd: Path, command: str) -> list[tuple[str, str, str]]:
    """Return the options of a command as its help text has them: option, default, description."""
    text = subprocess.run([str(cusgd), command, "--help", "all"], stdout=subprocess.PIPE, text=True, check=True).stdout
    entries: list[str] = []
    for line in text.splitlines():
        if re.match(r"  -", line):
            entries.append(line.strip())
        elif entries and entries[-1].endswith("|"):  # a list of choices goes on in the next line
            entries[-1] += line.strip()
        elif entries and line.startswith(" " * 16):
            entries[-1] += "  " + line.strip()
    options = []
    for entry in entries:
        option, _, description = entry.partition("  ")
        description, default = description.strip(), ""
        bracket = re.search(r" \[([^]]*)\]$", description)
        if bracket:
            default, description = bracket.group(1), description[: bracket.start()]
        options.append((option, default, description))
    return options


def options_table(cusgd: Path) -> str:
    """Return the options of ``train`` as a table in Markdown."""
    options = options_of(cusgd, "train")
    if len(options) < 20:
        sys.exit(f"{cusgd} train --help lists too few options: {len(options)}")
    rows = ["| Option | Default | Description |", "|---|---|---|"]
    for cells in options:
        option, default, description = [cell.replace("|", r"\|") for cell in cells]
        rows.append(f"| `{option}` | {default} | {description} |")
    return "\n".join(rows)


def manual_options(cusgd: Path) -> str:
    """Return the options of all commands as the manual lists them."""
    lines: list[str] = []
    of_train = options_of(cusgd, "train")
    for command in MANUAL_COMMANDS:
        lines.append(f".SS cusgd {command}")
        for option, default, description in options_of(cusgd, command):
            if command in ("check", "sweep", "path") and (option, default, description) in of_train:
                continue
            escaped = option.replace("-", r"\-")
            lines += [".TP", f".B {escaped}", description + (f" [{default}]" if default else "")]
    lines += [
        ".PP",
        "The options of train describe the run that is compared. "
        "Without DATA, \\-\\-rows and \\-\\-cols, a standard set of problems is compared.",
    ]
    return "\n".join(lines)


def manual_text(cusgd: Path) -> str:
    """Return the manual with the options that the command has."""
    before, rest = MANUAL.read_text().split(MANUAL_BEGIN + "\n")
    return f"{before}{MANUAL_BEGIN}\n{manual_options(cusgd)}\n{MANUAL_END}\n{rest.split(MANUAL_END + chr(10))[1]}"


def options_page(cusgd: Path) -> str:
    """Return the text of docs/options.md."""
    return (
        "# Options of `cusgd train`\n\n"
        "Written by scripts/check_docs.py from `cusgd train --help all`. DATA is described in [file formats](file-formats.md).\n"
        "`cusgd train --help` lists the usual ones; `cusgd COMMAND --help` lists those of sweep, path, predict, evaluate, "
        "generate, convert, info, bench, devices, check, grad, minimize and solve.\n\n"
        f"{options_table(cusgd)}\n"
    )


def check_options(cusgd: Path) -> list[str]:
    """Compare docs/options.md and the manual with the command."""
    wanted = {OPTIONS_PAGE: options_page(cusgd), MANUAL: manual_text(cusgd)}
    return [
        f"{path.relative_to(ROOT)} does not list the options as --help does: run scripts/check_docs.py CUSGD --write"
        for path, text in wanted.items()
        if not path.exists() or path.read_text() != text
    ]


def choices(cusgd: Path, option: str) -> list[str]:
    """Return the values that an option takes, without ``auto``."""
    found = re.search(rf"\| `--{option} ([^`]*)`", options_table(cusgd))
    return [word for word in found.group(1).split(r"\|") if word != "auto"] if found else []


def check_readme(cusgd: Path) -> list[str]:
    """Check the README's length and counts."""
    text = (ROOT / "README.md").read_text()
    faults = []
    if len(text.splitlines()) > README_LINES:
        faults.append(f"README.md has more than {README_LINES} lines")
    full_batch = [word for word in choices(cusgd, "solver") if word not in ("sgd", "best")]
    flat = " ".join(text.split())
    for words, name in (
        (choices(cusgd, "loss"), "losses"),
        (choices(cusgd, "optimizer"), "optimizers"),
        (choices(cusgd, "schedule"), "schedules"),
        (full_batch, "full-batch solvers"),
    ):
        if f"{len(words)} {name}" not in flat:
            faults.append(f"README.md does not say that there are {len(words)} {name}")
    return faults


# ---- Links and words ----


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def check_links() -> list[str]:
    """Check that links to files and headings lead somewhere."""
    faults = []
    for page in pages():
        for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
            if re.match(r"[a-z]+:", target):
                continue
            name, _, anchor = target.partition("#")
            other = (page.parent / name).resolve() if name else page
            if not other.exists():
                faults.append(f"{page.relative_to(ROOT)}: {target} does not exist")
            elif anchor and anchor not in anchors(other):
                faults.append(f"{page.relative_to(ROOT)}: {target} is not a heading")
    return faults


RELIABILITY = ROOT / "docs" / "reliability.md"


def known_tests() -> set[str]:
    """Return the names of tests: suite/test, file.py::test, scripts of tests/cli, and what ctest runs by itself."""
    found = set()
    for path in (ROOT / "tests").rglob("*.c"):
        found |= {"/".join(pair) for pair in re.findall(r"^Test\((\w+), (\w+)", path.read_text(), flags=re.MULTILINE)}
    for path in (ROOT / "python" / "tests").glob("*.py"):
        found |= {f"{path.name}::{name}" for name in re.findall(r"^def (test_\w+)", path.read_text(), flags=re.MULTILINE)}
    found |= {f"cli/{path.stem}" for path in (ROOT / "tests" / "cli").glob("*.sh")}
    return found | set(re.findall(r"add_test\(NAME ([\w-]+)", (ROOT / "tests" / "CMakeLists.txt").read_text()))


def check_guarantees() -> list[str]:
    """Check that every guarantee names tests, and that these exist."""
    tests = known_tests()
    rows = re.findall(r"^\| (?!Guarantee)(.*) \| (.*) \|$", RELIABILITY.read_text(), flags=re.MULTILINE)
    faults = [] if rows else ["docs/reliability.md: has no guarantees"]
    for guarantee, cell in rows:
        named = re.findall(r"`([^`]+)`", cell)
        if not named:
            faults.append(f"docs/reliability.md: no test shows: {guarantee[:60]}...")
        faults += [f"docs/reliability.md: there is no test {name}" for name in named if name not in tests]
    return faults


SOURCES = ("include", "host", "kernels", "python", "scripts", "tests", "man", "cmake")
SUFFIXES = (".c", ".h", ".cu", ".cpp", ".py", ".sh", ".1", ".cmake", ".txt")


def texts() -> list[Path]:
    """Return the pages and the sources."""
    found = [path for folder in SOURCES for path in (ROOT / folder).rglob("*") if path.suffix in SUFFIXES]
    return pages() + sorted(path for path in found if path != Path(__file__).resolve())


def check_words() -> list[str]:
    """Look for banned words outside of the glossary."""
    faults = []
    for page in texts():
        if page.name == "glossary.md":
            continue
        for number, line in enumerate(page.read_text().splitlines(), 1):
            for pattern in BANNED:
                if re.search(pattern, line, flags=re.IGNORECASE):
                    where = f"{page.relative_to(ROOT)}:{number}"
                    faults.append(f"{where}: '{pattern}' (docs/developers/glossary.md has the word for it): {line.strip()}")
    return faults


def main() -> None:
    """Run all checks."""
    arguments = sys.argv[1:]
    if not arguments or arguments[0].startswith("-") or arguments[1:] not in ([], ["--write"]):
        sys.exit("usage: check_docs.py CUSGD [--write]")
    cusgd = Path(arguments[0]).resolve()
    if "--write" in arguments:
        OPTIONS_PAGE.write_text(options_page(cusgd))
        MANUAL.write_text(manual_text(cusgd))
    faults = (
        check_options(cusgd) + check_readme(cusgd) + check_links() + check_guarantees() + check_words() + check_commands(cusgd)
    )
    for fault in faults:
        print(fault)
    if faults:
        sys.exit(f"{len(faults)} faults in the documentation")
    print(f"{len(pages())} pages: commands, options, links and words are right")


if __name__ == "__main__":
    main()
