// The detector that is written in every language, in Go.
package main

import (
	"fmt"
	"math/big"
	"slices"

	"watchfire.dev/sdk"
	_ "watchfire.dev/sdk/component"
)

var (
	transfer    = watchfire.MustEvent("Transfer(address indexed from, address indexed to, uint256 value)")
	latestRound = watchfire.MustFunction("latestRoundData() view returns (uint80 roundId, int256 answer, uint256 startedAt, " +
		"uint256 updatedAt, uint80 answeredInRound)")
	price = []byte("price")
)

const digits = 18

// Watch is an account.
type Watch struct {
	Address watchfire.Address `json:"address"`
	Label   string            `json:"label"`
}

// Oracle is a price on the chain, and a feed that it is held against.
type Oracle struct {
	Address     watchfire.Address `json:"address"`
	Decimals    uint8             `json:"decimals"`
	Feed        string            `json:"feed"`
	MaxGapBps   uint32            `json:"max_gap_bps"`
	EveryBlocks uint64            `json:"every_blocks"`
}

// Config is what the operator writes.
type Config struct {
	Token    watchfire.Address `json:"token"`
	Symbol   string            `json:"symbol"`
	Decimals uint8             `json:"decimals"`
	Watch    []Watch           `json:"watch"`
	WindowS  uint64            `json:"window_s"`
	Limit    watchfire.Decimal `json:"limit"`
	Oracle   *Oracle           `json:"oracle"`
}

type rules struct {
	Config
	limit         *big.Int
	worthDecimals int
}

func start(config Config) (*watchfire.Started, error) {
	switch oracle := config.Oracle; {
	case config.WindowS == 0:
		return nil, watchfire.Wrong("window_s", "a window has at least one second")
	case len(config.Watch) == 0:
		return nil, watchfire.Wrong("watch", "name at least one account")
	case config.Decimals > 36:
		return nil, watchfire.Wrong("decimals", "at most 36")
	case oracle != nil && oracle.Decimals > 18:
		return nil, watchfire.Wrong("oracle.decimals", "at most 18")
	case oracle != nil && oracle.EveryBlocks == 0:
		return nil, watchfire.Wrong("oracle.every_blocks", "at least 1")
	}
	made := &rules{Config: config, worthDecimals: int(config.Decimals)}
	var senders []watchfire.Address
	for _, watch := range config.Watch {
		senders = append(senders, watch.Address)
	}
	wanted := []watchfire.Subscription{
		watchfire.Logs([]watchfire.Address{config.Token}, transfer, watchfire.Words(senders)),
	}
	if oracle := config.Oracle; oracle != nil {
		made.worthDecimals = int(oracle.Decimals)
		wanted = append(wanted, watchfire.Feed(oracle.Feed), watchfire.EveryBlocks(oracle.EveryBlocks))
	}
	var err error
	if made.limit, err = config.Limit.Units(made.worthDecimals); err != nil {
		return nil, watchfire.Wrong("limit", "%v", err)
	}
	return &watchfire.Started{Subscriptions: wanted, OnBatch: made.onBatch}, nil
}

func (r *rules) onBatch(batch *watchfire.Batch) (findings []*watchfire.Finding, err error) {
	if r.Oracle != nil && batch.Trigger() == watchfire.TriggerFeed {
		for _, seen := range batch.Observations() {
			if seen.Feed == r.Oracle.Feed {
				if err := watchfire.Put(price, []byte(seen.Value)); err != nil {
					return nil, err
				}
			}
		}
		return nil, nil
	}
	for _, watch := range r.Watch {
		finding, err := r.outflow(batch, watch)
		if err != nil {
			return nil, err
		}
		findings = append(findings, finding)
	}
	if r.Oracle != nil && len(batch.Due()) > 0 {
		finding, err := r.gap()
		if err != nil {
			return nil, err
		}
		findings = append(findings, finding)
	}
	return slices.DeleteFunc(findings, func(one *watchfire.Finding) bool { return one == nil }), nil
}

func (r *rules) outflow(batch *watchfire.Batch, watch Watch) (*watchfire.Finding, error) {
	out, transfers := new(big.Int), []watchfire.Log{}
	for log := range batch.Logs() {
		if values, is := transfer.Decode(log); is && values.Address("from") == watch.Address {
			out = watchfire.Saturated(new(big.Int).Add(out, values.Big("value")))
			transfers = append(transfers, log)
		}
	}
	if out.Sign() == 0 {
		return nil, nil
	}
	rolling := watchfire.Rolling{Key: watchfire.Key("out", watch.Address), SpanS: r.WindowS}
	sum, err := rolling.Add(batch.TimestampS(), out)
	if err != nil {
		return nil, err
	}
	worth, description, confidence := sum, "", uint8(80)
	over := watchfire.FormatUnits(r.limit, r.worthDecimals)
	if r.Oracle != nil {
		each, err := r.price()
		if err != nil {
			return nil, err
		}
		worth = watchfire.Saturated(new(big.Int).Mul(sum, each))
		worth = new(big.Int).Div(worth, watchfire.PowerOfTen(int(r.Decimals)))
		told := [2]string{watchfire.FormatUnits(worth, r.worthDecimals), watchfire.FormatUnits(each, r.worthDecimals)}
		description, confidence = fmt.Sprintf("Worth %s at %s each, over the limit of %s.", told[0], told[1], over), 95
	} else {
		description = fmt.Sprintf("Over the limit of %s.", over)
	}
	if worth.Cmp(r.limit) <= 0 {
		return nil, nil
	}
	told, err := watchfire.Count(watchfire.Key("told", watch.Address))
	if err != nil {
		return nil, err
	}
	watchfire.Debug("%s units left %s", sum, watch.Address)
	severity := watchfire.High
	if new(big.Int).Div(worth, big.NewInt(2)).Cmp(r.limit) >= 0 {
		severity = watchfire.Critical
	}
	finding := watchfire.NewFinding("outflow", severity, watchfire.Subject{Kind: "address", ID: watch.Address.String()})
	finding.ConfidencePercent = confidence
	amount := watchfire.FormatUnits(sum, int(r.Decimals))
	finding.Title = fmt.Sprintf("%s: %s %s left within %d s", watch.Label, amount, r.Symbol, r.WindowS)
	finding.Description = description
	finding.Amount(r.Token, sum)
	finding.Attribute("transfers", len(transfers))
	finding.Attribute("told", told)
	finding.Attribute("code", watchfire.Keccak256([]byte(watch.Label)).String()[:10])
	finding.Logs = transfers
	finding.ConditionKey = watch.Address.String()
	return finding, nil
}

func (r *rules) gap() (*watchfire.Finding, error) {
	text, found := watchfire.Get(price)
	if !found {
		return nil, nil
	}
	feed, err := watchfire.Decimal(text).Units(digits)
	if err != nil {
		return nil, err
	}
	onchain, err := r.price()
	if err != nil {
		return nil, err
	}
	scaled := new(big.Int).Mul(onchain, watchfire.PowerOfTen(digits-r.worthDecimals))
	apart := new(big.Int).Abs(new(big.Int).Sub(feed, scaled))
	gapBps := new(big.Int).Div(new(big.Int).Mul(apart, big.NewInt(10_000)), scaled)
	if gapBps.Cmp(big.NewInt(int64(r.Oracle.MaxGapBps))) <= 0 {
		return nil, nil
	}
	finding := watchfire.NewFinding("price-gap", watchfire.Medium, watchfire.Subject{Kind: "feed", ID: r.Oracle.Feed})
	finding.Title = fmt.Sprintf("%s: %s bps apart", r.Oracle.Feed, gapBps)
	told := [2]string{watchfire.FormatUnits(onchain, r.worthDecimals), watchfire.FormatUnits(feed, digits)}
	finding.Description = fmt.Sprintf("The oracle says %s, the feed %s.", told[0], told[1])
	finding.Attribute("gap_bps", gapBps)
	return finding, nil
}

// price is the oracle's, in its units.
func (r *rules) price() (*big.Int, error) {
	values, err := watchfire.Call(r.Oracle.Address, latestRound)
	if err != nil {
		return nil, err
	}
	if answer := values.Big("answer"); answer.Sign() > 0 && answer.BitLen() <= 128 {
		return answer, nil
	}
	return nil, fmt.Errorf("the oracle's price %s is not plausible", values.Big("answer"))
}

func init() {
	watchfire.Export(watchfire.Manifest{
		Name: "conformance", Version: "0.1.0",
		Summary: "Finds a token leaving watched accounts, and a price that is off.",
		Kinds: []watchfire.Kind{
			{ID: "outflow", DefaultSeverity: watchfire.High, Description: "More of a token left an account within the window than its limit."},
			{ID: "price-gap", DefaultSeverity: watchfire.Medium, Description: "The oracle and the feed are apart."},
		},
		Capabilities: []string{"chain", "state", "feeds"},
	}, start)
}

func main() {}
