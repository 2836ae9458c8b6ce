package watchfire

import (
	"encoding/binary"
	"math/bits"
)

const rate = 136

// Keccak256 is Keccak-256 with the padding that Ethereum kept: https://keccak.team/keccak_specs_summary.html
func Keccak256(data []byte) (hash Hash) {
	padded := append(append([]byte{}, data...), 1)
	for len(padded)%rate != 0 {
		padded = append(padded, 0)
	}
	padded[len(padded)-1] ^= 0x80
	var lanes [25]uint64
	for ; len(padded) > 0; padded = padded[rate:] {
		for lane := range rate / 8 {
			lanes[lane] ^= binary.LittleEndian.Uint64(padded[8*lane:])
		}
		permute(&lanes)
	}
	for lane := range 4 {
		binary.LittleEndian.PutUint64(hash[8*lane:], lanes[lane])
	}
	return hash
}

func permute(lanes *[25]uint64) {
	feedback := uint8(1)
	for range 24 {
		var column [5]uint64
		for at, lane := range lanes {
			column[at%5] ^= lane
		}
		for at := range lanes {
			lanes[at] ^= column[(at+4)%5] ^ bits.RotateLeft64(column[(at+1)%5], 1)
		}
		moved := [25]uint64{lanes[0]}
		for step, x, y := 0, 1, 0; step < 24; step++ {
			to := (2*x + 3*y) % 5
			moved[y+5*to] = bits.RotateLeft64(lanes[x+5*y], (step+1)*(step+2)/2)
			x, y = y, to
		}
		for at := range lanes {
			row := at - at%5
			lanes[at] = moved[at] ^ (^moved[row+(at+1)%5] & moved[row+(at+2)%5])
		}
		for bit := range 7 {
			if feedback&1 != 0 {
				lanes[0] ^= 1 << (1<<bit - 1)
			}
			carry := feedback >> 7
			feedback = feedback<<1 ^ carry*0x71
		}
	}
}
