/* The problems of tests/golden/tables/features.json, which scripts/make_features.py writes. */
#ifndef CUSGD_TESTS_FEATURE_PROBLEMS_H
#define CUSGD_TESTS_FEATURE_PROBLEMS_H

#include "support.h"

#include <cjson/cJSON.h>
#include <stdlib.h>

/* Reads the problem of that name: x n x d, y n. Returns the file, which the caller deletes; *of: what it says of the problem. */
static inline cJSON *features_open(const char *name, int n, int d, double *x, double *y, const cJSON **of)
{
    size_t bytes;
    char *text = file_read(TEST_GOLDEN "/tables/features.json", &bytes);
    cJSON *all = cJSON_Parse(text);
    free(text);
    cr_assert(all);
    *of = cJSON_GetObjectItem(all, name);
    for (int i = 0; i < n; i++) {
        y[i] = cJSON_GetArrayItem(cJSON_GetObjectItem(*of, "y"), i)->valuedouble;
        for (int j = 0; j < d; j++)
            x[d * i + j] = cJSON_GetArrayItem(cJSON_GetArrayItem(cJSON_GetObjectItem(*of, "x"), i), j)->valuedouble;
    }
    return all;
}

#endif
