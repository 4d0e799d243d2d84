/* The layout of a table as JSON: {"columns": 5, "features": [1, 2], "targets": [5], "separator": ";", ...}. */
#ifndef CUSGD_HOST_DATA_LAYOUT_JSON_H
#define CUSGD_HOST_DATA_LAYOUT_JSON_H

#include "layout.h"

#include <cjson/cJSON.h>

/* NULL: out of memory. */
cJSON *layout_to_json(const cusgd_layout *l);
/* Reads a layout of d features and k targets. *good: whether it is valid. Fails only with MEMORY. */
cusgd_status layout_from_json(const cJSON *json, int64_t d, int64_t k, cusgd_layout **out, int *good);

#endif
