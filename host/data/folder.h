/* folder.c: folders and archives of NumPy arrays. */
#ifndef CUSGD_HOST_DATA_FOLDER_H
#define CUSGD_HOST_DATA_FOLDER_H

#include "data.h"

/* A folder, or the archive that data->opening.is_archive says it is. */
cusgd_status folder_open(cusgd_data *data, const char *path, const cusgd_reader *reader);
/* One .npy file, which is x. */
cusgd_status array_open(cusgd_data *data, const char *path, const cusgd_reader *reader);
/* USAGE where the reader names columns of a file whose columns have no names. */
cusgd_status reader_check_nameless(const char *path, const cusgd_reader *reader);

#endif
