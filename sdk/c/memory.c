/* Memory that lives until a call ends, and ways out of a call. */
#include "internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void **kept;
static size_t kept_count, kept_capacity;

void *wf_keep(void *pointer) {
    if (kept_count == kept_capacity) {
        kept_capacity = kept_capacity ? kept_capacity * 2 : 64;
        kept = realloc(kept, kept_capacity * sizeof *kept);
        if (!kept) __builtin_trap();
    }
    kept[kept_count++] = pointer;
    return pointer;
}

void wf_release(void) {
    while (kept_count) free(kept[--kept_count]);
}

void *wf_given(size_t size) {
    /* The host frees no list that is empty. */
    if (!size) return NULL;
    void *pointer = calloc(1, size);
    if (!pointer) __builtin_trap();
    return pointer;
}

void *wf_alloc(size_t size) {
    return wf_keep(wf_given(size ? size : 1));
}

void *wf_grow(void *pointer, size_t count, size_t size) {
    /* Room doubles at each power of two. */
    if (count & (count - 1)) return pointer;
    void *grown = realloc(pointer, (count ? count * 2 : 1) * size);
    if (!grown) __builtin_trap();
    return grown;
}

char *wf_vtext(const char *format, va_list arguments) {
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    char *text = wf_alloc((size_t)length + 1);
    vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    return text;
}

char *wf_text(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    char *text = wf_vtext(format, arguments);
    va_end(arguments);
    return text;
}

char *wf_terminated(const void *bytes, size_t size) {
    char *text = wf_alloc(size + 1);
    memcpy(text, bytes, size);
    return text;
}

detector_string_t wf_string(const char *text) {
    size_t length = strlen(text);
    detector_string_t string = {wf_given(length), length};
    if (length) memcpy(string.ptr, text, length);
    return string;
}

detector_list_u8_t wf_list(const void *bytes, size_t size) {
    detector_list_u8_t list = {wf_given(size), size};
    if (size) memcpy(list.ptr, bytes, size);
    return list;
}
