/* The rows of a CSV file on several threads. A window of the file's text is cut into blocks at the ends of records, which are
 * known by the number of quotes before them; then the blocks are read, each by a thread; then the fields that they list are taken
 * in the file's order, as if there were one thread. What blocks do not understand is left to the reader of one record after
 * another, with the rest of the window, so that a text is read twice at most. */
#include "census.h"
#include "csv.h"
#include "csv_block.h"
#include "data.h"
#include "failure.h"
#include "interrupt.h"
#include "pool.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCKS_EACH = 4 /* of a thread */, WINDOW_MOST = 1 << 23, AGAIN = 1024 };

#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
enum { BLOCK_BYTES = 16 }; /* what a fuzzer makes up is short */
#else
enum { BLOCK_BYTES = 1 << 18 };
#endif
size_t csv_block_bytes = BLOCK_BYTES; /* tests choose another one; 0: all is left to the other reader */

struct windows {
    table *t;
    listing *kept; /* where fields that are listed are kept; NULL: they are taken at once */
    pool *pool;
    int threads;
    size_t block_bytes;
    int most;          /* blocks of a window */
    census *counted;   /* of each */
    csv_block *blocks; /* likewise */
    csv_place *places; /* of each column */
    csv_text text;
    int64_t lines; /* of the window */
};

/* ---- Cutting ------------------------------------------------------------------------------------------------------------- */

static void count_piece(void *context, int64_t i) { census_take(&((windows *)context)->counted[i]); }

/* The blocks begin behind the first ends of records in the pieces that were counted. */
static void cut(windows *w, int count, int64_t line)
{
    int64_t lines = 0, quotes = 0;
    for (int i = 0; i < count; i++) {
        const char *at = w->counted[i].begin;
        int64_t before = lines;
        int quoted = quotes % 2 != 0;
        while (i > 0 && at < w->text.grammar.stop && (quoted || *at != '\n')) {
            if (*at == '"') quoted = !quoted;
            before += *at++ == '\n';
        }
        if (i > 0 && at < w->text.grammar.stop) at++, before++;
        w->blocks[i].begin = at;
        w->blocks[i].line = line + before;
        w->blocks[i].row = w->t->rows + before; /* if each line before is a row */
        if (i > 0) w->blocks[i - 1].end = at;
        lines += w->counted[i].lines;
        quotes += w->counted[i].quotes;
    }
    w->blocks[count - 1].end = w->text.grammar.stop;
    w->lines = lines;
}

/* ---- Reading ------------------------------------------------------------------------------------------------------------- */

static csv_place place_of(const table *t, const column *c)
{
    switch (c->role) {
    case ROLE_WEIGHT: return (csv_place){USE_NOT_NEGATIVE, t->w, 1};
    case ROLE_OFFSET: return (csv_place){t->columns.offset == CUSGD_OFFSET_EXPOSURE ? USE_POSITIVE : USE_NUMBER, t->o, 1};
    case ROLE_TARGET: return (csv_place){t->target == TARGET_CLASSES ? USE_LISTED : USE_NUMBER, t->y + c->at, t->columns.k};
    case ROLE_FEATURE: return (csv_place){c->coding ? USE_LISTED : USE_NUMBER, t->x + c->at, t->columns.d};
    case ROLE_NONE:
    case ROLE_IGNORED: break;
    }
    return (csv_place){.use = USE_NONE};
}

static void read_block(void *context, int64_t i)
{
    windows *w = context;
    csv_block_read(&w->blocks[i], &w->text);
}

static cusgd_status on_threads(windows *w, int count, void (*body)(void *context, int64_t i))
{
    return pool_run(w->pool, w->threads, count, body, w) ? CUSGD_OK : fail_interrupted();
}

static cusgd_status read_blocks(windows *w, char *text, size_t length, int *count)
{
    table *t = w->t;
    w->text.grammar.stop = text + length;
    w->text.grammar.is_end = w->kept && t->scan.at_end; /* else another reader takes a last line that does not end */
    size_t least = (length + (size_t)w->most - 1) / (size_t)w->most, each = least > w->block_bytes ? least : w->block_bytes;
    *count = (int)((length + each - 1) / each);
    for (int i = 0; i < *count; i++) {
        size_t begin = (size_t)i * each, end = begin + each;
        w->counted[i] = (census){.begin = text + begin, .end = text + (end < length ? end : length)};
    }
    cusgd_status status = on_threads(w, *count, count_piece);
    if (status) return status;
    cut(w, *count, t->scan.line);
    int64_t rows = t->rows + w->lines + 1; /* a record that the window cuts leaves values behind the last row */
    status = csv_make_room(t, rows);
    if (status) return status;
    for (int64_t j = 0; j < t->columns.count; j++) w->places[j] = place_of(t, &t->columns.at[j]);
    return on_threads(w, *count, read_block);
}

/* ---- In the file's order ------------------------------------------------------------------------------------------------- */

static void move_values(double *array, int64_t from, int64_t to, int64_t rows, int64_t values)
{
    size_t each = (size_t)values;
    if (array) memmove(array + (size_t)to * each, array + (size_t)from * each, (size_t)rows * each * sizeof *array);
}

/* A quoted field may hold ends of lines: there are fewer rows then than lines, and the rows of this block move up. */
static void move_rows(table *t, const csv_block *b)
{
    if (b->row == t->rows) return;
    move_values(t->x, b->row, t->rows, b->rows, t->columns.d);
    move_values(t->y, b->row, t->rows, b->rows, t->columns.k);
    move_values(t->w, b->row, t->rows, b->rows, 1);
    move_values(t->o, b->row, t->rows, b->rows, 1);
}

static cusgd_status put_listed(windows *w, const csv_block *b, const csv_listed *l)
{
    field f = w->text.written;
    f.text = l->text;
    f.length = l->doubled ? field_undouble((char *)l->text, l->length) : l->length;
    f.line = b->line + l->line;
    f.quoted = l->quoted;
    return w->kept ? listing_add(w->kept, w->t->rows, l->column, &f) : csv_put_field(w->t, l->column, &f);
}

/* Takes over the rows of a block. */
static cusgd_status take_block(windows *w, const csv_block *b, int64_t *maximum)
{
    table *t = w->t;
    int64_t first = t->rows;
    if (b->lacking > 0) return fail_memory(b->lacking, "the fields that are no numbers");
    move_rows(t, b);
    for (size_t i = 0; i < b->count && first + b->listed[i].row < *maximum; i++) {
        t->rows = t->to = first + b->listed[i].row;
        cusgd_status status = put_listed(w, b, &b->listed[i]);
        if (status) return status;
        if (*maximum == INT64_MAX && survey_found(&t->survey)) *maximum = t->rows + 1 + SURVEY_ROWS;
    }
    t->cut = first + b->rows > *maximum;
    t->rows = t->cut ? *maximum : first + b->rows;
    return CUSGD_OK;
}

/* ---- The whole ----------------------------------------------------------------------------------------------------------- */

/* Whether a number cannot be taken to go on behind the separator. */
static int separates_numbers(const dialect *d)
{
    char s = d->separator;
    return s != d->decimal && !strchr("+-", s) && !(s >= '0' && s <= '9') && (s | 0x20) != 'e';
}

/* How many records have to be read first, one after another: all once something is wrong, and until the target has a value. */
static int64_t records_before(const windows *w)
{
    const table *t = w->t;
    if (w->block_bytes == 0 || !separates_numbers(&t->scan.dialect) || survey_found(&t->survey)) return INT64_MAX;
    return t->columns.k == 1 && t->target == TARGET_OPEN ? AGAIN : 0;
}

cusgd_status csv_windows_read(windows *w, int64_t *maximum, int64_t *records)
{
    table *t = w->t;
    char *text;
    size_t length;
    int count, i = 0;
    if ((*records = records_before(w)) > 0) return CUSGD_OK;
    scan_window(&t->scan, (size_t)w->most * w->block_bytes, &text, &length);
    if (length == 0) *records = INT64_MAX; /* to the end, or to what failed */
    if (length == 0) return CUSGD_OK;
    int64_t line = t->scan.line;
    cusgd_status status = read_blocks(w, text, length, &count);
    for (; i < count && !status && !t->cut; i++) {
        status = take_block(w, &w->blocks[i], maximum);
        if (w->blocks[i].next < w->blocks[i].end) break;
    }
    if (status || t->cut) return status;
    const csv_block *last = &w->blocks[i < count ? i : count - 1];
    scan_pass(&t->scan, (size_t)(last->next - text), last->next_line);
    *records = w->lines - (last->next_line - line);
    if (*records == 0 && last->next == text) *records = 1;
    return CUSGD_OK;
}

int csv_windows_fit(const windows *w) { return records_before(w) == 0; }

cusgd_status csv_windows_create(table *t, listing *kept, windows **out)
{
    windows *w = *out = allocate_zeroed(1, sizeof *w);
    if (!w) return fail_memory(sizeof *w, "reading on several threads");
    const dialect *d = &t->scan.dialect;
    w->t = t;
    w->kept = kept;
    w->threads = t->reader->threads > 0 ? t->reader->threads : pool_threads();
    size_t window = (size_t)w->threads * BLOCKS_EACH * csv_block_bytes;
    if (window > WINDOW_MOST) window = WINDOW_MOST;
    w->block_bytes = csv_block_bytes;
    w->most = (int)(window / (csv_block_bytes ? csv_block_bytes : 1));
    if (w->threads > w->most) w->threads = w->most > 0 ? w->most : 1;
    w->pool = pool_create(w->threads);
    w->counted = allocate((size_t)w->most + 1, sizeof *w->counted);
    w->blocks = allocate_zeroed((size_t)w->most + 1, sizeof *w->blocks);
    w->places = allocate((size_t)t->columns.count, sizeof *w->places);
    w->text = (csv_text){.grammar = {.special = t->scan.special, .separator = d->separator},
                         .places = w->places,
                         .columns = t->columns.count,
                         .written = {.comma = d->decimal == ',', .thousands = d->thousands},
                         .decimal = d->decimal};
    if (w->pool && w->counted && w->blocks && w->places) return CUSGD_OK;
    csv_windows_free(w);
    *out = NULL;
    return fail_memory((size_t)t->columns.count * sizeof *w->places, "reading on several threads");
}

void csv_windows_free(windows *w)
{
    if (!w) return;
    pool_free(w->pool);
    for (int i = 0; w->blocks && i < w->most; i++) free(w->blocks[i].listed);
    free(w->counted);
    free(w->blocks);
    free(w->places);
    free(w);
}
