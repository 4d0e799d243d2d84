/* The command on targets of several classes. */
#include "command.h"

TestSuite(command_classes, .init = command_setup, .fini = folder_teardown);

/* many.csv: x1, x2 and one of three names, by the larger of three scores; codes.csv: 7, 8 and 30 in their place. */
static void make(void)
{
    static const char *const names[] = {"rain", "fog", "sun, mostly"}, *const codes[] = {"30", "7", "8"};
    FILE *many = fopen("many.csv", "w"), *coded = fopen("codes.csv", "w");
    unsigned state = 5;
    cr_assert(many && coded);
    fputs("x1,x2,sky\n", many);
    fputs("x1,x2,sky\n", coded);
    for (int i = 0; i < 150; i++) {
        double x[3];
        for (int j = 0; j < 3; j++) {
            state = state * 1664525u + 1013904223u;
            x[j] = (double)(state >> 8) / (1 << 23) - 1;
        }
        int c = x[0] + x[2] / 2 > 0.3 ? 0 : x[1] > 0 ? 1 : 2;
        fprintf(many, "%.6f,%.6f,\"%s\"\n", x[0], x[1], names[c]);
        fprintf(coded, "%.6f,%.6f,%s\n", x[0], x[1], codes[c]);
    }
    cr_assert(fclose(many) == 0 && fclose(coded) == 0);
}

/* From the table to predictions; the classes are in the order of their names, numbers in theirs. */
Test(command_classes, from_a_table_to_predictions)
{
    static outcome o;
    make();
    run(&o, "$CUSGD train many.csv --loss logistic --solver auto --l2 1e-3 --model m && $CUSGD info m && "
            "$CUSGD predict m many.csv -o - --as class | head -3 && $CUSGD predict m many.csv -o - --as probability | head -2");
    assert_code(o, 0);
    assert_has(o.err, "many.csv: 150 rows, 2 columns, 3 outputs");
    assert_has(o.out, "classes   3: fog, rain, sun, mostly");
    assert_has(o.out, "loss = softmax");
    assert_has(o.out, "coefficients of rain");
    assert_has(o.out, "sky\n");
    assert_has(o.out, "fog,rain,\"sun, mostly\"\n0.");
    run(&o, "$CUSGD train codes.csv --loss logistic --solver auto --l2 1e-3 --model c -q && $CUSGD info c && "
            "$CUSGD predict c codes.csv -o p.npy --as class && $CUSGD predict c codes.csv -o - --as class | sort -u");
    assert_code(o, 0);
    assert_has(o.out, "classes   3: 7, 8, 30");
    assert_has(o.out, "30\n7\n8\nsky");
}

/* Names that change and keep their order leave the model's numbers as they are, to the bit. */
Test(command_classes, names_are_names)
{
    static outcome o;
    make();
    run(&o, "sed 's/fog/a/; s/rain/b/; s/\"sun, mostly\"/c/' many.csv >abc.csv && for c in softmax one-vs-rest; do "
            "$CUSGD train many.csv --loss logistic --classes $c --epochs 5 -q --model m && "
            "$CUSGD train abc.csv --loss logistic --classes $c --epochs 5 -q --model a && "
            "$CUSGD predict m many.csv -o m.npy --as link && $CUSGD predict a abc.csv -o a.npy --as link && cmp m.npy a.npy || "
            "exit 9; "
            "done");
    assert_code(o, 0);
}

Test(command_classes, evaluation)
{
    static outcome o;
    make();
    run(&o, "$CUSGD train many.csv --loss hinge --epochs 20 -q --model m && $CUSGD evaluate m many.csv --confusion c.csv && "
            "cat c.csv && $CUSGD evaluate m many.csv --json");
    assert_code(o, 0);
    assert_has(o.out, "CLASS \\ PREDICTED");
    assert_has(o.out, "class,fog,rain,\"sun, mostly\"\nfog,");
    assert_has(o.out, "\"classes\": [\"fog\", \"rain\", \"sun, mostly\"], \"confusion\": [[");
    assert_has(o.out, "\"f1_weighted\": 0.");
    assert_lacks(o.out, "log_loss"); /* hinge has no probabilities */
    run(&o, "$CUSGD predict m many.csv -o p.csv --as probability");
    assert_code(o, 1);
    run(&o, "head -20 many.csv >few.csv && echo '0,0,snow' >>few.csv && $CUSGD evaluate m few.csv");
    assert_code(o, 2);
    assert_has(o.err, "'snow' in column 'sky' is not one of the model's classes");
    run(&o, "$CUSGD train many.csv --loss logistic -q --model m --valid few.csv");
    assert_code(o, 2);
    assert_has(o.err, "'snow'");
}

/* Weights of classes are repeated rows. */
Test(command_classes, weights)
{
    static outcome o;
    make();
    run(&o, "{ cat many.csv; grep rain many.csv; } >twice.csv; "
            "$CUSGD train twice.csv --loss logistic --solver lbfgs --l2 1e-2 --precision double -q --model a --no-standardize && "
            "$CUSGD train many.csv --loss logistic --solver lbfgs --l2 1e-2 --precision double -q --model b --no-standardize "
            "--class-weight rain=2 && $CUSGD predict a many.csv -o - >a.csv && $CUSGD predict b many.csv -o - >b.csv && "
            "paste -d, a.csv b.csv | awk -F, 'NR > 1 { d = $1 - $4; if (d < 0) d = -d; if (d > 1e-6) exit 9 }'");
    assert_code(o, 0);
    run(&o, "printf 'rain=2\\n\\nsun, mostly,3\\r\\n' >weights.txt; "
            "$CUSGD train many.csv --loss logistic -q --model m1 --class-weight weights.txt --epochs 3 && $CUSGD train many.csv "
            "--loss "
            "logistic -q --model m2 --class-weight 'rain=2,\"sun, mostly=3\"' --epochs 3 && $CUSGD info m1 --coefficients >k1 && "
            "$CUSGD info m2 --coefficients | cmp - k1 && test -s k1");
    assert_code(o, 0);
    run(&o, "$CUSGD train data.csv --loss poisson --model a --class-weight balanced");
    assert_code(o, 1);
    assert_has(o.err, "--class-weight is for losses of classes, and poisson takes numbers");
    run(&o, "$CUSGD sweep data.csv --grid l2=0,1 --model a --class-weight 0=2");
    assert_code(o, 1);
    assert_has(o.err, "--class-weight is for losses of classes, and squared takes numbers");
    run(&o, "echo rain >bad.txt && $CUSGD train many.csv --loss logistic --model a --class-weight bad.txt");
    assert_code(o, 1);
    assert_has(o.err, "and \"rain\" is neither");
    run(&o, "seq 65537 | sed 's/$/=1/' >bad.txt && $CUSGD train many.csv --loss logistic --model a --class-weight bad.txt");
    assert_code(o, 2);
    assert_has(o.err, "--class-weight bad.txt: has more than 65536 lines");
    run(&o, "$CUSGD train many.csv --loss logistic --model a --class-weight no_such_file");
    assert_code(o, 1);
    assert_has(o.err, "--class-weight takes balanced, none, CLASS=WEIGHT,..., or a file of such lines");
    run(&o, "$CUSGD train many.csv --loss logistic -q --model a --class-weight balanced --epochs 3");
    assert_code(o, 0);
    run(&o, "$CUSGD train many.csv --loss logistic -q --model a --class-weight 'rain=2,\"sun, mostly=3\"' --epochs 3");
    assert_code(o, 0);
    run(&o, "$CUSGD train many.csv --loss logistic -q --model a --class-weight snow=2");
    assert_code(o, 2);
    assert_has(o.err, "the target has no class 'snow'");
    run(&o, "$CUSGD train many.csv --loss logistic -q --model a --class-weight rain");
    assert_code(o, 1);
    assert_has(o.err, "CLASS=WEIGHT");
}

/* A check knows what rounding may do to softmax, and a table's suggestion what such a target needs. */
Test(command_classes, check_and_suggestion)
{
    static outcome o;
    make();
    run(&o, "for c in softmax one-vs-rest; do $CUSGD check many.csv --loss logistic --classes $c --steps 20 || exit 9; done");
    assert_code(o, 0);
    assert_has(o.out, "PASS");
    run(&o, "$CUSGD info many.csv");
    assert_code(o, 0);
    assert_has(o.out, "train many.csv --loss logistic --model");
}

/* The note of separated classes has the name of the one that is, also of softmax, whose classes are trained together. */
Test(command_classes, separated)
{
    static outcome o;
    run(&o, "printf 'a,b,sky\\n1,0,u\\n2,1,u\\n3,0,v\\n4,1,w\\n3.5,0,w\\n4.1,0,v\\n3.1,1,v\\n3.9,1,w\\n' >three.csv; "
            "$CUSGD train three.csv --loss logistic --classes one-vs-rest --epochs 20 --model m");
    assert_has(o.err, "note: class u against the others: column \"a\" separates the classes");
    run(&o, "$CUSGD train three.csv --loss logistic --epochs 20 --model m");
    assert_has(o.err, "note: class u against the others: column \"a\" separates the classes");
    run(&o, "$CUSGD train three.csv --loss logistic --epochs 20 --l2 1e-4 --model m");
    assert_lacks(o.err, "separates");
}

/* Shares of three classes: trained on, validated, evaluated in the model's order and in no other. */
Test(command_classes, shares)
{
    static outcome o;
    file_text("s.csv",
              "a,n,u,v,w\n1,4,0.25,0.5,0.25\n2,1,0,0,1\n3,2,1,0,0\n4,5,0.2,0.4,0.4\n5,4,0.5,0.25,0.25\n2.5,4,0.5,0,0.5\n");
    run(&o,
        "$CUSGD train s.csv --loss softmax --target u --target v --target w --weights n --valid s.csv --solver lbfgs --model m");
    assert_code(o, 0);
    assert_has(o.err, "note: s.csv: the 3 targets are shares of classes: the 6 rows stand for 13 weighted rows");
    run(&o, "$CUSGD evaluate m s.csv --target u --target v --target w --weights n && $CUSGD predict m s.csv -o p.csv && head -n "
            "1 p.csv");
    assert_code(o, 0);
    assert_has(o.out, "u,v,w\n");
    run(&o, "$CUSGD evaluate m s.csv --target u --target w --target v");
    assert_code(o, 2);
    assert_has(o.err, "the targets are not the model's 3 classes");
    run(&o, "$CUSGD train s.csv --loss softmax --target u --target v --weights n --model m");
    assert_code(o, 2);
    assert_has(o.err, "row 1: the 2 targets sum to 0.75 and not to 1");
}

Test(command_classes, refusals)
{
    static outcome o;
    make();
    run(&o, "$CUSGD train many.csv --model m");
    assert_code(o, 2);
    assert_has(o.err, "the target has 3 classes, and the loss squared takes numbers: take --loss logistic");
    run(&o, "$CUSGD train many.csv --loss logistic --solver newton --model m");
    assert_code(o, 1);
    assert_has(o.err, "--classes one-vs-rest");
    run(&o, "$CUSGD train text.csv --loss logistic -q --model m && $CUSGD train many.csv --loss logistic --init m --model n");
    assert_lacks(o.err, "the model so far");
    cr_assert_neq(o.code, 0);
    run(&o, "printf 'a,y\\n1,0\\n2,1\\n3,1\\n' >two.csv; sed s/,1/,2/ two.csv >others.csv; "
            "$CUSGD train two.csv --loss logistic --l2 1 --valid others.csv --model m");
    assert_code(o, 2);
    assert_has(o.err, "others.csv: row 2: target 2 does not fit");
}

/* Whole numbers are classes for a loss of classes, which many of them seldom are. */
Test(command_classes, many_whole_numbers)
{
    static outcome o;
    static const char *const lines[] = {"seq 0 50", "seq 0 49"};
    for (int i = 0; i < 2; i++) {
        run(&o,
            "{ echo a,y; for k in 1 2 3; do %s | awk -v OFS=, '{print $1 * $1 %% 7, $1}'; done; } >whole.csv && "
            "$CUSGD train whole.csv --loss logistic --epochs 2 -m m",
            lines[i]);
        assert_code(o, 0);
        const char *note = strstr(o.err, "the target's 51 different whole numbers are taken for classes");
        cr_assert_eq(note != NULL, i == 0, "%s", o.err);
    }
}

/* Where the targets were shares and one column is named, the message says how to name the others. */
Test(command_classes, shares_without_their_columns)
{
    static outcome o;
    file_text("shares.csv", "a,P,Q,R\n1,0.2,0.3,0.5\n2,0.1,0.7,0.2\n3,0.6,0.3,0.1\n");
    run(&o, "$CUSGD train shares.csv --loss softmax --l2 0.1 --target P --target Q --target R -q -m m && $CUSGD evaluate m "
            "shares.csv");
    assert_code(o, 2);
    assert_has(o.err, "where targets are shares of classes, name a column for each class (--target)");
}

/* None is what sweeps call the weights of rows whose classes have none. */
Test(command_classes, class_weight_none)
{
    static outcome o;
    file_text("c.csv", "x,y\n1,a\n2,b\n3,a\n4,b\n5,a\n6,a\n");
    run(&o, "$CUSGD train c.csv --loss logistic -m m --epochs 3 -q && $CUSGD train c.csv --loss logistic -m n --epochs 3 -q "
            "--class-weight none && cmp m n && "
            "$CUSGD train c.csv --loss logistic -m b --epochs 3 -q --class-weight balanced && ! cmp -s m b");
    assert_code(o, 0);
    run(&o, "$CUSGD train c.csv --loss logistic -m m --class-weight nine");
    assert_code(o, 1);
    assert_has(o.err, "takes balanced, none, CLASS=WEIGHT,..., or a file");
}
