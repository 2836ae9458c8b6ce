// Finds large transfers of a token.
#include "watchfire.hpp"

class LargeTransfers : public wf::Detector {
  public:
    static wf::Manifest manifest() {
        return {
            .name = "my-rule",
            .version = "0.1.0",
            .summary = "Finds large transfers of a token.",
            .kinds = {{"large-transfer", wf::Severity::high, "More of a token moved at once than the limit."}},
        };
    }

    // What the operator writes.
    explicit LargeTransfers(wf::Config config)
        : token_(config["token"].address()), symbol_(config["symbol"].text()),
          decimals_(static_cast<unsigned>(config["decimals"].number())),
          transfer_("Transfer(address indexed from, address indexed to, uint256 value)") {
        if (decimals_ > 36) config["decimals"].wrong("at most 36");
        limit_ = config["limit"].units(decimals_);
        config.subscribe_logs({token_}, {std::vector{transfer_.topic()}, {}, {}, {}});
    }

    void on_batch(wf::Batch &batch) override {
        for (const wf::Log &log : batch.logs()) {
            std::vector<wf::Value> values = transfer_.decode(log);
            if (values.empty() || values[2].number() <= limit_) continue;
            wf::u256 value = values[2].number();
            batch.find("large-transfer", wf::Severity::high, "address", values[0].address().text())
                .title(wf::format_units(value, decimals_) + " " + symbol_ + " moved")
                .description("To " + values[1].address().text() + ", over the limit of " + wf::format_units(limit_, decimals_) + ".")
                .amount(token_.text(), value)
                .evidence(log);
        }
    }

  private:
    wf::Address token_;
    std::string symbol_;
    unsigned decimals_;
    wf::Event transfer_;
    wf::u256 limit_ = 0; // Largest transfer that is not told.
};

WF_EXPORT(LargeTransfers)
