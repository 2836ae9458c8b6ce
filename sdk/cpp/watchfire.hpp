// Write Watchfire detectors in C++: a class that is exported by WF_EXPORT, built with `watchfire plugin build`.
//
//     #include "watchfire.hpp"
//
//     struct Pauses : wf::Detector {
//         static wf::Manifest manifest();
//         explicit Pauses(wf::Config config);
//         void on_batch(wf::Batch &batch) override;
//     };
//
//     WF_EXPORT(Pauses)
//
// It stands on the SDK of C, whose rules hold: errors stick and end the call when your function returns (there are no
// exceptions in the sandbox), and members are a cache that the host may drop between any two batches.
#pragma once

#include <array>
#include <cstring>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "watchfire.h"

namespace wf {

// 256-bit numbers have the operators of any integer; they wrap, so that sums of hostile amounts belong into `add`.
using u256 = wf_u256;

enum class Severity { info, low, medium, high, critical };
enum class Trigger { block, feed, pending };

struct Kind {
    const char *id;
    Severity default_severity;
    const char *description;
    const char *runbook_url = nullptr;
};

struct Manifest {
    const char *name, *version, *summary;
    std::vector<Kind> kinds;
    std::vector<const char *> capabilities;
    const char *config_schema = nullptr;
};

inline u256 add(u256 one, u256 other) { return wf_add(one, other); }
// value × factor ÷ divisor, rounded down, exact in between, at most the largest number.
inline u256 scale(u256 value, u256 factor, u256 divisor) { return wf_scale(value, factor, divisor); }
inline u256 power_of_ten(unsigned exponent) { return wf_power_of_ten(exponent); }
inline std::string to_string(u256 value) { return wf_u256_text(value); }
// A number of units of which 10^decimals make one, without trailing zeros.
inline std::string format_units(u256 units, unsigned decimals) { return wf_units_text(units, decimals); }

// The call can't succeed.
inline void fail(const std::string &why) { wf_fail("%s", why.c_str()); }
inline bool failed() { return wf_failed(); }

inline wf_bytes bytes_of(std::string_view text) { return {reinterpret_cast<const uint8_t *>(text.data()), text.size()}; }
inline std::string string_of(wf_bytes bytes) { return {reinterpret_cast<const char *>(bytes.data), bytes.size}; }

struct Hash : wf_hash {
    Hash() : wf_hash{} {}
    Hash(wf_hash raw) : wf_hash(raw) {}
    explicit Hash(u256 value) : wf_hash(wf_hash_of(value)) {}
    u256 number() const { return wf_u256_of(*this); }
    bool operator==(const Hash &other) const { return std::memcmp(bytes, other.bytes, sizeof bytes) == 0; }
};

struct Address : wf_address {
    Address() : wf_address{} {}
    Address(wf_address raw) : wf_address(raw) {}
    explicit Address(const Hash &word) : wf_address(wf_address_of(word)) {}
    Hash word() const { return wf_word_of(*this); }
    // With the mixed case of EIP-55.
    std::string text() const { return wf_address_text(*this); }
    std::string_view view() const { return {reinterpret_cast<const char *>(bytes), sizeof bytes}; }
    bool operator==(const Address &other) const { return std::memcmp(bytes, other.bytes, sizeof bytes) == 0; }
};

inline Hash keccak256(std::string_view text) { return wf_keccak256(bytes_of(text)); }

// A place in the config: `config["oracle"]["decimals"].number()`. A key that is missing, malformed or never asked for ends the
// start with an error that names it.
class Config {
  public:
    explicit Config(wf_config *raw, std::string path = {}) : raw_(raw), path_(std::move(path)) {}

    Config operator[](std::string_view key) const { return Config(raw_, path_.empty() ? std::string(key) : path_ + "." + std::string(key)); }
    Config operator[](size_t position) const { return (*this)[std::string_view(std::to_string(position))]; }

    bool is_there() const { return wf_config_has(raw_, path_.c_str()); }
    std::string text() const { return wf_config_text(raw_, path_.c_str()); }
    uint64_t number() const { return wf_config_number(raw_, path_.c_str()); }
    Address address() const { return wf_config_address(raw_, path_.c_str()); }
    // A decimal number as text, in units of which 10^decimals make one.
    u256 units(unsigned decimals) const { return wf_config_units(raw_, path_.c_str(), decimals); }
    // How many entries a list has.
    size_t size() const { return wf_config_count(raw_, path_.c_str()); }
    // The config can't be worked with because of this key.
    void wrong(const std::string &why) const { wf_config_wrong(raw_, path_.c_str(), "%s", why.c_str()); }

    // Subscriptions count from 0, and `Batch::is_due` asks by that number.
    size_t subscribe_logs(const std::vector<Address> &addresses, const std::array<std::vector<Hash>, 4> &topics) const {
        std::array<wf_words, 4> words;
        for (size_t at = 0; at < 4; at++) words[at] = {topics[at].data(), topics[at].size()};
        return wf_subscribe_logs(raw_, addresses.data(), addresses.size(), words.data());
    }
    // Call frames; what is empty matches anything. Needs the capability `traces`.
    size_t subscribe_frames(const std::vector<Address> &targets = {}, const std::vector<const char *> &kinds = {}) const {
        return wf_subscribe_frames(raw_, {.targets = targets.data(), .target_count = targets.size(), .selectors = nullptr,
                                          .selector_count = 0, .kinds = kinds.data(), .kind_count = kinds.size(),
                                          .with_value = false});
    }
    // The same with all that a filter can say.
    size_t subscribe_frames(const wf_frame_filter &filter) const { return wf_subscribe_frames(raw_, filter); }
    size_t subscribe_feed(const std::string &name) const { return wf_subscribe_feed(raw_, name.c_str()); }
    size_t subscribe_every_blocks(uint64_t count) const { return wf_subscribe_every_blocks(raw_, count); }
    size_t subscribe_every_seconds(uint64_t span_s) const { return wf_subscribe_every_seconds(raw_, span_s); }

  private:
    wf_config *raw_;
    std::string path_;
};

static_assert(sizeof(Hash) == 32 && sizeof(Address) == 20, "rows of them are handed to C");

class Log {
  public:
    explicit Log(wf_log raw) : raw_(raw) {}
    Address address() const { return raw_.address; }
    size_t topic_count() const { return raw_.topic_count; }
    Hash topic(size_t position) const { return raw_.topics[position]; }
    std::string_view data() const { return {reinterpret_cast<const char *>(raw_.data.data), raw_.data.size}; }
    uint32_t index() const { return raw_.index; }
    const wf_log &raw() const { return raw_; }

  private:
    wf_log raw_;
};

// A call frame.
struct Frame : wf_frame {
    Frame(wf_frame raw) : wf_frame(raw) {}
    Address from() const { return sender; }
    Address to() const { return target; }
    std::string_view kind_name() const { return kind; }
};

// A value of an event.
struct Value : wf_value {
    u256 number() const { return wf_u256_of(word); }
    Address address() const { return wf_address_of(word); }
};

// An event by its signature: `Transfer(address indexed from, address indexed to, uint256 value)`.
class Event {
  public:
    explicit Event(const char *signature) : raw_(wf_event_of(signature)) {}
    Hash topic() const { return raw_.topic; }
    // The values in the order of the signature; none where the log is of another event or not as this one says.
    std::vector<Value> decode(const Log &log) const {
        std::vector<Value> values(raw_.count);
        if (!wf_decode(&raw_, &log.raw(), values.data())) values.clear();
        return values;
    }

  private:
    wf_event raw_;
};

class Batch;

class Finding {
  public:
    Finding(wf_batch *batch, wf_finding *raw) : batch_(batch), raw_(raw) {}
    Finding &confidence(uint8_t percent) { return wf_confidence(raw_, percent), *this; }
    Finding &title(const std::string &text) { return wf_title(raw_, "%s", text.c_str()), *this; }
    Finding &description(const std::string &text) { return wf_description(raw_, "%s", text.c_str()), *this; }
    Finding &evidence(const Log &log) { return wf_evidence(batch_, raw_, &log.raw()), *this; }
    Finding &evidence(const Frame &frame) { return wf_evidence_transaction(raw_, frame.transaction_hash), *this; }
    Finding &amount(const std::string &asset, u256 value) { return wf_amount(raw_, asset.c_str(), value), *this; }
    Finding &attribute(const char *key, const std::string &value) { return wf_attribute(raw_, key, value.c_str()), *this; }
    Finding &condition_key(const std::string &key) { return wf_condition_key(raw_, key.c_str()), *this; }

  private:
    wf_batch *batch_;
    wf_finding *raw_;
};

class Batch {
  public:
    explicit Batch(wf_batch *raw) : raw_(raw) {}

    class Logs {
      public:
        class iterator {
          public:
            iterator(wf_batch *batch, size_t at) : batch_(batch), at_(at) {}
            Log operator*() const { return Log(wf_log_at(batch_, at_)); }
            iterator &operator++() { return at_++, *this; }
            bool operator!=(const iterator &other) const { return at_ != other.at_; }

          private:
            wf_batch *batch_;
            size_t at_;
        };
        explicit Logs(wf_batch *batch) : batch_(batch) {}
        size_t size() const { return wf_log_count(batch_); }
        iterator begin() const { return {batch_, 0}; }
        iterator end() const { return {batch_, size()}; }

      private:
        wf_batch *batch_;
    };

    Trigger trigger() const { return static_cast<Trigger>(wf_batch_trigger(raw_)); }
    uint64_t chain_id() const { return wf_chain_id(raw_); }
    uint64_t block_number() const { return wf_block_number(raw_); }
    // Chain time, seconds since the Unix epoch.
    uint64_t timestamp_s() const { return wf_timestamp_s(raw_); }
    bool is_due(size_t subscription) const { return wf_is_due(raw_, subscription); }
    Logs logs() const { return Logs(raw_); }
    // Call frames, each before those that it made.
    std::vector<Frame> frames() const {
        std::vector<Frame> all;
        for (size_t at = 0; at < wf_frame_count(raw_); at++) all.push_back(wf_frame_at(raw_, at));
        return all;
    }
    std::vector<wf_observation> observations() const {
        std::vector<wf_observation> seen;
        for (size_t at = 0; at < wf_observation_count(raw_); at++) seen.push_back(wf_observation_at(raw_, at));
        return seen;
    }
    // A finding of which the detector is sure.
    Finding find(const char *kind, Severity severity, const char *subject_kind, const std::string &subject_id) {
        return {raw_, wf_find(raw_, kind, static_cast<wf_severity>(severity), subject_kind, subject_id.c_str())};
    }
    // For what has no function here.
    wf_batch *raw() const { return raw_; }

  private:
    wf_batch *raw_;
};

namespace chain {
// A call of a function without parameters, as the chain stood after the block under inspection: `totalSupply()`.
inline std::string call(const Address &to, const char *signature) { return string_of(wf_call_signature(to, signature)); }
inline std::string call_raw(const Address &to, std::string_view data) { return string_of(wf_call(to, bytes_of(data))); }
// The word at a position of what was returned.
inline Hash word_at(std::string_view data, size_t position) { return wf_word_at(bytes_of(data), position); }
} // namespace chain

namespace state {
// A pointer that is null where there is nothing.
inline std::unique_ptr<std::string> get(std::string_view key) {
    wf_bytes found = wf_state_get(bytes_of(key));
    return found.data ? std::make_unique<std::string>(string_of(found)) : nullptr;
}
inline void put(std::string_view key, std::string_view value) { wf_state_put(bytes_of(key), bytes_of(value)); }
inline void remove(std::string_view key) { wf_state_delete(bytes_of(key)); }
// Counts one more, and gives the count.
inline uint64_t count(std::string_view key) { return wf_count(bytes_of(key)); }
// Adds to a sum over the last `span_s` seconds of chain time, and gives the sum. The layout is that of every SDK.
inline u256 rolling_add(std::string_view key, uint64_t span_s, uint64_t now_s, u256 amount) {
    return wf_rolling_add(bytes_of(key), span_s, now_s, amount);
}
} // namespace state

// What a detector must be. It is made from the config on each fresh instance.
struct Detector {
    virtual ~Detector() = default;
    virtual void on_batch(Batch &batch) = 0;
};

template <typename Made> struct Exported {
    static inline std::unique_ptr<Made> detector;

    static void start(wf_config *config) { detector = std::make_unique<Made>(Config(config)); }
    static void on_batch(wf_batch *raw) {
        Batch batch(raw);
        detector->on_batch(batch);
    }
};

} // namespace wf

// Exports a class that is a wf::Detector, has a constructor from a wf::Config, and a `manifest()`.
#define WF_EXPORT(Made)                                                                                        \
    extern "C" const wf_detector wf_detector_main = [] {                                                       \
        static const wf::Manifest said = Made::manifest();                                                     \
        static std::vector<wf_kind> kinds;                                                                     \
        static std::vector<const char *> capabilities = said.capabilities;                                     \
        for (const wf::Kind &kind : said.kinds)                                                                \
            kinds.push_back({kind.id, static_cast<wf_severity>(kind.default_severity), kind.description, kind.runbook_url}); \
        kinds.push_back({});                                                                                   \
        capabilities.push_back(nullptr);                                                                       \
        return wf_detector{said.name, said.version, said.summary, kinds.data(), capabilities.data(),           \
                           said.config_schema, wf::Exported<Made>::start, wf::Exported<Made>::on_batch};       \
    }();
