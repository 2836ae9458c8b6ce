/* Reads of the chain, the state and the log. */
#include "internal.h"

#include <stdarg.h>
#include <string.h>

/* The interface takes lists that can be written to, and writes to none. */
static detector_list_u8_t borrowed(wf_bytes bytes) {
    return (detector_list_u8_t){(uint8_t *)bytes.data, bytes.size};
}

wf_bytes wf_call(wf_address to, wf_bytes data) {
    detector_list_u8_t target = {to.bytes, 20}, input = borrowed(data), output;
    watchfire_detector_chain_chain_error_t error;
    if (wf_failed()) return (wf_bytes){NULL, 0};
    if (!watchfire_detector_chain_call(&target, &input, &output, &error)) {
        WF_KEEP(error.code), WF_KEEP(error.message), WF_KEEP(error.data);
        wf_fail("%.*s: %.*s", (int)error.code.len, (char *)error.code.ptr, (int)error.message.len, (char *)error.message.ptr);
        return (wf_bytes){NULL, 0};
    }
    return (wf_bytes){WF_KEEP(output), output.len};
}

wf_bytes wf_call_signature(wf_address to, const char *signature) {
    wf_hash hash = wf_keccak256((wf_bytes){(const uint8_t *)signature, strlen(signature)});
    return wf_call(to, (wf_bytes){hash.bytes, 4});
}

wf_hash wf_word_at(wf_bytes bytes, size_t position) {
    wf_hash word = {{0}};
    if (bytes.size < 32 * (position + 1)) {
        wf_fail("%zu bytes were returned, which has no word %zu", bytes.size, position);
    } else {
        memcpy(word.bytes, bytes.data + 32 * position, 32);
    }
    return word;
}

wf_key wf_key_of(const char *name, wf_address address) {
    wf_key key = {.size = strlen(name) + 20};
    if (key.size > sizeof key.data) {
        wf_fail("`%s` is too long for a key", name);
        return (wf_key){.size = 0};
    }
    memcpy(key.data, name, key.size - 20);
    memcpy(key.data + key.size - 20, address.bytes, 20);
    return key;
}

wf_bytes wf_state_get(wf_bytes key) {
    detector_list_u8_t list = borrowed(key), value;
    if (!watchfire_detector_state_get(&list, &value)) return (wf_bytes){NULL, 0};
    WF_KEEP(value);
    return (wf_bytes){value.len ? value.ptr : (const uint8_t *)"", value.len};
}

void wf_state_put(wf_bytes key, wf_bytes value) {
    detector_list_u8_t list = borrowed(key), content = borrowed(value);
    watchfire_detector_state_state_error_t error;
    if (wf_failed() || watchfire_detector_state_put(&list, &content, &error)) return;
    WF_KEEP(error.code), WF_KEEP(error.message);
    wf_fail("the state: %.*s: %.*s", (int)error.code.len, (char *)error.code.ptr, (int)error.message.len,
            (char *)error.message.ptr);
}

void wf_state_delete(wf_bytes key) {
    detector_list_u8_t list = borrowed(key);
    watchfire_detector_state_delete(&list);
}

static uint64_t be64(const uint8_t *bytes) {
    uint64_t value = 0;
    for (size_t at = 0; at < 8; at++) value = value << 8 | bytes[at];
    return value;
}

static void put64(uint8_t *bytes, uint64_t value) {
    for (size_t at = 8; at-- > 0; value >>= 8) bytes[at] = (uint8_t)value;
}

uint64_t wf_count(wf_bytes key) {
    wf_bytes known = wf_state_get(key);
    uint8_t bytes[8];
    uint64_t count = known.size == 8 ? be64(known.data) + 1 : 1;
    put64(bytes, count);
    wf_state_put(key, (wf_bytes){bytes, 8});
    return count;
}

wf_u256 wf_rolling_add(wf_bytes key, uint64_t span_s, uint64_t now_s, wf_u256 amount) {
    enum { PAGE = 256 };
    wf_u256 sum = amount, now = amount;
    detector_list_u8_t prefix = borrowed(key), after = {0};
    for (;;) {
        detector_list_tuple2_list_u8_list_u8_t page;
        watchfire_detector_state_scan(&prefix, after.ptr ? &after : NULL, PAGE, &page);
        WF_KEEP(page);
        if (!page.len) break;
        for (size_t at = 0; at < page.len; at++) {
            detector_list_u8_t entry = page.ptr[at].f0, value = page.ptr[at].f1;
            WF_KEEP(entry), WF_KEEP(value);
            after = entry;
            if (entry.len != key.size + 8 || value.len != 32) continue;
            uint64_t second = be64(entry.ptr + key.size);
            if (now_s >= span_s && second <= now_s - span_s) {
                watchfire_detector_state_delete(&entry);
                continue;
            }
            wf_hash word;
            memcpy(word.bytes, value.ptr, 32);
            sum = wf_add(sum, wf_u256_of(word));
            if (second == now_s) now = wf_add(now, wf_u256_of(word));
        }
    }
    uint8_t *entry = wf_alloc(key.size + 8);
    memcpy(entry, key.data, key.size);
    put64(entry + key.size, now_s);
    wf_hash word = wf_hash_of(now);
    wf_state_put((wf_bytes){entry, key.size + 8}, (wf_bytes){word.bytes, 32});
    return sum;
}

#define LOG(name, level)                                        \
    void wf_log_##name(const char *format, ...) {               \
        va_list arguments;                                      \
        va_start(arguments, format);                            \
        char *text = wf_vtext(format, arguments);               \
        va_end(arguments);                                      \
        detector_string_t line = {(uint8_t *)text, strlen(text)}; \
        watchfire_detector_log_write(level, &line);             \
    }

LOG(debug, WATCHFIRE_DETECTOR_LOG_LEVEL_DEBUG)
LOG(info, WATCHFIRE_DETECTOR_LOG_LEVEL_INFO)
LOG(warn, WATCHFIRE_DETECTOR_LOG_LEVEL_WARN)
