#!/usr/bin/env python3
"""Fails where the sources depend on each other in a forbidden direction, a struct or a parameter list has grown too long, or the
tests of one program have different time limits.

usage: check_structure.py SOURCE_FOLDER [--plant]

--plant copies the sources, breaks each rule once, and succeeds if every break is found: a check that cannot fail checks nothing.
"""
import functools
import re
import shutil
import sys
import tempfile
from pathlib import Path

MAX_FIELDS = 20
MAX_PARAMETERS = 7

# Which files form a layer: the first pattern that a path matches.
LAYERS = [
    ("scalar", r"include/scalar/"),
    ("public", r"include/cusgd[^/]*\.h$"),
    ("cli", r"host/cli/"),
    ("data", r"host/data/|host/(data|ascending|failure|interrupt|pool|clock|module_file|lapack_library|physical_memory|options[^/]*|public|real|sized)\.[ch]$"),
    ("expr", r"host/expr/"),
    ("backend", r"host/(backend|module|models|sparse|rule)\.h$|host/(device|world[^/]*)\.[ch]$"),
    ("hdf5", r"host/hdf5/"),
    ("cpu", r"host/cpu/"),
    ("cuda", r"host/cuda/|kernels/"),
    ("mpi", r"host/mpi/"),
    ("problem", r"host/problem/"),
    ("run", r"host/run/"),
    ("sgd", r"host/sgd/"),
    ("solvers", r"host/solvers/"),
    ("trainer", r"host/trainer/"),
    ("sweep", r"host/sweep/"),
    ("search", r"host/search/"),
    ("check", r"host/check/"),
    ("model", r"host/(model[^/]*|distribution)\.[ch]$|host/(generate|device_data)\.c$"),
]

# What a layer may include besides itself. Devices lie below the problem and are reached through host/backend.h alone; sgd and
# solvers do not know each other; the command knows the public header alone.
MAY_INCLUDE = {
    "scalar": {"public"},
    "public": set(),
    "cli": {"public"},
    "data": {"scalar", "public"},
    "expr": {"scalar", "public", "data"},
    "backend": {"scalar", "public", "data"},
    "hdf5": {"public", "data"},
    "cpu": {"scalar", "public", "data", "expr", "backend"},
    "cuda": {"scalar", "public", "data", "backend"},
    "mpi": {"public", "backend"},
    "problem": {"scalar", "public", "data", "expr", "backend"},
    "run": {"scalar", "public", "data", "backend", "problem"},
    "sgd": {"scalar", "public", "data", "expr", "backend", "problem", "run"},
    "solvers": {"scalar", "public", "data", "backend", "problem", "run"},
    "model": {"scalar", "public", "data", "expr", "backend"},
    "trainer": {"scalar", "public", "data", "expr", "backend", "problem", "run", "sgd", "solvers", "model"},
    "sweep": {"scalar", "public", "data", "backend", "problem", "run", "sgd", "trainer", "model"},
    "search": {"scalar", "public", "data", "solvers"},
    "check": {"scalar", "public", "data", "expr", "backend", "problem", "run", "sgd", "trainer"},
}

# What reads the arrays of a data set value by value: the readers of data, the devices, and one place above the device interface,
# which knows in whose memory the rows lie. The others read rows by row_source.h, and target_at(), weight_at() and offset_at().
ARRAY_LAYERS = {"data", "cpu", "cuda"}
ARRAY_READERS = {
    r"\bmatrix_at\(|\bx\.at\b": {"host/device_data.c", "host/problem/row_source.c", "host/problem/row_source.h"},
    r"\bcsr_(value|column)\(": {"host/problem/row_source.c", "host/trainer/state_data.c"},  # a hash of what is stored
}

# What is longer, and no longer than this. An entry that is not needed any more is a fault, so that the list only shrinks.
LONGER = {
    ("host/options.h", "cusgd_options"): 70,  # what callers set, option by option
    ("include/cusgd_model.h", "cusgd_metrics"): 24,  # values that callers read by name, as scikit-learn has functions
    ("kernels/kernels.h", "loss_task"): 26,  # kernel arguments are flat
    ("kernels/kernels.h", "update_task"): 34,
    ("include/scalar/update.h", "update_parameter"): 8,  # inlined into every inner loop, as is the next one
}


def sources(root):
    files = [p for folder in ("include", "host", "kernels") for p in (root / folder).rglob("*") if p.suffix in (".c", ".h", ".cu")]
    return sorted(p.relative_to(root).as_posix() for p in files)


def system_headers():
    """The names that a header of ours would hide from the C library and the compiler: -I folders come before the system's."""
    return {"errno.h", "error.h", "features.h", "pthread.h", "stdio.h"} | {p.name for p in Path("/usr/include").glob("*.h")}


def hidden_headers(root):
    hidden = system_headers()
    for folder in ("include", "host", "kernels", "tests"):
        for path in sorted((root / folder).rglob("*.h")):
            if path.name in hidden:
                yield f"{path.relative_to(root).as_posix()}: <{path.name}> is a header of the system, which this one hides"


def mixed_limits(root):
    """Where a test begins whose limit ends before that of one which is running, Criterion 2.4 forgets the latter, and leaks it."""
    for path in sorted((root / "tests").rglob("test_*.c")):
        limits = sorted(set(re.findall(r"\.timeout = ([\d.]+)", path.read_text())))
        if len(limits) > 1:
            yield f"{path.relative_to(root).as_posix()}: tests with limits of {' and '.join(limits)} seconds: set the suite's alone"


def layer_of(path):
    return next((name for name, pattern in LAYERS if re.match(pattern, path)), None)


def without_comments(text):
    return re.sub(r"/\*.*?\*/|//[^\n]*", " ", text, flags=re.S)


def resolve(root, path, name):
    """The source that an #include "name" in `path` means, as the compiler looks for it; None: not one of ours."""
    for folder in (Path(path).parent.as_posix(), "host", "include", "kernels"):
        candidate = (root / folder / name).resolve()
        if candidate.is_file():
            return candidate.relative_to(root.resolve()).as_posix()
    return None


def includes(root, path, text):
    names = re.findall(r'^\s*#\s*include\s+"([^"]+)"', text, flags=re.M)
    return [found for found in (resolve(root, path, name) for name in names) if found]


def cycles(graph):
    """Depth-first: each cycle that a search from some file runs into."""
    found, done = [], set()

    def visit(path, trail):
        if path in trail:
            found.append("include cycle: " + " -> ".join(trail[trail.index(path):] + [path]))
        elif path not in done:
            for other in graph[path]:
                visit(other, trail + [path])
            done.add(path)

    for path in graph:
        visit(path, [])
    return found


def split_top(text, separator):
    """Splits where no bracket is open."""
    parts, depth, start = [], 0, 0
    for i, c in enumerate(text):
        depth += c in "([{"
        depth -= c in ")]}"
        if c == separator and depth == 0:
            parts.append(text[start:i])
            start = i + 1
    return parts + [text[start:]]


@functools.lru_cache(maxsize=None)
def structs(text):
    return tuple(find_structs(text))


@functools.lru_cache(maxsize=None)
def functions(text):
    return tuple(find_functions(text))


def find_structs(text):
    """Each struct's name and how many fields it has."""
    for match in re.finditer(r"\bstruct\s+(\w*)\s*\{", text):
        depth, end = 1, match.end()
        while depth:
            depth += {"{": 1, "}": -1}.get(text[end], 0)
            end += 1
        declarations = [d for d in split_top(text[match.end():end - 1], ";") if d.strip()]
        name = match.group(1) or re.match(r"\s*(\w*)", text[end:]).group(1)
        yield name, sum(len(split_top(d, ",")) for d in declarations)


def find_functions(text):
    """Each function's name, declared or defined, and how many parameters it has."""
    flat = re.sub(r"^\s*#[^\n]*(\\\n[^\n]*)*", "", text, flags=re.M)
    pattern = r"^([A-Za-z_][\w \t*]*?[ \t*])(\w+)\(((?:[^(){};]|\([^(){};]*\))*)\)\s*[{;]"
    for match in re.finditer(pattern, flat, flags=re.M):
        if "return" not in match.group(1):
            yield match.group(2), len(split_top(match.group(3), ","))


def sizes(path, text, needed):
    """Complaints of what is too long; the exceptions that were needed go to `needed`."""
    measured = [(name, count, MAX_FIELDS, "fields") for name, count in structs(text)]
    if not path.startswith("kernels/"):
        measured += [(name, count, MAX_PARAMETERS, "parameters") for name, count in functions(text)]
    for name, count, most, unit in measured:
        allowed = LONGER.get((path, name), most)
        if count > most:
            needed.add((path, name))
        if count > allowed:
            yield f"{path}: {name} has {count} {unit}, more than {allowed}"


def array_readers(path, text):
    if layer_of(path) not in ARRAY_LAYERS:
        for pattern, allowed in ARRAY_READERS.items():
            found = re.search(pattern, text)
            if found and path not in allowed:
                yield f"{path}: reads arrays by {found.group(0)}: rows above the device interface are read by problem/row_source.h"


def check(root):
    problems, graph, needed = [], {}, set()
    for path in sources(root):
        text = without_comments((root / path).read_text())
        graph[path] = includes(root, path, text)
        layer = layer_of(path)
        if layer is None:
            problems.append(f"{path}: belongs to no layer of this script")
        problems += [
            f"{path}: includes {other}: {layer} may not depend on {layer_of(other)}"
            for other in graph[path]
            if layer and layer_of(other) not in MAY_INCLUDE[layer] | {layer}
        ]
        problems += sizes(path, text, needed)
        problems += array_readers(path, text)
    problems += [f"{path}: {name} is no longer long: take it from LONGER" for path, name in LONGER if (path, name) not in needed]
    return problems + list(hidden_headers(root)) + list(mixed_limits(root)) + cycles(graph)


def plant(root):
    """What each break is called, where it goes, and a part of the complaint that it must raise."""
    breaks = [
        ("upward include", "host/problem/targets.c", '#include "sgd/sgd.h"\n', "problem may not depend on sgd"),
        ("methods that know each other", "host/solvers/gd.c", '#include "sgd/sgd.h"\n', "solvers may not depend on sgd"),
        ("a device's header above the interface", "host/run/run.c", '#include "cpu/cpu.h"\n', "run may not depend on cpu"),
        ("the command inside the library", "host/cli/main.c", '#include "data.h"\n', "cli may not depend on data"),
        ("raw rows above the device interface", "host/solvers/gd.c", "double x = matrix_at(&e->x, 0, 0);\n", "reads arrays by matrix_at("),
        ("an array's address there", "host/sgd/fit.c", "const void *at = e->x.at;\n", "reads arrays by x.at"),
        ("include cycle", "host/problem/linear.h", '#include "problem/separation.h"\n', "include cycle"),
        ("long struct", "host/run/run.h", "struct grown { int " + ", ".join(f"a{i}" for i in range(MAX_FIELDS + 1)) + "; };\n", "grown has 21 fields"),
        ("long parameter list", "host/run/run.h", "int grown(" + ", ".join(f"int a{i}" for i in range(MAX_PARAMETERS + 1)) + ");\n", "grown has 8 parameters"),
        ("exception that nothing needs", "include/scalar/update.h", None, "update_parameter is no longer long"),
        ("header of the system's name", "host/features.h", "int stray;\n", "<features.h> is a header of the system"),
        ("time limits that differ", "tests/test_stray.c", "TestSuite(a, .timeout = 60);\nTest(a, b, .timeout = 600) {}\n", "limits of 60 and 600"),
        ("file of no layer", "host/stray.c", "int stray;\n", "host/stray.c: belongs to no layer"),
    ]
    missed = []
    for name, path, text, complaint in breaks:
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder)
            for part in ("include", "host", "kernels"):
                shutil.copytree(root / part, copy / part)
            target = copy / path
            target.parent.mkdir(exist_ok=True)
            before = target.read_text() if target.exists() else ""
            target.write_text(text + before if text is not None else before.replace("update_parameter", "update_parameters"))
            if not any(complaint in problem for problem in check(copy)):
                missed.append(f"a planted fault was not found: {name}")
    return missed


def main():
    root = Path(sys.argv[1])
    problems = plant(root) if "--plant" in sys.argv[2:] else check(root)
    print("\n".join(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
