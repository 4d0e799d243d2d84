#include "listing.h"

#include "failure.h"

#include <stdlib.h>
#include <string.h>

enum { NUMBER_BYTES = 10 }; /* of 64 bits, 7 in each byte */

static void put_number(listing *l, uint64_t value)
{
    for (; value >= 128; value >>= 7) l->at[l->used++] = (unsigned char)(128 | (value & 127));
    l->at[l->used++] = (unsigned char)value;
}

static uint64_t take_number(listing_place *p)
{
    uint64_t value = 0;
    int shift = 0;
    for (; *p->at >= 128; shift += 7) value |= (uint64_t)(*p->at++ & 127) << shift;
    return value | (uint64_t)*p->at++ << shift;
}

cusgd_status listing_add(listing *l, int64_t row, int64_t column, const field *f)
{
    size_t needed = l->used + f->length + (size_t)4 * NUMBER_BYTES;
    if (needed > l->room) {
        size_t room = 2 * needed;
        unsigned char *more = realloc(l->at, room);
        if (!more) return fail_memory(room, "the fields that are no numbers");
        l->at = more;
        l->room = room;
    }
    put_number(l, (uint64_t)(row - l->row));
    put_number(l, (uint64_t)(f->line - l->line));
    put_number(l, 2 * (uint64_t)column + (uint64_t)(f->quoted != 0));
    put_number(l, f->length);
    memcpy(l->at + l->used, f->text, f->length);
    l->used += f->length;
    l->row = row;
    l->line = f->line;
    return CUSGD_OK;
}

void listing_free(listing *l)
{
    free(l->at);
    *l = (listing){0};
}

int listing_next(listing_place *p, field *f)
{
    if (p->at == p->end) return 0;
    p->row += (int64_t)take_number(p);
    p->line += (int64_t)take_number(p);
    uint64_t column = take_number(p);
    p->column = (int64_t)(column / 2);
    f->quoted = column % 2 != 0;
    f->length = take_number(p);
    f->text = (const char *)p->at;
    f->line = p->line;
    f->last = 0;
    p->at += f->length;
    return 1;
}
