#include "text_buffer.h"

#include <stdarg.h>
#include <stdio.h>

void text_put(text_buffer *to, const char *format, ...)
{
    size_t room = sizeof to->text - to->length;
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(to->text + to->length, room, format, arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length >= room) to->cut = 1;
    to->length += length < 0 ? 0 : (size_t)length < room ? (size_t)length : room - 1;
}
