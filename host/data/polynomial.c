#include "polynomial.h"

#include "failure.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void polynomial_free(polynomial *p)
{
    free(p->at);
    p->at = NULL;
    p->count = 0;
}

cusgd_status polynomial_copy(const polynomial *from, polynomial *to)
{
    size_t values = (size_t)from->count * (size_t)from->degree;
    *to = *from;
    to->at = NULL;
    if (values == 0) return CUSGD_OK;
    to->at = allocate(values, sizeof *to->at);
    if (!to->at) return fail_memory(values * sizeof *to->at, "the products of columns");
    memcpy(to->at, from->at, values * sizeof *to->at);
    return CUSGD_OK;
}

/* The first factor that makes a copy or zeros of those before it; `degree` where none does. */
static int find_unwanted(const base_column *columns, const int32_t *term, int degree)
{
    for (int i = 1; i < degree; i++) {
        const base_column *own = &columns[term[i]];
        for (const int32_t *before = term; before < term + i; before++)
            if (columns[*before].source == own->source && (columns[*before].is_binary || own->is_binary)) return i;
    }
    return degree;
}

/* The next ascending sequence of `degree` columns that differs in factor i or before; 0 after the last. Where only powers are
 * wanted, the next of equal columns. */
static int next_term(const polynomial *p, int32_t *term, int degree, int i, int64_t columns)
{
    if (!p->products) i = 0;
    while (i >= 0 && term[i] + 1 == columns) i--;
    if (i < 0) return 0;
    for (int32_t column = term[i] + 1; i < degree; i++) term[i] = column;
    return 1;
}

static cusgd_status put_term(polynomial *p, const int32_t *term, int degree)
{
    int32_t *larger = allocate_next(p->at, (size_t)p->count, (size_t)p->degree * sizeof *larger, "the products of columns");
    if (!larger) return CUSGD_ERROR_MEMORY;
    p->at = larger;
    int32_t *to = p->at + p->count++ * p->degree;
    for (int i = 0; i < p->degree; i++) to[i] = i < degree ? term[i] : -1;
    return CUSGD_OK;
}

static cusgd_status fail_many(const polynomial *p, int64_t columns)
{
    return fail(CUSGD_ERROR_DATA,
                "--polynomial %d%s of %" PRId64 " columns makes more than %d: take a smaller degree%s, or fewer columns "
                "(--features, --ignore)",
                p->degree, p->products ? " --interactions" : "", columns, MAX_TERMS,
                p->products ? ", leave out --interactions" : "");
}

cusgd_status polynomial_make(polynomial *p, const base_column *columns, int64_t count)
{
    cusgd_status status = CUSGD_OK;
    polynomial_free(p);
    if (count < 1) return CUSGD_OK;
    if (count > MAX_TERMS) return p->degree > 1 ? fail_many(p, count) : CUSGD_OK;
    for (int degree = 2; degree <= p->degree && !status; degree++) {
        int32_t term[MAX_DEGREE] = {0};
        int unwanted;
        do {
            unwanted = find_unwanted(columns, term, degree);
            if (unwanted < degree) continue;
            unwanted--;
            status = p->count == MAX_TERMS ? fail_many(p, count) : put_term(p, term, degree);
        } while (!status && next_term(p, term, degree, unwanted, count));
    }
    return status;
}

void polynomial_apply(const polynomial *p, const double *row, double *out)
{
    for (int64_t j = 0; j < p->count; j++) {
        const int32_t *term = p->at + j * p->degree;
        double product = row[term[0]];
        for (int i = 1; i < p->degree && term[i] >= 0; i++) product *= row[term[i]];
        out[j] = product;
    }
}

char *polynomial_name(const polynomial *p, int64_t j, char *const *names)
{
    const int32_t *term = p->at + j * p->degree;
    size_t size = 1, length = 0;
    for (int i = 0; i < p->degree && term[i] >= 0; i++) size += strlen(names[term[i]]) + 4;
    char *name = allocate(size, 1);
    for (int i = 0, power; name && i < p->degree && term[i] >= 0; i += power) {
        for (power = 1; i + power < p->degree && term[i + power] == term[i];) power++;
        length += (size_t)snprintf(name + length, size - length, "%s%s", i ? "*" : "", names[term[i]]);
        if (power > 1) length += (size_t)snprintf(name + length, size - length, "^%d", power);
    }
    return name;
}
