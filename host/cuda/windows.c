/* Device datasets whose rows are replaced, on a separate stream, while steps use their other rows. */
#include "cuda.h"

#include <stdlib.h>

cusgd_status cuda_pin(void *of, size_t bytes, const char *what, void **at)
{
    TRY(cuda_enter(of));
    return cuda_pinned(bytes, what, at);
}

void cuda_give_pinned(void *of, void *at)
{
    const cuda *c = of;
    (void)cudaSetDevice(c->gpu.number);
    cuda_unpin(at);
}

static size_t row_bytes(const bound_matrix *m)
{
    return (size_t)m->columns * (m->of->type == CUSGD_TYPE_FLOAT32 ? sizeof(float) : sizeof(double));
}

/* ---- Opening ---- */

/* Returns the bytes of a row on the device. */
static int64_t bytes_of_row(const cuda *c, const examples *e, const transform *t)
{
    size_t x = stored_bytes(c, kept_as(c, t->storage)), reals = (size_t)(e->k + (e->w.at != NULL) + (e->o.at != NULL));
    return row_stride(x, e->d) * (int64_t)x + (int64_t)(reals * c->element);
}

/* Determines how many pages stay on the device: as many as fit into the free memory, except an eighth of the device's memory,
 * which other programs and passes may need. */
static cusgd_status count_pages(const cuda *c, const examples *e, const transform *t, window_shape *shape)
{
    size_t available = 0, total = 0;
    TRY(CUDA(cudaMemGetInfo(&available, &total)));
    int64_t row = bytes_of_row(c, e, t), room = (int64_t)available - (int64_t)(total / 8) - (shape->rows + shape->spare) * row;
    if (c->switches.pages >= 0) room = min_of(room, c->switches.pages);
    shape->pages = room < 0 ? 0 : min_of(shape->pages, room / row / shape->page);
    return CUSGD_OK;
}

/* Opens the upload state. Of `t`, only the uploaded values remain valid: later, its arrays are only compared with NULL. */
static cusgd_status open_passing(cuda *c, const examples *e, const transform *t, const window_shape *shape, passing *s)
{
    void *numbers = NULL, *list = NULL;
    s->t = *t;
    s->like = *e;
    TRY(CUDA(cudaStreamCreateWithFlags(&s->copies, cudaStreamNonBlocking)));
    for (int half = 0; half < 2; half++) {
        TRY(CUDA(cudaEventCreateWithFlags(&s->arrived[half], cudaEventDisableTiming)));
        TRY(CUDA(cudaEventCreateWithFlags(&s->released[half], cudaEventDisableTiming)));
    }
    cusgd_status status = cuda_allocate(c, transform_numbers(e), sizeof(double), "the transform's numbers", &numbers);
    s->numbers = numbers;
    if (!status) status = cuda_allocate(c, shape->most_sent, sizeof(int64_t), "row numbers", &list);
    s->list = list;
    s->raw_bytes = (size_t)max_of(e->d, e->k) * sizeof(double); /* at least one row of any matrix */
    if (s->raw_bytes < RING_BYTES) s->raw_bytes = RING_BYTES;
    if (!status) status = cuda_allocate(c, (int64_t)s->raw_bytes, 1, "rows on their way", &s->raw);
    return status ? status : upload_transform(c, e, t, s->numbers);
}

cusgd_status cuda_windows_open(void *of, const examples *e, const transform *t, window_shape *shape, dataset **out)
{
    cuda *c = of;
    examples all = *e;
    *out = NULL;
    all.rows = NULL;
    all.fold = NULL;
    TRY(cuda_enter(c));
    TRY(check_shape(e->d, examples_outputs(e)));
    TRY(count_pages(c, e, t, shape));
    all.n = shape->rows + shape->pages * shape->page;
    dataset *b = allocate_zeroed(1, sizeof *b);
    if (!b) return fail_memory(sizeof *b, "bound examples");
    b->passing = allocate_zeroed(1, sizeof *b->passing);
    cusgd_status status =
        b->passing ? open_passing(c, &all, t, shape, b->passing) : fail_memory(sizeof *b->passing, "windows of rows");
    if (!status) status = allocate_bound(c, &all, t, b);
    if (!status && b->ld > b->d) status = CUDA(cudaMemsetAsync(b->x, 0, (size_t)(all.n * b->ld) * b->element, c->stream));
    if (!status) status = cuda_synchronize(c);
    if (status) {
        cuda_unbind(c, b);
        return status;
    }
    *out = b;
    trace(c, "windows of rows: %lld rows on the device, %lld of them in pages that stay", (long long)all.n,
          (long long)(all.n - shape->rows));
    return CUSGD_OK;
}

void windows_close(dataset *b)
{
    passing *s = b->passing;
    if (!s) return;
    if (s->copies) (void)cudaStreamSynchronize(s->copies); /* afterwards the owner may reuse the host memory */
    for (int half = 0; half < 2; half++) {
        if (s->arrived[half]) (void)cudaEventDestroy(s->arrived[half]);
        if (s->released[half]) (void)cudaEventDestroy(s->released[half]);
    }
    if (s->copies) (void)cudaStreamDestroy(s->copies);
    cuda_free(s->numbers);
    cuda_free(s->list);
    cuda_free(s->raw);
    free(s);
    b->passing = NULL;
}

/* ---- Windows ---- */

/* Uploads the rows of a matrix unconverted, in as few copies as the buffer permits, and converts them from there to their
 * places. */
static cusgd_status send_matrix(const cuda *c, const passing *s, const window_rows *rows, const bound_matrix *m)
{
    size_t bytes = row_bytes(m);
    int64_t each = (int64_t)(s->raw_bytes / bytes), at = 0; /* at: the first row of the current move */
    const row_move *move = rows->moves;
    for (int64_t first = 0; first < rows->sent.n; first += each) {
        int64_t end = min_of(first + each, rows->sent.n);
        TRY(CUDA(cudaMemcpyAsync(s->raw, (const char *)m->of->at + (size_t)first * bytes, (size_t)(end - first) * bytes,
                                 cudaMemcpyHostToDevice, s->copies)));
        for (int64_t i = first, some; i < end; i += some) {
            while (at + move->count <= i) at += move++->count;
            some = min_of(at + move->count, end) - i;
            convert_task t = bound_convert(c, m, move->to + (i - at), 0);
            t.from = (const char *)s->raw + (size_t)(i - first) * bytes;
            t.rows = some;
            t.cols = m->columns;
            TRY(CUDA(kernel_convert(&t, s->copies)));
        }
    }
    return CUSGD_OK;
}

/* Gathers whole rows including padding, one part of the list after another, in units of the largest type that divides them. */
static cusgd_status gather_matrix(const passing *s, const window_rows *rows, const bound_matrix *m)
{
    int64_t bytes = m->ld * (int64_t)m->element;
    int value = bytes % 16 == 0 ? 16 : bytes % 8 == 0 ? 8 : bytes % 4 == 0 ? 4 : 2;
    pick_task t = {
        .bytes = value, .from = m->to, .row_stride = bytes / value, .col_stride = 1, .rows = s->list, .cols = bytes / value};
    for (int64_t i = 0; i < rows->part_count; t.rows += rows->parts[i++].count) {
        t.count = rows->parts[i].count;
        t.to = (char *)m->to + (size_t)(rows->parts[i].to * bytes);
        if (t.count > 0) TRY(CUDA(kernel_pick(&t, s->copies)));
    }
    return CUSGD_OK;
}

cusgd_status cuda_windows_load(void *of, dataset *b, int half, const window_rows *rows)
{
    cuda *c = of;
    passing *s = b->passing;
    bound_matrix list[BOUND_MATRICES];
    TRY(cuda_enter(c));
    TRY(CUDA(cudaStreamWaitEvent(s->copies, s->released[half], 0)));
    int count = bound_matrices(c, &rows->sent, &s->t, s->numbers, b, list);
    for (int i = 0; i < count; i++) TRY(send_matrix(c, s, rows, &list[i]));
    TRY(CUDA(cudaMemcpyAsync(s->list, rows->list, sizeof(int64_t) * (size_t)rows->count, cudaMemcpyHostToDevice, s->copies)));
    for (int i = 0; i < count; i++) TRY(gather_matrix(s, rows, &list[i]));
    return CUDA(cudaEventRecord(s->arrived[half], s->copies));
}

/* Moves rows of a matrix within the dataset, in the order of the steps. */
static cusgd_status move_rows(const cuda *c, const bound_matrix *m, const row_move *move)
{
    size_t bytes = (size_t)m->ld * m->element;
    char *base = m->to;
    if (move->count == 0) return CUSGD_OK;
    return CUDA(cudaMemcpyAsync(base + (size_t)move->to * bytes, base + (size_t)move->from * bytes, (size_t)move->count * bytes,
                                cudaMemcpyDeviceToDevice, c->stream));
}

cusgd_status cuda_windows_use(void *of, dataset *b, int half, const row_move *left, int64_t count)
{
    cuda *c = of;
    passing *s = b->passing;
    bound_matrix list[BOUND_MATRICES];
    TRY(cuda_enter(c));
    TRY(CUDA(cudaStreamWaitEvent(c->stream, s->arrived[half], 0)));
    int matrices = bound_matrices(c, &s->like, &s->t, s->numbers, b, list);
    for (int64_t i = 0; i < count; i++)
        for (int j = 0; j < matrices; j++) TRY(move_rows(c, &list[j], &left[i]));
    return CUDA(cudaEventRecord(s->released[!half], c->stream));
}

cusgd_status cuda_windows_await(void *of, const dataset *b, int half)
{
    TRY(cuda_enter(of));
    return CUDA(cudaEventSynchronize(b->passing->arrived[half]));
}

cusgd_status cuda_windows_part(void *of, const dataset *b, int64_t first, int64_t count, dataset **out)
{
    const cuda *c = of;
    dataset *part = allocate(1, sizeof *part);
    *out = part;
    if (!part) return fail_memory(sizeof *part, "bound examples");
    *part = *b;
    part->n = count;
    part->shared = 1;
    part->passing = NULL;
    part->x = (char *)b->x + (size_t)(first * b->ld) * b->element;
    if (b->y) part->y = at_real(c, b->y, first * b->m);
    if (b->w) part->w = at_real(c, b->w, first);
    if (b->o) part->o = at_real(c, b->o, first);
    return CUSGD_OK;
}
