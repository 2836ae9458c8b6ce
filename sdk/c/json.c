/* JSON to a tree; as much of it as a config needs. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    const char *at, *end;
    unsigned depth;
} reader;

enum { DEPTH_AT_MOST = 32 };

static void skip(reader *in) {
    while (in->at < in->end && strchr(" \t\r\n", *in->at)) in->at++;
}

static bool take(reader *in, char one) {
    skip(in);
    if (in->at == in->end || *in->at != one) return false;
    in->at++;
    return true;
}

static bool hex(reader *in, unsigned *value) {
    if (in->end - in->at < 4) return false;
    *value = 0;
    for (int digit = 0; digit < 4; digit++) {
        char one = *in->at++;
        unsigned bits = one >= '0' && one <= '9' ? one - '0' : (one | 32) >= 'a' && (one | 32) <= 'f' ? (one | 32) - 'a' + 10 : 16;
        if (bits > 15) return false;
        *value = *value << 4 | bits;
    }
    return true;
}

static char *utf8(char *out, unsigned code) {
    if (code < 0x80) {
        *out++ = (char)code;
    } else if (code < 0x800) {
        *out++ = (char)(0xc0 | code >> 6);
        *out++ = (char)(0x80 | (code & 63));
    } else if (code < 0x10000) {
        *out++ = (char)(0xe0 | code >> 12);
        *out++ = (char)(0x80 | (code >> 6 & 63));
        *out++ = (char)(0x80 | (code & 63));
    } else {
        *out++ = (char)(0xf0 | code >> 18);
        *out++ = (char)(0x80 | (code >> 12 & 63));
        *out++ = (char)(0x80 | (code >> 6 & 63));
        *out++ = (char)(0x80 | (code & 63));
    }
    return out;
}

static const char *text(reader *in) {
    if (!take(in, '"')) return NULL;
    /* No escape is shorter than what it stands for. */
    char *start = wf_alloc((size_t)(in->end - in->at) + 1), *out = start;
    while (in->at < in->end && *in->at != '"') {
        char one = *in->at++;
        if (one != '\\') {
            *out++ = one;
            continue;
        }
        if (in->at == in->end) return NULL;
        switch (one = *in->at++) {
        case 'b': *out++ = '\b'; break;
        case 'f': *out++ = '\f'; break;
        case 'n': *out++ = '\n'; break;
        case 'r': *out++ = '\r'; break;
        case 't': *out++ = '\t'; break;
        case 'u': {
            unsigned code, low;
            if (!hex(in, &code)) return NULL;
            if (code >= 0xd800 && code < 0xdc00) {
                if (in->end - in->at < 6 || *in->at++ != '\\' || *in->at++ != 'u' || !hex(in, &low)) return NULL;
                code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
            }
            out = utf8(out, code);
            break;
        }
        default: *out++ = one;
        }
    }
    return take(in, '"') ? start : NULL;
}

static wf_json *value(reader *in);

static wf_json *nested(reader *in, char end, wf_json *into) {
    wf_json **next = &into->first;
    if (take(in, end)) return into;
    if (++in->depth > DEPTH_AT_MOST) return NULL;
    do {
        const char *name = NULL;
        if (into->type == WF_JSON_OBJECT && (!(name = text(in)) || !take(in, ':'))) return NULL;
        wf_json *one = value(in);
        if (!one) return NULL;
        one->name = name;
        *next = one;
        next = &one->next;
    } while (take(in, ','));
    in->depth--;
    return take(in, end) ? into : NULL;
}

static wf_json *value(reader *in) {
    wf_json *json = wf_alloc(sizeof *json);
    skip(in);
    if (in->at == in->end) return NULL;
    switch (*in->at) {
    case '{':
        in->at++;
        json->type = WF_JSON_OBJECT;
        return nested(in, '}', json);
    case '[':
        in->at++;
        json->type = WF_JSON_LIST;
        return nested(in, ']', json);
    case '"':
        json->type = WF_JSON_TEXT;
        return (json->text = text(in)) ? json : NULL;
    }
    const char *start = in->at;
    while (in->at < in->end && !strchr(",]} \t\r\n", *in->at)) in->at++;
    json->text = wf_terminated(start, (size_t)(in->at - start));
    json->type = *start == 'n' ? WF_JSON_NULL : *start == 't' || *start == 'f' ? WF_JSON_BOOLEAN : WF_JSON_NUMBER;
    return json;
}

wf_json *wf_json_parse(const char *text, size_t size) {
    reader in = {text, text + size, 0};
    wf_json *json = value(&in);
    skip(&in);
    return in.at == in.end ? json : NULL;
}
