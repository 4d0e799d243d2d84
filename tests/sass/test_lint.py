#!/usr/bin/env python3
"""The lint on code with planted faults (planted.cu), and on texts that its parser could take wrongly."""

from __future__ import annotations

import tempfile
import unittest
from dataclasses import replace
from pathlib import Path

import disassembly
import figures
import graph
import page
import table
import tools

HERE = Path(__file__).resolve().parent
PLANTED = tools.split((HERE / "planted.sass").read_text())


def figures_of(kernel: str) -> figures.Figures:
    """Of a kernel of planted.cu."""
    return figures.figures_of(disassembly.parse(PLANTED[kernel]))


def function(*lines: str) -> disassembly.Function:
    """A function of these lines: labels, or instructions without addresses."""
    text = ['	.section	.text.f,"ax",@progbits', "        .type           f,@function", "f:"]
    address = 0
    for line in lines:
        if line.endswith(":"):
            text.append(line)
        else:
            text.append(f"        /*{address:04x}*/                   {line} ;")
            address += 16
    return disassembly.parse("\n".join(text))[0]


class Faults(unittest.TestCase):
    """Each rule fails on its planted fault alone, and passes on the sound version."""

    PAIRS = {"local_fault": ("local", None), "constant_fault": ("constant_loads", None), "fence_fault": ("full_fences", "fence_sound"),
             "shuffle_fault": ("shuffle_loops", "shuffle_sound"), "shuffle_fault_in_double": ("shuffle_loops", "shuffle_sound"),
             "prefetch_fault": ("lane_prefetches", "prefetch_sound"), "parts_fault": ("serial_loads", "parts_sound"),
             "update_fault": ("serial_loads", "update_sound"), "rows_fault": ("serial_loads", "shuffle_sound")}

    def test_each(self) -> None:
        for fault, (rule, sound) in self.PAIRS.items():
            with self.subTest(fault):
                self.assertEqual(set(table.faults_of(fault, figures_of(fault))), {rule})
                if sound:
                    self.assertEqual(table.faults_of(sound, figures_of(sound)), {})

    def test_every_rule_has_a_fault(self) -> None:
        self.assertEqual({rule for rule, _ in self.PAIRS.values()}, set(table.RULES))

    def test_every_kernel_is_used(self) -> None:
        sound = {name for _, name in self.PAIRS.values() if name}
        self.assertEqual(set(PLANTED), set(self.PAIRS) | sound)


class Counts(unittest.TestCase):
    """Figures of the planted kernels, counted by hand in planted.sass."""

    def test_shuffle_loops(self) -> None:
        self.assertEqual(figures_of("shuffle_fault").shuffle_loops, 8) # one a row
        self.assertEqual(figures_of("shuffle_fault_in_double").shuffle_loops, 1)

    def test_rows(self) -> None:
        rows = table.rows_of("shuffle_sound", figures_of("shuffle_sound"))
        self.assertEqual([(row.role, row.loads, row.in_flight) for row in rows], [("rows", 8, 8)])

    def test_parts(self) -> None:
        self.assertEqual([row.in_flight for row in table.rows_of("parts_sound", figures_of("parts_sound"))], [4])
        self.assertEqual([row.in_flight for row in table.rows_of("parts_fault", figures_of("parts_fault"))], [1])

    def test_update(self) -> None:
        (row,) = table.rows_of("update_sound", figures_of("update_sound"))
        self.assertEqual((row.loads, row.in_flight, row.instructions, row.each), (2, 2, 17, 4.2))


class Instructions(unittest.TestCase):
    """What is read and written."""

    CASES = {
        "LDG.E.128 R8, desc[UR4][R2.64+0x10]": ({8, 9, 10, 11}, {2, 3}),
        "LDG.E R7, desc[UR4][R2.64]": ({7}, {2, 3}),
        "LDG.E.U16 R7, desc[UR4][R2.64]": ({7}, {2, 3}),
        "LDS.128 R4, [R20+UR4]": ({4, 5, 6, 7}, {20}),
        "STG.E.128 desc[UR4][R2.64], R12": (set(), {2, 3, 12, 13, 14, 15}),
        "STS.64 [R3], R12": (set(), {3, 12, 13}),
        "DADD R4, R8, -R10": ({4, 5}, {8, 9, 10, 11}),
        "DFMA R4, R8, R10, R12": ({4, 5}, {8, 9, 10, 11, 12, 13}),
        "DSETP.GT.AND P0, PT, R2, R4, PT": (set(), {2, 3, 4, 5}),
        "F2F.F64.F32 R16, R4": ({16, 17}, {4}),
        "F2F.F32.F64 R16, R4": ({16}, {4, 5}),
        "IADD3.X R5, R1, R2, RZ, P0, !PT": ({5}, {1, 2}),
        "IADD3 R5, P0, R1, R2, RZ": ({5}, {1, 2}),
        "ISETP.GE.AND P0, PT, R2, R3, PT": (set(), {2, 3}),
        "IMAD.WIDE.U32 R6, R1, R2, R8": ({6, 7}, {1, 2, 8, 9}),
        "SHFL.BFLY PT, R9, R8, 0x10, 0x1f": ({9}, {8}),
        "FFMA R1, R2.reuse, -R3, |R4|": ({1}, {2, 3, 4}),
        "CS2R R14, SRZ": ({14, 15}, set()),
        "MOV R1, R2": ({1}, {2}),
        "S2R R1, SR_TID.X": ({1}, set()),
        "BRX R8 -0x30": (set(), {8}),
    }

    def test_registers(self) -> None:
        for text, (writes, reads) in self.CASES.items():
            with self.subTest(text):
                instruction = function(text).instructions[0]
                self.assertEqual((set(instruction.writes), set(instruction.reads)), (writes, reads))

    def test_guards(self) -> None:
        first, second, third, fourth = function("@!P0 EXIT", "@UP1 BRA `(.L_1)", ".L_1:", "BRA !P0, `(.L_1)", "EXIT").instructions
        self.assertEqual((first.guard, first.is_conditional, second.guard, second.is_conditional), ("!P0", True, "UP1", True))
        self.assertEqual((third.is_conditional, fourth.is_conditional), (True, False))


class Graphs(unittest.TestCase):
    """Blocks, branches, loops."""

    def test_branches(self) -> None:
        code = graph.Graph(function("MOV R1, R2", "@P0 BRA `(.L_2)", "MOV R1, R3", "BRA `(.L_3)", ".L_2:", "@!P1 EXIT", ".L_3:", "EXIT"))
        self.assertEqual([block.next for block in code.blocks], [[2, 1], [3], [3], []])

    def test_table_of_targets(self) -> None:
        code = graph.Graph(function('BRX R8 -0x30 (*"BRANCH_TARGETS .L_1,.L_2"*)', ".L_1:", "EXIT", ".L_2:", "EXIT"))
        self.assertEqual(code.blocks[0].next, [1, 2])

    def test_diverged_way_is_left_out(self) -> None:
        code = graph.Graph(function("BRA.DIV ~URZ, `(.L_2)", "SHFL.BFLY PT, R2, R1, 0x1, 0x1f", ".L_1:", "EXIT", ".L_2:",
                                    "WARPSYNC.COLLECTIVE R9, `(.L_3)", "SHFL.BFLY PT, R2, R1, 0x1, 0x1f", ".L_3:", "BRA `(.L_1)"))
        self.assertEqual(code.blocks[0].next, [1])
        self.assertEqual(len(code.order), 3)

    def test_nested_loops(self) -> None:
        code = graph.Graph(function("MOV R1, R2", ".L_1:", "MOV R3, R4", ".L_2:", "MOV R5, R6", "@P0 BRA `(.L_2)", "@P1 BRA `(.L_1)",
                                    "EXIT"))
        self.assertEqual([(loop.header, sorted(loop.body)) for loop in code.loops], [(1, [1, 2, 3]), (2, [2])])
        self.assertEqual([inner.header for inner in code.inner(code.loops[0])], [2])

    def test_two_ways_back(self) -> None:
        """As by `continue`: one loop; and a branch back around a shuffle is found although both begin at the same block."""
        code = graph.Graph(function(".L_1:", "SHFL.BFLY PT, R2, R1, 0x1, 0x1f", "FADD R1, R1, R2", "@P0 BRA `(.L_1)", "MOV R3, R4",
                                    "@P1 BRA `(.L_1)", "EXIT"))
        self.assertEqual([(loop.latches, sorted(loop.body)) for loop in code.loops], [((0, 1), [0, 1])])
        self.assertEqual([sorted(body) for body in figures.shuffle_loops(code)], [[0]])

    def test_loop_of_two_entries(self) -> None:
        with self.assertRaises(disassembly.Malformed):
            graph.Graph(function("@P0 BRA `(.L_2)", ".L_1:", "MOV R1, R2", ".L_2:", "MOV R3, R4", "@P1 BRA `(.L_1)", "EXIT"))

    def test_branch_to_nowhere(self) -> None:
        for branch in ("BRA `(.L_9)", "BRX R2 -0x10"):
            with self.subTest(branch), self.assertRaises(disassembly.Malformed):
                graph.Graph(function(branch, "EXIT"))

    def test_no_code(self) -> None:
        for text in ("", "\n", "        /*0000*/                   EXIT ;"):
            with self.subTest(text), self.assertRaises(disassembly.Malformed):
                disassembly.parse(text)


class Ways(unittest.TestCase):
    """The way through a loop that is counted."""

    def test_loads_before_length(self) -> None:
        """The branch around the load would be shorter."""
        code = function(".L_1:", "@P0 BRA `(.L_2)", "LDG.E.128 R4, desc[UR4][R2.64]", "FADD R1, R4, R1", ".L_2:", "@P1 BRA `(.L_1)", "EXIT")
        (loop,) = figures.figures_of([code]).loops
        self.assertEqual((loop.instructions, loop.wide_loads, loop.longest), (4, 1, 4))

    def test_calls_are_counted(self) -> None:
        """The shortest way through what is called: three instructions."""
        kernel = ["        /*0000*/ MOV R1, R2 ;", ".L_1:", "        /*0010*/ LDG.E R4, desc[UR4][R2.64] ;",
                  "        /*0020*/ CALL.REL.NOINC `($k$sub) ;", "        /*0030*/ @P0 BRA `(.L_1) ;", "        /*0040*/ EXIT ;"]
        called = ["        /*0050*/ @P0 BRA `(.L_2) ;", "        /*0060*/ MOV R1, R2 ;", "        /*0070*/ MOV R1, R2 ;", ".L_2:",
                  "        /*0080*/ MOV R1, R2 ;", "        /*0090*/ RET.REL.NODEC R6 `(k) ;"]
        text = ['	.section	.text.k,"ax",@progbits', "k:", *kernel, "        .type           $k$sub,@function",
                "        .type           k,@function", "$k$sub:", *called]
        (loop,) = figures.figures_of(disassembly.parse("\n".join(text))).loops
        self.assertEqual(loop.instructions, 3 + 3)

    def test_in_flight(self) -> None:
        """The third load has to wait for the first's value, the fourth for nothing."""
        lines = ["LDG.E.128 R4, desc[UR4][R2.64]", "LDG.E.128 R8, desc[UR4][R2.64]", "FADD R1, R1, R5", "LDG.E.128 R12, desc[UR4][R2.64]",
                 "LDG.E.128 R16, desc[UR4][R2.64]", "FADD R1, R1, R8", "FADD R1, R1, R12", "FADD R1, R1, R16"]
        (loop,) = figures.figures_of([function(".L_1:", *lines, "@P1 BRA `(.L_1)", "EXIT")]).loops
        self.assertEqual(loop.in_flight, 3)

    def test_kept_in_copies(self) -> None:
        """Of x's load a copy is used behind the shuffle, of the point's load nothing; the copy holds up the load behind it."""
        lines = ["LDG.E.128 R4, desc[UR4][R2.64]", "IMAD.MOV.U32 R20, RZ, RZ, R4", "LDG.E.128 R8, desc[UR4][R2.64]", "FFMA R1, R8, R4, RZ",
                 "LDG.E.128 R4, desc[UR4][R2.64]", "SHFL.BFLY PT, R2, R1, 0x1, 0x1f", "FFMA R1, R20, R2, R6"]
        (loop,) = figures.figures_of([function(".L_1:", *lines, "@P1 BRA `(.L_1)", "EXIT")]).loops
        self.assertEqual((loop.role, loop.wide_loads, loop.kept_loads, loop.in_flight), ("rows", 3, 2, 1))

    def test_register_is_loaded_again(self) -> None:
        """A load into registers that another load is on its way to waits for it."""
        lines = ["LDG.E.128 R4, desc[UR4][R2.64]", "LDG.E.128 R4, desc[UR4][R2.64]"]
        (loop,) = figures.figures_of([function(".L_1:", *lines, "@P1 BRA `(.L_1)", "EXIT")]).loops
        self.assertEqual(loop.in_flight, 1)


class Tables(unittest.TestCase):
    """What figures.txt makes of figures."""

    def setUp(self) -> None:
        self.found = {name: figures_of(name) for name in ("shuffle_fault", "shuffle_sound", "update_sound", "fence_sound")}
        self.known = [table.Known("shuffle_fault", "shuffle_loops", "2026-01-01", "S3")]
        self.table = table.updated(self.found, table.Table("1", self.known, []), "1")

    def failures(self, compiler: str = "1") -> list[str]:
        """Of the table as it is."""
        return table.judge(self.found, self.table, compiler).failures

    def test_passes(self) -> None:
        self.assertEqual(self.failures(), [])
        self.assertEqual(self.table.known, self.known)

    def test_written_and_read(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "figures.txt"
            path.write_text(table.text_of(self.table))
            self.assertEqual(table.read(path), self.table)
            path.write_text(table.text_of(self.table) + "known | a | no_such_rule | - | why\n")
            with self.assertRaises(ValueError):
                table.read(path)

    def test_unknown_fault(self) -> None:
        self.table.known = []
        self.assertEqual(len(self.failures()), 1)
        self.assertIn("shuffle_loops", self.failures()[0])

    def test_fault_of_another_rule(self) -> None:
        self.table.known = [table.Known("shuffle_fault", "local", "2026-01-01", "no")]
        self.assertEqual(len(self.failures()), 2)

    def test_repaired_fault_must_be_removed(self) -> None:
        for pattern in ("shuffle_*", "fence_sound", "no_such_kernel"):
            with self.subTest(pattern):
                self.table.known = [*self.known, table.Known(pattern, "shuffle_loops", "2026-01-01", "S3")]
                self.assertEqual(len(self.failures()), 1)
                self.assertEqual(self.failures("2"), []) # another assembler may do better

    def test_update_leaves_out_what_is_repaired(self) -> None:
        self.table.known = [table.Known("shuffle_*", "shuffle_loops", "2026-01-01", "S3"),
                            table.Known("fence_sound", "local", "2026-01-01", "no")]
        self.assertEqual(table.updated(self.found, self.table, "1").known, self.known)

    def test_budget(self) -> None:
        self.table.rows = [replace(row, most=row.each - 0.1) if row.kernel == "update_sound" else row for row in self.table.rows]
        for compiler in ("1", "2"):
            self.assertEqual(len([f for f in self.failures(compiler) if "update_sound" in f]), 1)

    def test_other_figures(self) -> None:
        """Fewer instructions than the table says are no progress until the table says so; with another assembler they may be."""
        self.table.rows = [replace(row, instructions=row.instructions + 1) for row in self.table.rows]
        self.assertEqual(self.failures(), [f"{len(self.table.rows)} rows of the table are not what the module says now: --update"])
        self.assertEqual(self.failures("2"), [])

    def test_fewer_in_flight(self) -> None:
        self.table.rows = [replace(row, in_flight=row.in_flight + 1) for row in self.table.rows]
        self.assertEqual(len(self.failures()), len(self.table.rows))

    def test_missing_row(self) -> None:
        self.table.rows = self.table.rows[1:]
        self.assertEqual(len(self.failures()), 1)

    def test_row_of_no_kernel(self) -> None:
        self.table.rows.append(replace(self.table.rows[0], kernel="gone"))
        self.assertEqual(len(self.failures()), 1)


class Pages(unittest.TestCase):
    """The section of KERNELS.md."""

    PAGE = "# Kernels\n\n| a.cu | `update_sound` | 40 | 128 | 0 | 0 |\n\n## Another\nText.\n"

    def setUp(self) -> None:
        self.rows = table.rows_of("update_sound", figures_of("update_sound"))

    def test_begins_with_then_as_now(self) -> None:
        text = page.text_of(self.rows, self.PAGE)
        self.assertIn("| `update_sound` | update | 40 | 40 | 128 | 128 | 4.2 | 4.2 | 2 of 2 | 2 of 2 |\n", text)
        self.assertTrue(text.startswith(self.PAGE))
        self.assertEqual(page.text_of(self.rows, text), text)

    def test_keeps_then_and_other_sections(self) -> None:
        text = page.text_of(self.rows, self.PAGE) + "\n## Last\nText.\n"
        later = page.text_of([replace(self.rows[0], each=3.0), replace(self.rows[0], kernel="new")], text.replace("| 40 |", "| 32 |", 1))
        self.assertIn("| `update_sound` | update | 40 | 32 | 128 | 128 | 4.2 | 3.0 | 2 of 2 | 2 of 2 |\n", later)
        self.assertIn("| `new` | update | - | - | - | - | - | 4.2 | - | 2 of 2 |\n", later)
        self.assertTrue(later.endswith("\n## Last\nText.\n"))
        self.assertIn("## Another\nText.\n", later)


if __name__ == "__main__":
    unittest.main()
