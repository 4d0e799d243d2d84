/* Those parts of tests/gpu's probe that the emulated GPU can run: its figures mean nothing, but what it reads must sum right. */
#include "emulator.h"
#include "gpu/probe.h"

int main(int count, char **arguments)
{
    static probe_part *const parts[] = {probe_fill,        probe_latencies, probe_launches,    probe_products, probe_reads,
                                        probe_random_rows, probe_updates,   probe_host_copies, nullptr};
    emulator_set_multiprocessors(3); /* as on real ones, grids do not divide the data */
    return probe_main(count, arguments, parts);
}
