/* How many products with their sums a core computes from registers: the limit of runs of many outputs or models, whose loops are
 * compiled with -ffp-contract=off, and what contraction to FMA would allow.
 *
 *   cc -O3 -march=native -ffp-contract=off scripts/bench/products.c -o products && ./products
 *
 * Prints billions of float products a second, each added to one of 12 sums of a register's width, and how long 64 models of 256
 * and 32 columns take by them for each row: their predictions and gradients are 2 x 64 x columns products. */
#include <stdio.h>
#include <time.h>

#if defined(__AVX512F__)
enum { LANES = 16 };
#elif defined(__AVX__)
enum { LANES = 8 };
#else
enum { LANES = 4 };
#endif
enum { SUMS = 12, TURNS = 20000000, REPEATS = 7 };

typedef float lanes __attribute__((vector_size(LANES * sizeof(float))));

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* The empty assembly makes the factors unknown in every turn, so that no turn is left out. */
#define DEFINE_TURNS(NAME, ATTRIBUTE)                                                                         \
    ATTRIBUTE static float NAME(lanes a, lanes b)                                                             \
    {                                                                                                         \
        lanes s0 = {0}, s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0;                                          \
        lanes s6 = s0, s7 = s0, s8 = s0, s9 = s0, s10 = s0, s11 = s0;                                         \
        for (int i = 0; i < TURNS; i++) {                                                                     \
            ADD(s0) ADD(s1) ADD(s2) ADD(s3) ADD(s4) ADD(s5) ADD(s6) ADD(s7) ADD(s8) ADD(s9) ADD(s10) ADD(s11) \
        }                                                                                                     \
        lanes sum = s0 + s1 + s2 + s3 + s4 + s5 + s6 + s7 + s8 + s9 + s10 + s11;                              \
        return sum[0];                                                                                        \
    }
#define ADD(SUM)  \
    SUM += a * b; \
    __asm__ volatile("" : "+x"(a));

DEFINE_TURNS(apart, __attribute__((noinline)))
DEFINE_TURNS(contracted, __attribute__((noinline, optimize("fp-contract=fast"))))

static double rate(float (*turns)(lanes a, lanes b))
{
    lanes a, b;
    double least = 1e300;
    for (int l = 0; l < LANES; l++) a[l] = b[l] = 1e-3f * (float)(l + 1);
    for (int r = 0; r < REPEATS; r++) {
        double begun = seconds();
        volatile float kept = turns(a, b);
        double took = seconds() - begun;
        (void)kept;
        if (took < least) least = took;
    }
    return (double)TURNS * SUMS * LANES / least;
}

static void put(const char *what, double products)
{
    const int models = 64, columns[] = {256, 32};
    printf("%-24s %6.1f", what, products / 1e9);
    for (int i = 0; i < 2; i++) printf("  %d columns: %.0f ns a row", columns[i], 2. * models * columns[i] / products * 1e9);
    putchar('\n');
}

int main(void)
{
    put("multiplied, then added", rate(apart));
    put("FMA", rate(contracted));
    return 0;
}
