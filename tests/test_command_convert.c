/* `cusgd convert` from outside: what is trained from its folders, and what becomes of one that is not completed. */
#include "command.h"
#include "reduced.h"

TestSuite(command_convert, .init = command_setup, .fini = folder_teardown);

static outcome o;

/* A table with categories, dates, missing values and named classes. */
#define TABLE                                                                                                                 \
    "awk 'BEGIN { srand(1); print \"size;color;day;w;answer\"; for (i = 0; i < 3000; i++) { x = rand(); c = int(3 * rand());" \
    "print (i %% 50 ? x : \"\") \";\" substr(\"redgrnblu\", 3 * c + 1, 3) \";\" (1 + i %% 28) \".\" (1 + i %% 12) \".2024;\"" \
    "1 + i %% 3 \";\" (x + c / 3 + rand() > 1.2 ? \"yes\" : \"no\") } }' >t.csv; "

Test(command_convert, a_model_from_a_folder_is_the_one_from_the_table)
{
    run(&o, TABLE "options='--weights w --date day --missing mean'; $CUSGD convert t.csv out $options --rows-per-file 1024 && "
                  "train='--loss logistic --threads 1 --epochs 5 --solver sgd -q'; "
                  "$CUSGD train t.csv $options $train --model a && $CUSGD train out $train --model b && cmp a b");
    assert_code(o, 0);
    run(&o, "$CUSGD predict b t.csv --as class -o p.csv && $CUSGD predict b out --as class -o q.csv && cmp p.csv q.csv && "
            "grep -q yes p.csv && $CUSGD evaluate b out >e && $CUSGD evaluate a t.csv --weights w >f && cmp e f && "
            "$CUSGD info out --checksums && $CUSGD info out");
    assert_code(o, 0);
    assert_has(o.out, "every file has the checksum");
    assert_has(o.out, "size, missing(size), color=grn, color=red");
    assert_has(o.out, "classes   2: no, yes");
}

/* A table with fewer categories becomes the same columns by --like, and is refused without it. */
Test(command_convert, like)
{
    run(&o, TABLE "$CUSGD convert t.csv all --ignore w,day && awk -F';' 'NR == 1 || $2 != \"red\"' t.csv >part.csv && $CUSGD "
                  "train all --loss logistic --solver newton --model m -q && "
                  "$CUSGD convert part.csv alone --ignore w,day --target answer && $CUSGD evaluate m alone");
    assert_code(o, 2);
    assert_has(o.err, "was converted with other columns or categories");
    run(&o,
        "$CUSGD convert part.csv a --like all --ignore w,day && $CUSGD convert part.csv b --like m && $CUSGD evaluate m a >e && "
        "$CUSGD evaluate m b >f && cmp e f && $CUSGD train all --valid a --loss logistic --model n --epochs 2");
    assert_code(o, 0);
}

/* Rows in the order of their targets: shuffled once, reading in order is as good as permuting. */
Test(command_convert, shuffled_rows_train_in_order)
{
    run(&o,
        "$CUSGD generate made --rows 20000 --cols 4 && awk 'BEGIN { for (i = 0; i < 20000; i++) { x = i / 10000 - 1; "
        "print x \",\" i %% 7 \",\" 3 * x + i %% 5 } }' >s.csv && $CUSGD convert s.csv s && $CUSGD convert s.csv r --shuffle "
        "--seed 4 "
        "&& for a in 's --sampling none' 's --sampling permute' 'r --sampling none'; do $CUSGD train $a --epochs 3 --solver sgd "
        "--model m 2>&1 | sed -n 's/^training: loss \\([0-9.]*\\).*/\\1/p'; done");
    double loss[3];
    assert_code(o, 0);
    char *at = o.out;
    for (int i = 0; i < 3; i++) loss[i] = strtod(at, &at);
    cr_assert_gt(loss[2], 0, "%s", o.out);
    cr_assert_gt(loss[0], 1.1 * loss[1]);
    cr_assert_lt(loss[2], loss[1] * (1 + 1e-3));
}

Test(command_convert, what_is_refused)
{
    static const char *const lines[][2] = {
        {"data.csv", "an argument is missing: OUT"},     {"data.csv out --seed 3", "--seed is for --shuffle"},
        {"data.csv out --storage half", "storage"},      {"data.csv out --trials a", "--trials splits rows"},
        {"data.csv data.csv", "is there already"},       {"absent.csv out", "cannot be opened"},
        {"data.csv out --like absent.csv", "cannot be"},
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        run(&o, "$CUSGD convert %s", lines[i][0]);
        cr_assert(o.code == 1 || o.code == 2, "%s: %d", lines[i][0], o.code);
        assert_has(o.err, lines[i][1]);
        cr_assert(!file_exists("out"));
    }
}

Test(command_convert, outputs_stay_out_of_the_folder)
{
    run(&o, "$CUSGD convert data.csv out && $CUSGD train data.csv --model m -q && $CUSGD predict m out -o out/x-00000.npy");
    assert_code(o, 1);
    assert_has(o.err, "lies in the folder out of converted data");
    run(&o, "cd out && $CUSGD train . --model m");
    assert_code(o, 1);
    run(&o, "$CUSGD info out --checksums && test ! -e out/m");
    assert_code(o, 0);
}

/* ---- Failures ---- */

#define STRUCK "env LD_PRELOAD=" TEST_CALLS " FAIL_CALL=%s FAIL_ACTION=%s FAIL_ERRNO=28 FAIL_NTH=%d "

/* A full disk at each of the calls that write: an error that says so, and nothing is left. */
Test(command_convert, full_disk)
{
    static const char *const calls[] = {"write", "pwrite", "fsync", "mkdir", "rename"};
    for (int i = 0; i < 5; i++) {
        int failures = 0, code = 2;
        for (int n = 1; n < 60 && code == 2; n++) {
            run(&o, "rm -rf out; " STRUCK "$CUSGD convert data.csv out --shuffle", calls[i], "error", n);
            code = o.code;
            failures += code == 2;
            cr_assert(code == 0 || code == 2, "%s %d: %d: %s", calls[i], n, code, o.err);
            if (code == 0) break;
            assert_has(o.err, "No space left on device");
            run(&o, "ls -A; ls -d out");
            assert_lacks(o.out, "tmp");
            cr_assert_neq(o.code, 0, "%s %d: %s", calls[i], n, o.out);
        }
        cr_assert_geq(failures, 1, "%s", calls[i]);
    }
}

/* `ulimit -f`, whose signal would end the command: an error like that of a full disk, and nothing is left. */
Test(command_convert, limited_file_size)
{
    static const char *const lines[] = {"convert t.csv out --ignore w,day", "convert t.csv out --ignore w,day --shuffle",
                                        "convert big out", "generate out --rows 9999 --cols 9"};
    run(&o, TABLE "$CUSGD generate big --rows 9999 --cols 9");
    assert_code(o, 0);
    for (int i = 0; i < 4; i++) {
        run(&o, "ulimit -f 16; exec $CUSGD %s", lines[i]);
        cr_assert_eq(o.code, 2, "%s: %d: %s", lines[i], o.code, o.err);
        assert_has(o.err, "File too large");
        run(&o, "ls -A");
        assert_lacks(o.out, "tmp");
        assert_lacks(o.out, "\nout\n");
    }
}

/* No memory, or no such call, at some of the calls: an error with a message, no file left, and no data in the place. */
Test(command_convert, short_of_memory)
{
    static const char *const lines[] = {"convert data.csv out --shuffle", "convert whole out", "info whole --checksums"};
    run(&o, "$CUSGD convert data.csv whole");
    assert_code(o, 0);
    for (int i = 0; i < 3; i++) {
        int failures = 0;
        for (int n = 1; n < 160; n += REDUCED ? 31 : 5) {
            run(&o, "rm -rf out; " STRUCK "$CUSGD %s", "malloc,calloc,realloc,open,mmap,fstat,opendir", "error", n, lines[i]);
            cr_assert(o.code == 0 || o.code == 2 || o.code == 6, "%s, call %d: %d: %s", lines[i], n, o.code, o.err);
            failures += o.code != 0;
            if (o.code != 0) assert_has(o.err, "cusgd: ");
            int code = o.code;
            run(&o, "ls -A");
            assert_lacks(o.out, "tmp");
            cr_assert(code == 0 || !strstr(o.out, "\nout\n"), "%s, call %d", lines[i], n);
        }
        cr_assert_geq(failures, REDUCED ? 1 : 5, "%s", lines[i]);
    }
}

/* Killed in place of each call: what is left, also under its hidden name, is the whole folder or is not taken for data. */
Test(command_convert, killed)
{
    int kills = 0, code = 128 + SIGKILL;
    for (int n = 1; n < 60 && code == 128 + SIGKILL; n++) {
        run(&o, "rm -rf out .cusgd*; " STRUCK "$CUSGD convert data.csv out", "write,fsync,rename,mkdir", "kill", n);
        code = o.code;
        kills += code == 128 + SIGKILL;
        cr_assert(code == 0 || code == 128 + SIGKILL, "%d: %d: %s", n, code, o.err);
        run(&o, "test -e out && exec $CUSGD info out --checksums; for d in .cusgd-*.tmp; do test -d $d && $CUSGD info $d && { "
                "$CUSGD info $d --checksums || exit 9; }; "
                "done; exit 0");
        assert_code(o, 0);
    }
    cr_assert_geq(kills, 6);
}

Test(command_convert, rows_per_file_are_rounded_up_with_a_note)
{
    run(&o, "$CUSGD convert data.csv out --rows-per-file 7");
    assert_code(o, 0);
    assert_has(o.err, "note: --rows-per-file 7 is rounded up to 1024, a multiple of 1024\n");
    run(&o, "$CUSGD convert data.csv other --rows-per-file 2048");
    assert_code(o, 0);
    assert_lacks(o.err, "note: ");
}

Test(command_convert, folders_without_features)
{
    run(&o, "mkdir none && $CUSGD train none --model m");
    assert_code(o, 2);
    assert_has(o.err, "cusgd: none: has no x.npy: a folder of data has ");
}
