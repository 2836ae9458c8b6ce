/* Finds a contract that is entered again before it is done. */
#include "watchfire.h"

#include <stdlib.h>
#include <string.h>

/* What the operator writes: the contracts that are watched. */
static struct {
    wf_address *watch;
    size_t count;
} rule;

static void start(wf_config *config) {
    rule.count = wf_config_count(config, "watch");
    if (rule.count == 0) return wf_config_wrong(config, "watch", "name at least one contract");
    rule.watch = malloc(rule.count * sizeof *rule.watch);
    for (size_t at = 0; at < rule.count; at++) {
        rule.watch[at] = wf_config_address(config, wf_text("watch.%zu", at));
    }
    /* All of them: whether a call stands within another is known only by those between. */
    wf_subscribe_frames(config, (wf_frame_filter){0});
}

static bool same(wf_address one, wf_address other) {
    return !memcmp(one.bytes, other.bytes, sizeof one.bytes);
}

static bool holds(const wf_address *addresses, size_t count, wf_address address) {
    while (count) if (same(addresses[--count], address)) return true;
    return false;
}

static void on_batch(wf_batch *batch) {
    /* Contracts at work in a transaction, from its own call inwards, and those that it was told of. */
    wf_address open[1025], told[64];
    size_t depth = 0, told_count = 0;
    uint32_t transaction = 0;
    for (size_t at = 0; at < wf_frame_count(batch); at++) {
        wf_frame frame = wf_frame_at(batch, at);
        if (frame.transaction_index != transaction) told_count = 0;
        transaction = frame.transaction_index;
        if (depth > frame.depth) depth = frame.depth;
        /* A delegatecall runs another's code, and its caller stays the one at work. */
        bool borrows = !strcmp(frame.kind, "delegatecall") || !strcmp(frame.kind, "callcode");
        wf_address at_work = borrows && depth ? open[depth - 1] : frame.target;
        bool is_caller = depth && same(open[depth - 1], at_work);
        bool is_again = !is_caller && holds(open, depth, at_work);
        if (depth < sizeof open / sizeof *open) open[depth++] = at_work;
        if (strcmp(frame.kind, "call") || !frame.success || !is_again) continue;
        if (!holds(rule.watch, rule.count, at_work) || holds(told, told_count, at_work)) continue;
        if (told_count < sizeof told / sizeof *told) told[told_count++] = at_work;
        char *contract = wf_address_text(at_work);
        wf_finding *finding = wf_find(batch, "reentrance", WF_CRITICAL, "address", contract);
        wf_title(finding, "%s was entered again before it was done", contract);
        wf_description(finding, "By %s, %u calls deep.", wf_address_text(frame.sender), (unsigned)frame.depth);
        wf_evidence_transaction(finding, frame.transaction_hash);
    }
}

const wf_detector wf_detector_main = {
    .name = "my-rule",
    .version = "0.1.0",
    .summary = "Finds a contract that is entered again before it is done.",
    .kinds = (const wf_kind[]){
        {"reentrance", WF_CRITICAL, "A watched contract was entered again before it was done.", NULL},
        {.id = NULL},
    },
    .capabilities = (const char *const[]){"traces", NULL},
    .start = start,
    .on_batch = on_batch,
};
