/* cusgd grad: its tables and files, and what is refused. */
#include "command.h"

#include <math.h>

TestSuite(command_formulas, .init = command_setup, .fini = folder_teardown);

static outcome o;

Test(command_formulas, grad_tables)
{
    run(&o, "$CUSGD grad 'x^2 + 3*y' --at x=1:2:2,y=5 -o -");
    assert_code(o, 0);
    cr_assert_str_eq(o.out, "x,y,value,d_x,d_y\n1,5,16,2,3\n2,5,19,4,3\n");
    run(&o, "$CUSGD grad 'x^2*y' --at y=5 --at x=2 --hessian --mode forward -o -");
    assert_code(o, 0);
    cr_assert_str_eq(o.out, "x,y,value,d_x,d_y,d_x_x,d_x_y,d_y_x,d_y_y\n2,5,20,20,4,10,4,4,0\n");
    run(&o, "$CUSGD grad 'x^c; c*x' --constant c=3 --at x=-2 --mode reverse --output=-");
    assert_code(o, 0);
    cr_assert_str_eq(o.out, "x,value1,value2,d1_x,d2_x\n-2,-8,-6,12,3\n");
    run(&o, "$CUSGD grad 'cos(x)' --at x=-pi/2:pi/2:3");
    assert_code(o, 0);
    assert_has(o.out, "value             d_x\n");
    run(&o, "$CUSGD grad 'x' --at x=0:1:11 -o t.csv && $CUSGD grad 'x' --at x=0:1:11 -o - | cmp - t.csv && wc -l <t.csv");
    assert_code(o, 0);
    cr_assert_str_eq(o.out, "12\n");
    run(&o, "$CUSGD grad 'x' --at x=0:1:3 -o t.npy && tail -c 72 t.npy | od -An -v -t f8 -w72");
    assert_code(o, 0);
    double t[9];
    char *at = o.out;
    for (int i = 0; i < 9; i++) t[i] = strtod(at, &at);
    for (int i = 0; i < 3; i++) cr_assert(t[3 * i] == 0.5 * i && t[3 * i + 1] == 0.5 * i && t[3 * i + 2] == 1, "%s", o.out);
}

Test(command_formulas, grad_refusals)
{
    static const struct {
        const char *arguments, *said;
    } of[] = {{"'2x' --at x=1", "\n2x\n ^\n"},
              {"-x^2 --at x=1", "there is no option -x^2; an argument that starts with - comes last, after --"},
              {"'x+y' --at x=1", "the variable y has no value"},
              {"'x' --at x=1,z=1", "no such variable"},
              {"'x' --at x=1,x=2", "has a value already"},
              {"'x' --at x=1:2:1", "2 values or more"},
              {"'x' --at x=1:2:10000001", "at most 10000000"},
              {"'x' --at x=1:2", "a range is FIRST:LAST:COUNT"},
              {"'x' --at x=", "not a finite number"},
              {"'x' --at x=1/0", "not a finite number"},
              {"'x' --at 3", "no NAME=VALUE"},
              {"'x*y' --at x=0:1:10000 --at y=0:1:10000", "more than 10000000 points"},
              {"'2*x' --at x=1 --constant x=3", "no such variable"},
              {"'x' --at x=1 --constant exp=3", "cannot be the name of a constant"},
              {"'x*d' --at x=1,d=2 --constant c=3", "does not have the constant c"},
              {"'x' --at x=1 --mode sideways", "give forward or reverse"},
              {"'x' --at x=1 -o out.txt", ".npy or .csv"}};
    for (size_t i = 0; i < sizeof of / sizeof of[0]; i++) {
        run(&o, "$CUSGD grad %s", of[i].arguments);
        assert_code(o, 1);
        cr_assert_str_eq(o.out, "");
        assert_has(o.err, of[i].said);
    }
}

/* ---- minimize and solve -------------------------------------------------------------------------------------------------- */

/* Gradient descent on x^2 shrinks x by 1 - 2 rate in each step: the notes' example. */
Test(command_formulas, minimize_by_gradient_descent)
{
    run(&o, "$CUSGD minimize 'x^2' --start x=-.7 --solver gd --rate .1 --iterations 30");
    assert_code(o, 7);
    assert_has(o.err, "not converged after 30 iterations: the norm of the gradient is 0.00173");
    const char *line = strchr(o.out, '\n');
    double x = -0.7;
    for (int i = 0; i <= 30; i++, x *= 0.8) {
        int iteration;
        double at, value, gradient;
        cr_assert(line && sscanf(line, "%d %lf %lf %lf", &iteration, &at, &value, &gradient) == 4, "%s", o.out);
        cr_assert(iteration == i && fabs(at - x) < 1e-14 && fabs(value - x * x) < 1e-14 && fabs(gradient - 2 * fabs(x)) < 1e-6);
        line = strchr(line + 1, '\n');
    }
    run(&o, "$CUSGD minimize 'c*x^2' --constant c=1 --start x=-.7 --solver gd --rate .1 -q");
    assert_code(o, 0);
    assert_has(o.out, "order of convergence about 1\n");
}

Test(command_formulas, minimize_by_each_solver)
{
    static const char *const solvers[] = {"momentum --rate .01",
                                          "nesterov --rate .01",
                                          "adagrad --rate .5",
                                          "rmsprop --rate .001 --tolerance 1e-2",
                                          "adam --rate .05",
                                          "amsgrad --rate .05",
                                          "nadam --rate .05",
                                          "radam --rate .05",
                                          "adamax --rate .05",
                                          "bfgs",
                                          "dfp",
                                          "lbfgs",
                                          "cg",
                                          "newton"};
    for (size_t i = 0; i < sizeof solvers / sizeof solvers[0]; i++) {
        run(&o, "$CUSGD minimize '(x-1)^2 + 3*(y+2)^2 + x*y' --start x=0,y=0 --iterations 20000 -q --solver %s", solvers[i]);
        assert_code(o, 0);
        double x, y;
        cr_assert_eq(sscanf(strchr(o.out, ':'), ": x = %lf y = %lf", &x, &y), 2, "%s", o.out);
        double tolerance = strstr(solvers[i], "1e-2") ? 0.05 : 1e-6; /* 2 x - 2 + y = 0, 6 y + 12 + x = 0 */
        cr_assert(fabs(x - 24.0 / 11) < tolerance && fabs(y + 26.0 / 11) < tolerance, "%s: %s", solvers[i], o.out);
    }
    run(&o, "$CUSGD minimize '(1-x)^2 + 100*(y-x^2)^2' --start x=-1.2,y=1 --json | tail -n 1");
    assert_code(o, 0);
    assert_has(o.out, "{\"converged\":true,\"iterations\":");
}

/* The circle and the hyperbola meet at x = sqrt(2 + sqrt(3)). */
Test(command_formulas, solve_by_each_solver)
{
    static const char *const solvers[] = {"newton", "broyden-good", "broyden-bad"};
    for (size_t i = 0; i < sizeof solvers / sizeof solvers[0]; i++) {
        run(&o, "$CUSGD solve 'x^2+y^2-4; x*y-1' --start x=2,y=.5 -q --solver %s", solvers[i]);
        assert_code(o, 0);
        double x, y, root = sqrt(2 + sqrt(3));
        cr_assert_eq(sscanf(strchr(o.out, ':'), ": x = %lf y = %lf", &x, &y), 2, "%s", o.out);
        cr_assert(fabs(x - root) < 1e-9 && fabs(y - 1 / root) < 1e-9, "%s", o.out);
    }
    run(&o, "$CUSGD solve 'x^3 - 2*x - 5' --start x=2"); /* Newton's own example */
    assert_code(o, 0);
    assert_has(o.out, "x = 2.09455148154233; order of convergence about 2\n");
    run(&o, "$CUSGD solve 'x^3 - 2*x - 5' --start x=2 --json");
    assert_code(o, 0);
    assert_has(o.out, "{\"iteration\":0,\"x\":{\"x\":2},\"norm\":1}\n");
}

/* Equations and variables of any scale are not taken for ones that depend on each other. */
Test(command_formulas, solve_at_any_scale)
{
    static const char *const of[] = {"1e20*x-1e20; y-1", "1e20*x+y-2; 1e20*x-y", "1e-30*x+1e-30*y-2e-30; x-y",
                                     "1e-300*(x-1)+1e-300*(y-1); 1e300*(x-1)-1e300*(y-1)"};
    static const char *const solvers[] = {"newton", "broyden-good", "broyden-bad"};
    for (size_t i = 0; i < sizeof of / sizeof of[0] * 3; i++) {
        run(&o, "$CUSGD solve '%s' --start x=2,y=3 -q --solver %s --tolerance 1e-40 --iterations 3", of[i / 3], solvers[i % 3]);
        cr_assert(!strstr(o.err, "singular"), "%s by %s: %s", of[i / 3], solvers[i % 3], o.err);
    }
    run(&o, "$CUSGD solve '1e20*x-1e20; y-1' --start x=2,y=3 -q");
    assert_code(o, 0);
    assert_has(o.out, "x = 1 y = 1");
}

/* A NaN's sign differs between processors. */
Test(command_formulas, no_sign_of_what_is_no_number)
{
    run(&o, "$CUSGD grad 'sqrt(x); 0/(x+1)' --at x=-1 --hessian -o - && $CUSGD grad 'x^x^x' --at x=0 --mode forward && "
            "! $CUSGD minimize 'sqrt(x)' --start x=-1 && ! $CUSGD solve 'sqrt(x)' --start x=-1");
    assert_code(o, 0);
    assert_has(o.out, "nan");
    assert_lacks(o.out, "-nan");
    assert_has(o.err, "the value is nan");
    assert_lacks(o.err, "-nan");
}

Test(command_formulas, searches_that_fail_say_why)
{
    static const struct {
        const char *call, *said;
        int code;
    } of[] = {{"solve 'x^2+1' --start x=1", "the matrix of derivatives is singular, to rounding, after 1 iteration: ", 7},
              {"solve 'x+y; 2*x+2*y-1' --start x=1,y=1 --solver broyden-good", "the matrix of derivatives is singular", 7},
              {"solve 'x^2+1' --start x=.3 --iterations 100", "not converged", 7},
              {"solve 'x+y' --start x=1,y=2", "as many formulas as variables", 1},
              {"solve 'log(x)' --start x=-1", "diverged", 4},
              {"solve 'x' --start x=1 --solver bfgs", "it is one of newton, broyden-good", 1},
              {"minimize 'x^2' --start x=1 --rate 2 --solver gd", "diverged", 4},
              {"minimize 'x^2' --start x=1 --solver gd", "gd has no usual rate", 1},
              {"minimize 'x; x' --start x=1", "a minimum is searched of a single one", 1},
              {"minimize '3' ", "has no variable", 1},
              {"minimize 'x^2' --start x=1 --solver magic", "there is no solver \"magic\"", 1},
              {"minimize 'x^2' --start x=1 --iterations 0", "iterations must be", 1},
              {"solve 'x^2-2' --start x=1 --iterations 0", "iterations must be", 1},
              {"minimize 'x^2' --start x=1 --solver momentum --rate .1 --momentum 1", "less than 1", 1},
              {"minimize 'x' --start x=1 --iterations 20", "not converged after 20 iterations", 7},
              {"minimize 'x^2'", "the variable x has no value: give --start x=VALUE", 1}};
    for (size_t i = 0; i < sizeof of / sizeof of[0]; i++) {
        run(&o, "$CUSGD %s", of[i].call);
        assert_code(o, of[i].code);
        assert_has(o.err, of[i].said);
        if (of[i].code == 1) cr_assert_str_empty(o.out, "%s", o.out); /* what is refused has no table */
    }
}
