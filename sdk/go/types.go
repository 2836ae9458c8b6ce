package watchfire

import (
	"encoding/hex"
	"fmt"
	"math/big"
	"strings"
)

// Address is an account or contract.
type Address [20]byte

// Hash is 32 bytes: a hash, topic, slot or any other word.
type Hash [32]byte

// ParseAddress reads 0x and 40 hexadecimal digits.
func ParseAddress(text string) (Address, error) {
	var address Address
	digits, found := strings.CutPrefix(text, "0x")
	if bytes, err := hex.DecodeString(digits); !found || err != nil || copy(address[:], bytes) != 20 || len(bytes) != 20 {
		return Address{}, fmt.Errorf("`%s` is no address: 0x and 40 hexadecimal digits", text)
	}
	return address, nil
}

// String has the mixed case of EIP-55.
func (a Address) String() string {
	digits := []byte(hex.EncodeToString(a[:]))
	marks := Keccak256(digits)
	for at, digit := range digits {
		if digit >= 'a' && marks[at/2]>>(4*(1-at%2))&15 >= 8 {
			digits[at] -= 'a' - 'A'
		}
	}
	return "0x" + string(digits)
}

// UnmarshalText reads it from a config.
func (a *Address) UnmarshalText(text []byte) (err error) {
	*a, err = ParseAddress(string(text))
	return err
}

// Word is the address as a topic has it.
func (a Address) Word() (word Hash) {
	copy(word[12:], a[:])
	return word
}

// String is 0x and hexadecimal digits.
func (h Hash) String() string { return "0x" + hex.EncodeToString(h[:]) }

// Address is the address in a word.
func (h Hash) Address() (address Address) {
	copy(address[:], h[12:])
	return address
}

// Big is the word as a number.
func (h Hash) Big() *big.Int { return new(big.Int).SetBytes(h[:]) }

// Word is a number as 32 bytes. It must not be negative; what does not fit becomes the largest.
func Word(value *big.Int) (word Hash) {
	Saturated(value).FillBytes(word[:])
	return word
}

// MaxU256 is the largest 256-bit number.
var MaxU256 = new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 256), big.NewInt(1))

// Saturated is the number, or the largest that has 256 bits.
func Saturated(value *big.Int) *big.Int {
	if value.Cmp(MaxU256) > 0 {
		return MaxU256
	}
	return value
}

// Severity says how bad it would be if the finding is true.
type Severity uint8

// All severities.
const (
	Info Severity = iota
	Low
	Medium
	High
	Critical
)

// Decimal is a decimal number as it was written, such as "1234.5", so that no digit is lost.
type Decimal string

// Units is the number in units of which 10^decimals make one. It is an error where it is no number, finer, or too large.
func (d Decimal) Units(decimals int) (*big.Int, error) {
	whole, fraction, hasPoint := strings.Cut(strings.TrimPrefix(string(d), "+"), ".")
	isNumber := whole != "" && (!hasPoint || fraction != "") && strings.Trim(whole+fraction, "0123456789") == ""
	if !isNumber {
		return nil, fmt.Errorf("`%s` is no decimal number of at least 0, such as \"1234.5\"", d)
	}
	fraction = strings.TrimRight(fraction, "0")
	if len(fraction) > decimals {
		return nil, fmt.Errorf("`%s` has more than %d digits behind the point", d, decimals)
	}
	units, _ := new(big.Int).SetString(whole+fraction+strings.Repeat("0", decimals-len(fraction)), 10)
	if units.Cmp(MaxU256) > 0 {
		return nil, fmt.Errorf("`%s` is too large for %d decimals", d, decimals)
	}
	return units, nil
}

// FormatUnits writes units of which 10^decimals make one, without trailing zeros: 1,500,000 of 6 decimals are "1.5".
func FormatUnits(units *big.Int, decimals int) string {
	digits := new(big.Int).Abs(units).String()
	if missing := decimals + 1 - len(digits); missing > 0 {
		digits = strings.Repeat("0", missing) + digits
	}
	text, fraction := digits[:len(digits)-decimals], strings.TrimRight(digits[len(digits)-decimals:], "0")
	if fraction != "" {
		text += "." + fraction
	}
	if units.Sign() < 0 {
		return "-" + text
	}
	return text
}

// PowerOfTen is 10^exponent.
func PowerOfTen(exponent int) *big.Int {
	return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(exponent)), nil)
}
