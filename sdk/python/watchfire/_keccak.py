"""Keccak-256 with the padding that Ethereum kept: https://keccak.team/keccak_specs_summary.html"""

_RATE = 136
_MASK = (1 << 64) - 1


def _rounds():
    feedback, constants = 1, []
    for _ in range(24):
        constant = 0
        for bit in range(7):
            if feedback & 1:
                constant |= 1 << ((1 << bit) - 1)
            feedback = feedback << 1 ^ (0x171 if feedback & 0x80 else 0)
        constants.append(constant)
    return constants


def _moves():
    moves, x, y = [], 1, 0
    for step in range(24):
        to = (2 * x + 3 * y) % 5
        moves.append((x + 5 * y, y + 5 * to, (step + 1) * (step + 2) // 2 % 64))
        x, y = y, to
    return moves


_CONSTANTS, _MOVES = _rounds(), _moves()


def _left(value, bits):
    return (value << bits | value >> (64 - bits)) & _MASK


def _permute(lanes):
    for constant in _CONSTANTS:
        column = [lanes[x] ^ lanes[x + 5] ^ lanes[x + 10] ^ lanes[x + 15] ^ lanes[x + 20] for x in range(5)]
        mixed = [column[x - 1] ^ _left(column[(x + 1) % 5], 1) for x in range(5)]
        lanes = [lane ^ mixed[at % 5] for at, lane in enumerate(lanes)]
        moved = lanes[:]
        for source, target, bits in _MOVES:
            moved[target] = _left(lanes[source], bits)
        lanes = [
            moved[at] ^ (~moved[at - at % 5 + (at + 1) % 5] & moved[at - at % 5 + (at + 2) % 5])
            for at in range(25)
        ]
        lanes[0] ^= constant
    return lanes


def keccak256(data: bytes) -> bytes:
    """The 32 bytes of a Keccak-256 hash."""
    padded = bytearray(data) + b"\1" + b"\0" * (_RATE - 1 - len(data) % _RATE)
    padded[-1] ^= 0x80
    lanes = [0] * 25
    for start in range(0, len(padded), _RATE):
        for lane in range(_RATE // 8):
            lanes[lane] ^= int.from_bytes(padded[start + 8 * lane : start + 8 * lane + 8], "little")
        lanes = _permute(lanes)
    return b"".join(lane.to_bytes(8, "little") for lane in lanes[:4])
