/* The probe on a real GPU. */
#include "probe.h"

int main(int count, char **arguments)
{
    static probe_part *const parts[] = {probe_fill,        probe_launches,    probe_flag_barriers, probe_clusters,    probe_reads,
                                        probe_bulk_copies, probe_random_rows, probe_updates,       probe_host_copies, nullptr};
    return probe_main(count, arguments, parts);
}
