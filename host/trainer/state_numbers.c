/* The numbers of a checkpoint are stored as texts of their bits, without rounding. */
#include "state.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind { FLAG, WHOLE, REAL, BITS };

typedef struct field {
    const char *name;
    size_t offset;
    enum kind kind;
} field;

#define FIELD(kind, member)                                     \
    {                                                           \
        "state." #member, offsetof(state_numbers, member), kind \
    }
static const field fields[] = {
    FIELD(WHOLE, at.step),
    FIELD(WHOLE, at.epoch),
    FIELD(WHOLE, at.epoch_index),
    FIELD(WHOLE, at.batch),
    FIELD(WHOLE, at.average_from),
    FIELD(REAL, at.rate_scale),
    FIELD(REAL, at.plateau_scale),
    FIELD(REAL, at.plateau_best),
    FIELD(WHOLE, at.plateau_stale),
    FIELD(FLAG, at.result),
    FIELD(REAL, at.kept_objective),
    FIELD(REAL, at.kept),
    FIELD(WHOLE, at.kept_epoch),
    FIELD(WHOLE, at.kept_step),
    FIELD(REAL, at.best),
    FIELD(WHOLE, at.stale),
    FIELD(REAL, at.last[0]),
    FIELD(REAL, at.last[1]),
    FIELD(REAL, at.last[2]),
    FIELD(FLAG, at.unfinished),
    FIELD(FLAG, at.chose_rate),
    FIELD(FLAG, at.was_cancelled),
    FIELD(WHOLE, fit.epochs),
    FIELD(WHOLE, fit.rows),
    FIELD(REAL, fit.now.loss),
    FIELD(REAL, fit.now.objective),
    FIELD(REAL, fit.now.gradient),
    FIELD(REAL, fit.now.valid),
    FIELD(WHOLE, fit.sgd.safe_epoch),
    FIELD(WHOLE, fit.sgd.evaluated_step),
    FIELD(WHOLE, fit.sgd.rollbacks),
    FIELD(WHOLE, fit.sgd.first_step),
    FIELD(WHOLE, fit.sgd.epoch_rows),
    FIELD(WHOLE, fit.sgd.epoch_done),
    FIELD(REAL, fit.sgd.epoch_loss),
    FIELD(FLAG, fit.sgd.epoch_failed),
    FIELD(FLAG, fit.sgd.under_way),
    FIELD(WHOLE, fit.solver.first),
    FIELD(WHOLE, fit.solver.best_iteration),
    FIELD(WHOLE, fit.solver.least_iterations),
    FIELD(WHOLE, fit.solver.result),
    FIELD(WHOLE, fit.solver.passes),
    FIELD(REAL, fit.solver.least_f),
    FIELD(REAL, fit.solver.f),
    FIELD(REAL, fit.solver.gradient),
    FIELD(REAL, fit.solver.step),
    FIELD(REAL, fit.solver.number[0]),
    FIELD(REAL, fit.solver.number[1]),
    FIELD(FLAG, in_fit),
    FIELD(REAL, start_loss),
    FIELD(REAL, given),
    FIELD(BITS, factors),
    FIELD(WHOLE, data.rows),
    FIELD(WHOLE, data.valid_rows),
    FIELD(WHOLE, data.features),
    FIELD(WHOLE, data.targets),
    FIELD(BITS, data.values),
    FIELD(BITS, data.outcomes),
    FIELD(BITS, data.valid_values),
    FIELD(BITS, data.valid_outcomes),
};
enum { FIELDS = sizeof fields / sizeof fields[0] };
_Static_assert(sizeof(enum snapshot) == sizeof(int), "it is saved as a FLAG");

static const int64_t LARGEST = INT64_C(1) << 53; /* counts can be increased from here without overflow */

static uint64_t bits_at(const void *member, enum kind kind)
{
    int flag;
    uint64_t bits;
    if (kind == FLAG) {
        memcpy(&flag, member, sizeof flag);
        return (uint64_t)(int64_t)flag;
    }
    memcpy(&bits, member, sizeof bits);
    return bits;
}

/* Sets a member. Returns 0 if the value is out of range. */
static int set_member(void *member, enum kind kind, uint64_t bits)
{
    int64_t value = (int64_t)bits;
    int flag = (int)(bits & 7);
    if (kind == FLAG && bits > SNAPSHOTS) return 0;
    if (kind == WHOLE && (value < -1 || value > LARGEST)) return 0;
    if (kind == FLAG)
        memcpy(member, &flag, sizeof flag);
    else
        memcpy(member, &bits, sizeof bits);
    return 1;
}

int state_put_bits(cJSON *metadata, const char *name, uint64_t bits)
{
    char text[24];
    snprintf(text, sizeof text, "%016" PRIx64, bits);
    return cJSON_AddStringToObject(metadata, name, text) != NULL;
}

int state_take_bits(const cJSON *metadata, const char *name, uint64_t *bits)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(metadata, name);
    if (!item || !item->valuestring || strlen(item->valuestring) != 16) return 0;
    if (strspn(item->valuestring, "0123456789abcdef") != 16) return 0;
    *bits = strtoull(item->valuestring, NULL, 16);
    return 1;
}

int state_put_numbers(const state_numbers *numbers, cJSON *metadata)
{
    for (int i = 0; i < FIELDS; i++)
        if (!state_put_bits(metadata, fields[i].name, bits_at((const char *)numbers + fields[i].offset, fields[i].kind)))
            return 0;
    return 1;
}

int state_take_numbers(const cJSON *metadata, state_numbers *numbers)
{
    memset(numbers, 0, sizeof *numbers);
    for (int i = 0; i < FIELDS; i++) {
        uint64_t bits;
        if (!state_take_bits(metadata, fields[i].name, &bits)) return 0;
        if (!set_member((char *)numbers + fields[i].offset, fields[i].kind, bits)) return 0;
    }
    return 1;
}
