/* Bringing rows of memory into the L2 cache ahead of their reading, by a bulk request a row (compute capability 9.0) or by one
 * instruction for 32 rows: what kernels do while they wait for the one before. */
#include "block.h"
#include "probe.h"

enum { ROW_BYTES = 128, NO_FETCH = 0, BULK = 1, BY_LINE = 2 };
static const char *const fetch_names[] = {"not at all", "by bulk requests", "by prefetch.global.L2"};

/* Each thread has rows of its own, far apart: row i stands at place (i * odd) modulo the number of rows, a power of 2. */
__device__ static int64_t place_of(int64_t i, int64_t rows) { return (i * 0x9E3779B1) & (rows - 1); }

__global__ static void fetch_kernel(const unsigned char *x, int64_t first, int64_t count, int64_t rows, int kind)
{
    for (int64_t i = thread_number(); i < count; i += thread_count()) {
        const unsigned char *row = x + place_of(first + i, rows) * ROW_BYTES;
        if (kind == BULK)
            fetch(row, ROW_BYTES);
        else if (kind == BY_LINE)
            asm volatile("prefetch.global.L2 [%0];" : : "l"(__cvta_generic_to_global(row)) : "memory");
    }
}

/* Eight lanes a row, as the rows of 32 floats are read. */
__global__ static void read_kernel(const unsigned char *x, int64_t first, int64_t count, int64_t rows, unsigned *sum)
{
    unsigned mine = 0;
    for (int64_t i = thread_number(); i < count * 8; i += thread_count()) {
        uint4 v = ((const uint4 *)(x + place_of(first + i / 8, rows) * ROW_BYTES))[i % 8];
        mine += v.x + v.y + v.z + v.w;
    }
    mine = warp_sum(mine);
    if (threadIdx.x % 32 == 0) atomicAdd(sum, mine);
}

typedef struct fetching {
    int kind, reads;
    int64_t first, count, rows;
} fetching;

/* Other rows in every run: they are not in the cache, nor have the fetches of a run before brought them. */
static void fetch_run(probe *p, void *context)
{
    fetching *f = (fetching *)context;
    unsigned blocks = (unsigned)p->multiprocessors * 2;
    if (f->kind != NO_FETCH)
        CHECK(LAUNCH(fetch_kernel, blocks, THREADS, 0, p->stream, (const unsigned char *)p->words, f->first, f->count, f->rows,
                     f->kind));
    if (f->reads)
        CHECK(LAUNCH(read_kernel, blocks, THREADS, 0, p->stream, (const unsigned char *)p->words, f->first, f->count, f->rows,
                     p->sum));
    f->first += f->count;
}

void probe_fetches(probe *p)
{
    fetching f = {0, 0, 0, 0, (int64_t)(p->bytes / ROW_BYTES)};
    for (f.count = 4096; f.count <= 65536; f.count *= 16)
        for (f.kind = NO_FETCH; f.kind <= BY_LINE; f.kind++)
            for (f.reads = f.kind == NO_FETCH; f.reads < 2; f.reads++) {
                const char *form = "rows of 128 bytes brought ahead %s, %lld of them%s", *then = f.reads ? ", then read" : "";
                if (f.kind == BULK && p->major < 9) {
                    probe_refused(p, "compute capability 9.0 is needed", form, fetch_names[f.kind], (long long)f.count, then);
                    continue;
                }
                probe_time(p, fetch_run, &f);
                probe_latency(p, 1, form, fetch_names[f.kind], (long long)f.count, then);
                CHECK(cudaMemsetAsync(p->sum, 0, sizeof *p->sum, p->stream)); /* of rows that differ from run to run */
            }
}
