/* Events by their signature, as Solidity's ABI encodes them: https://docs.soliditylang.org/en/latest/abi-spec.html */
#include "internal.h"

#include <ctype.h>
#include <string.h>

/* The type in its canonical form. */
static const char *canonical(const char *type, size_t size) {
    if (size == 4 && !memcmp(type, "uint", 4)) return "uint256";
    if (size == 3 && !memcmp(type, "int", 3)) return "int256";
    return wf_terminated(type, size);
}

static bool is_elementary(const char *type) {
    const char *names[] = {"address", "bool", "string", "uint", "int", "bytes"};
    for (size_t at = 0; at < sizeof names / sizeof *names; at++) {
        size_t length = strlen(names[at]);
        if (strncmp(type, names[at], length)) continue;
        if (strspn(type + length, "0123456789") == strlen(type + length)) return true;
    }
    return false;
}

wf_event wf_event_of(const char *signature) {
    wf_event event = {.count = 0};
    const char *at = strchr(signature, '('), *end = strrchr(signature, ')');
    if (!at || !end) {
        wf_fail("`%s` is no event: write it as `Name(type indexed name, …)`", signature);
        return event;
    }
    const char *name = signature;
    if (!strncmp(name, "event ", 6)) name += 6;
    const char *text = wf_text("%.*s(", (int)(at - name), name);
    at++;
    while (at < end) {
        while (isspace((unsigned char)*at)) at++;
        size_t size = strcspn(at, " ,)");
        const char *type = canonical(at, size);
        const char *rest = at + size;
        size_t others = strcspn(rest, ",)");
        if (event.count == WF_PARAMETERS || !is_elementary(type)) {
            wf_fail("`%s` has a parameter of type `%s`, which only the bare interface can decode", signature, type);
            return event;
        }
        const char *words = wf_terminated(rest, others);
        const char *indexed = strstr(words, " indexed");
        event.indexed[event.count] = indexed && (!indexed[8] || isspace((unsigned char)indexed[8]));
        event.dynamic[event.count] = !strcmp(type, "string") || !strcmp(type, "bytes");
        text = wf_text("%s%s%s", text, event.count ? "," : "", type);
        event.count++;
        at = rest + others + 1;
    }
    text = wf_text("%s)", text);
    event.topic = wf_keccak256((wf_bytes){(const uint8_t *)text, strlen(text)});
    return event;
}

bool wf_decode(const wf_event *event, const wf_log *log, wf_value values[]) {
    if (!log->topic_count || memcmp(event->topic.bytes, log->topics[0].bytes, 32)) return false;
    size_t topic = 1, head = 0;
    for (size_t at = 0; at < event->count; at++) {
        wf_value value = {{{0}}, {NULL, 0}};
        if (event->indexed[at]) {
            if (topic == log->topic_count) return false;
            value.word = log->topics[topic++];
        } else {
            if (log->data.size < head + 32) return false;
            memcpy(value.word.bytes, log->data.data + head, 32);
            head += 32;
            if (event->dynamic[at]) {
                wf_u256 offset = wf_u256_of(value.word), room = log->data.size;
                if (offset + 32 > room || offset + 32 < offset) return false;
                wf_hash length_word;
                memcpy(length_word.bytes, log->data.data + (size_t)offset, 32);
                wf_u256 length = wf_u256_of(length_word);
                if (length > room - offset - 32) return false;
                value.bytes = (wf_bytes){log->data.data + (size_t)offset + 32, (size_t)length};
            }
        }
        values[at] = value;
    }
    return topic == log->topic_count;
}
