/* Finds large transfers of a token. */
#include "watchfire.h"

#include <string.h>

/* What the operator writes. */
static struct {
    wf_address token;
    char *symbol;
    unsigned decimals;
    wf_u256 limit; /* Largest transfer that is not told. */
    wf_event transfer;
} rule;

static void start(wf_config *config) {
    rule.token = wf_config_address(config, "token");
    /* The config's text ends with the start. */
    rule.symbol = strdup(wf_config_text(config, "symbol"));
    rule.decimals = (unsigned)wf_config_number(config, "decimals");
    if (rule.decimals > 36) wf_config_wrong(config, "decimals", "at most 36");
    rule.limit = wf_config_units(config, "limit", rule.decimals);
    rule.transfer = wf_event_of("Transfer(address indexed from, address indexed to, uint256 value)");
    wf_subscribe_logs(config, &rule.token, 1, (wf_words[4]){{&rule.transfer.topic, 1}});
}

static void on_batch(wf_batch *batch) {
    for (size_t at = 0; at < wf_log_count(batch); at++) {
        wf_log log = wf_log_at(batch, at);
        wf_value values[3];
        if (!wf_decode(&rule.transfer, &log, values)) continue;
        wf_u256 value = wf_u256_of(values[2].word);
        if (value <= rule.limit) continue;
        char *from = wf_address_text(wf_address_of(values[0].word)), *to = wf_address_text(wf_address_of(values[1].word));
        wf_finding *finding = wf_find(batch, "large-transfer", WF_HIGH, "address", from);
        wf_title(finding, "%s %s moved", wf_units_text(value, rule.decimals), rule.symbol);
        wf_description(finding, "To %s, over the limit of %s.", to, wf_units_text(rule.limit, rule.decimals));
        wf_amount(finding, wf_address_text(rule.token), value);
        wf_evidence(batch, finding, &log);
    }
}

const wf_detector wf_detector_main = {
    .name = "my-rule",
    .version = "0.1.0",
    .summary = "Finds large transfers of a token.",
    .kinds = (const wf_kind[]){
        {"large-transfer", WF_HIGH, "More of a token moved at once than the limit.", NULL},
        {.id = NULL},
    },
    .start = start,
    .on_batch = on_batch,
};
