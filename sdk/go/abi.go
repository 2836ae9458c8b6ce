package watchfire

import (
	"fmt"
	"math/big"
	"regexp"
	"strings"
)

// Events and functions by their signature, as Solidity's ABI encodes them: https://docs.soliditylang.org/en/latest/abi-spec.html.
// Elementary types only; lists and tuples are for the author to take apart.

type parameter struct {
	name, kind string
	isIndexed  bool
}

func (p parameter) isDynamic() bool { return p.kind == "bytes" || p.kind == "string" }

var (
	signature  = regexp.MustCompile(`^\s*(?:event\s+|function\s+)?(\w+)\s*\(([^()]*)\)[^()]*(?:returns\s*\(([^()]*)\))?\s*;?\s*$`)
	elementary = regexp.MustCompile(`^(address|bool|string|bytes\d*|u?int\d*)$`)
)

func parameters(text string) (all []parameter, err error) {
	for at, one := range strings.Split(text, ",") {
		words := strings.Fields(one)
		if len(words) == 0 {
			continue
		}
		made := parameter{name: fmt.Sprintf("_%d", at), kind: words[0]}
		if made.kind == "uint" || made.kind == "int" {
			made.kind += "256"
		}
		if !elementary.MatchString(made.kind) {
			return nil, fmt.Errorf("`%s` is no elementary type", made.kind)
		}
		for _, word := range words[1:] {
			switch word {
			case "indexed":
				made.isIndexed = true
			case "memory", "calldata", "payable":
			default:
				made.name = word
			}
		}
		all = append(all, made)
	}
	return all, nil
}

func parseSignature(text string) (canonical string, inputs, outputs []parameter, err error) {
	found := signature.FindStringSubmatch(text)
	if found == nil {
		return "", nil, nil, fmt.Errorf("`%s` is no signature: write it as `Name(type name, …)`", text)
	}
	if inputs, err = parameters(found[2]); err == nil {
		outputs, err = parameters(found[3])
	}
	var kinds []string
	for _, one := range inputs {
		kinds = append(kinds, one.kind)
	}
	return found[1] + "(" + strings.Join(kinds, ",") + ")", inputs, outputs, err
}

// Values is what was decoded, by name: Address, bool, *big.Int, []byte, string, or Hash for bytes32 and for what is indexed
// and dynamic.
type Values map[string]any

// Address is the value of a name.
func (v Values) Address(name string) Address { return v[name].(Address) }

// Big is the value of a name.
func (v Values) Big(name string) *big.Int { return v[name].(*big.Int) }

// Event is an event.
type Event struct {
	// Topic is the hash of its signature: a log's first topic.
	Topic  Hash
	inputs []parameter
}

// ParseEvent reads `Transfer(address indexed from, address indexed to, uint256 value)`.
func ParseEvent(text string) (*Event, error) {
	canonical, inputs, _, err := parseSignature(text)
	if err != nil {
		return nil, err
	}
	return &Event{Keccak256([]byte(canonical)), inputs}, nil
}

// MustEvent is ParseEvent for signatures that stand in the source.
func MustEvent(text string) *Event {
	event, err := ParseEvent(text)
	if err != nil {
		panic(err)
	}
	return event
}

// Decode gives the values; false where the log is of another event or not as this one says.
func (e *Event) Decode(log Log) (Values, bool) {
	if log.TopicCount() == 0 || log.Topic(0) != e.Topic {
		return nil, false
	}
	var plain []parameter
	values, topic := Values{}, 1
	for _, one := range e.inputs {
		switch {
		case !one.isIndexed:
			plain = append(plain, one)
		case topic >= log.TopicCount():
			return nil, false
		case one.isDynamic():
			values[one.name] = log.Topic(topic)
			topic++
		default:
			values[one.name] = elementaryOf(one.kind, log.Topic(topic))
			topic++
		}
	}
	return values, topic == log.TopicCount() && decode(plain, log.Data(), values) == nil
}

// Function is a function of a contract.
type Function struct {
	Selector        [4]byte
	inputs, outputs []parameter
}

// MustFunction reads `balanceOf(address owner) returns (uint256)`; it is for signatures that stand in the source.
func MustFunction(text string) *Function {
	canonical, inputs, outputs, err := parseSignature(text)
	if err != nil {
		panic(err)
	}
	hash := Keccak256([]byte(canonical))
	return &Function{[4]byte(hash[:4]), inputs, outputs}
}

// Encode is calldata. Values are Address, bool, Hash or *big.Int.
func (f *Function) Encode(values ...any) ([]byte, error) {
	if len(values) != len(f.inputs) {
		return nil, fmt.Errorf("the function takes %d values, not %d", len(f.inputs), len(values))
	}
	data := f.Selector[:]
	for at, value := range values {
		var word Hash
		switch value := value.(type) {
		case Address:
			word = value.Word()
		case Hash:
			word = value
		case bool:
			if value {
				word[31] = 1
			}
		case *big.Int:
			word = Word(new(big.Int).And(value, MaxU256))
		default:
			return nil, fmt.Errorf("a %s can't be made of %T", f.inputs[at].kind, value)
		}
		data = append(data, word[:]...)
	}
	return data, nil
}

// Decode is what a call returned, by name; a result without a name is _0, _1 and so on.
func (f *Function) Decode(data []byte) (Values, error) {
	values := Values{}
	return values, decode(f.outputs, data, values)
}

func decode(all []parameter, data []byte, into Values) error {
	for at, one := range all {
		if len(data) < 32*(at+1) {
			return fmt.Errorf("%d bytes end before `%s`", len(data), one.name)
		}
		word := Hash(data[32*at:])
		if !one.isDynamic() {
			into[one.name] = elementaryOf(one.kind, word)
			continue
		}
		piece, err := dynamic(data, word.Big())
		if err != nil {
			return err
		}
		if into[one.name] = any(piece); one.kind == "string" {
			into[one.name] = string(piece)
		}
	}
	return nil
}

func dynamic(data []byte, offset *big.Int) ([]byte, error) {
	room := int64(len(data)) - 32
	if !offset.IsInt64() || offset.Int64() > room {
		return nil, fmt.Errorf("an offset of %s in %d bytes", offset, len(data))
	}
	start := offset.Int64() + 32
	length := Hash(data[start-32:]).Big()
	if !length.IsInt64() || length.Int64() > int64(len(data))-start {
		return nil, fmt.Errorf("%s bytes in %d", length, len(data))
	}
	return data[start : start+length.Int64()], nil
}

func elementaryOf(kind string, word Hash) any {
	switch {
	case kind == "address":
		return word.Address()
	case kind == "bool":
		return word != Hash{}
	case strings.HasPrefix(kind, "bytes"):
		return word
	case kind[0] == 'i' && word[0] >= 0x80:
		return new(big.Int).Sub(word.Big(), new(big.Int).Add(MaxU256, big.NewInt(1)))
	default:
		return word.Big()
	}
}
