/* Determines whether training rows can be streamed, and the number of rows per window. */
#include "stream_needs.h"

#include "failure.h"
#include "scalar/shards.h"
#include "stream.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

static double in_mb(int64_t bytes) { return (double)bytes / 1e6; }

/* The value of --memory in messages: "2 bytes", "24 MB". */
typedef struct shown_memory {
    char text[32];
} shown_memory;

static shown_memory given_memory(const problem *p)
{
    shown_memory out;
    int64_t bytes = p->options->memory;
    if (bytes < 100000)
        snprintf(out.text, sizeof out.text, "%" PRId64 " byte%s", bytes, bytes == 1 ? "" : "s");
    else
        snprintf(out.text, sizeof out.text, "%.4g MB", in_mb(bytes));
    return out;
}

/* ---- Room ---- */

static int64_t size_of(const cusgd_options *o) { return o->precision == CUSGD_PRECISION_FLOAT ? 4 : 8; }

static int64_t bound_bytes(const cusgd_options *o, const examples *e, cusgd_storage storage)
{
    int64_t value = size_of(o), x = storage == CUSGD_STORAGE_BF16 && value == 4 ? 2 : value;
    return e->d * x + value * (e->k + (e->w.at != NULL) + (e->o.at != NULL));
}

/* Returns the bytes of the stored values of sparse rows, and for the sampling `batches` those of a copy by columns, assuming two
 * values per column. */
static int64_t sparse_bytes(const problem *p)
{
    const cusgd_options *o = p->options;
    const examples *e = &p->train.rows;
    int64_t value = size_of(o), place = o->batch > UINT16_MAX ? 4 : 2, each = value + 4,
            stored = cusgd_data_stored(p->train.data) / p->train.data->view.n + 1;
    if (o->solver == CUSGD_SOLVER_SGD && o->sampling == CUSGD_SAMPLING_BATCHES) each += value + place + 4;
    int by_columns = o->solver == CUSGD_SOLVER_AUTO && o->l1 > 0 && o->loss != CUSGD_LOSS_SOFTMAX;
    if (o->solver == CUSGD_SOLVER_COORDINATE || by_columns) each += 12;
    return stored * each + 8 + value * (e->k + (e->w.at != NULL) + (e->o.at != NULL));
}

static int64_t sampled_bytes(const examples *e)
{
    if (examples_are_sparse(e)) return 2 * e->d * (int64_t)sizeof(double);
    int64_t rows = min_of(max_of(8192, 8 * e->d), max_of(1024, ((int64_t)1 << 25) / e->d)); /* curvature.c */
    return min_of(rows, e->n) * (e->d + 4) * (int64_t)sizeof(double);
}

/* Returns whether the solver may need second derivatives over all rows, as auto may unless only lbfgs is possible. */
static int takes_second(const cusgd_options *o)
{
    int may_choose = o->solver == CUSGD_SOLVER_AUTO && o->l1 == 0 && !options_have_bounds(o) && o->loss != CUSGD_LOSS_SOFTMAX;
    return may_choose || o->solver == CUSGD_SOLVER_NEWTON || o->solver == CUSGD_SOLVER_EXACT ||
           (o->solver == CUSGD_SOLVER_GD && isnan(o->rate));
}

/* Returns the bytes of the matrices of the solver and of the sums of the device, which has up to 16 slots of at most 32 MB if
 * there are several. */
static int64_t second_bytes(const problem *p)
{
    double side = (double)p->d + 32, matrix = (double)p->k * side * side * (double)sizeof(double);
    return (int64_t)fmin(3 * matrix + fmax(matrix, fmin(16 * matrix, 0x1p25)), 0x1p62);
}

/* Returns whether all passes can use blocks of `room` rows. */
static int are_enough(const problem *p, int64_t room)
{
    const backend *b = p->backend;
    enum full_pass last = takes_second(p->options) ? PASS_HESSIAN : PASS_CURVATURE;
    for (enum full_pass pass = PASS_OBJECTIVE; pass <= last; pass++)
        if (b->ops->pieces.end(b->self, pass, p->train.rows.n, p->d, p->k, 0, room) == 0) return 0;
    return 1;
}

/* Returns whether the device reads rows in host memory. */
static int stay(const problem *p) { return p->backend->ops->pieces.bind_in_place != NULL; }

/* Sets the needs for rows that are read in place. Steps need windows, as a batch may begin in one and end in another; the blocks
 * of passes may be smaller. */
static void need_pages(const problem *p, stream_needs *out)
{
    int64_t n = p->train.rows.n, page = (int64_t)page_rows((uint64_t)p->d);
    int64_t batch = p->options->batch > 0 ? p->options->batch : 256;
    if (p->options->solver == CUSGD_SOLVER_SGD)
        out->window = min_of((int64_t)page_window_rows((uint64_t)n, (uint64_t)page) + min_of(batch, n), n);
    for (out->piece = page; out->piece < n && !are_enough(p, out->piece);) out->piece += page;
    out->piece = min_of(out->piece, n);
}

/* Sets the needs per shard for rows that are sent; no shard is longer than the first. Passes use the room of both windows. */
static void need_windows(const problem *p, stream_needs *out)
{
    int64_t n = (int64_t)shard_rows((uint64_t)p->train.rows.n, (uint64_t)p->train.shards, 0),
            span = (int64_t)page_window_rows((uint64_t)n, page_rows((uint64_t)p->d));
    for (out->window = span; out->window < n && !are_enough(p, 2 * out->window);) out->window += span;
    out->window = min_of(out->window, n);
    out->slot += 3 * (int64_t)sizeof(int64_t);
}

stream_needs stream_needs_of(const problem *p)
{
    const cusgd_options *o = p->options;
    const examples *e = &p->train.rows, *valid = &p->valid.rows;
    stream_needs out = {.bound = bound_bytes(o, e, o->storage), .slot = row_reader_row_bytes(e)};
    out.fixed = problem_size(p) * (SNAPSHOTS * STATE_PARTS * size_of(o) + 32 * (int64_t)sizeof(double)) + sampled_bytes(e);
    if (valid->n > 0) out.fixed += valid->n * bound_bytes(o, valid, CUSGD_STORAGE_FULL);
    if (examples_are_sparse(e)) out.bound = sparse_bytes(p);
    if (p->train.scaled) out.fixed += e->n * e->k * (int64_t)sizeof(double);
    if (takes_second(o)) out.fixed += second_bytes(p);
    if (stay(p))
        need_pages(p, &out);
    else
        need_windows(p, &out);
    return out;
}

/* Chooses the room for rows that are read in place. The pages that are needed at a time must fit: those of a window, or of a
 * block of a full pass or its copy, and as many of the next one as there is room for. */
static cusgd_status choose_pages(const problem *p, const stream_needs *of, stream_room *room)
{
    int64_t given = p->options->memory - of->fixed, n = p->train.rows.n;
    int64_t each = takes_second(p->options) ? max_of(of->bound, of->slot) : of->slot;
    int64_t least = max_of(of->window * of->slot, of->piece * each);
    room->piece = min_of(max_of(of->piece, given / (each + of->slot)), n);
    room->piece_ahead = (given - room->piece * each) / of->slot;
    room->window_ahead = given / of->slot - of->window;
    if (given >= least) return CUSGD_OK;
    return fail_option("memory",
                       "memory %s is too little for %s: rows that are needed at a time take %.4g MB, and all else %.4g MB; "
                       "give --memory %.0fM or more",
                       given_memory(p).text, p->train.data->source, in_mb(least), in_mb(of->fixed), in_mb(of->fixed + least) + 1);
}

/* The maximum bytes of the windows that are sent to a device: larger ones would only delay the first step. */
enum { SENT_BYTES = 256 * 1024 * 1024 };

cusgd_status stream_choose_room(const problem *p, const stream_needs *of, stream_room *room)
{
    if (stay(p)) return choose_pages(p, of, room);
    /* groups of windows have the same room in all processes, so that they end at the same batches */
    int64_t each = of->slot * shards_most(p, &p->train), least = of->fixed + 2 * of->window * each;
    int64_t n = (int64_t)shard_rows((uint64_t)p->train.rows.n, (uint64_t)p->train.shards, 0);
    int64_t rows = min_of(min_of((p->options->memory - of->fixed) / (2 * each), n), SENT_BYTES / each);
    *room = (stream_room){.piece = max_of(of->window, rows)};
    if (p->options->memory >= least) return CUSGD_OK;
    char shards[64] = "";
    if (shards_most(p, &p->train) > 1) snprintf(shards, sizeof shards, " of each of %d shards", shards_most(p, &p->train));
    return fail_option("memory",
                       "memory %s is too little for %s: a window of %" PRId64
                       " rows%s takes %.4g MB as it is read and as much as the one before is sent to the device, and all else "
                       "%.4g MB; give --memory %.0fM or more",
                       given_memory(p).text, p->train.data->source, of->window, shards, in_mb(of->window * each),
                       in_mb(of->fixed), in_mb(least) + 1);
}

/* ---- What a stream is not made of ---- */

static cusgd_status check_order(const problem *p)
{
    cusgd_sampling sampling = p->options->sampling;
    if (p->options->solver != CUSGD_SOLVER_SGD || sampling == CUSGD_SAMPLING_PAGES || sampling == CUSGD_SAMPLING_NONE)
        return CUSGD_OK;
    return fail_option("sampling",
                       "%s does not fit into the memory that was given, and this order of the rows needs all of them at hand: "
                       "give --sampling pages (each row once per epoch, pages of them in random order), or --sampling none "
                       "where the rows stand in random order",
                       p->train.data->source);
}

static cusgd_status check_solver(const problem *p)
{
    cusgd_solver solver = p->options->solver;
    if (solver == CUSGD_SOLVER_SGD || solver == CUSGD_SOLVER_LBFGS || solver == CUSGD_SOLVER_CG || solver == CUSGD_SOLVER_GD ||
        solver == CUSGD_SOLVER_NEWTON)
        return CUSGD_OK;
    if (options_solve_quantile(p->options))
        return fail_option(
            "solver",
            "%s does not fit into the memory that was given, and the optimum of the loss quantile needs all rows at "
            "hand: give --solver sgd, or more --memory",
            p->train.data->source);
    const cusgd_options *o = p->options;
    int is_auto = solver == CUSGD_SOLVER_AUTO, is_wide = p->d >= p->train.rows.n;
    int may_be_exact = solver == CUSGD_SOLVER_EXACT || (is_auto && takes_second(o) && loss_is_quadratic(o->loss));
    if (may_be_exact ? !is_wide : is_auto) return CUSGD_OK;
    if (may_be_exact)
        return fail_option("solver",
                           "%s does not fit into the memory that was given, and has more columns than rows, for which solver "
                           "exact needs all rows at hand: give --solver cg, or more --memory",
                           p->train.data->source);
    return fail_option("solver",
                       "%s does not fit into the memory that was given: only the solvers sgd, auto, exact, newton, lbfgs, cg and "
                       "gd read rows piece by piece; give one of them, or more --memory",
                       p->train.data->source);
}

/* Refuses streams of sparse rows. */
static cusgd_status check_storage(const problem *p, const stream_needs *of)
{
    int64_t least = of->fixed + shards_most_rows(p, &p->train) * of->bound;
    if (!examples_are_sparse(&p->train.rows)) return CUSGD_OK;
    return fail_option("memory",
                       "%s is sparse, and sparse rows are not read piece by piece: with %" PRId64
                       " stored values it takes about %.4g MB, %s were given; give --memory %.0fM or more, train on fewer "
                       "rows at a time (partial_fit), or leave out --memory",
                       p->train.data->source, cusgd_data_stored(p->train.data), in_mb(least), given_memory(p).text,
                       in_mb(least) + 1);
}

cusgd_status stream_check_options(const problem *p, const stream_needs *of)
{
    const cusgd_options *o = p->options;
    const cusgd_data *data = p->train.data;
    cusgd_status status = check_storage(p, of);
    if (!status) status = data_on_host(data, "training within --memory");
    if (!status && data->view.x.col_stride != 1 && data->view.d > 1)
        status = fail(CUSGD_ERROR_DATA,
                      "%s: stands column by column, so that no row can be read alone: save it by numpy.ascontiguousarray(x), or "
                      "leave out --memory",
                      data->source);
    if (!status && (o->robust || o->whiten != CUSGD_WHITEN_NONE))
        status = fail_option("memory", "robust and whiten need all rows at hand: leave them out, or give more --memory");
    if (!status) status = check_order(p);
    return status ? status : check_solver(p);
}
