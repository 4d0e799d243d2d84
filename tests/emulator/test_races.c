/* Accesses that only chance puts in order are found: races.h. Each program runs sound, then with planted bugs. */
#include "planted_races.h"
#include "programs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static float *x, *y, *z;
static unsigned *flags;
static race_fault fault;
static race_meeting meeting;
static int second, at_once, captured;

static void begin(void)
{
    x = device_make(RACE_VALUES * sizeof *x);
    y = device_make(RACE_VALUES * sizeof *y);
    z = device_make(RACE_VALUES * sizeof *z);
    flags = device_make(RACE_BLOCKS * sizeof *flags);
    OK(cudaMemset(flags, 0, RACE_BLOCKS * sizeof *flags));
    OK(cudaDeviceSynchronize());
}

static void check_and_end(const float *values, int count, float expected)
{
    float host[RACE_VALUES];
    OK(cudaMemcpy(host, values, sizeof host, cudaMemcpyDeviceToHost));
    for (int i = 0; i < count; i++) CHECK(host[i] == expected);
    OK(cudaFree(x));
    OK(cudaFree(y));
    OK(cudaFree(z));
    OK(cudaFree(flags));
}

static void program_flag(void)
{
    begin();
    OK(race_flag(x, y, flags, fault, NULL));
    check_and_end(y, RACE_VALUES, 1);
}

static void program_ticket(void)
{
    begin();
    for (int i = 0; i < 2; i++) OK(race_ticket(x, y, flags, fault, NULL));
    check_and_end(y, 1, RACE_VALUES);
}

static void program_meet(void)
{
    begin();
    OK(race_meet(x, y, flags, meeting, fault, NULL));
    check_and_end(y, RACE_VALUES, 1);
}

static void program_early(void)
{
    float zeros[RACE_VALUES] = {0};
    cudaStream_t s = stream_make();
    cudaGraph_t graph;
    cudaGraphExec_t run;
    begin();
    OK(cudaMemcpy(x, zeros, sizeof zeros, cudaMemcpyHostToDevice));
    if (captured) OK(cudaStreamBeginCapture(s, cudaStreamCaptureModeRelaxed));
    for (int i = 0; i < 3; i++) OK(race_early(x, y, z, second, at_once, fault, s));
    if (captured) {
        OK(cudaStreamEndCapture(s, &graph));
        OK(cudaGraphInstantiate(&run, graph, 0));
        OK(cudaGraphLaunch(run, s));
        OK(cudaGraphLaunch(run, s));
    }
    OK(cudaStreamSynchronize(s));
    if (captured) {
        OK(cudaGraphExecDestroy(run));
        OK(cudaGraphDestroy(graph));
    }
    OK(cudaStreamDestroy(s));
    check_and_end(z, RACE_VALUES, 1);
}

/* In every order of threads and blocks and at every laziness, the program ends with the message. */
static void check_race(void (*program)(void), race_fault planted, const char *word1, const char *word2)
{
    fault = planted;
    for (unsigned order = 0; order < 4; order++)
        for (unsigned laziness = 0; laziness < 2; laziness++) {
            int end;
            emulator_set_order(order);
            emulator_set_laziness(laziness);
            char *text = run_apart(program, &end);
            cr_assert(end && strstr(text, "emulator: race: ") && strstr(text, word1) && strstr(text, word2),
                      "fault %d, order %u, laziness %u: expected '%s' and '%s', got %d: %s", (int)planted, order, laziness, word1,
                      word2, end, text);
        }
    emulator_set_order(0);
    emulator_set_laziness(0);
    fault = RACE_NONE;
}

Test(races, emul_flags)
{
    run_everywhere(program_flag);
    check_race(program_flag, RACE_NO_RELEASE, "it reads", "kernel flag_kernel, block (1,0,0), thread (0,0,0)");
    check_race(program_flag, RACE_NO_ACQUIRE, "it reads", "which block 0 of the same launch writes");
    check_race(program_flag, RACE_PLAIN_FLAG, "of the same launch", "kernel flag_kernel");
    check_race(program_flag, RACE_PLAIN_TOLD, "of the same launch", "kernel flag_kernel");
}

Test(races, emul_tickets)
{
    run_everywhere(program_ticket);
    check_race(program_ticket, RACE_NO_RELEASE, "it reads", "kernel ticket_kernel");
    check_race(program_ticket, RACE_NO_ACQUIRE, "it reads", "kernel ticket_kernel");
}

Test(races, emul_meetings_of_blocks)
{
    for (meeting = RACE_GRID; meeting <= RACE_CLUSTER; meeting++) {
        run_everywhere(program_meet);
        check_race(program_meet, RACE_NO_BARRIER, "of the same launch", "kernel meet_kernel");
        check_race(program_meet, RACE_LATE, "of the same launch", "kernel meet_kernel");
    }
}

/* As plain launches and in a graph; right behind the kernel whose memory it is about, and with one between. */
Test(races, emul_early_kernels)
{
    for (captured = 0; captured < 2; captured++) {
        second = 0;
        run_everywhere(program_early);
        check_race(program_early, RACE_EARLY_READ, "it reads", "kernel front_kernel in front of it writes");
        check_race(program_early, RACE_EARLY_WRITE, "it writes", "kernel front_kernel in front of it reads");
        second = at_once = 1;
        run_everywhere(program_early);
        check_race(program_early, RACE_EARLY_READ, "it reads", "kernel front_kernel in front of it writes");
        check_race(program_early, RACE_EARLY_WRITE, "it writes", "kernel front_kernel in front of it reads");
    }
}

/* What lets the next kernel begin when it has itself waited has none in front of it any more. */
Test(races, emul_kernels_that_are_done_for_certain)
{
    second = 1;
    fault = RACE_EARLY_READ;
    for (captured = 0; captured < 2; captured++) run_everywhere(program_early);
}
