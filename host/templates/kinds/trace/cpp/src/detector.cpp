// Finds a contract that is entered again before it is done.
#include "watchfire.hpp"

#include <algorithm>

class Reentrance : public wf::Detector {
  public:
    static wf::Manifest manifest() {
        return {
            .name = "my-rule",
            .version = "0.1.0",
            .summary = "Finds a contract that is entered again before it is done.",
            .kinds = {{"reentrance", wf::Severity::critical, "A watched contract was entered again before it was done."}},
            .capabilities = {"traces"},
        };
    }

    // What the operator writes: the contracts that are watched.
    explicit Reentrance(wf::Config config) {
        wf::Config watch = config["watch"];
        for (size_t at = 0; at < watch.size(); at++) watch_.push_back(watch[at].address());
        if (watch_.empty()) watch.wrong("name at least one contract");
        // All of them: whether a call stands within another is known only by those between.
        config.subscribe_frames();
    }

    void on_batch(wf::Batch &batch) override {
        // Contracts at work in a transaction, from its own call inwards, and those that it was told of.
        std::vector<wf::Address> open, told;
        uint32_t transaction = 0;
        for (const wf::Frame &frame : batch.frames()) {
            if (frame.transaction_index != transaction) told.clear();
            transaction = frame.transaction_index;
            open.resize(std::min<size_t>(open.size(), frame.depth));
            // A delegatecall runs another's code, and its caller stays the one at work.
            bool borrows = frame.kind_name() == "delegatecall" || frame.kind_name() == "callcode";
            wf::Address at_work = borrows && !open.empty() ? open.back() : frame.to();
            bool is_caller = !open.empty() && open.back() == at_work;
            bool is_again = !is_caller && holds(open, at_work);
            open.push_back(at_work);
            if (frame.kind_name() != "call" || !frame.success || !is_again) continue;
            if (!holds(watch_, at_work) || holds(told, at_work)) continue;
            told.push_back(at_work);
            batch.find("reentrance", wf::Severity::critical, "address", at_work.text())
                .title(at_work.text() + " was entered again before it was done")
                .description("By " + frame.from().text() + ", " + std::to_string(frame.depth) + " calls deep.")
                .evidence(frame);
        }
    }

  private:
    static bool holds(const std::vector<wf::Address> &addresses, const wf::Address &address) {
        return std::find(addresses.begin(), addresses.end(), address) != addresses.end();
    }

    std::vector<wf::Address> watch_;
};

WF_EXPORT(Reentrance)
