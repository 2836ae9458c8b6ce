// The detector that is written in every language, in C++.
#include "watchfire.hpp"

#include <cstdio>
#include <optional>

namespace {

constexpr std::string_view PRICE = "price";
constexpr unsigned DIGITS = 18;

struct Watch {
    wf::Address address;
    std::string label;
};

struct Oracle {
    wf::Address address;
    unsigned decimals;
    std::string feed;
    uint64_t max_gap_bps;
    size_t tick;

    // The oracle's price, in its units; 0 where the batch has failed.
    wf::u256 price() const {
        wf::u256 answer = wf::chain::word_at(wf::chain::call(address, "latestRoundData()"), 1).number();
        if (!wf::failed() && (answer == 0 || answer >> 128 != 0)) wf::fail("the oracle's price is not plausible");
        return wf::failed() ? wf::u256(0) : answer;
    }
};

class Conformance : public wf::Detector {
  public:
    static wf::Manifest manifest() {
        return {
            .name = "conformance",
            .version = "0.1.0",
            .summary = "Finds a token leaving watched accounts, and a price that is off.",
            .kinds =
                {
                    {"outflow", wf::Severity::high, "More of a token left an account within the window than its limit."},
                    {"price-gap", wf::Severity::medium, "The oracle and the feed are apart."},
                },
            .capabilities = {"chain", "state", "feeds"},
        };
    }

    explicit Conformance(wf::Config config)
        : token_(config["token"].address()), symbol_(config["symbol"].text()),
          decimals_(static_cast<unsigned>(config["decimals"].number())), worth_decimals_(decimals_),
          window_s_(config["window_s"].number()), transfer_("Transfer(address indexed from, address indexed to, uint256 value)") {
        if (window_s_ == 0) config["window_s"].wrong("a window has at least one second");
        if (config["watch"].size() == 0) config["watch"].wrong("name at least one account");
        if (decimals_ > 36) config["decimals"].wrong("at most 36");
        std::vector<wf::Hash> senders;
        for (size_t at = 0; at < config["watch"].size(); at++) {
            wf::Config watch = config["watch"][at];
            watched_.push_back({watch["address"].address(), watch["label"].text()});
            senders.push_back(watched_.back().address.word());
        }
        config.subscribe_logs({token_}, {std::vector{transfer_.topic()}, senders, {}, {}});
        if (wf::Config oracle = config["oracle"]; oracle.is_there()) {
            oracle_ = Oracle{oracle["address"].address(), static_cast<unsigned>(oracle["decimals"].number()), oracle["feed"].text(),
                             oracle["max_gap_bps"].number(), 0};
            worth_decimals_ = oracle_->decimals;
            uint64_t every_blocks = oracle["every_blocks"].number();
            if (worth_decimals_ > DIGITS) oracle["decimals"].wrong("at most 18");
            if (every_blocks == 0) oracle["every_blocks"].wrong("at least 1");
            config.subscribe_feed(oracle_->feed);
            oracle_->tick = config.subscribe_every_blocks(every_blocks);
        }
        limit_ = config["limit"].units(worth_decimals_);
    }

    void on_batch(wf::Batch &batch) override {
        if (oracle_ && batch.trigger() == wf::Trigger::feed) {
            for (const wf_observation &seen : batch.observations()) {
                if (seen.feed == oracle_->feed) wf::state::put(PRICE, seen.value);
            }
            return;
        }
        for (const Watch &watch : watched_) find_outflow(batch, watch);
        if (oracle_ && batch.is_due(oracle_->tick)) find_gap(batch);
    }

  private:
    void find_outflow(wf::Batch &batch, const Watch &watch) {
        std::vector<wf::Log> transfers;
        wf::u256 out = 0;
        for (const wf::Log &log : batch.logs()) {
            std::vector<wf::Value> values = transfer_.decode(log);
            if (values.empty() || values[0].address() != watch.address) continue;
            out = wf::add(out, values[2].number());
            transfers.push_back(log);
        }
        if (out == 0) return;
        auto key = [&](const char *name) { return std::string(name).append(watch.address.view()); };
        wf::u256 sum = wf::state::rolling_add(key("out"), window_s_, batch.timestamp_s(), out);
        wf::u256 each = oracle_ ? oracle_->price() : wf::u256(0);
        wf::u256 worth = oracle_ ? wf::scale(sum, each, wf::power_of_ten(decimals_)) : sum;
        if (wf::failed() || worth <= limit_) return;
        uint64_t told = wf::state::count(key("told"));
        std::string account = watch.address.text(), over = wf::format_units(limit_, worth_decimals_);
        wf_log_debug("%s units left %s", wf::to_string(sum).c_str(), account.c_str());
        std::string description = "Over the limit of " + over + ".";
        if (oracle_) {
            description = "Worth " + wf::format_units(worth, worth_decimals_) + " at " + wf::format_units(each, worth_decimals_) +
                          " each, over the limit of " + over + ".";
        }
        wf::Hash hash = wf::keccak256(watch.label);
        char code[11];
        std::snprintf(code, sizeof code, "0x%02x%02x%02x%02x", hash.bytes[0], hash.bytes[1], hash.bytes[2], hash.bytes[3]);
        wf::Severity severity = worth / 2 >= limit_ ? wf::Severity::critical : wf::Severity::high;
        wf::Finding finding = batch.find("outflow", severity, "address", account);
        finding.confidence(oracle_ ? 95 : 80)
            .title(watch.label + ": " + wf::format_units(sum, decimals_) + " " + symbol_ + " left within " +
                   std::to_string(window_s_) + " s")
            .description(description)
            .amount(token_.text(), sum)
            .attribute("transfers", std::to_string(transfers.size()))
            .attribute("told", std::to_string(told))
            .attribute("code", code)
            .condition_key(account);
        for (const wf::Log &log : transfers) finding.evidence(log);
    }

    void find_gap(wf::Batch &batch) {
        std::unique_ptr<std::string> told = wf::state::get(PRICE);
        if (!told) return;
        wf::u256 feed = 0, onchain = oracle_->price();
        if (!wf_units_parse(told->c_str(), DIGITS, &feed)) wf::fail("the feed's price " + *told + " is no decimal number");
        if (wf::failed()) return;
        wf::u256 scaled = onchain * wf::power_of_ten(DIGITS - oracle_->decimals);
        wf::u256 gap_bps = wf::scale(feed > scaled ? feed - scaled : scaled - feed, 10000, scaled);
        if (gap_bps <= oracle_->max_gap_bps) return;
        batch.find("price-gap", wf::Severity::medium, "feed", oracle_->feed)
            .title(oracle_->feed + ": " + wf::to_string(gap_bps) + " bps apart")
            .description("The oracle says " + wf::format_units(onchain, oracle_->decimals) + ", the feed " +
                         wf::format_units(feed, DIGITS) + ".")
            .attribute("gap_bps", wf::to_string(gap_bps));
    }

    wf::Address token_;
    std::string symbol_;
    unsigned decimals_, worth_decimals_;
    uint64_t window_s_;
    wf::Event transfer_;
    std::vector<Watch> watched_;
    std::optional<Oracle> oracle_;
    wf::u256 limit_ = 0;
};

} // namespace

WF_EXPORT(Conformance)
