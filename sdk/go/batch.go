package watchfire

import (
	"iter"
	"math/big"

	"watchfire.dev/sdk/bindings/watchfire_detector_batches"
)

// Trigger is what brought a batch about.
type Trigger string

// All triggers.
const (
	TriggerBlock   Trigger = "block"
	TriggerFeed    Trigger = "feed"
	TriggerPending Trigger = "pending"
)

// Batch is what the host shows: narrowed to the subscriptions, in columns that are copied when they are first asked for.
type Batch struct {
	// Raw is the batch as the interface has it.
	Raw *watchfire_detector_batches.Batch

	logs         *logColumns
	transactions *transactionColumns
}

// Observation is what a feed said. Times are milliseconds since the Unix epoch.
type Observation = watchfire_detector_batches.ObservationRow

// Trigger is what brought it about.
func (b *Batch) Trigger() Trigger { return Trigger(b.Raw.Trigger()) }

// ChainID is the chain's number.
func (b *Batch) ChainID() uint64 { return b.Raw.ChainId() }

// BlockNumber is of the block under inspection; of the newest one, where a feed or a pending transaction is.
func (b *Batch) BlockNumber() uint64 { return b.Raw.BlockNumber() }

// TimestampS is chain time, seconds since the Unix epoch.
func (b *Batch) TimestampS() uint64 { return b.Raw.TimestampS() }

// Due is the positions of the Every… subscriptions that are due.
func (b *Batch) Due() []uint32 { return b.Raw.DueTicks() }

// TransactionHash is of any transaction of the block by its position; zeros where there is none.
func (b *Batch) TransactionHash(transactionIndex uint32) (hash Hash) {
	copy(hash[:], b.Raw.TransactionHash(transactionIndex))
	return hash
}

// Observations is what feeds said.
func (b *Batch) Observations() []Observation { return b.Raw.Observations() }

type logColumns struct {
	addresses, topicCounts, data          []byte
	topics                                [4][]byte
	offsets, indexes, transactionIndexes []uint32
}

// Log is a row of the batch.
type Log struct {
	columns *logColumns
	at      int
}

// Logs goes through the logs.
func (b *Batch) Logs() iter.Seq[Log] {
	return func(yield func(Log) bool) {
		count := int(b.Raw.LogCount())
		if count == 0 {
			return
		}
		if b.logs == nil {
			b.logs = &logColumns{
				addresses: b.Raw.LogAddresses(), topicCounts: b.Raw.LogTopicCounts(), data: b.Raw.LogData(),
				offsets: b.Raw.LogDataOffsets(), indexes: b.Raw.LogIndexes(), transactionIndexes: b.Raw.LogTransactionIndexes(),
			}
			for position := range b.logs.topics {
				b.logs.topics[position] = b.Raw.LogTopics(uint8(position))
			}
		}
		for at := range count {
			if !yield(Log{b.logs, at}) {
				return
			}
		}
	}
}

// Address is who emitted it.
func (l Log) Address() Address { return Address(l.columns.addresses[20*l.at:]) }

// TopicCount is how many topics it has.
func (l Log) TopicCount() int { return int(l.columns.topicCounts[l.at]) }

// Topic is the one at a position, 0 to 3; zeros where it has none there.
func (l Log) Topic(position int) Hash { return Hash(l.columns.topics[position][32*l.at:]) }

// Data is what is not indexed.
func (l Log) Data() []byte { return l.columns.data[l.columns.offsets[l.at]:l.columns.offsets[l.at+1]] }

// Index is its position among the logs of its block.
func (l Log) Index() uint32 { return l.columns.indexes[l.at] }

// TransactionIndex is the position of its transaction in its block.
func (l Log) TransactionIndex() uint32 { return l.columns.transactionIndexes[l.at] }

type transactionColumns struct {
	hashes, senders, recipients, values, inputs, statuses []byte
	indexes, offsets                                      []uint32
}

// Transaction is a row of the batch.
type Transaction struct {
	columns *transactionColumns
	at      int
}

// Transactions goes through the transactions.
func (b *Batch) Transactions() iter.Seq[Transaction] {
	return func(yield func(Transaction) bool) {
		count := int(b.Raw.TransactionCount())
		if count == 0 {
			return
		}
		if b.transactions == nil {
			b.transactions = &transactionColumns{
				hashes: b.Raw.TransactionHashes(), senders: b.Raw.TransactionSenders(), recipients: b.Raw.TransactionRecipients(),
				values: b.Raw.TransactionValues(), inputs: b.Raw.TransactionInputs(), statuses: b.Raw.TransactionStatuses(),
				indexes: b.Raw.TransactionIndexes(), offsets: b.Raw.TransactionInputOffsets(),
			}
		}
		for at := range count {
			if !yield(Transaction{b.transactions, at}) {
				return
			}
		}
	}
}

// Hash is its hash.
func (t Transaction) Hash() Hash { return Hash(t.columns.hashes[32*t.at:]) }

// Index is its position in its block.
func (t Transaction) Index() uint32 { return t.columns.indexes[t.at] }

// Sender is who signed it.
func (t Transaction) Sender() Address { return Address(t.columns.senders[20*t.at:]) }

// Recipient is whom it calls; zeros where it makes a contract.
func (t Transaction) Recipient() Address { return Address(t.columns.recipients[20*t.at:]) }

// Value is in wei.
func (t Transaction) Value() *big.Int { return Hash(t.columns.values[32*t.at:]).Big() }

// Input is calldata.
func (t Transaction) Input() []byte { return t.columns.inputs[t.columns.offsets[t.at]:t.columns.offsets[t.at+1]] }

// Success says whether it went through, and whether that is known yet.
func (t Transaction) Success() (success, isKnown bool) {
	return t.columns.statuses[t.at] == 1, t.columns.statuses[t.at] != 2
}
