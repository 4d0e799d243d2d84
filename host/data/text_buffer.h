/* A buffer to which texts are appended as far as there is room. */
#ifndef CUSGD_HOST_DATA_TEXT_BUFFER_H
#define CUSGD_HOST_DATA_TEXT_BUFFER_H

#include <stddef.h>

/* All zero: empty. */
typedef struct text_buffer {
    char text[4000]; /* terminated; a message has room for it and its prefix */
    size_t length;
    int cut; /* 1: there was no room for all of it */
} text_buffer;

__attribute__((format(printf, 2, 3))) void text_put(text_buffer *to, const char *format, ...);

#endif
