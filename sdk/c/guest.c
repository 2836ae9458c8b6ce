/* What the component exports, by the author's `wf_detector_main`. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

const char *wf_failure;

bool wf_failed(void) {
    return wf_failure != NULL;
}

void wf_fail(const char *format, ...) {
    if (wf_failure) return;
    va_list arguments;
    va_start(arguments, format);
    wf_failure = wf_vtext(format, arguments);
    va_end(arguments);
}

void exports_watchfire_detector_guest_describe(exports_watchfire_detector_guest_manifest_t *manifest) {
    const wf_detector *detector = &wf_detector_main;
    memset(manifest, 0, sizeof *manifest);
    manifest->name = wf_string(detector->name);
    manifest->version = wf_string(detector->version);
    manifest->summary = wf_string(detector->summary);
    manifest->config_schema = wf_string(detector->config_schema ? detector->config_schema : "{}");
    for (const wf_kind *kind = detector->kinds; kind && kind->id; kind++) {
        watchfire_detector_types_list_finding_kind_t *kinds = &manifest->finding_kinds;
        kinds->ptr = wf_grow(kinds->ptr, kinds->len, sizeof *kinds->ptr);
        kinds->ptr[kinds->len++] = (watchfire_detector_types_finding_kind_t){
            wf_string(kind->id), (uint8_t)kind->default_severity, wf_string(kind->description),
            wf_string(kind->runbook_url ? kind->runbook_url : "")};
    }
    for (const char *const *capability = detector->capabilities; capability && *capability; capability++) {
        detector_list_string_t *capabilities = &manifest->capabilities;
        capabilities->ptr = wf_grow(capabilities->ptr, capabilities->len, sizeof *capabilities->ptr);
        capabilities->ptr[capabilities->len++] = wf_string(*capability);
    }
}

bool exports_watchfire_detector_guest_start(detector_string_t *text, exports_watchfire_detector_guest_list_subscription_t *ret,
                                            exports_watchfire_detector_guest_config_error_t *error) {
    wf_failure = NULL;
    WF_KEEP(*text);
    wf_config config = {.root = wf_json_parse((const char *)text->ptr, text->len)};
    if (config.root) {
        wf_detector_main.start(&config);
        const char *unasked = config.wrong || wf_failure ? NULL : wf_config_unasked(&config);
        if (unasked) wf_config_wrong(&config, unasked, "unknown key");
    } else {
        wf_config_wrong(&config, "", "it is no JSON");
    }
    if (!config.wrong && wf_failure) wf_config_wrong(&config, "", "%s", wf_failure);
    bool right = !config.wrong;
    if (right) {
        *ret = config.subscriptions;
    } else {
        exports_watchfire_detector_guest_list_subscription_free(&config.subscriptions);
        error->key = wf_string(config.wrong_key);
        error->message = wf_string(config.wrong);
    }
    wf_release();
    return right;
}

bool exports_watchfire_detector_guest_on_batch(exports_watchfire_detector_guest_borrow_batch_t raw,
                                               exports_watchfire_detector_guest_list_finding_t *ret, detector_string_t *error) {
    wf_failure = NULL;
    wf_batch batch = {.raw = raw};
    wf_detector_main.on_batch(&batch);
    watchfire_detector_batches_batch_drop_borrow(raw);
    bool right = !wf_failure;
    if (!right) *error = wf_string(wf_failure);
    *ret = right ? (exports_watchfire_detector_guest_list_finding_t){wf_given(batch.finding_count * sizeof *ret->ptr), 0} : *ret;
    for (wf_finding *finding = batch.first; finding; finding = finding->next) {
        if (right) ret->ptr[ret->len++] = finding->claim;
        else exports_watchfire_detector_guest_finding_free(&finding->claim);
    }
    wf_release();
    return right;
}
