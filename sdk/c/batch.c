/* The batch: columns, pulled when they are first asked for. */
#include "internal.h"

#include <string.h>

#define PULL(name) watchfire_detector_batches_method_batch_##name

wf_trigger wf_batch_trigger(wf_batch *batch) {
    detector_string_t trigger;
    PULL(trigger)(batch->raw, &trigger);
    WF_KEEP(trigger);
    return trigger.ptr[0] == 'b' ? WF_BLOCK : trigger.ptr[0] == 'f' ? WF_FEED : WF_PENDING;
}

uint64_t wf_chain_id(wf_batch *batch) {
    return PULL(chain_id)(batch->raw);
}

uint64_t wf_block_number(wf_batch *batch) {
    return PULL(block_number)(batch->raw);
}

uint64_t wf_timestamp_s(wf_batch *batch) {
    return PULL(timestamp_s)(batch->raw);
}

bool wf_is_due(wf_batch *batch, size_t subscription) {
    if (!batch->has_ticks) {
        PULL(due_ticks)(batch->raw, &batch->ticks);
        WF_KEEP(batch->ticks);
        batch->has_ticks = true;
    }
    for (size_t at = 0; at < batch->ticks.len; at++) {
        if (batch->ticks.ptr[at] == subscription) return true;
    }
    return false;
}

wf_hash wf_transaction_hash(wf_batch *batch, uint32_t transaction_index) {
    detector_list_u8_t bytes;
    wf_hash hash = {{0}};
    PULL(transaction_hash)(batch->raw, transaction_index, &bytes);
    WF_KEEP(bytes);
    if (bytes.len == 32) memcpy(hash.bytes, bytes.ptr, 32);
    return hash;
}

size_t wf_log_count(wf_batch *batch) {
    return PULL(log_count)(batch->raw);
}

static void pull_logs(wf_batch *batch) {
    PULL(log_addresses)(batch->raw, &batch->log_addresses);
    PULL(log_topic_counts)(batch->raw, &batch->log_topic_counts);
    PULL(log_data)(batch->raw, &batch->log_data);
    PULL(log_data_offsets)(batch->raw, &batch->log_offsets);
    PULL(log_indexes)(batch->raw, &batch->log_indexes);
    PULL(log_transaction_indexes)(batch->raw, &batch->log_transactions);
    WF_KEEP(batch->log_addresses), WF_KEEP(batch->log_topic_counts), WF_KEEP(batch->log_data);
    WF_KEEP(batch->log_offsets), WF_KEEP(batch->log_indexes), WF_KEEP(batch->log_transactions);
    for (uint8_t position = 0; position < 4; position++) {
        PULL(log_topics)(batch->raw, position, &batch->log_topics[position]);
        WF_KEEP(batch->log_topics[position]);
    }
    batch->has_logs = true;
}

wf_log wf_log_at(wf_batch *batch, size_t position) {
    if (!batch->has_logs) pull_logs(batch);
    wf_log log = {.topic_count = batch->log_topic_counts.ptr[position]};
    memcpy(log.address.bytes, batch->log_addresses.ptr + 20 * position, 20);
    for (size_t topic = 0; topic < 4; topic++) {
        memcpy(log.topics[topic].bytes, batch->log_topics[topic].ptr + 32 * position, 32);
    }
    uint32_t start = batch->log_offsets.ptr[position];
    log.data = (wf_bytes){batch->log_data.ptr + start, batch->log_offsets.ptr[position + 1] - start};
    log.index = batch->log_indexes.ptr[position];
    log.transaction_index = batch->log_transactions.ptr[position];
    return log;
}

static const char *kept(detector_string_t string) {
    WF_KEEP(string);
    return wf_terminated(string.ptr, string.len);
}

static wf_bytes kept_bytes(detector_list_u8_t list) {
    WF_KEEP(list);
    return (wf_bytes){list.ptr, list.len};
}

/* Copies as many bytes as there are, and frees the list when the call ends. */
static void copy(void *to, size_t size, detector_list_u8_t list) {
    wf_bytes bytes = kept_bytes(list);
    memcpy(to, bytes.data, bytes.size < size ? bytes.size : size);
}

static void pull_frames(wf_batch *batch) {
    watchfire_detector_batches_list_frame_row_t rows;
    PULL(frames)(batch->raw, &rows);
    WF_KEEP(rows);
    batch->frames = wf_alloc(rows.len * sizeof *batch->frames);
    batch->frame_count = rows.len;
    for (size_t at = 0; at < rows.len; at++) {
        watchfire_detector_batches_frame_row_t *row = &rows.ptr[at];
        wf_frame frame = {.transaction_index = row->transaction_index, .depth = row->depth, .kind = kept(row->kind),
                          .input = kept_bytes(row->input), .output = kept_bytes(row->output),
                          .gas_used = row->gas_used, .success = row->success};
        wf_hash value = {0};
        copy(frame.transaction_hash.bytes, 32, row->transaction_hash);
        copy(frame.sender.bytes, 20, row->sender);
        copy(frame.target.bytes, 20, row->target);
        copy(value.bytes, 32, row->value);
        frame.value = wf_u256_of(value);
        batch->frames[at] = frame;
    }
}

size_t wf_frame_count(wf_batch *batch) {
    if (!batch->frames) pull_frames(batch);
    return batch->frame_count;
}

wf_frame wf_frame_at(wf_batch *batch, size_t position) {
    if (!batch->frames) pull_frames(batch);
    return batch->frames[position];
}

static void pull_observations(wf_batch *batch) {
    watchfire_detector_batches_list_observation_row_t rows;
    PULL(observations)(batch->raw, &rows);
    WF_KEEP(rows);
    batch->observations = wf_alloc(rows.len * sizeof *batch->observations);
    batch->observation_count = rows.len;
    for (size_t at = 0; at < rows.len; at++) {
        watchfire_detector_batches_observation_row_t *row = &rows.ptr[at];
        batch->observations[at] = (wf_observation){kept(row->feed), row->observed_at_ms, row->received_at_ms,
                                                   kept(row->kind), kept(row->value)};
    }
}

size_t wf_observation_count(wf_batch *batch) {
    if (!batch->observations) pull_observations(batch);
    return batch->observation_count;
}

wf_observation wf_observation_at(wf_batch *batch, size_t position) {
    if (!batch->observations) pull_observations(batch);
    return batch->observations[position];
}

watchfire_detector_batches_borrow_batch_t wf_batch_raw(wf_batch *batch) {
    return batch->raw;
}
