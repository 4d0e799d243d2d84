/* Folders and archives of NumPy arrays (folder.c). */
#ifndef CUSGD_HOST_DATA_FOLDER_H
#define CUSGD_HOST_DATA_FOLDER_H

#include "data.h"

/* Opens a folder, or an archive if data->opening.is_archive is 1. */
cusgd_status folder_open(cusgd_data *data, const char *path, const cusgd_reader *reader);
/* Opens a single .npy file as x. */
cusgd_status array_open(cusgd_data *data, const char *path, const cusgd_reader *reader);
/* Fails with USAGE if the reader names columns, for a file whose columns have no names. */
cusgd_status reader_check_nameless(const char *path, const cusgd_reader *reader);

#endif
