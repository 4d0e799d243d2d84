/* cusgd generate from outside: what it writes, what it overwrites and what it refuses. */
#include "command.h"
#include "cusgd_tools.h"

TestSuite(command_generate, .init = command_setup, .fini = folder_teardown);

static outcome o;

Test(command_generate, writes_what_train_reads)
{
    run(&o, "$CUSGD generate made --rows 500 --cols 4 --outputs 2 --noise 0.01");
    assert_code(o, 0);
    cr_assert_str_eq(o.out, "");
    assert_has(o.err, "made: x.npy (500 x 4), y.npy (2 outputs)");
    cr_assert(file_exists("made/x.npy") && file_exists("made/y.npy") && file_exists("made/true.safetensors"));
    run(&o, "$CUSGD train made --model m.safetensors && $CUSGD evaluate m.safetensors made");
    assert_code(o, 0);
    assert_has(o.err, "500 rows, 4 columns, 2 outputs");
    assert_has(o.out, "output 2");
    assert_has(o.out, "mean");
}

Test(command_generate, overwrites_only_when_forced)
{
    run(&o, "$CUSGD generate made --rows 10 --cols 2 && cp made/x.npy kept && $CUSGD generate made --rows 20 --cols 2");
    assert_code(o, 2);
    assert_has(o.err, "made");
    run(&o, "cmp kept made/x.npy && $CUSGD generate made --rows 20 --cols 2 --force && $CUSGD info made");
    assert_code(o, 0);
    assert_has(o.out, "20");
}

/* Every option changes what is written, and says so in the files. */
Test(command_generate, takes_every_option)
{
    static const char *const options[] = {"--outputs 3",       "--informative 1", "--targets logistic", "--noise 0.5",
                                          "--correlation 0.9", "--condition 100", "--seed 7",           "--precision double"};
    run(&o, "$CUSGD generate plain --rows 50 --cols 3");
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        run(&o, "rm -rf made; $CUSGD generate made --rows 50 --cols 3 %s", options[i]);
        assert_code(o, 0);
        run(&o, "cmp plain/x.npy made/x.npy && cmp plain/y.npy made/y.npy");
        assert_code(o, 1);
    }
    run(&o,
        "$CUSGD generate same --rows 5e1 --cols 3 --outputs 1 --targets linear --noise 1 --correlation 0 --condition 1 --seed 0 "
        "--precision float --informative 3 && cmp plain/x.npy same/x.npy && cmp plain/y.npy same/y.npy && cmp "
        "plain/true.safetensors same/true.safetensors");
    assert_code(o, 0);
}

Test(command_generate, takes_a_device)
{
    run(&o, "$CUSGD generate plain --rows 50 --cols 3 && $CUSGD generate made --rows 50 --cols 3 --device auto && "
            "cmp plain/x.npy made/x.npy && cmp plain/y.npy made/y.npy");
    assert_code(o, 0);
    run(&o, "env CUSGD_MODULE_DIR=. $CUSGD generate none --rows 50 --cols 3 --device cuda:77");
    assert_code(o, 3);
    assert_has(o.err, "device cuda:77");
    cr_assert(!file_exists("none"));
    run(&o, "$CUSGD generate none --rows 50 --cols 3 --device tpu");
    assert_code(o, 1);
    assert_has(o.err, "tpu");
}

Test(command_generate, refuses_what_makes_no_sense)
{
    static const char *const wrong[] = {"--rows 0 --cols 3",
                                        "--rows 10",
                                        "--cols 10",
                                        "--rows -1 --cols 3",
                                        "--rows 1.5 --cols 3",
                                        "--rows x --cols 3",
                                        "--rows 1e30 --cols 3",
                                        "--rows 10 --cols 3 --outputs 0",
                                        "--rows 10 --cols 3 --informative 4",
                                        "--rows 10 --cols 3 --noise -1",
                                        "--rows 10 --cols 3 --noise nan",
                                        "--rows 10 --cols 3 --noise 1e999",
                                        "--rows 10 --cols 3 --targets poisson",
                                        "--rows 10 --cols 3 --correlation 1",
                                        "--rows 10 --cols 3 --correlation 0x1p-1",
                                        "--rows 10 --cols 3 --condition 0.5",
                                        "--rows 10 --cols 3 --correlation .5 --condition 10",
                                        "--rows 10 --cols 3 --seed -1",
                                        "--rows 10 --cols 3 --precision half"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        run(&o, "$CUSGD generate made %s", wrong[i]);
        cr_assert_eq(o.code, 1, "%s: exit code %d\n%s", wrong[i], o.code, o.err);
        cr_assert(!file_exists("made/x.npy"));
    }
    run(&o, "$CUSGD generate data.csv/made --rows 3 --cols 3");
    assert_code(o, 2);
}
