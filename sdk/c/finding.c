/* Findings. What they hold is given away to the host, which frees it. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

wf_finding *wf_find(wf_batch *batch, const char *kind, wf_severity severity, const char *subject_kind, const char *subject_id) {
    wf_finding *finding = wf_alloc(sizeof *finding);
    finding->claim.kind = wf_string(kind);
    finding->claim.severity = (uint8_t)severity;
    finding->claim.confidence_percent = 100;
    finding->claim.title = wf_string(kind);
    finding->claim.description = wf_string("");
    finding->claim.subject.kind = wf_string(subject_kind);
    finding->claim.subject.id = wf_string(subject_id);
    finding->claim.condition_key = wf_string("");
    *(batch->last ? &batch->last->next : &batch->first) = finding;
    batch->last = finding;
    batch->finding_count++;
    return finding;
}

static void replace(detector_string_t *field, const char *text) {
    free(field->ptr);
    *field = wf_string(text);
}

void wf_confidence(wf_finding *finding, uint8_t percent) {
    finding->claim.confidence_percent = percent > 100 ? 100 : percent;
}

void wf_title(wf_finding *finding, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    replace(&finding->claim.title, wf_vtext(format, arguments));
    va_end(arguments);
}

void wf_description(wf_finding *finding, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    replace(&finding->claim.description, wf_vtext(format, arguments));
    va_end(arguments);
}

#define ADD(list, entry)                                               \
    do {                                                               \
        (list).ptr = wf_grow((list).ptr, (list).len, sizeof *(list).ptr); \
        (list).ptr[(list).len++] = (entry);                            \
    } while (0)

void wf_evidence(wf_batch *batch, wf_finding *finding, const wf_log *log) {
    watchfire_detector_types_log_reference_t reference = {wf_block_number(batch), log->index};
    ADD(finding->claim.logs, reference);
    wf_evidence_transaction(finding, wf_transaction_hash(batch, log->transaction_index));
}

void wf_evidence_transaction(wf_finding *finding, wf_hash hash) {
    static const wf_hash none;
    if (!memcmp(hash.bytes, none.bytes, 32)) return;
    for (size_t at = 0; at < finding->claim.transactions.len; at++) {
        if (!memcmp(finding->claim.transactions.ptr[at].ptr, hash.bytes, 32)) return;
    }
    ADD(finding->claim.transactions, wf_list(hash.bytes, 32));
}

void wf_amount(wf_finding *finding, const char *asset, wf_u256 value) {
    watchfire_detector_types_amount_t amount = {wf_string(asset), wf_string(wf_u256_text(value))};
    ADD(finding->claim.amounts, amount);
}

void wf_attribute(wf_finding *finding, const char *key, const char *value) {
    detector_tuple2_string_string_t attribute = {wf_string(key), wf_string(value)};
    ADD(finding->claim.attributes, attribute);
}

void wf_condition_key(wf_finding *finding, const char *key) {
    replace(&finding->claim.condition_key, key);
}
