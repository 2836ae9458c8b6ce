package watchfire

import (
	"encoding/binary"
	"fmt"
	"iter"
	"math"
	"math/big"

	"watchfire.dev/sdk/bindings/watchfire_detector_chain"
	"watchfire.dev/sdk/bindings/watchfire_detector_log"
	"watchfire.dev/sdk/bindings/watchfire_detector_state"
	wit "watchfire.dev/sdk/internal/wit/types"
)

// ChainError is why a read gave no answer. Its code is denied, budget, reverted, unavailable or invalid.
type ChainError struct {
	Code, Message string
	Data          []byte
}

func (e *ChainError) Error() string { return e.Code + ": " + e.Message }

func told(result wit.Result[[]byte, watchfire_detector_chain.ChainError]) ([]byte, error) {
	if result.Tag() == wit.ResultErr {
		err := result.Err()
		return nil, &ChainError{err.Code, err.Message, err.Data}
	}
	return result.Ok(), nil
}

// Call calls a function as the chain stood after the block under inspection.
func Call(to Address, function *Function, values ...any) (Values, error) {
	data, err := function.Encode(values...)
	if err != nil {
		return nil, err
	}
	output, err := CallRaw(to, data)
	if err != nil {
		return nil, err
	}
	return function.Decode(output)
}

// CallRaw is eth_call with calldata of one's own.
func CallRaw(to Address, data []byte) ([]byte, error) {
	return told(watchfire_detector_chain.Call(to[:], data))
}

// StorageAt is what a storage slot holds.
func StorageAt(address Address, slot Hash) (word Hash, err error) {
	bytes, err := told(watchfire_detector_chain.StorageAt(address[:], slot[:]))
	copy(word[:], bytes)
	return word, err
}

// Balance is native, in wei.
func Balance(address Address) (*big.Int, error) {
	bytes, err := told(watchfire_detector_chain.Balance(address[:]))
	return new(big.Int).SetBytes(bytes), err
}

// Code is a contract's code; empty where there is none.
func Code(address Address) ([]byte, error) { return told(watchfire_detector_chain.Code(address[:])) }

// Key is the parts end to end.
func Key(parts ...any) (key []byte) {
	for _, part := range parts {
		switch part := part.(type) {
		case string:
			key = append(key, part...)
		case []byte:
			key = append(key, part...)
		case Address:
			key = append(key, part[:]...)
		case Hash:
			key = append(key, part[:]...)
		default:
			panic(fmt.Sprintf("a key can't hold a %T", part))
		}
	}
	return key
}

// Get is the bytes under a key of the state; false where there are none.
func Get(key []byte) ([]byte, bool) {
	found := watchfire_detector_state.Get(key)
	if found.Tag() == wit.OptionNone {
		return nil, false
	}
	return found.Some(), true
}

// Put puts bytes under a key of the state, which commits with the findings of the batch and is undone with its block.
func Put(key, value []byte) error {
	if result := watchfire_detector_state.Put(key, value); result.Tag() == wit.ResultErr {
		err := result.Err()
		return fmt.Errorf("the state: %s: %s", err.Code, err.Message)
	}
	return nil
}

// Delete removes a key of the state.
func Delete(key []byte) { watchfire_detector_state.Delete(key) }

// Scan goes through the entries of the state whose key starts with a prefix, in the order of their keys.
func Scan(prefix []byte) iter.Seq2[[]byte, []byte] {
	const page = 256
	return func(yield func([]byte, []byte) bool) {
		after := wit.None[[]byte]()
		for {
			entries := watchfire_detector_state.Scan(prefix, after, page)
			if len(entries) == 0 {
				return
			}
			for _, entry := range entries {
				if !yield(entry.F0, entry.F1) {
					return
				}
			}
			after = wit.Some(entries[len(entries)-1].F0)
		}
	}
}

// Count adds one to a count of 8 bytes in the state and gives what it counts then.
func Count(key []byte) (uint64, error) {
	var total uint64
	if bytes, found := Get(key); found && len(bytes) == 8 {
		total = binary.BigEndian.Uint64(bytes)
	}
	if total < math.MaxUint64 {
		total++
	}
	return total, Put(key, binary.BigEndian.AppendUint64(nil, total))
}

// Rolling is a sum over the last SpanS seconds of chain time, exact to the second, laid out alike in every SDK. No other key may
// begin with its key.
type Rolling struct {
	Key   []byte
	SpanS uint64
}

// Add adds an amount, forgets what the span has left behind, and gives the sum. It stays at the largest 256-bit number rather
// than wrap.
func (r Rolling) Add(nowS uint64, amount *big.Int) (*big.Int, error) {
	total, now := new(big.Int).Set(amount), new(big.Int).Set(amount)
	for key, value := range Scan(r.Key) {
		if len(key) != len(r.Key)+8 {
			continue
		}
		second := binary.BigEndian.Uint64(key[len(r.Key):])
		if nowS >= r.SpanS && second <= nowS-r.SpanS {
			Delete(key)
			continue
		}
		total.Add(total, new(big.Int).SetBytes(value))
		if second == nowS {
			now.Add(now, new(big.Int).SetBytes(value))
		}
	}
	word := Word(now)
	return Saturated(total), Put(binary.BigEndian.AppendUint64(append([]byte{}, r.Key...), nowS), word[:])
}

// Debug writes a line to the operator's log.
func Debug(format string, values ...any) { write(watchfire_detector_log.LevelDebug, format, values) }

// Infof writes a line to the operator's log.
func Infof(format string, values ...any) { write(watchfire_detector_log.LevelInfo, format, values) }

// Warn writes a line to the operator's log.
func Warn(format string, values ...any) { write(watchfire_detector_log.LevelWarn, format, values) }

func write(level uint8, format string, values []any) {
	watchfire_detector_log.Write(level, fmt.Sprintf(format, values...))
}
