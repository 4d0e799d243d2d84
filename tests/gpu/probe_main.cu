/* The probe on a real GPU. */
#include "probe.h"

int main(int count, char **arguments)
{
    /* Latencies first, while the clock is as the warm-up has left it. */
    static probe_part *const parts[] = {probe_cluster_counts, probe_fill,        probe_warm_up,     probe_latencies,
                                        probe_flag_barriers,  probe_clusters,    probe_launches,    probe_products,
                                        probe_reads,          probe_fetches,     probe_bulk_copies, probe_random_rows,
                                        probe_updates,        probe_host_copies, probe_cool_down,   nullptr};
    return probe_main(count, arguments, parts);
}
