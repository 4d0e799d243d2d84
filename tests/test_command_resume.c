/* Checkpoints of `cusgd train`: a resumed run ends with the bits of one that was left alone, however the first one ended; what
 * does not fit is refused. */
#include "command.h"
#include "reduced.h"

TestSuite(command_resume, .init = command_setup, .fini = folder_teardown, .timeout = 120);

#define TRAIN "$CUSGD train data.csv --target y --quiet --epochs 6 --batch 8 --evaluate-every 1 --threads 1 "
#define PLAIN "for f in a b; do sed 's/, \"seconds.*//' $f.jsonl > $f.plain; done; cmp a.plain b.plain"

static outcome o;

/* The run that is left alone: model a, history a.jsonl. */
static void run_whole(const char *options)
{
    run(&o, "rm -f b* c c.*; " TRAIN "%s --model a --history a.jsonl", options);
    assert_code(o, 0);
}

/* It goes on from c to its end: model b, history b.jsonl. */
static void assert_resumes(const char *options)
{
    run(&o, TRAIN "%s --model b --history b.jsonl --checkpoint c --resume && cmp a b && " PLAIN, options);
    assert_code(o, 0);
}

/* From the checkpoint before the last one: something is to be done again. */
static void check_resumes(const char *options)
{
    run_whole(options);
    run(&o, TRAIN "%s --model b --history b.jsonl --checkpoint c --every 1epochs && cmp a b && mv c.previous c && rm b", options);
    assert_code(o, 0);
    assert_resumes(options);
}

Test(command_resume, model_and_history)
{
    check_resumes("");
    check_resumes("--optimizer adam --average --valid-fraction 0.2");
    check_resumes("--solver lbfgs --loss huber");
    run(&o, TRAIN "--model start");
    assert_code(o, 0);
    check_resumes("--init start --optimizer sgd --rate 0.01");
}

Test(command_resume, classes)
{
    run(&o,
        "$CUSGD train text.csv -q --target y --epochs 4 --loss logistic --class-weight balanced --model a && $CUSGD train "
        "text.csv -q --target y "
        "--epochs 4 --loss logistic --class-weight balanced --model b --checkpoint c --every 1epochs && $CUSGD train text.csv -q "
        "--target y "
        "--epochs 4 --loss logistic --class-weight balanced --model d --checkpoint c.previous --resume && cmp a b && cmp a d");
    assert_code(o, 0);
    run(&o, "$CUSGD train text.csv -q --target y --loss logistic --epochs 4 --model d --checkpoint c --resume");
    assert_code(o, 2);
    assert_has(o.err, "weights");
}

/* Of another seed the message names that alone, and nothing that the trainer chose by it; where nothing else differs, what it
 * chose. */
Test(command_resume, differences_name_what_was_set)
{
    run(&o, "$CUSGD train data.csv -q --target y --epochs 4 --seed 1 --valid-fraction 0.2 --model m --checkpoint c");
    assert_code(o, 0);
    run(&o, "$CUSGD train data.csv -q --target y --epochs 4 --seed 2 --valid-fraction 0.2 --model m --checkpoint c --resume");
    cr_assert(o.code != 0);
    assert_has(o.err, "--seed 2, not 1");
    assert_lacks(o.err, "--rate");
    assert_lacks(o.err, "--momentum");
    run(&o, "$CUSGD train data.csv -q --target y --epochs 4 --optimizer sgd --rate 0.25 --model m --checkpoint d && "
            "$CUSGD train data.csv -q --target y --epochs 4 --optimizer sgd --model m --checkpoint d --resume");
    assert_code(o, 1);
    assert_has(o.err, "--rate");
    assert_lacks(o.err, "--seed");
}

/* More epochs are the same run; one without a file is a new one, and says so. */
Test(command_resume, more_epochs_and_no_file)
{
    run(&o, TRAIN "--optimizer sgd --rate 0.1 --model a --epochs 9 --history a.jsonl");
    assert_code(o, 0);
    run(&o,
        "$CUSGD train data.csv --epochs 6 --batch 8 --evaluate-every 1 --optimizer sgd --rate 0.1 --model b --history b.jsonl "
        "--checkpoint c --resume");
    assert_code(o, 0);
    assert_has(o.err, "c does not exist: a new run begins");
    run(&o,
        "$CUSGD train data.csv --epochs 9 --batch 8 --evaluate-every 1 --optimizer sgd --rate 0.1 --model b --history b.jsonl "
        "--checkpoint c --resume --threads 2 --every 7steps && cmp a b && " PLAIN);
    assert_code(o, 0);
    assert_has(o.err, "resumed from c: 6 epochs");
    run(&o, "ls -A");
    assert_lacks(o.out, "c.lock");
    assert_lacks(o.out, "c.new");
}

/* ---- Signals ---- */

/* A run that would last for long, at whose history the test waits for its first epochs; then it gets a signal. */
#define LONG         "$CUSGD train data.csv -q --threads 1 --optimizer adam --rate 1e-4 --batch 4 --evaluate-every 1 "
#define AFTER_EPOCHS "while [ $(wc -l < b.jsonl) -lt 20 ]; do sleep 0.01; done 2>.nothing; "

Test(command_resume, signals_that_end_the_run)
{
    static const char *const names[] = {"INT", "TERM"};
    for (int s = 0; s < 2; s++) {
        run(&o,
            "rm -f b* c*; touch b.jsonl; env --default-signal=INT " LONG
            "--epochs 1000000 --model b --history b.jsonl --checkpoint c --every 60minutes & p=$!; " AFTER_EPOCHS
            "kill -%s $p; wait $p",
            names[s]);
        assert_code(o, s ? 143 : 130);
        assert_has(o.err, "interrupted after");
        run(&o, LONG "--epochs 1000000 --model b --checkpoint c --resume --l2 1"); /* there is one */
        assert_code(o, 1);
        assert_has(o.err, "--l2 1");
    }
}

/* SIGUSR1 writes one, and the run goes on. */
Test(command_resume, a_signal_that_asks_for_a_checkpoint)
{
    run(&o, "touch b.jsonl; " LONG
            "--epochs 1000000 --model b --history b.jsonl --checkpoint c --every 60minutes & p=$!; " AFTER_EPOCHS
            "test ! -e c && kill -USR1 $p; while [ ! -e c ]; do sleep 0.01; done; n=$(wc -l < b.jsonl)\n"
            "while [ $(wc -l < b.jsonl) -lt $((n + 20)) ]; do sleep 0.01; done; cp c d; kill -TERM $p; wait $p");
    assert_code(o, 143);
    run(&o, "cmp -s c d"); /* the second one was written where the run ended */
    assert_code(o, 1);
    run(&o, LONG "--epochs 1000000 --model e --checkpoint d --resume --every 1epochs & p=$!; while [ ! -e d.previous ]; do sleep "
                 "0.01; done; kill -TERM $p; wait $p");
    assert_code(o, 143);
}

/* Interrupted in the middle, and resumed: the bits of a run that was left alone. */
Test(command_resume, an_interrupted_run_goes_on)
{
    static const char *const options[] = {"--optimizer adam --rate 0.001 --epochs 400",
                                          "--solver gd --rate 0.001 --epochs 3000 --gradient-tolerance 1e-30"};
    for (int i = 0; i < 2; i++) {
        run(&o,
            "rm -f b* c*; touch b.jsonl; train='$CUSGD train data.csv -q --threads 1 --evaluate-every 1 %s'\n"
            "eval $train --model a --history a.jsonl; eval $train --model b --history b.jsonl --checkpoint c --every 60minutes "
            "'&' "
            "p=\\$!\n" AFTER_EPOCHS "kill -TERM $p; wait $p; code=$?\n"
            "test $code = 143 || test $code = 0 || test $code = 7 || exit 9\n"
            "eval $train --model b --history b.jsonl --checkpoint c --resume; cmp a b && " PLAIN,
            options[i]);
        assert_code(o, 0);
    }
}

/* ---- Failures ---- */

/* The command with its n-th call of these struck. */
#define STRUCK "env LD_PRELOAD=" TEST_CALLS " FAIL_CALL=%s FAIL_ACTION=%s FAIL_ERRNO=28 FAIL_NTH=%d "

/* A full disk: the checkpoint before stands, and the run ends as it would have ended. */
Test(command_resume, full_disk)
{
    static const char *const calls[] = {"write", "fsync"};
    run_whole("");
    for (int i = 0; i < 2; i++) {
        /* the second checkpoint: each writes its length, its header and its tensors, and syncs itself and the folder */
        run(&o, "rm -f b c c.*; " STRUCK TRAIN "--model b --checkpoint c --every 1epochs && cmp a b", calls[i], "error",
            i ? 3 : 9);
        assert_code(o, 0);
        assert_has(o.err, "c: cannot be written: No space left on device");
        assert_has(o.err, "warning: this checkpoint is not written");
        run(&o, "ls -A");
        assert_lacks(o.out, "c.new");
    }
    run(&o,
        "rm -f b c c.*; " TRAIN "--model b --checkpoint c --every 1epochs; cp c d; cp c.previous e; " STRUCK TRAIN
        "--model b --checkpoint c --resume --every 1steps --epochs 7 && cmp c d && cmp c.previous e",
        "fsync", "errors", 1);
    assert_code(o, 2); /* the model cannot be written either */
    run(&o, "cmp c d && cmp c.previous e");
    assert_code(o, 0);
}

/* The process is killed in place of each call by which checkpoints are written. */
Test(command_resume, killed_inside_of_a_call)
{
    int code = 128 + SIGKILL, kills = 0;
    run_whole("");
    for (int n = 1; code == 128 + SIGKILL; n += REDUCED ? 17 : n < 40 ? 1 : 5) {
        run(&o, "rm -f b* c c.*; " STRUCK TRAIN "--model b --history b.jsonl --checkpoint c --every 5steps",
            "write,fsync,rename,link", "kill", n);
        code = o.code;
        kills += code == 128 + SIGKILL;
        cr_assert(code == 0 || code == 128 + SIGKILL, "call %d: %d: %s", n, code, o.err);
        assert_resumes("--every 5steps");
        run(&o, "ls -A");
        assert_lacks(o.out, "c.new");
        assert_lacks(o.out, "c.lock");
    }
    cr_assert_geq(kills, REDUCED ? 2 : 30, "%d kills", kills);
}

/* Where nobody can tell whether the lock still has its name: refused, and not tried again for ever. */
Test(command_resume, a_lock_that_cannot_be_looked_at)
{
    int refused = 0;
    for (int n = 1; n <= 24; n++) {
        run(&o, "rm -f c*; timeout -s KILL 20 " STRUCK TRAIN "--model b --checkpoint c", "fstat,stat", "errors", n);
        cr_assert(o.code == 0 || o.code == 2, "call %d: %d: %s", n, o.code, o.err);
        refused += strstr(o.err, "c.lock: cannot be locked: No space left on device") != NULL;
    }
    cr_assert_geq(refused, 2, "%d runs", refused);
}

/* ---- What is refused ---- */

Test(command_resume, what_does_not_fit)
{
    run(&o, TRAIN "--model a --checkpoint c --resume");
    assert_code(o, 0);
    run(&o, TRAIN "--model a --checkpoint c --resume --l2 0.5 --seed 9");
    assert_code(o, 1);
    assert_has(o.err, "--l2 0.5");
    assert_has(o.err, "--seed 9");
    run(&o, "sed -i '$ s/.$/9/' data.csv; " TRAIN "--model a --checkpoint c --resume");
    assert_code(o, 2);
    assert_has(o.err, "training targets");
    run(&o, "head -c 900 c > d; " TRAIN "--model a --checkpoint d --resume");
    assert_code(o, 2);
    assert_has(o.err, "d: is not a sound");
    assert_lacks(o.err, "d.previous"); /* there is none */
    run(&o, "cp c d.previous; " TRAIN "--model a --checkpoint d --resume");
    assert_code(o, 2);
    assert_has(o.err, "d.previous");
    run(&o, TRAIN "--model a --checkpoint a --resume");
    assert_code(o, 1);
    assert_has(o.err, "one file");
    run(&o, "cp data.csv valid.csv; " TRAIN "--valid valid.csv --model b --checkpoint valid.csv; cmp data.csv valid.csv");
    assert_code(o, 0);
    assert_has(o.err, "--checkpoint valid.csv would overwrite valid.csv");
    run(&o, TRAIN "--model b --checkpoint a --resume");
    assert_code(o, 2);
    assert_has(o.err, "not a checkpoint");
    run(&o, TRAIN "--model a --checkpoint d --every 5days");
    assert_code(o, 1);
    assert_has(o.err, "5minutes");
    run(&o, TRAIN "--model a --every 5minutes");
    assert_code(o, 1);
    assert_has(o.err, "--checkpoint");
    run(&o, "$CUSGD train - --online --model a --checkpoint d < data.csv");
    assert_code(o, 1);
    assert_has(o.err, "cannot be resumed");
}

/* The second of two runs; after the first one's end, however that came, there is no lock. */
Test(command_resume, two_runs_on_one_file)
{
    run(&o, "touch b.jsonl; " LONG "--epochs 1000000 --model b --history b.jsonl --checkpoint c & p=$!; " AFTER_EPOCHS TRAIN
            "--model a --checkpoint c; code=$?; kill -KILL $p; wait $p; exit $code");
    assert_code(o, 1);
    assert_has(o.err, "another run");
    run(&o, TRAIN "--model a --checkpoint c");
    assert_code(o, 0);
}
