/* A detector against the interface alone: no SDK, plain records, what `wit-bindgen c` gives and the C library.
 *
 * It finds transfers of half a million or more units of a token with 6 decimals, counts them in the state, and reads an oracle
 * every tenth block. `../bare-python/detector.py` is the same. */
#include "detector.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t TRANSFER[32] = {0xdd, 0xf2, 0x52, 0xad, 0x1b, 0xe2, 0xc8, 0x9b, 0x69, 0xc2, 0xb0, 0x68, 0xfc, 0x37, 0x8d, 0xaa,
                                     0x95, 0x2b, 0xa7, 0xf1, 0x63, 0xc4, 0xa1, 0x16, 0x28, 0xf5, 0x5a, 0x4d, 0xf5, 0x23, 0xb3, 0xef};
static const uint8_t ORACLE[20] = {0x9f, 0xe4, 0x67, 0x36, 0x67, 0x9d, 0x2d, 0x9a, 0x65, 0xf0,
                                   0x99, 0x2f, 0x22, 0x72, 0xde, 0x9f, 0x3c, 0x7f, 0xa6, 0xe0};
static const uint8_t LATEST_ROUND_DATA[4] = {0xfe, 0xaf, 0x96, 0x8c};
/* 500,000 tokens of 6 decimals. */
static const uint64_t LIMIT = 500000000000;

static detector_string_t string(const char *text) {
    detector_string_t made;
    detector_string_dup(&made, text);
    return made;
}

static detector_list_u8_t copy(const uint8_t *bytes, size_t length) {
    detector_list_u8_t list = {malloc(length), length};
    memcpy(list.ptr, bytes, length);
    return list;
}

static char *hex(const uint8_t *bytes, size_t length, char *into) {
    strcpy(into, "0x");
    for (size_t at = 0; at < length; at++) sprintf(into + 2 + 2 * at, "%02x", bytes[at]);
    return into;
}

void exports_watchfire_detector_guest_describe(exports_watchfire_detector_guest_manifest_t *manifest) {
    manifest->name = string("bare");
    manifest->version = string("0.1.0");
    manifest->summary = string("Finds large transfers, against the interface alone.");
    manifest->config_schema = string("{}");
    manifest->finding_kinds.len = 2;
    manifest->finding_kinds.ptr = calloc(2, sizeof *manifest->finding_kinds.ptr);
    manifest->finding_kinds.ptr[0] = (watchfire_detector_types_finding_kind_t){
        string("large-transfer"), WATCHFIRE_DETECTOR_TYPES_SEVERITY_HIGH, string("Much of a token moved."), string("")};
    manifest->finding_kinds.ptr[1] = (watchfire_detector_types_finding_kind_t){
        string("price"), WATCHFIRE_DETECTOR_TYPES_SEVERITY_INFO, string("What the oracle says."), string("")};
    manifest->capabilities.len = 2;
    manifest->capabilities.ptr = calloc(2, sizeof *manifest->capabilities.ptr);
    manifest->capabilities.ptr[0] = string("chain");
    manifest->capabilities.ptr[1] = string("state");
}

bool exports_watchfire_detector_guest_start(detector_string_t *config, exports_watchfire_detector_guest_list_subscription_t *ret,
                                            exports_watchfire_detector_guest_config_error_t *error) {
    bool is_empty = config->len == 2 && !memcmp(config->ptr, "{}", 2);
    detector_string_free(config);
    if (!is_empty) {
        *error = (exports_watchfire_detector_guest_config_error_t){string(""), string("it has no settings")};
        return false;
    }
    ret->len = 2;
    ret->ptr = calloc(2, sizeof *ret->ptr);
    ret->ptr[0].tag = WATCHFIRE_DETECTOR_TYPES_SUBSCRIPTION_LOGS;
    detector_list_list_list_u8_t *topics = &ret->ptr[0].val.logs.topics;
    *topics = (detector_list_list_list_u8_t){calloc(1, sizeof *topics->ptr), 1};
    topics->ptr[0] = (detector_list_list_u8_t){calloc(1, sizeof *topics->ptr[0].ptr), 1};
    topics->ptr[0].ptr[0] = copy(TRANSFER, 32);
    ret->ptr[1].tag = WATCHFIRE_DETECTOR_TYPES_SUBSCRIPTION_EVERY_BLOCKS;
    ret->ptr[1].val.every_blocks = 10;
    return true;
}

/* One more in the state, under the emitter's address; 0 where the host refuses. */
static uint64_t count(const uint8_t *emitter) {
    detector_list_u8_t key = {(uint8_t *)emitter, 20}, known, value;
    uint8_t bytes[8];
    uint64_t total = 0;
    if (watchfire_detector_state_get(&key, &known)) {
        for (size_t at = 0; at < known.len; at++) total = total << 8 | known.ptr[at];
        detector_list_u8_free(&known);
    }
    total++;
    for (size_t at = 0; at < 8; at++) bytes[at] = (uint8_t)(total >> (8 * (7 - at)));
    value = (detector_list_u8_t){bytes, 8};
    watchfire_detector_state_state_error_t error;
    if (watchfire_detector_state_put(&key, &value, &error)) return total;
    watchfire_detector_state_state_error_free(&error);
    return 0;
}

static bool is_large(const watchfire_detector_batches_log_row_t *log, uint64_t *value) {
    if (log->data.len != 32 || log->topics.len != 3) return false;
    *value = 0;
    for (size_t at = 0; at < 24; at++) {
        if (log->data.ptr[at]) return false;
    }
    for (size_t at = 24; at < 32; at++) *value = *value << 8 | log->data.ptr[at];
    return *value >= LIMIT;
}

static void add(exports_watchfire_detector_guest_list_finding_t *list, watchfire_detector_types_finding_t finding) {
    list->ptr = realloc(list->ptr, (list->len + 1) * sizeof *list->ptr);
    list->ptr[list->len++] = finding;
}

static watchfire_detector_types_finding_t finding(const char *kind, uint8_t severity, const uint8_t *subject, const char *title) {
    char text[43];
    watchfire_detector_types_finding_t made = {0};
    made.kind = string(kind);
    made.severity = severity;
    made.confidence_percent = 100;
    made.title = string(title);
    made.description = string("");
    made.subject.kind = string("address");
    made.subject.id = string(hex(subject, 20, text));
    made.condition_key = string("");
    return made;
}

bool exports_watchfire_detector_guest_on_batch(exports_watchfire_detector_guest_borrow_batch_t batch,
                                               exports_watchfire_detector_guest_list_finding_t *ret, detector_string_t *error) {
    char text[160], word[67];
    *ret = (exports_watchfire_detector_guest_list_finding_t){NULL, 0};
    watchfire_detector_batches_list_log_row_t logs;
    watchfire_detector_batches_method_batch_logs(batch, &logs);
    for (size_t at = 0; at < logs.len; at++) {
        watchfire_detector_batches_log_row_t *log = &logs.ptr[at];
        uint64_t value;
        if (!is_large(log, &value)) continue;
        snprintf(text, sizeof text, "transfer %llu of %llu units", count(log->address.ptr), value);
        watchfire_detector_types_finding_t made = finding("large-transfer", WATCHFIRE_DETECTOR_TYPES_SEVERITY_HIGH, log->address.ptr, text);
        made.transactions = (detector_list_list_u8_t){calloc(1, sizeof *made.transactions.ptr), 1};
        made.transactions.ptr[0] = copy(log->transaction_hash.ptr, 32);
        made.logs = (watchfire_detector_types_list_log_reference_t){calloc(1, sizeof *made.logs.ptr), 1};
        made.logs.ptr[0].block_number = watchfire_detector_batches_method_batch_block_number(batch);
        made.logs.ptr[0].log_index = log->log_index;
        made.attributes.len = 1;
        made.attributes.ptr = calloc(1, sizeof *made.attributes.ptr);
        made.attributes.ptr[0] = (detector_tuple2_string_string_t){string("to"), string(hex(log->topics.ptr[2].ptr, 32, word))};
        add(ret, made);
    }
    watchfire_detector_batches_list_log_row_free(&logs);
    detector_list_u32_t ticks;
    watchfire_detector_batches_method_batch_due_ticks(batch, &ticks);
    bool is_due = ticks.len > 0;
    detector_list_u32_free(&ticks);
    watchfire_detector_batches_batch_drop_borrow(batch);
    if (!is_due) return true;
    detector_list_u8_t to = {(uint8_t *)ORACLE, 20}, data = {(uint8_t *)LATEST_ROUND_DATA, 4}, answer;
    watchfire_detector_chain_chain_error_t failed;
    if (!watchfire_detector_chain_call(&to, &data, &answer, &failed)) {
        snprintf(text, sizeof text, "the oracle: %.*s", (int)failed.code.len, (char *)failed.code.ptr);
        *error = string(text);
        watchfire_detector_chain_chain_error_free(&failed);
        exports_watchfire_detector_guest_list_finding_free(ret);
        return false;
    }
    snprintf(text, sizeof text, "the oracle says %s", answer.len >= 64 ? hex(answer.ptr + 32, 32, word) : "nothing");
    add(ret, finding("price", WATCHFIRE_DETECTOR_TYPES_SEVERITY_INFO, ORACLE, text));
    detector_list_u8_free(&answer);
    return true;
}
