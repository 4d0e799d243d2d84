/* cusgd train --loss-expr, and what its model knows of it. */
#include "command.h"

TestSuite(command_own_loss, .init = command_setup, .fini = folder_teardown);

static outcome o;

static void write_rows(void)
{
    run(&o, "for i in 0 1 2 3 4 5 6 7 8 9; do echo $i,$((i * i %% 7)),$((1 + i * i / 9)); done >d.csv");
    assert_code(o, 0);
}

Test(command_own_loss, train_predict_evaluate_info)
{
    write_rows();
    run(&o, "$CUSGD train d.csv --model m --loss-expr 'c*(exp(p) - y*p)' --constant c=3 --constant c=2 --link 'exp(p)' --solver "
            "newton -q");
    assert_code(o, 0);
    run(&o, "$CUSGD info m");
    assert_code(o, 0);
    assert_has(o.out, "loss = expression\nloss-expr = c*(exp(p) - y*p)\nconstant = c=2\nlink = exp(p)\n");
    run(&o, "$CUSGD train d.csv --model p --loss poisson --solver newton -q");
    assert_code(o, 0);
    run(&o, "$CUSGD predict m d.csv --ignore -1 | cut -c 1-6 >a && $CUSGD predict p d.csv --ignore -1 | cut -c 1-6 | cmp - a");
    assert_code(o, 0);
    run(&o, "$CUSGD evaluate m d.csv --json");
    assert_code(o, 0);
    assert_has(o.out, "\"loss\"");
    run(&o, "$CUSGD train d.csv --model n --loss-expr 'log(1 + (p - y)^2)' --loss huber -q"); /* the last one holds */
    assert_code(o, 0);
    run(&o, "$CUSGD info n");
    assert_has(o.out, "loss = huber\n");
}

Test(command_own_loss, notes_and_refusals)
{
    static const struct {
        const char *arguments, *said;
        int code;
    } of[] = {{"--loss-expr 'log(1 + (p - y)^2)'", "the loss is not convex", 0},
              {"--loss huber --link 'exp(p)'", "--link", 0},
              {"--loss-expr 2p", "\n2p\n ^\n", 1},
              {"--loss-expr ''", "must be a formula", 1},
              {"--loss-expr 'p*p' --constant q", "NAME=X", 1},
              {"--loss-expr 'q*p*p' --constant q=1 --constant r=2", "--loss-expr does not name the constant r\n", 1},
              {"--loss-expr '(p - y)^2' --solver exact", "exact is for", 1},
              {"--loss-expr 'abs(p - y)' --solver newton", "requires solver sgd", 1},
              {"--loss-expr 'y - p'", "plus infinity", 2},
              {"--loss-expr '0*p'", "the same value at every prediction p", 1},
              {"--loss-expr 'p - p + y^2'", "the same value at every prediction p", 1},
              {"--loss-expr 'max(0, abs(p - y) - 1000)'", "model: m", 0}, /* the same at those of these rows alone */
              {"--loss-expr '(p - y)^2' --delta 2", "--delta changes nothing with --loss-expr\n", 0},
              {"--loss-expr '(p - y)^2' --class-weight balanced", "and --loss-expr takes numbers", 1},
              {"--loss expression", "give loss-expr", 1}};
    write_rows();
    for (size_t i = 0; i < sizeof of / sizeof of[0]; i++) {
        run(&o, "$CUSGD train d.csv --model m %s", of[i].arguments);
        assert_code(o, of[i].code);
        assert_has(o.err, of[i].said);
    }
    run(&o, "$CUSGD solve 'cos(x) == x' --start x=1");
    assert_code(o, 1);
    assert_has(o.err, "a root is searched of a difference");
}
