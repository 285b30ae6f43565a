/* SPDX-License-Identifier: ISC */
#include "common/log.h"

#include <hv/console.h>

#include <stdarg.h>
#include <stdio.h>

void log_line(struct hv *hv, const char *format, ...)
{
    char line[LOG_LINE_MAX + 1];
    va_list arguments;
    int length;

    va_start(arguments, format);
    length = vsnprintf(line, LOG_LINE_MAX, format, arguments);
    va_end(arguments);
    if (length < 0)
        return;
    if (length >= (int)LOG_LINE_MAX)
        length = LOG_LINE_MAX - 1;
    for (int i = 0; i < length; i++)
        if (line[i] < ' ' || line[i] > '~')
            line[i] = '?';
    line[length] = '\n';
    hv_console_write(hv, line, (size_t)length + 1);
}
