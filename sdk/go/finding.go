package watchfire

import (
	"fmt"
	"math/big"

	"watchfire.dev/sdk/bindings/watchfire_detector_types"
	wit "watchfire.dev/sdk/internal/wit/types"
)

// Subject is what a finding is about: a kind such as address, pool or feed, and which one.
type Subject struct{ Kind, ID string }

// Finding is what a detector claims.
type Finding struct {
	Kind               string
	Severity           Severity
	Subject            Subject
	Title, Description string
	// ConfidencePercent is how sure the detector is, 0 to 100.
	ConfidencePercent uint8
	// Logs and Transactions are evidence; the transaction of a log is evidence with it.
	Logs         []Log
	Transactions []Hash
	// ConditionKey: findings of one kind about one subject with the same key are one condition.
	ConditionKey string

	amounts    []watchfire_detector_types.Amount
	attributes []wit.Tuple2[string, string]
}

// NewFinding is a finding of which the detector is sure.
func NewFinding(kind string, severity Severity, subject Subject) *Finding {
	return &Finding{Kind: kind, Severity: severity, Subject: subject, Title: kind, ConfidencePercent: 100}
}

// Amount adds how much of what, in the asset's smallest unit: native, a token's address, or a label such as usd.
func (f *Finding) Amount(asset fmt.Stringer, value *big.Int) {
	f.amounts = append(f.amounts, watchfire_detector_types.Amount{Asset: asset.String(), Value: value.String()})
}

// Attribute adds anything else.
func (f *Finding) Attribute(key string, value any) {
	f.attributes = append(f.attributes, wit.Tuple2[string, string]{F0: key, F1: fmt.Sprint(value)})
}

func (f *Finding) claim(batch *Batch) watchfire_detector_types.Finding {
	claim := watchfire_detector_types.Finding{
		Kind: f.Kind, Severity: uint8(f.Severity), ConfidencePercent: min(f.ConfidencePercent, 100),
		Title: f.Title, Description: f.Description,
		Subject: watchfire_detector_types.Subject{Kind: f.Subject.Kind, Id: f.Subject.ID},
		Amounts: f.amounts, Attributes: f.attributes, ConditionKey: f.ConditionKey,
	}
	hashes := f.Transactions
	for _, log := range f.Logs {
		reference := watchfire_detector_types.LogReference{BlockNumber: batch.BlockNumber(), LogIndex: log.Index()}
		claim.Logs = append(claim.Logs, reference)
		hashes = append(hashes, batch.TransactionHash(log.TransactionIndex()))
	}
	seen := map[Hash]bool{{}: true}
	for _, hash := range hashes {
		if !seen[hash] {
			claim.Transactions = append(claim.Transactions, hash[:])
		}
		seen[hash] = true
	}
	return claim
}
