/* The functions that the CUDA module exports, which list and open GPUs. */
#include "module.h"
#include "code.h"
#include "exchange.h"
#include "models.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Services of libcusgd ---- */

static const backend_services *services;
static _Thread_local char failure[1024];

cusgd_status fail(cusgd_status status, const char *format, ...)
{
    char text[sizeof failure]; /* a copy, because an argument may be last_failure() */
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    memcpy(failure, text, sizeof failure);
    return services->fail(status, "%s", text);
}

const char *last_failure(void) { return failure; }

void share_work(int64_t count, void (*body)(void *context, int64_t i), void *context) { services->share(count, body, context); }

cusgd_status host_sparse_moments(const examples *e, double *mean, double *variance, double *target_mean, double *weight)
{
    return services->sparse_moments(e, mean, variance, target_mean, weight);
}

tree_node world_shards(const world *w, int all, int rank) { return services->shards(w, all, rank); }

int world_nodes(int all, tree_node within, tree_node *nodes) { return services->nodes(all, within, nodes); }

cusgd_status world_any(world *w, int flag, int *any) { return services->any(w, flag, any); }

cusgd_status world_tell(world *w, void *at, size_t bytes) { return services->tell(w, at, bytes); }

cusgd_status fail_memory(size_t bytes, const char *what)
{
    return fail(CUSGD_ERROR_MEMORY, "out of memory: %zu bytes for %s were refused", bytes, what);
}

void *allocate(size_t count, size_t size)
{
    if (size != 0 && count > SIZE_MAX / size) return NULL;
    return malloc(count * size + (count * size == 0));
}

void *allocate_zeroed(size_t count, size_t size) { return calloc(count + (count == 0), size); }

/* ---- Checking ---- */

static const char *file_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static cusgd_status fail_call(const char *library, const char *call, const char *why, const char *name, const char *file,
                              int line)
{
    size_t length = strcspn(call, "("); /* only the function's name, because its arguments are of no use to a user */
    return fail(CUSGD_ERROR_DEVICE, "GPU: %s: %.*s: %s (%s), at %s:%d", library, (int)length, call, why, name, file_name(file),
                line);
}

cusgd_status cuda_check(cudaError_t error, const char *call, const char *file, int line)
{
    if (error == cudaSuccess) return CUSGD_OK;
    (void)cudaGetLastError(); /* resets the error, so that no later call reports it again */
    return fail_call("CUDA", call, cudaGetErrorString(error), cudaGetErrorName(error), file, line);
}

cusgd_status blas_check(cublasStatus_t error, const char *call, const char *file, int line)
{
    if (error == CUBLAS_STATUS_SUCCESS) return CUSGD_OK;
    (void)cudaGetLastError();
    return fail_call("cuBLAS", call, cublasGetStatusString(error), cublasGetStatusName(error), file, line);
}

cusgd_status random_check(curandStatus_t error, const char *call, const char *file, int line)
{
    char number[16];
    if (error == CURAND_STATUS_SUCCESS) return CUSGD_OK;
    (void)cudaGetLastError();
    snprintf(number, sizeof number, "%d", (int)error);
    return fail_call("cuRAND", call, "failed with curandStatus_t", number, file, line);
}

/* ---- The devices ---- */

static cusgd_status enter_module(int abi, const backend_services *given)
{
    services = given;
    if (abi != MODULE_ABI)
        return fail(CUSGD_ERROR_DEVICE,
                    "the CUDA module is of another version of cuSGD (interface %d, not %d); install both anew", MODULE_ABI, abi);
    return CUSGD_OK;
}

static cusgd_status count_devices(int *count)
{
    *count = 0;
    cudaError_t error = cudaGetDeviceCount(count);
    if (error == cudaSuccess) return CUSGD_OK;
    (void)cudaGetLastError();
    *count = 0;
    if (error == cudaErrorNoDevice) return CUSGD_OK;
    if (error == cudaErrorInsufficientDriver)
        return fail(CUSGD_ERROR_DEVICE, "there is no NVIDIA driver, or one too old for CUDA %d.%d", CUDART_VERSION / 1000,
                    CUDART_VERSION % 1000 / 10);
    return cuda_check(error, "cudaGetDeviceCount", __FILE__, __LINE__);
}

static cusgd_status fail_no_code(int index, const struct cudaDeviceProp *p)
{
    return fail(CUSGD_ERROR_DEVICE,
                "GPU %d (%s) has compute capability %d.%d, and the CUDA module has no code for it; build cuSGD with it in "
                "CMAKE_CUDA_ARCHITECTURES",
                index, p->name, p->major, p->minor);
}

/* Makes device `index` the current one of this thread if the module has code for it. compiled: see kernel_probe(). */
static cusgd_status use_device(int index, struct cudaDeviceProp *properties, int *compiled)
{
    TRY(CUDA(cudaSetDevice(index)));
    TRY(CUDA(cudaGetDeviceProperties(properties, index)));
    cudaError_t error = kernel_probe(compiled);
    if (error == cudaErrorNoKernelImageForDevice || error == cudaErrorInvalidDeviceFunction) {
        (void)cudaGetLastError();
        return fail_no_code(index, properties);
    }
    return cuda_check(error, "cudaFuncGetAttributes", __FILE__, __LINE__);
}

/* Describes a device. Only its properties are queried, because creating a context on each GPU would take seconds and memory,
 * and would fail on a GPU that another process uses exclusively. */
CUSGD_API cusgd_status cusgd_device_describe(int abi, const backend_services *given, int index, cusgd_device *out, int *count);
cusgd_status cusgd_device_describe(int abi, const backend_services *given, int index, cusgd_device *out, int *count)
{
    struct cudaDeviceProp properties;
    TRY(enter_module(abi, given));
    TRY(count_devices(count));
    memset(out, 0, sizeof *out);
    if (index < 0 || index >= *count) return CUSGD_OK;
    snprintf(out->id, sizeof out->id, "cuda:%d", index);
    TRY(CUDA(cudaGetDeviceProperties(&properties, index)));
    code_kind code = code_for(CUSGD_ARCHITECTURES, properties.major, properties.minor);
    snprintf(out->name, sizeof out->name, "%.127s", properties.name);
    out->memory = (int64_t)properties.totalGlobalMem;
    out->cache = properties.l2CacheSize;
    if (code == CODE_NONE) return fail_no_code(index, &properties);
    snprintf(out->note, sizeof out->note, "compute capability %d.%d%s", properties.major, properties.minor,
             code == CODE_PTX ? ", for which the driver compiles PTX at the first use, in minutes" : "");
    out->usable = 1;
    out->compiles = code == CODE_PTX;
    return CUSGD_OK;
}

/* ---- Opening and closing ---- */

static void cuda_close(void *of)
{
    cuda *c = of;
    /* Errors cannot be reported here: everything else is freed in any case. */
    (void)cudaSetDevice(c->gpu.number);
    if (c->ranks) nccl_close(c->ranks, c->stream);
    if (c->stream) (void)cudaStreamSynchronize(c->stream);
    run_close(c);
    work_close(&c->pass.work);
    cuda_free(c->pass.theta);
    cuda_free(c->pass.x);
    cuda_free(c->pass.second);
    ring_close(c);
    if (c->random.generator) (void)curandDestroyGenerator(c->random.generator);
    if (c->blas) (void)cublasDestroy(c->blas);
    cuda_free(c->workspace);
    persistent_close(c);
    if (c->forked) (void)cudaEventDestroy(c->forked);
    if (c->joined) (void)cudaEventDestroy(c->joined);
    if (c->side) (void)cudaStreamDestroy(c->side);
    if (c->stream) (void)cudaStreamDestroy(c->stream);
    (void)cudaGetLastError();
    free(c);
}

/* Opens cuBLAS. With its own workspace, its sums do not depend on other work, and its calls can be captured. */
static cusgd_status blas_open(cuda *c)
{
    enum { WORKSPACE_BYTES = 32 * 1024 * 1024 }; /* the recommendation of NVIDIA for Hopper, which is the largest */
    TRY(cuda_allocate(c, WORKSPACE_BYTES, 1, "cuBLAS's workspace", &c->workspace));
    TRY(BLAS(cublasCreate(&c->blas)));
    TRY(BLAS(cublasSetStream(c->blas, c->stream)));
    return BLAS(cublasSetWorkspace(c->blas, c->workspace, WORKSPACE_BYTES));
}

/* compiled: see kernel_probe(). */
static cusgd_status open_parts(cuda *c, int compiled)
{
    if (compiled >= 90 && c->switches.clusters)
        TRY(cuda_check(cluster_fits(&c->gpu.clusters), "cudaOccupancyMaxActiveClusters", __FILE__, __LINE__));
    TRY(CUDA(cudaStreamCreateWithFlags(&c->stream, cudaStreamNonBlocking)));
    TRY(CUDA(cudaStreamCreateWithFlags(&c->side, cudaStreamNonBlocking)));
    TRY(CUDA(cudaEventCreateWithFlags(&c->forked, cudaEventDisableTiming)));
    TRY(CUDA(cudaEventCreateWithFlags(&c->joined, cudaEventDisableTiming)));
    TRY(ring_open(c));
    return blas_open(c);
}

static const backend_ops ops = {
    .close = cuda_close,
    .bind = cuda_bind,
    .unbind = cuda_unbind,
    .moments = cuda_moments,
    .curvature = cuda_curvature,
    .rows = cuda_rows,
    .memory.locate = cuda_locate,
    .memory.fetch = cuda_fetch,
    .refuses = cuda_refuses,
    .start = cuda_start,
    .state.put = cuda_put,
    .state.get = cuda_get,
    .state.read = cuda_read,
    .state.copy = cuda_copy,
    .state.stay_failed = cuda_stay_failed,
    .steps = cuda_steps,
    .wait = cuda_wait,
    .report = cuda_report,
    .add_loss = cuda_add_loss,
    .models = {.group = MODELS_GROUP, .room = cuda_room, .retire = cuda_retire, .fold_losses = cuda_fold_losses},
    .pieces = {.bind_again = cuda_bind_again,
               .end = cuda_piece_end,
               .objective = cuda_objective_piece,
               .curvature = cuda_curvature_piece,
               .hessian = cuda_hessian_piece,
               .windows = {.pin = cuda_pin,
                           .unpin = cuda_give_pinned,
                           .open = cuda_windows_open,
                           .load = cuda_windows_load,
                           .use = cuda_windows_use,
                           .await = cuda_windows_await,
                           .part = cuda_windows_part}},
    .objective = cuda_objective,
    .hessian = cuda_hessian,
    .predict = cuda_predict,
    .tools.generate = cuda_generate,
    .tools.read_bandwidth = cuda_read_bandwidth,
};

static const char *on(int is_on) { return is_on ? "on" : "off"; }

CUSGD_API cusgd_status cusgd_backend_open(int abi, const backend_services *given, int index, cusgd_precision precision,
                                          backend *out);
cusgd_status cusgd_backend_open(int abi, const backend_services *given, int index, cusgd_precision precision, backend *out)
{
    struct cudaDeviceProp properties;
    int count, compiled;
    TRY(enter_module(abi, given));
    TRY(count_devices(&count));
    if (count == 0) return fail(CUSGD_ERROR_DEVICE, "there is no NVIDIA GPU in this machine, or none that this process may use");
    if (index < 0 || index >= count)
        return fail(CUSGD_ERROR_DEVICE, "there is no cuda:%d: this machine has %d GPU%s, numbered from 0", index, count,
                    count == 1 ? "" : "s");
    TRY(use_device(index, &properties, &compiled));
    cuda *c = allocate_zeroed(1, sizeof *c);
    if (!c) return fail_memory(sizeof *c, "the CUDA backend");
    c->gpu.number = index;
    c->precision = precision;
    c->gpu.multiprocessors = properties.multiProcessorCount;
    c->gpu.shared = (int)properties.sharedMemPerBlockOptin;
    c->gpu.cooperative = properties.cooperativeLaunch;
    c->switches = switches_read();
    c->graph_steps = c->switches.graph_steps;
    c->gpu.early = compiled >= 90 && c->switches.early;
    c->element = precision == CUSGD_PRECISION_FLOAT ? sizeof(float) : sizeof(double);
    cusgd_status status = open_parts(c, compiled);
    if (status) {
        cuda_close(c);
        return status;
    }
    out->ops = &ops;
    out->self = c;
    snprintf(out->name, sizeof out->name, "cuda:%d, %.100s", index, properties.name);
    trace(c, "%.100s, compute capability %d.%d, code for %d.%d, %d multiprocessors, %d bytes of shared memory per block",
          properties.name, properties.major, properties.minor, compiled / 10, compiled % 10, c->gpu.multiprocessors,
          c->gpu.shared);
    trace(c, "graphs %s, early kernels %s, clusters %s, cooperative launches %s", on(c->graph_steps > 0), on(c->gpu.early),
          on(c->gpu.clusters), on(c->gpu.cooperative));
    return CUSGD_OK;
}
