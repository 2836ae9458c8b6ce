/* Write Watchfire detectors in C: define one `const wf_detector wf_detector_main`, and build with `watchfire plugin build`.
 *
 * What the functions here give lives until the call of `start` or `on_batch` ends. Globals of yours are a cache that the
 * host may drop between any two batches: what must last goes into the state.
 *
 * 256-bit integers are `_BitInt`, with the operators of any integer; they wrap, so that sums of hostile amounts belong
 * into `wf_add` and products into `wf_scale`. */
#ifndef WATCHFIRE_H
#define WATCHFIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "detector.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef unsigned _BitInt(256) wf_u256;

typedef struct { uint8_t bytes[20]; } wf_address;
/* A hash, topic, slot or any other word of 32 bytes. */
typedef struct { uint8_t bytes[32]; } wf_hash;
typedef struct { const uint8_t *data; size_t size; } wf_bytes;

typedef enum { WF_INFO, WF_LOW, WF_MEDIUM, WF_HIGH, WF_CRITICAL } wf_severity;
typedef enum { WF_BLOCK, WF_FEED, WF_PENDING } wf_trigger;

typedef struct wf_config wf_config;
typedef struct wf_batch wf_batch;
typedef struct wf_finding wf_finding;

typedef struct {
    const char *id;
    wf_severity default_severity;
    const char *description;
    const char *runbook_url; /* NULL where there is none. */
} wf_kind;

/* What a detector is. Lists end with a NULL `id` or pointer. */
typedef struct {
    const char *name, *version, *summary;
    const wf_kind *kinds;
    const char *const *capabilities;
    const char *config_schema; /* JSON Schema; NULL takes any config. */
    /* Reads the config and subscribes. Called on each fresh instance; nothing that it does may depend on when. */
    void (*start)(wf_config *config);
    /* Looks at one batch. */
    void (*on_batch)(wf_batch *batch);
} wf_detector;

extern const wf_detector wf_detector_main;

/* Errors stick: the first one is kept, functions give zeros from there on, and when your function returns, the call ends
 * with that error: the findings and the state of the batch are dropped, and the host says why. */

/* The call can't succeed. printf's format, as in all functions that take one here. */
void wf_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Whether it can't. Return early where going on with zeros would make no sense. */
bool wf_failed(void);

/* --- Config. A key that is missing, malformed or never asked for is an error that names it. --- */

/* The path of a key is dotted: `oracle.decimals`, `watch.0.label`. */
bool wf_config_has(wf_config *config, const char *path);
const char *wf_config_text(wf_config *config, const char *path);
uint64_t wf_config_number(wf_config *config, const char *path);
wf_address wf_config_address(wf_config *config, const char *path);
/* A decimal number as text, such as "1.5", in units of which 10^decimals make one. */
wf_u256 wf_config_units(wf_config *config, const char *path, unsigned decimals);
/* How many entries a list has. */
size_t wf_config_count(wf_config *config, const char *path);
/* The config can't be worked with because of this key. */
void wf_config_wrong(wf_config *config, const char *path, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* --- Subscriptions, in `start`. They count from 0, and `wf_is_due` asks by that number. --- */

typedef struct { const wf_hash *words; size_t count; } wf_words;

/* Logs of the addresses (any, where there are none) whose topics are among the words at each position. */
size_t wf_subscribe_logs(wf_config *config, const wf_address *addresses, size_t address_count, const wf_words topics[4]);

/* Call frames; what is empty matches anything. */
typedef struct {
    const wf_address *targets;
    size_t target_count;
    const uint8_t (*selectors)[4];
    size_t selector_count;
    /* As in wf_frame. */
    const char *const *kinds;
    size_t kind_count;
    /* Only those that move native value. */
    bool with_value;
} wf_frame_filter;

/* Needs the capability `traces`. */
size_t wf_subscribe_frames(wf_config *config, wf_frame_filter filter);
size_t wf_subscribe_feed(wf_config *config, const char *name);
size_t wf_subscribe_every_blocks(wf_config *config, uint64_t count);
size_t wf_subscribe_every_seconds(wf_config *config, uint64_t span_s);
/* Any other kind, as the interface has it; what it points to must come from malloc. */
size_t wf_subscribe(wf_config *config, watchfire_detector_types_subscription_t subscription);

/* --- The batch --- */

typedef struct {
    wf_address address;
    wf_hash topics[4];
    uint8_t topic_count;
    wf_bytes data;
    uint32_t index, transaction_index;
} wf_log;

typedef struct {
    const char *feed;
    uint64_t observed_at_ms, received_at_ms;
    const char *kind, *value;
} wf_observation;

typedef struct {
    uint32_t transaction_index;
    wf_hash transaction_hash;
    uint32_t depth; /* 0 for the transaction's own call. */
    const char *kind; /* `call`, `staticcall`, `delegatecall`, `callcode`, `create`, `create2`, `selfdestruct`. */
    wf_address sender, target; /* The target is zeros for a creation that failed. */
    wf_u256 value;
    wf_bytes input, output;
    uint64_t gas_used;
    bool success; /* Whether neither it nor any frame around it was reverted. */
} wf_frame;

wf_trigger wf_batch_trigger(wf_batch *batch);
uint64_t wf_chain_id(wf_batch *batch);
uint64_t wf_block_number(wf_batch *batch);
/* Chain time, seconds since the Unix epoch. */
uint64_t wf_timestamp_s(wf_batch *batch);
bool wf_is_due(wf_batch *batch, size_t subscription);
/* Of any transaction of the block by its position; zeros where there is none. */
wf_hash wf_transaction_hash(wf_batch *batch, uint32_t transaction_index);

size_t wf_log_count(wf_batch *batch);
wf_log wf_log_at(wf_batch *batch, size_t position);
/* Call frames, each before those that it made. */
size_t wf_frame_count(wf_batch *batch);
wf_frame wf_frame_at(wf_batch *batch, size_t position);
size_t wf_observation_count(wf_batch *batch);
wf_observation wf_observation_at(wf_batch *batch, size_t position);
/* For what has no function here: the batch as the interface has it. */
watchfire_detector_batches_borrow_batch_t wf_batch_raw(wf_batch *batch);

/* --- Events: `Transfer(address indexed from, address indexed to, uint256 value)` --- */

enum { WF_PARAMETERS = 16 };

typedef struct {
    wf_hash topic;
    uint8_t count;
    bool indexed[WF_PARAMETERS], dynamic[WF_PARAMETERS];
} wf_event;

/* A value of an event: its word, and the bytes of a `bytes` or `string` that is not indexed. */
typedef struct {
    wf_hash word;
    wf_bytes bytes;
} wf_value;

/* Reads a signature of elementary types. Anything else is an error. */
wf_event wf_event_of(const char *signature);
/* The values in the order of the signature; false where the log is of another event or not as the event says. */
bool wf_decode(const wf_event *event, const wf_log *log, wf_value values[]);

/* --- Chain, state, log --- */

/* `eth_call` after the block under inspection. */
wf_bytes wf_call(wf_address to, wf_bytes data);
/* A call of a function without parameters, by its signature: `totalSupply()`. */
wf_bytes wf_call_signature(wf_address to, const char *signature);
/* The word at a position of what was returned. */
wf_hash wf_word_at(wf_bytes bytes, size_t position);

typedef struct { uint8_t data[128]; size_t size; } wf_key;

/* A key: a name and the bytes of an address. */
wf_key wf_key_of(const char *name, wf_address address);
/* NULL data where there is none. */
wf_bytes wf_state_get(wf_bytes key);
void wf_state_put(wf_bytes key, wf_bytes value);
void wf_state_delete(wf_bytes key);

/* Counts one more, and gives the count. The state holds 8 bytes. */
uint64_t wf_count(wf_bytes key);
/* Adds to a sum over the last `span_s` seconds of chain time, and gives the sum. The layout is that of every SDK. */
wf_u256 wf_rolling_add(wf_bytes key, uint64_t span_s, uint64_t now_s, wf_u256 amount);

void wf_log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));
void wf_log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void wf_log_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* --- Findings --- */

/* A finding of which the detector is sure. */
wf_finding *wf_find(wf_batch *batch, const char *kind, wf_severity severity, const char *subject_kind, const char *subject_id);
void wf_confidence(wf_finding *finding, uint8_t percent);
void wf_title(wf_finding *finding, const char *format, ...) __attribute__((format(printf, 2, 3)));
void wf_description(wf_finding *finding, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Adds a log and its transaction as evidence. */
void wf_evidence(wf_batch *batch, wf_finding *finding, const wf_log *log);
/* Adds a transaction as evidence, once. */
void wf_evidence_transaction(wf_finding *finding, wf_hash hash);
/* How much of what, in the asset's smallest unit. */
void wf_amount(wf_finding *finding, const char *asset, wf_u256 value);
void wf_attribute(wf_finding *finding, const char *key, const char *value);
/* Findings of one kind about one subject with the same key are one condition. */
void wf_condition_key(wf_finding *finding, const char *key);

/* --- Numbers, words, text --- */

wf_u256 wf_u256_of(wf_hash word);
wf_hash wf_hash_of(wf_u256 value);
/* An address as a topic has it, and back. */
wf_hash wf_word_of(wf_address address);
wf_address wf_address_of(wf_hash word);
bool wf_same_address(wf_address one, wf_address other);
/* They stay at the largest value rather than wrap. */
wf_u256 wf_add(wf_u256 one, wf_u256 other);
/* value × factor ÷ divisor, rounded down; exact in between, at most the largest value. */
wf_u256 wf_scale(wf_u256 value, wf_u256 factor, wf_u256 divisor);
wf_u256 wf_power_of_ten(unsigned exponent);
wf_hash wf_keccak256(wf_bytes bytes);

char *wf_text(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* With the mixed case of EIP-55. */
char *wf_address_text(wf_address address);
char *wf_u256_text(wf_u256 value);
/* A number of units of which 10^decimals make one, without trailing zeros: `1.5`. */
char *wf_units_text(wf_u256 units, unsigned decimals);
/* The other way round; false where the text is no such number. */
bool wf_units_parse(const char *text, unsigned decimals, wf_u256 *units);
/* Memory until the call ends. */
void *wf_alloc(size_t size);

#ifdef __cplusplus
}
#endif

#endif
