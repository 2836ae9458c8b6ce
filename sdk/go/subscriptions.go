package watchfire

import "watchfire.dev/sdk/bindings/watchfire_detector_types"

func bytesOf[T Address | Hash](all []T) (list [][]byte) {
	for _, one := range all {
		switch one := any(one).(type) {
		case Address:
			list = append(list, one[:])
		case Hash:
			list = append(list, one[:])
		}
	}
	return list
}

// Logs is logs of these addresses (any, where there are none), of this event (any, where it is nil), whose further topics are
// among these.
func Logs(addresses []Address, event *Event, topics ...[]Hash) Subscription {
	wanted := make([][][]byte, 4)
	if event != nil {
		wanted[0] = [][]byte{event.Topic[:]}
	}
	for at, words := range topics {
		wanted[at+1] = bytesOf(words)
	}
	filter := watchfire_detector_types.LogFilter{Addresses: bytesOf(addresses), Topics: wanted}
	return watchfire_detector_types.MakeSubscriptionLogs(filter)
}

// Words is addresses as topics have them.
func Words(addresses []Address) (words []Hash) {
	for _, address := range addresses {
		words = append(words, address.Word())
	}
	return words
}

// Transactions is transactions by recipient, selector and sender; any, where there are none.
func Transactions(recipients []Address, selectors [][4]byte, senders []Address) Subscription {
	filter := watchfire_detector_types.TransactionFilter{Recipients: bytesOf(recipients), Senders: bytesOf(senders)}
	for _, selector := range selectors {
		filter.Selectors = append(filter.Selectors, selector[:])
	}
	return watchfire_detector_types.MakeSubscriptionTransactions(filter)
}

// Feed is observations of a feed. Needs the capability feeds.
func Feed(name string) Subscription { return watchfire_detector_types.MakeSubscriptionFeed(name) }

// EveryBlocks is each block whose number is a multiple.
func EveryBlocks(count uint64) Subscription {
	return watchfire_detector_types.MakeSubscriptionEveryBlocks(count)
}

// EverySeconds is the first block in each such span of chain time.
func EverySeconds(spanS uint64) Subscription {
	return watchfire_detector_types.MakeSubscriptionEverySeconds(spanS)
}

// Creations is contracts that come into being.
func Creations() Subscription { return watchfire_detector_types.MakeSubscriptionCreations() }
