/* Parses JSON by cJSON, and distinguishes invalid texts from a lack of memory, which cJSON does not. */
#ifndef CUSGD_HOST_DATA_JSON_H
#define CUSGD_HOST_DATA_JSON_H

#include "cusgd.h"

#include <cjson/cJSON.h>

/* Parses the value at the beginning of a text; the caller frees *out by cJSON_Delete(). *out is NULL, without a failure, if the
 * text is NULL or does not begin with a value. *end (may be NULL): the position after the value, if there is one. Fails only with
 * MEMORY. */
cusgd_status json_parse(const char *text, const char **end, cJSON **out);

#endif
