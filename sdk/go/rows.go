package watchfire

import (
	"math/big"

	"watchfire.dev/sdk/bindings/watchfire_detector_types"
)

// Frame is a call frame, as a tracer gives it. Nothing in a block's header covers these.
type Frame struct {
	TransactionIndex uint32
	TransactionHash  Hash
	// Depth is 0 for the transaction's own call.
	Depth uint32
	// Kind is call, staticcall, delegatecall, callcode, create, create2 or selfdestruct.
	Kind string
	// Target is who is called, or made; zeros for a creation that failed.
	Sender, Target Address
	// Value is what it moves, in wei.
	Value *big.Int
	// Output is what it returned, or its revert data.
	Input, Output []byte
	GasUsed       uint64
	// Success is false where the frame itself, or any frame around it, was reverted.
	Success bool
}

// Selector is the first four bytes of the calldata; none where there are fewer.
func (f Frame) Selector() []byte {
	if len(f.Input) < 4 {
		return nil
	}
	return f.Input[:4]
}

// StorageChange is a storage slot that a transaction changed.
type StorageChange struct {
	TransactionIndex    uint32
	Address             Address
	Slot, Before, After Hash
}

// Creation is a contract that came into being.
type Creation struct {
	TransactionIndex uint32
	Creator, Address Address
}

// Heard is what another detector found.
type Heard struct {
	// Detector is the other detector's id in the config; ID is the finding's.
	Detector, ID, Kind string
	Severity           Severity
	ConfidencePercent  uint8
	Title, Description string
	Subject            Subject
	Transactions       []Hash
}

func addressOf(bytes []byte) (address Address) {
	copy(address[:], bytes)
	return address
}

func hashOf(bytes []byte) (hash Hash) {
	copy(hash[:], bytes)
	return hash
}

// Frames is call frames, each before those that it made.
func (b *Batch) Frames() (frames []Frame) {
	for _, row := range b.Raw.Frames() {
		frames = append(frames, Frame{
			TransactionIndex: row.TransactionIndex, TransactionHash: hashOf(row.TransactionHash), Depth: row.Depth, Kind: row.Kind,
			Sender: addressOf(row.Sender), Target: addressOf(row.Target), Value: hashOf(row.Value).Big(),
			Input: row.Input, Output: row.Output, GasUsed: row.GasUsed, Success: row.Success,
		})
	}
	return frames
}

// StorageChanges is storage slots that transactions changed.
func (b *Batch) StorageChanges() (changes []StorageChange) {
	for _, row := range b.Raw.StorageChanges() {
		changes = append(changes, StorageChange{
			TransactionIndex: row.TransactionIndex, Address: addressOf(row.Address),
			Slot: hashOf(row.Slot), Before: hashOf(row.Before), After: hashOf(row.After),
		})
	}
	return changes
}

// Creations is contracts that came into being.
func (b *Batch) Creations() (creations []Creation) {
	for _, row := range b.Raw.Creations() {
		creations = append(creations, Creation{
			TransactionIndex: row.TransactionIndex, Creator: addressOf(row.Creator), Address: addressOf(row.Address),
		})
	}
	return creations
}

// Findings is what other detectors found in the same block or observation.
func (b *Batch) Findings() (heard []Heard) {
	for _, row := range b.Raw.Findings() {
		found := row.Finding
		one := Heard{
			Detector: row.Detector, ID: row.Id, Kind: found.Kind, Severity: Severity(found.Severity),
			ConfidencePercent: found.ConfidencePercent, Title: found.Title, Description: found.Description,
			Subject: Subject{Kind: found.Subject.Kind, ID: found.Subject.Id},
		}
		for _, hash := range found.Transactions {
			one.Transactions = append(one.Transactions, hashOf(hash))
		}
		heard = append(heard, one)
	}
	return heard
}

// FrameFilter says which call frames; what is empty matches anything.
type FrameFilter struct {
	Targets   []Address
	Selectors [][4]byte
	// Kinds is as in Frame.
	Kinds []string
	// WithValue is for frames that move native value, and no others.
	WithValue bool
}

// Frames is call frames. Needs the capability traces.
func Frames(filter FrameFilter) Subscription {
	wanted := watchfire_detector_types.FrameFilter{
		Targets: bytesOf(filter.Targets), Kinds: filter.Kinds, WithValue: filter.WithValue,
	}
	for _, selector := range filter.Selectors {
		wanted.Selectors = append(wanted.Selectors, selector[:])
	}
	return watchfire_detector_types.MakeSubscriptionFrames(wanted)
}

// Storage is changes of slots of these contracts. Needs the capability storage.
func Storage(addresses []Address, slots ...Hash) Subscription {
	filter := watchfire_detector_types.StorageFilter{Addresses: bytesOf(addresses), Slots: bytesOf(slots)}
	return watchfire_detector_types.MakeSubscriptionStorage(filter)
}

// Findings is what other detectors find: these, of these kinds; any, where there are none. Needs the capability findings.
func Findings(detectors, kinds []string) Subscription {
	filter := watchfire_detector_types.FindingFilter{Detectors: detectors, Kinds: kinds}
	return watchfire_detector_types.MakeSubscriptionFindings(filter)
}
