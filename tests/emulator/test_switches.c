/* The environment variables of the CUDA module through the command, on the emulated GPU: what each turns off, seen in the trace,
 * and that models keep their bits. */
#include "command.h"

static outcome o;

static void setup(void)
{
    command_setup();
    run(&o, "$CUSGD generate made --rows 500 --cols 6 && $CUSGD generate wide --rows 40 --cols 5000");
    assert_code(o, 0);
}
TestSuite(switches, .init = setup, .fini = folder_teardown);

/* Trains with these settings of the environment, and a trace, to NAME.safetensors. */
static void train(const char *settings, const char *name, const char *options)
{
    run(&o, "env %s CUSGD_CUDA_TRACE=1 $CUSGD train --batch 5 %s --epochs 2 --device cuda --quiet --model %s.safetensors",
        settings, options, name);
    assert_code(o, 0);
}

static void check_same(const char *a, const char *b)
{
    outcome compared;
    run(&compared, "cmp %s.safetensors %s.safetensors", a, b);
    assert_code(compared, 0);
}

Test(switches, emul_nothing_is_written_without_a_trace)
{
    run(&o, "env CUSGD_CUDA_TRACE=0 $CUSGD train made --epochs 1 --device cuda --quiet --model m");
    assert_code(o, 0);
    cr_assert_str_empty(o.err);
}

Test(switches, emul_graphs_and_early_kernels)
{
    static const char *const engines[] = {"made --engine cublas", "made --engine fused", "wide --engine fused"};
    for (int i = 0; i < 3; i++) {
        train("", "all", engines[i]);
        assert_has(o.err, "graphs on, early kernels on, clusters on");
        assert_lacks(o.err, "steps: 0 in graphs, 100 ");
        cr_assert(i == 2 || strstr(o.err, "100 steps: 96 in graphs, 4 launched one by one"), "%s", o.err);
        train("CUSGD_CUDA_GRAPH=0", "plain", engines[i]);
        assert_has(o.err, "graphs off, early kernels on, clusters on");
        assert_lacks(o.err, " in graphs, 4");
        assert_has(o.err, " steps: 0 in graphs");
        check_same("plain", "all");
        train("CUSGD_CUDA_EARLY=0", "late", engines[i]);
        assert_has(o.err, "graphs on, early kernels off, clusters on");
        check_same("late", "all");
        train("CUSGD_CUDA_GRAPH=0 CUSGD_CUDA_EARLY=0", "neither", engines[i]);
        assert_has(o.err, "graphs off, early kernels off, clusters on");
        check_same("neither", "all");
    }
}

/* Rows that the GPU computes are the CPU's. */
Test(switches, emul_synthetic_rows)
{
    run(&o, "env CUSGD_CUDA_TRACE=1 $CUSGD generate there --rows 500 --cols 6 --device cuda");
    assert_code(o, 0);
    assert_has(o.err, "graphs on"); /* the module was opened */
    run(&o, "cmp made/x.npy there/x.npy && cmp made/y.npy there/y.npy && cmp made/true.safetensors there/true.safetensors");
    assert_code(o, 0);
}

/* Graphs of other lengths; 64 steps where nothing, or no even number, is said. */
Test(switches, emul_steps_of_a_graph)
{
    static const struct {
        const char *setting, *traced;
    } cases[] = {{"-u CUSGD_CUDA_GRAPH", "100 steps: 64 in graphs, 36 launched one by one"},
                 {"CUSGD_CUDA_GRAPH=", "100 steps: 64 in graphs, 36 launched"},
                 {"CUSGD_CUDA_GRAPH=7", "100 steps: 64 in graphs, 36 launched"},
                 {"CUSGD_CUDA_GRAPH=-2", "100 steps: 64 in graphs, 36 launched"},
                 {"CUSGD_CUDA_GRAPH=8192", "100 steps: 64 in graphs, 36 launched"},
                 {"CUSGD_CUDA_GRAPH=10", "100 steps: 90 in graphs, 10 launched"},
                 {"CUSGD_CUDA_GRAPH=98", "100 steps: 98 in graphs, 2 launched"}};
    train("CUSGD_CUDA_GRAPH=0", "plain", "made --engine fused");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        train(cases[i].setting, "graphs", "made --engine fused");
        assert_has(o.err, cases[i].traced);
        check_same("graphs", "plain");
    }
}

/* Rows of up to 16 KB are nothing to clusters. Longer ones are shared out otherwise without: other last bits, the same sums. */
Test(switches, emul_clusters)
{
    train("", "all", "made --engine fused");
    assert_has(o.err, "engine fused");
    train("CUSGD_CUDA_CLUSTERS=0", "alone", "made --engine fused");
    assert_has(o.err, "graphs on, early kernels on, clusters off");
    check_same("alone", "all");
    train("", "all", "wide --engine fused");
    assert_has(o.err, "4 blocks per part");
    train("CUSGD_CUDA_CLUSTERS=0", "alone", "wide --engine fused");
    assert_has(o.err, "1 blocks per part");
    run(&o, "CUSGD_CUDA_CLUSTERS=0 $CUSGD check --device cuda --rows 60 --cols 5000 --steps 5 --engine fused");
    assert_code(o, 0);
}

/* `auto` takes `persistent` where a block's shared memory, in KB, holds its parts of two batches: 1, 16 and 11 of them, of 256,
 * 32 and 64 rows of 136 bytes, which are 68, 136 and 187 KB besides the kernel's own 20. Elsewhere `fused` gives the same bits.
 */
Test(switches, emul_persistent_is_chosen_where_two_batches_fit)
{
    static const struct {
        int batch, needs;
    } cases[] = {{250, 99}, {1000, 163}, {1400, 227}};
    static const int kilobytes[] = {99, 163, 227};
    run(&o, "$CUSGD generate many --rows 2800 --cols 32 --seed 3");
    assert_code(o, 0);
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++) {
            char settings[60], data[60], name[32], first[32];
            snprintf(settings, sizeof settings, "CUSGD_EMULATOR_SHARED=%d", kilobytes[j]);
            snprintf(data, sizeof data, "many --batch %d", cases[i].batch);
            snprintf(name, sizeof name, "m%d-%d", i, j);
            train(settings, name, data);
            assert_has(o.err, kilobytes[j] >= cases[i].needs ? "engine persistent" : "engine fused");
            snprintf(first, sizeof first, "m%d-0", i);
            check_same(name, first);
        }
}

/* The emulated module has code for 8.x and 9.x, and PTX of 9.0 (module.cmake). */
Test(switches, emul_a_list_says_what_code_there_is)
{
    run(&o, "$CUSGD devices");
    assert_code(o, 0);
    assert_has(o.out, "emulated GPU (compute capability 9.0, ");
    run(&o, "CUSGD_EMULATOR_CAPABILITY=12 $CUSGD devices");
    assert_code(o, 0);
    assert_has(o.out, "emulated GPU (compute capability 12.0, for which the driver compiles PTX at the first use, in minutes, ");
    run(&o, "CUSGD_EMULATOR_CAPABILITY=7 $CUSGD devices");
    assert_code(o, 0);
    assert_has(o.out, "cannot be used (GPU 0 (emulated GPU) has compute capability 7.0, and the CUDA module has no code for it");
    run(&o, "CUSGD_EMULATOR_CAPABILITY=12 $CUSGD train made --epochs 1 --device cuda --model m");
    assert_code(o, 0);
    assert_has(o.err, "note: the driver may first compile the CUDA module for this GPU (compute capability 12.0), in minutes");
    run(&o, "$CUSGD train made --epochs 1 --device cuda --model m");
    assert_lacks(o.err, "compile");
}

/* The command says once that a graph was refused, and the model is the same. */
Test(switches, emul_a_refused_graph_is_a_note)
{
    const char *line = "$CUSGD train made --epochs 2 --batch 5 --engine fused --device cuda --model %s";
    char command[200];
    snprintf(command, sizeof command, line, "sound.safetensors");
    run(&o, "%s", command);
    assert_code(o, 0);
    assert_lacks(o.err, "graph");
    snprintf(command, sizeof command, line, "plain.safetensors");
    run(&o, "CUSGD_EMULATOR_REFUSE=cudaGraphInstantiate %s", command);
    assert_code(o, 0);
    const char *note = strstr(o.err, "note: the GPU refused a CUDA graph of the steps");
    cr_assert(note && strstr(note, "cudaGraphInstantiate"), "%s", o.err);
    cr_assert_null(strstr(note + 1, "note: the GPU"), "%s", o.err);
    check_same("plain", "sound");
}
