#!/usr/bin/env python3
"""Write python/cusgd/_capi.py, the ctypes declarations of the public headers.

usage: make_python_api.py [--check]     --check: only compares, and fails where the file is out of date

Needs a C preprocessor (``cc -E``) and pycparser.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from pycparser import c_ast, c_parser

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "python" / "cusgd" / "_capi.py"

# What stands in for the system's headers, of which only these types are used.
FAKE_HEADERS = {
    "stddef.h": "typedef unsigned long size_t;",
    "stdint.h": "typedef long int64_t; typedef unsigned long uint64_t; typedef unsigned char uint8_t;",
    "math.h": "",
}
SCALARS = {
    "int": "C.c_int",
    "double": "C.c_double",
    "float": "C.c_float",
    "size_t": "C.c_size_t",
    "int64_t": "C.c_int64",
    "uint64_t": "C.c_uint64",
    "uint8_t": "C.c_uint8",
    "char": "C.c_char",
}
HEADER = '''"""The C interface of libcusgd, written by scripts/make_python_api.py from the headers; edits are lost."""

from __future__ import annotations

import ctypes as C
from typing import Any
'''


def preprocessed() -> str:
    """Return the public headers as one translation unit."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in FAKE_HEADERS.items():
            (Path(folder) / name).write_text(text)
        command = ["cc", "-E", "-P", "-nostdinc", "-U__GNUC__", f"-I{folder}", f"-I{ROOT / 'include'}", "-x", "c", "-"]
        source = "".join(f"#include <{name}>\n" for name in headers())
        return subprocess.run(command, input=source, stdout=subprocess.PIPE, text=True, check=True).stdout


def headers() -> list[str]:
    """Return the names of the public headers."""
    return sorted(path.name for path in (ROOT / "include").glob("cusgd*.h"))


class Writer:
    """Translates declarations to ctypes."""

    def __init__(self) -> None:
        self.enums: set[str] = set()
        self.structs: set[str] = set()  # with members
        self.opaque: set[str] = set()
        self.functions: set[str] = set()
        self.constants: dict[str, int] = {}
        self.lines: list[str] = [HEADER]
        self.declared: list[str] = []

    def type_of(self, node: c_ast.Node) -> str:
        """Return the ctypes expression for a type."""
        if isinstance(node, c_ast.PtrDecl):
            return self.pointer_to(node.type)
        if isinstance(node, c_ast.ArrayDecl):
            return f"{self.type_of(node.type)} * {self.value_of(node.dim)}"
        if isinstance(node, c_ast.TypeDecl):
            return self.type_of(node.type)
        if isinstance(node, c_ast.IdentifierType):
            name = node.names[-1]
            if name == "void":
                return "None"
            if name in SCALARS:
                return SCALARS[name]
            if name in self.enums:
                return "C.c_int"
            if name in self.structs or name in self.functions:
                return name
        raise ValueError(f"a type that is not known: {node}")

    def pointer_to(self, node: c_ast.Node) -> str:
        """Return the ctypes expression for a pointer to a type."""
        if isinstance(node, c_ast.TypeDecl) and isinstance(node.type, c_ast.IdentifierType):
            name = node.type.names[-1]
            if name == "char":
                return "C.c_char_p"
            if name == "void" or name in self.opaque:
                return "C.c_void_p"
        if isinstance(node, c_ast.TypeDecl) and isinstance(node.type, c_ast.Struct):  # that others define
            return "C.c_void_p"
        return f"C.POINTER({self.type_of(node)})"

    def value_of(self, node: c_ast.Node) -> int:
        """Return the value of a constant expression."""
        if isinstance(node, c_ast.Constant):
            return int(node.value, 0)
        if isinstance(node, c_ast.ID):
            return self.constants[node.name]
        raise ValueError(f"a constant that is not known: {node}")

    def add_enum(self, name: str | None, node: c_ast.Enum) -> None:
        """Add an enumeration's constants."""
        value = 0
        for entry in node.values.enumerators:
            value = self.value_of(entry.value) if entry.value is not None else value
            self.constants[entry.name] = value
            self.lines.append(f"{entry.name} = {value}")
            value += 1
        if name:
            self.enums.add(name)

    def add_struct(self, name: str, node: c_ast.Struct) -> None:
        """Add a structure, or an opaque type."""
        if node.decls is None:
            self.opaque.add(name)
            return
        self.structs.add(name)
        fields = ", ".join(f'("{member.name}", {self.type_of(member.type)})' for member in node.decls)
        self.lines.append(f"\n\nclass {name}(C.Structure):\n    _fields_ = [{fields}]\n")

    def add_function_type(self, name: str, node: c_ast.FuncDecl) -> None:
        """Add the type of a callback."""
        self.functions.add(name)
        arguments = ", ".join(self.type_of(parameter.type) for parameter in self.parameters(node))
        self.lines.append(f"{name} = C.CFUNCTYPE({self.type_of(node.type)}, {arguments})")

    @staticmethod
    def parameters(node: c_ast.FuncDecl) -> list[c_ast.Decl]:
        """Return a function's parameters."""
        found = node.args.params if node.args else []
        return [] if len(found) == 1 and isinstance(found[0], c_ast.Typename) and found[0].name is None else list(found)

    def add_function(self, name: str, node: c_ast.FuncDecl) -> None:
        """Add a function of the library."""
        is_void = isinstance(node.type, c_ast.TypeDecl) and getattr(node.type.type, "names", None) == ["void"]
        result = "None" if is_void else self.type_of(node.type)
        arguments = ", ".join(self.type_of(parameter.type) for parameter in self.parameters(node))
        self.declared.append(f'    ("{name}", {result}, [{arguments}]),')

    def add(self, node: c_ast.Node) -> None:
        """Add a declaration at the top level."""
        if isinstance(node, c_ast.Typedef):
            inner = node.type
            if isinstance(inner, c_ast.PtrDecl) and isinstance(inner.type, c_ast.FuncDecl):
                self.add_function_type(node.name, inner.type)
            elif isinstance(inner.type, c_ast.Enum):
                self.add_enum(node.name, inner.type)
            elif isinstance(inner.type, c_ast.Struct):
                self.add_struct(node.name, inner.type)
        elif isinstance(node, c_ast.Decl) and isinstance(node.type, c_ast.FuncDecl):
            self.add_function(node.name, node.type)
        elif isinstance(node, c_ast.Decl) and isinstance(node.type, c_ast.Enum):
            self.add_enum(None, node.type)

    def text(self) -> str:
        """Return the whole module."""
        structs = ", ".join(sorted(self.structs))
        functions = "\n".join(self.declared)
        return (
            "\n".join(self.lines)
            + f"\n\nSTRUCTURES: list[Any] = [{structs}]\n\n# Name, type of the result, types of the arguments.\n"
            + f"FUNCTIONS: list[tuple[str, Any, list[Any]]] = [\n{functions}\n]\n\n\n"
            + "def declare(library: C.CDLL) -> None:\n"
            + '    """Give the functions of the library their types."""\n'
            + "    for name, result, arguments in FUNCTIONS:\n"
            + "        function = getattr(library, name)\n"
            + "        function.restype = result\n"
            + "        function.argtypes = arguments\n"
        )


def main() -> None:
    """Write or compare the module."""
    writer = Writer()
    for node in c_parser.CParser().parse(preprocessed()).ext:
        writer.add(node)
    text = writer.text()
    if sys.argv[1:] == ["--check"]:
        if TARGET.read_text() != text:
            sys.exit(f"{TARGET.relative_to(ROOT)} is not what the headers declare: run scripts/make_python_api.py")
        print(f"{TARGET.relative_to(ROOT)} is what {', '.join(headers())} declare")
    else:
        TARGET.write_text(text)


if __name__ == "__main__":
    main()
