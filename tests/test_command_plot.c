/* cusgd train --plot: the loss curve that is drawn at the end. */
#include "command.h"
#include "cusgd.h"

#include <math.h>
#include <stdlib.h>

TestSuite(command_plot, .init = command_setup, .fini = folder_teardown);

static outcome o;

/* The text of row `row` of the plot, from 0: behind the bar, up to the line's end. */
static const char *plot_row(const char *plot, int row, size_t *length)
{
    const char *bar = strchr(plot, '|');
    for (; bar && row > 0; row--) bar = strchr(bar + 1, '|');
    cr_assert_not_null(bar);
    *length = strcspn(bar + 1, "\n");
    return bar + 1;
}

static const char *plot_of(const char *err)
{
    const char *bar = strchr(err, '|');
    cr_assert_not_null(bar, "%s", err);
    while (bar > err && bar[-1] != '\n') bar--;
    return bar;
}

/* A loss that falls: the first epoch is at the top left, the last one at the bottom right, and the labels are the extremes. */
Test(command_plot, a_falling_loss)
{
    run(&o, "$CUSGD generate made --rows 200 --cols 2 --noise 0.01 && $CUSGD train made --optimizer sgd --rate 0.01 --batch 200 "
            "--epochs 40 --model m.safetensors --history h.jsonl --plot");
    assert_code(o, 0);
    const char *plot = plot_of(o.err);
    size_t length;
    const char *top = plot_row(plot, 0, &length);
    cr_assert(length >= 1 && top[0] == '*', "%s", plot);
    const char *bottom = plot_row(plot, 11, &length);
    cr_assert(length > 10 && bottom[length - 1] == '*' && bottom[0] == ' ', "%s", plot);
    assert_has(o.err, "* training");
    assert_lacks(o.err, "validation");
    double high = strtod(plot, NULL);
    run(&o, "head -n 1 h.jsonl | sed 's/.*\"loss\": \\([^,]*\\),.*/\\1/'");
    cr_assert(fabs(high / strtod(o.out, NULL) - 1) < 1e-3, "the top is labeled %g, the first loss is %s", high, o.out);
}

Test(command_plot, validation_has_a_curve_of_its_own)
{
    run(&o, "$CUSGD generate made --rows 300 --cols 2 && $CUSGD train made --valid-fraction 0.3 --model m.safetensors --plot");
    assert_code(o, 0);
    assert_has(o.err, "o validation");
    cr_assert_not_null(strchr(plot_of(o.err), 'o'));
}

/* Where not every epoch is evaluated the curve goes from one evaluation to the next. */
Test(command_plot, validation_at_some_epochs)
{
    run(&o, "$CUSGD generate made --rows 300 --cols 2 && $CUSGD train made --valid-fraction 0.3 --epochs 20 --evaluate-every 4 "
            "--model m.safetensors --plot");
    assert_code(o, 0);
    assert_has(o.err, "o validation");
    size_t length, marks = 0;
    for (int row = 0; row < 12; row++) {
        const char *text = plot_row(plot_of(o.err), row, &length);
        for (size_t i = 0; i < length; i++) marks += text[i] == 'o' || text[i] == '#';
    }
    cr_assert_gt(marks, 10, "%s", o.err);
}

/* One epoch makes no curve, and --quiet does not forbid one that is asked for. */
Test(command_plot, short_and_quiet_runs)
{
    run(&o, "$CUSGD generate made --rows 100 --cols 2 && $CUSGD train made --epochs 1 --model m.safetensors --plot");
    assert_code(o, 0);
    assert_lacks(o.err, "* training");
    run(&o, "$CUSGD train made --epochs 9 --model m.safetensors --plot --quiet");
    assert_code(o, 0);
    assert_has(o.err, "* training");
    assert_lacks(o.err, "epoch 9");
}

/* No line is wider than a terminal. */
Test(command_plot, width)
{
    run(&o,
        "$CUSGD generate made --rows 100 --cols 2 2>log && $CUSGD train made --epochs 100 --model m.safetensors --plot --quiet");
    assert_code(o, 0);
    for (const char *line = o.err; *line; line += strcspn(line, "\n") + (line[strcspn(line, "\n")] == '\n'))
        cr_assert(strcspn(line, "\n") <= 80, "%s", line);
}
