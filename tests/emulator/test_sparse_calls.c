/* Sparse rows on the emulated GPU when a call fails: each is reported, and nothing is leaked. */
#include "emulated.h"
#include "training.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum { N = 60, D = 6, EACH = 2 };

static emulated_module emulated;

/* No graphs: where a device refuses one, the steps go on without it. */
static void setup(void)
{
    setenv("CUSGD_CUDA_GRAPH", "0", 1);
    cr_assert(emulated_find(&emulated), "CUSGD_MODULE_DIR names no folder with the emulated module");
}
TestSuite(sparse_calls, .init = setup);

static cusgd_data *sparse_rows(int ones)
{
    static double value[N * EACH], y[N];
    static int32_t column[N * EACH];
    static int64_t start[N + 1];
    static const cusgd_matrix target = {y, CUSGD_TYPE_FLOAT64, 1, 1}, none = {0};
    uint64_t state = 3;
    cusgd_data *data;
    for (int64_t i = 0; i < N; i++) {
        start[i + 1] = EACH * (i + 1);
        column[EACH * i] = (int32_t)(i % 3);
        column[EACH * i + 1] = (int32_t)(3 + i % (D - 3));
        value[EACH * i] = random_normal(&state);
        value[EACH * i + 1] = 1;
        y[i] = value[EACH * i] + random_normal(&state) > 0;
    }
    cusgd_csr x = {start, column, ones ? NULL : value, CUSGD_TYPE_FLOAT64, 0};
    cr_assert_eq(cusgd_data_wrap_csr(N, D, 1, x, target, none, &data), CUSGD_OK, "%s", cusgd_last_error());
    return data;
}

/* Steps, or a solver's passes. */
static cusgd_status work(const cusgd_options *o, const cusgd_data *data)
{
    cusgd_trainer *t = NULL;
    cusgd_status status = cusgd_trainer_create(o, data, NULL, &t);
    if (!status) status = o->solver == CUSGD_SOLVER_SGD ? cusgd_trainer_step(t, 40) : cusgd_trainer_fit(t, NULL, NULL, NULL);
    cusgd_trainer_free(t);
    return status;
}

/* Closing waits for what is under way, and reports to nobody. */
static int is_quiet(const char *call) { return emulated_is_cleanup(call) || strcmp(call, "cudaStreamSynchronize") == 0; }

Test(sparse_calls, emul_any_call_may_fail)
{
    int reported = 0;
    for (int variant = 0; variant < 3; variant++) {
        cusgd_options o = options_plain(CUSGD_OPTIMIZER_MOMENTUM, 0.01, 3, 300);
        cusgd_data *data = sparse_rows(variant == 1);
        unsigned long n = 1, stride = (REDUCED ? 4 : 1) * (variant == 2 ? 29 : 11);
        o.loss = CUSGD_LOSS_LOGISTIC;
        o.sampling = variant == 1 ? CUSGD_SAMPLING_PERMUTE : CUSGD_SAMPLING_BATCHES;
        if (variant == 2) o.solver = CUSGD_SOLVER_LBFGS, o.l2 = 0.1;
        for (int more = 1; more; n += stride) {
            emulated.fail_call(n);
            cusgd_status status = work(&o, data);
            const char *call = emulated.failed_call();
            more = call != NULL;
            reported += more && status;
            cr_assert(!more || status || is_quiet(call), "variant %d: call %lu, %s, fails and is not reported", variant, n, call);
            cr_assert(more || !status, "variant %d: %s", variant, cusgd_last_error());
            emulated.fail_call(0);
            cr_assert(emulated.live_bytes() == 0 && emulated.live_objects() == 0, "variant %d: call %lu leaves something behind",
                      variant, n);
        }
        cusgd_data_free(data);
    }
    cr_assert(reported > 20, "%d faults were reported", reported);
}

/* What the device has no room for is said, and is given back. */
Test(sparse_calls, emul_memory_may_be_short)
{
    cusgd_options o = options_plain(CUSGD_OPTIMIZER_SGD, 0.01, 3, 1);
    cusgd_data *data = sparse_rows(0);
    o.sampling = CUSGD_SAMPLING_BATCHES;
    emulated.set_memory((size_t)48 << 20);
    cr_assert_eq(work(&o, data), CUSGD_ERROR_DEVICE);
    cr_assert(strstr(cusgd_last_error(), "out of memory on GPU 0"), "%s", cusgd_last_error());
    cr_assert_eq(emulated.live_bytes(), 0);
    cusgd_data_free(data);
}
