/* Between the files of the SDK; nothing here is for detectors. */
#ifndef WATCHFIRE_INTERNAL_H
#define WATCHFIRE_INTERNAL_H

#include <stdarg.h>

#include "watchfire.h"

/* The first error of this call; NULL where there is none. */
extern const char *wf_failure;

/* Frees a pointer when the call ends. */
void *wf_keep(void *pointer);
/* The same of a list or text of the interface; one that is empty holds no memory. */
#define WF_KEEP(list) ((list).len ? wf_keep((list).ptr) : NULL)
/* Frees all that was to live until now. */
void wf_release(void);
/* Memory that is given away to the host, which frees it. */
void *wf_given(size_t size);
/* Room for one more entry of a list that has `count`. */
void *wf_grow(void *pointer, size_t count, size_t size);
char *wf_vtext(const char *format, va_list arguments);
char *wf_terminated(const void *bytes, size_t size);
detector_string_t wf_string(const char *text);
detector_list_u8_t wf_list(const void *bytes, size_t size);

/* JSON, read whole. */
typedef enum { WF_JSON_NULL, WF_JSON_BOOLEAN, WF_JSON_NUMBER, WF_JSON_TEXT, WF_JSON_LIST, WF_JSON_OBJECT } wf_json_type;

typedef struct wf_json {
    wf_json_type type;
    const char *name; /* In an object. */
    const char *text; /* Of a text, or the digits of a number; "true" or "false". */
    struct wf_json *first, *next;
    bool seen;
} wf_json;

/* NULL where it is no JSON. */
wf_json *wf_json_parse(const char *text, size_t size);

struct wf_config {
    wf_json *root;
    exports_watchfire_detector_guest_list_subscription_t subscriptions;
    const char *wrong_key, *wrong;
};

/* The first key that nobody asked for; NULL where there is none. */
const char *wf_config_unasked(wf_config *config);

struct wf_finding {
    exports_watchfire_detector_guest_finding_t claim;
    struct wf_finding *next;
};

struct wf_batch {
    watchfire_detector_batches_borrow_batch_t raw;
    bool has_logs, has_ticks;
    detector_list_u8_t log_addresses, log_topic_counts, log_topics[4], log_data;
    detector_list_u32_t log_offsets, log_indexes, log_transactions, ticks;
    wf_observation *observations;
    size_t observation_count;
    wf_frame *frames;
    size_t frame_count;
    wf_finding *first, *last;
    size_t finding_count;
};

#endif
