/* The location of modules that are opened on demand. */
#ifndef CUSGD_HOST_MODULE_FILE_H
#define CUSGD_HOST_MODULE_FILE_H

#include "cusgd.h"

enum { MODULE_PATH = 4096 };

/* Searches for the file `name` in the folder that was set (cusgd_set_module_folder, CUSGD_MODULE_DIR), else next to this library
 * (or the program, if the library is linked statically), else in the subfolder cusgd/ of that. Returns 0 if it is not found. Sets
 * *named to 1 if it was found in the folder that was set. */
int module_find(const char *name, char path[MODULE_PATH], int *named);

#endif
