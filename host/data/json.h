/* JSON by cJSON, which does not tell a text that is no JSON from a lack of memory. */
#ifndef CUSGD_HOST_DATA_JSON_H
#define CUSGD_HOST_DATA_JSON_H

#include "cusgd.h"

#include <cjson/cJSON.h>

/* The value that a text begins with, the caller's to free by cJSON_Delete(); NULL where the text is NULL or begins with none,
 * which is no failure. *end (NULL: not asked for): what follows the value, where there is one. Fails with MEMORY alone. */
cusgd_status json_parse(const char *text, const char **end, cJSON **out);

#endif
