/* The detector that is written in every language, in C. */
#include "watchfire.h"

#include <stdlib.h>
#include <string.h>

enum { WATCHED_AT_MOST = 64 };

static struct {
    wf_address token, oracle;
    char *symbol, *feed, *labels[WATCHED_AT_MOST];
    wf_address watched[WATCHED_AT_MOST];
    size_t watched_count, tick;
    unsigned decimals, worth_decimals;
    uint64_t window_s, max_gap_bps;
    wf_u256 limit;
    bool has_oracle;
    wf_event transfer;
} rules;

static const wf_bytes PRICE = {(const uint8_t *)"price", 5};

static char *owned(const char *text) {
    return strdup(text);
}

static void start(wf_config *config) {
    rules.token = wf_config_address(config, "token");
    rules.symbol = owned(wf_config_text(config, "symbol"));
    rules.decimals = (unsigned)wf_config_number(config, "decimals");
    rules.window_s = wf_config_number(config, "window_s");
    rules.watched_count = wf_config_count(config, "watch");
    if (!rules.window_s) wf_config_wrong(config, "window_s", "a window has at least one second");
    if (!rules.watched_count) wf_config_wrong(config, "watch", "name at least one account");
    if (rules.watched_count > WATCHED_AT_MOST) wf_config_wrong(config, "watch", "at most %d accounts", WATCHED_AT_MOST);
    if (rules.decimals > 36) wf_config_wrong(config, "decimals", "at most 36");
    if (wf_failed() || rules.watched_count > WATCHED_AT_MOST) return;
    wf_hash *senders = wf_alloc(rules.watched_count * sizeof *senders);
    for (size_t at = 0; at < rules.watched_count; at++) {
        rules.watched[at] = wf_config_address(config, wf_text("watch.%zu.address", at));
        rules.labels[at] = owned(wf_config_text(config, wf_text("watch.%zu.label", at)));
        senders[at] = wf_word_of(rules.watched[at]);
    }
    rules.transfer = wf_event_of("Transfer(address indexed from, address indexed to, uint256 value)");
    wf_subscribe_logs(config, &rules.token, 1, (wf_words[4]){{&rules.transfer.topic, 1}, {senders, rules.watched_count}});
    rules.worth_decimals = rules.decimals;
    rules.has_oracle = wf_config_has(config, "oracle");
    if (rules.has_oracle) {
        rules.oracle = wf_config_address(config, "oracle.address");
        rules.worth_decimals = (unsigned)wf_config_number(config, "oracle.decimals");
        rules.feed = owned(wf_config_text(config, "oracle.feed"));
        rules.max_gap_bps = wf_config_number(config, "oracle.max_gap_bps");
        uint64_t every_blocks = wf_config_number(config, "oracle.every_blocks");
        if (rules.worth_decimals > 18) wf_config_wrong(config, "oracle.decimals", "at most 18");
        if (!every_blocks) wf_config_wrong(config, "oracle.every_blocks", "at least 1");
        wf_subscribe_feed(config, rules.feed);
        rules.tick = wf_subscribe_every_blocks(config, every_blocks);
    }
    rules.limit = wf_config_units(config, "limit", rules.worth_decimals);
}

/* The oracle's price, in its units; 0 where the batch has failed. */
static wf_u256 price(void) {
    wf_u256 answer = wf_u256_of(wf_word_at(wf_call_signature(rules.oracle, "latestRoundData()"), 1));
    if (!wf_failed() && (!answer || answer >> 128)) wf_fail("the oracle's price is not plausible");
    return wf_failed() ? 0 : answer;
}

static void find_outflow(wf_batch *batch, size_t at) {
    wf_log *transfers = wf_alloc(wf_log_count(batch) * sizeof *transfers);
    size_t transfer_count = 0;
    wf_u256 out = 0;
    for (size_t position = 0; position < wf_log_count(batch); position++) {
        wf_log log = wf_log_at(batch, position);
        wf_value values[3];
        if (!wf_decode(&rules.transfer, &log, values)) continue;
        if (!wf_same_address(wf_address_of(values[0].word), rules.watched[at])) continue;
        out = wf_add(out, wf_u256_of(values[2].word));
        transfers[transfer_count++] = log;
    }
    if (!out) return;
    wf_key window = wf_key_of("out", rules.watched[at]), told = wf_key_of("told", rules.watched[at]);
    wf_u256 sum = wf_rolling_add((wf_bytes){window.data, window.size}, rules.window_s, wf_timestamp_s(batch), out);
    wf_u256 each = rules.has_oracle ? price() : 0;
    wf_u256 worth = rules.has_oracle ? wf_scale(sum, each, wf_power_of_ten(rules.decimals)) : sum;
    if (wf_failed() || worth <= rules.limit) return;
    uint64_t count = wf_count((wf_bytes){told.data, told.size});
    char *account = wf_address_text(rules.watched[at]);
    wf_log_debug("%s units left %s", wf_u256_text(sum), account);
    wf_finding *finding = wf_find(batch, "outflow", worth / 2 >= rules.limit ? WF_CRITICAL : WF_HIGH, "address", account);
    wf_confidence(finding, rules.has_oracle ? 95 : 80);
    wf_title(finding, "%s: %s %s left within %llu s", rules.labels[at], wf_units_text(sum, rules.decimals), rules.symbol,
             rules.window_s);
    char *limit = wf_units_text(rules.limit, rules.worth_decimals);
    if (rules.has_oracle) {
        wf_description(finding, "Worth %s at %s each, over the limit of %s.", wf_units_text(worth, rules.worth_decimals),
                       wf_units_text(each, rules.worth_decimals), limit);
    } else {
        wf_description(finding, "Over the limit of %s.", limit);
    }
    wf_amount(finding, wf_address_text(rules.token), sum);
    wf_attribute(finding, "transfers", wf_text("%zu", transfer_count));
    wf_attribute(finding, "told", wf_text("%llu", count));
    wf_hash code = wf_keccak256((wf_bytes){(const uint8_t *)rules.labels[at], strlen(rules.labels[at])});
    wf_attribute(finding, "code", wf_text("0x%02x%02x%02x%02x", code.bytes[0], code.bytes[1], code.bytes[2], code.bytes[3]));
    wf_condition_key(finding, account);
    for (size_t position = 0; position < transfer_count; position++) wf_evidence(batch, finding, &transfers[position]);
}

static void find_gap(wf_batch *batch) {
    enum { DIGITS = 18 };
    wf_bytes told = wf_state_get(PRICE);
    if (!told.data) return;
    char *text = wf_text("%.*s", (int)told.size, told.data);
    wf_u256 feed, oracle = price();
    if (!wf_units_parse(text, DIGITS, &feed)) wf_fail("the feed's price %s is no decimal number", text);
    if (wf_failed()) return;
    wf_u256 scaled = oracle * wf_power_of_ten(DIGITS - rules.worth_decimals);
    wf_u256 gap_bps = wf_scale(feed > scaled ? feed - scaled : scaled - feed, 10000, scaled);
    if (gap_bps <= rules.max_gap_bps) return;
    wf_finding *finding = wf_find(batch, "price-gap", WF_MEDIUM, "feed", rules.feed);
    wf_title(finding, "%s: %s bps apart", rules.feed, wf_u256_text(gap_bps));
    wf_description(finding, "The oracle says %s, the feed %s.", wf_units_text(oracle, rules.worth_decimals),
                   wf_units_text(feed, DIGITS));
    wf_attribute(finding, "gap_bps", wf_u256_text(gap_bps));
}

static void on_batch(wf_batch *batch) {
    if (rules.has_oracle && wf_batch_trigger(batch) == WF_FEED) {
        for (size_t at = 0; at < wf_observation_count(batch); at++) {
            wf_observation seen = wf_observation_at(batch, at);
            if (!strcmp(seen.feed, rules.feed)) {
                wf_state_put(PRICE, (wf_bytes){(const uint8_t *)seen.value, strlen(seen.value)});
            }
        }
        return;
    }
    for (size_t at = 0; at < rules.watched_count; at++) find_outflow(batch, at);
    if (rules.has_oracle && wf_is_due(batch, rules.tick)) find_gap(batch);
}

const wf_detector wf_detector_main = {
    .name = "conformance",
    .version = "0.1.0",
    .summary = "Finds a token leaving watched accounts, and a price that is off.",
    .kinds = (const wf_kind[]){
        {"outflow", WF_HIGH, "More of a token left an account within the window than its limit.", NULL},
        {"price-gap", WF_MEDIUM, "The oracle and the feed are apart.", NULL},
        {.id = NULL},
    },
    .capabilities = (const char *const[]){"chain", "state", "feeds", NULL},
    .start = start,
    .on_batch = on_batch,
};
