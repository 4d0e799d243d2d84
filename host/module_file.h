/* Where modules that are opened on demand lie. */
#ifndef CUSGD_HOST_MODULE_FILE_H
#define CUSGD_HOST_MODULE_FILE_H

#include "cusgd.h"

enum { MODULE_PATH = 4096 };

/* Finds the file `name`: in a folder that was named (cusgd_set_module_folder, CUSGD_MODULE_DIR), else next to this library (or,
 * where it is linked in, the program), or below that in cusgd/. 0: it is not there. *named: 1 if it was found in the first way.
 */
int module_find(const char *name, char path[MODULE_PATH], int *named);

#endif
