/* Config by dotted paths, and what a detector subscribes to. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

static wf_json *find(wf_config *config, const char *path) {
    wf_json *json = config->root;
    while (json && *path) {
        size_t length = strcspn(path, ".");
        json->seen = true;
        wf_json *child = json->first;
        if (json->type == WF_JSON_LIST) {
            for (unsigned long skip = strtoul(path, NULL, 10); child && skip; skip--) child = child->next;
        } else {
            while (child && (strlen(child->name) != length || memcmp(child->name, path, length))) child = child->next;
        }
        json = child;
        path += length + (path[length] == '.');
    }
    if (json) json->seen = true;
    return json && json->type != WF_JSON_NULL ? json : NULL;
}

void wf_config_wrong(wf_config *config, const char *path, const char *format, ...) {
    if (config->wrong) return;
    va_list arguments;
    va_start(arguments, format);
    config->wrong_key = wf_text("%s", path);
    config->wrong = wf_vtext(format, arguments);
    va_end(arguments);
}

static wf_json *required(wf_config *config, const char *path, wf_json_type type, const char *what) {
    wf_json *json = find(config, path);
    if (json && json->type == type) return json;
    wf_config_wrong(config, path, json ? "expected %s" : "missing: %s", what);
    return NULL;
}

bool wf_config_has(wf_config *config, const char *path) {
    return find(config, path) != NULL;
}

const char *wf_config_text(wf_config *config, const char *path) {
    wf_json *json = required(config, path, WF_JSON_TEXT, "a text");
    return json ? json->text : "";
}

uint64_t wf_config_number(wf_config *config, const char *path) {
    wf_json *json = required(config, path, WF_JSON_NUMBER, "a whole number");
    const char *text = json ? json->text : "0";
    char *end;
    unsigned long long number = strtoull(text, &end, 10);
    if (*text == '-' || *end) wf_config_wrong(config, path, "`%s` is no whole number of at least 0", text);
    return number;
}

wf_address wf_config_address(wf_config *config, const char *path) {
    const char *text = wf_config_text(config, path);
    wf_address address = {{0}};
    bool right = strlen(text) == 42 && text[0] == '0' && text[1] == 'x';
    for (size_t at = 0; right && at < 20; at++) {
        char digits[3] = {text[2 + 2 * at], text[3 + 2 * at], 0}, *end;
        address.bytes[at] = (uint8_t)strtoul(digits, &end, 16);
        right = end == digits + 2;
    }
    if (!right) wf_config_wrong(config, path, "`%s` is no address: 0x and 40 hexadecimal digits", text);
    return address;
}

wf_u256 wf_config_units(wf_config *config, const char *path, unsigned decimals) {
    const char *text = wf_config_text(config, path);
    wf_u256 units = 0;
    if (!wf_units_parse(text, decimals, &units)) {
        wf_config_wrong(config, path, "`%s` is no decimal number with at most %u digits behind the point", text, decimals);
    }
    return units;
}

size_t wf_config_count(wf_config *config, const char *path) {
    wf_json *list = required(config, path, WF_JSON_LIST, "a list");
    size_t count = 0;
    for (wf_json *one = list ? list->first : NULL; one; one = one->next) count++;
    return count;
}

static const char *unasked(wf_json *json, const char *path) {
    size_t position = 0;
    for (wf_json *child = json->first; child; child = child->next, position++) {
        const char *name = child->name ? child->name : wf_text("%zu", position);
        const char *below = *path ? wf_text("%s.%s", path, name) : name;
        if (!child->seen) return below;
        const char *deeper = unasked(child, below);
        if (deeper) return deeper;
    }
    return NULL;
}

const char *wf_config_unasked(wf_config *config) {
    return unasked(config->root, "");
}

size_t wf_subscribe(wf_config *config, watchfire_detector_types_subscription_t subscription) {
    size_t count = config->subscriptions.len;
    config->subscriptions.ptr = wf_grow(config->subscriptions.ptr, count, sizeof *config->subscriptions.ptr);
    config->subscriptions.ptr[count] = subscription;
    config->subscriptions.len = count + 1;
    return count;
}

size_t wf_subscribe_logs(wf_config *config, const wf_address *addresses, size_t address_count, const wf_words topics[4]) {
    watchfire_detector_types_subscription_t subscription = {.tag = WATCHFIRE_DETECTOR_TYPES_SUBSCRIPTION_LOGS};
    watchfire_detector_types_log_filter_t *filter = &subscription.val.logs;
    filter->addresses = (detector_list_list_u8_t){wf_given(address_count * sizeof(detector_list_u8_t)), address_count};
    for (size_t at = 0; at < address_count; at++) filter->addresses.ptr[at] = wf_list(addresses[at].bytes, 20);
    filter->topics = (detector_list_list_list_u8_t){wf_given(4 * sizeof(detector_list_list_u8_t)), 4};
    for (size_t position = 0; position < 4; position++) {
        size_t count = topics[position].count;
        detector_list_list_u8_t *words = &filter->topics.ptr[position];
        *words = (detector_list_list_u8_t){wf_given(count * sizeof(detector_list_u8_t)), count};
        for (size_t at = 0; at < count; at++) words->ptr[at] = wf_list(topics[position].words[at].bytes, 32);
    }
    return wf_subscribe(config, subscription);
}

size_t wf_subscribe_frames(wf_config *config, wf_frame_filter wanted) {
    watchfire_detector_types_subscription_t subscription = {.tag = WATCHFIRE_DETECTOR_TYPES_SUBSCRIPTION_FRAMES};
    watchfire_detector_types_frame_filter_t *filter = &subscription.val.frames;
    filter->targets = (detector_list_list_u8_t){wf_given(wanted.target_count * sizeof(detector_list_u8_t)), wanted.target_count};
    for (size_t at = 0; at < wanted.target_count; at++) filter->targets.ptr[at] = wf_list(wanted.targets[at].bytes, 20);
    filter->selectors =
        (detector_list_list_u8_t){wf_given(wanted.selector_count * sizeof(detector_list_u8_t)), wanted.selector_count};
    for (size_t at = 0; at < wanted.selector_count; at++) filter->selectors.ptr[at] = wf_list(wanted.selectors[at], 4);
    filter->kinds = (detector_list_string_t){wf_given(wanted.kind_count * sizeof(detector_string_t)), wanted.kind_count};
    for (size_t at = 0; at < wanted.kind_count; at++) filter->kinds.ptr[at] = wf_string(wanted.kinds[at]);
    filter->with_value = wanted.with_value;
    return wf_subscribe(config, subscription);
}

size_t wf_subscribe_feed(wf_config *config, const char *name) {
    watchfire_detector_types_subscription_t subscription = {.tag = WATCHFIRE_DETECTOR_TYPES_SUBSCRIPTION_FEED};
    subscription.val.feed = wf_string(name);
    return wf_subscribe(config, subscription);
}

size_t wf_subscribe_every_blocks(wf_config *config, uint64_t count) {
    watchfire_detector_types_subscription_t subscription = {.tag = WATCHFIRE_DETECTOR_TYPES_SUBSCRIPTION_EVERY_BLOCKS};
    subscription.val.every_blocks = count;
    return wf_subscribe(config, subscription);
}

size_t wf_subscribe_every_seconds(wf_config *config, uint64_t span_s) {
    watchfire_detector_types_subscription_t subscription = {.tag = WATCHFIRE_DETECTOR_TYPES_SUBSCRIPTION_EVERY_SECONDS};
    subscription.val.every_seconds = span_s;
    return wf_subscribe(config, subscription);
}
