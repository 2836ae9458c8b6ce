/* 256-bit numbers, words and their text. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

static const wf_u256 LARGEST = ~(wf_u256)0;

wf_u256 wf_u256_of(wf_hash word) {
    wf_u256 value = 0;
    for (size_t at = 0; at < 32; at++) value = value << 8 | word.bytes[at];
    return value;
}

wf_hash wf_hash_of(wf_u256 value) {
    wf_hash word;
    for (size_t at = 32; at-- > 0; value >>= 8) word.bytes[at] = (uint8_t)value;
    return word;
}

wf_hash wf_word_of(wf_address address) {
    wf_hash word = {{0}};
    memcpy(word.bytes + 12, address.bytes, 20);
    return word;
}

wf_address wf_address_of(wf_hash word) {
    wf_address address;
    memcpy(address.bytes, word.bytes + 12, 20);
    return address;
}

bool wf_same_address(wf_address one, wf_address other) {
    return memcmp(one.bytes, other.bytes, 20) == 0;
}

wf_u256 wf_add(wf_u256 one, wf_u256 other) {
    wf_u256 sum = one + other;
    return sum < one ? LARGEST : sum;
}

wf_u256 wf_scale(wf_u256 value, wf_u256 factor, wf_u256 divisor) {
    unsigned _BitInt(512) scaled = (unsigned _BitInt(512))value * factor / divisor;
    return scaled > LARGEST ? LARGEST : (wf_u256)scaled;
}

wf_u256 wf_power_of_ten(unsigned exponent) {
    wf_u256 power = 1;
    while (exponent--) power *= 10;
    return power;
}

char *wf_u256_text(wf_u256 value) {
    char digits[79], *at = digits + sizeof digits;
    *--at = 0;
    do *--at = (char)('0' + (unsigned)(value % 10));
    while (value /= 10);
    return wf_text("%s", at);
}

char *wf_units_text(wf_u256 units, unsigned decimals) {
    char *digits = wf_u256_text(units);
    size_t length = strlen(digits);
    if (length <= decimals) {
        size_t missing = decimals + 1 - length;
        char *padded = wf_alloc(length + missing + 1);
        memset(padded, '0', missing);
        memcpy(padded + missing, digits, length);
        digits = padded;
        length += missing;
    }
    size_t fraction = decimals;
    while (fraction && digits[length - 1] == '0') length--, fraction--;
    int whole = (int)(length - fraction);
    return fraction ? wf_text("%.*s.%.*s", whole, digits, (int)fraction, digits + whole) : wf_text("%.*s", whole, digits);
}

bool wf_units_parse(const char *text, unsigned decimals, wf_u256 *units) {
    size_t whole = strspn(text, "0123456789");
    size_t fraction = text[whole] == '.' ? strspn(text + whole + 1, "0123456789") : 0;
    if (!whole || (text[whole] == '.' && !fraction)) return false;
    if (text[whole + (fraction ? fraction + 1 : 0)]) return false;
    while (fraction && text[whole + fraction] == '0') fraction--;
    if (fraction > decimals) return false;
    *units = 0;
    for (size_t at = 0; at < whole + decimals; at++) {
        unsigned digit = at < whole ? text[at] - '0' : at < whole + fraction ? text[at + 1] - '0' : 0;
        if (*units > (LARGEST - digit) / 10) return false;
        *units = *units * 10 + digit;
    }
    return true;
}

char *wf_address_text(wf_address address) {
    char *text = wf_alloc(43);
    strcpy(text, "0x");
    for (size_t at = 0; at < 40; at++) {
        text[2 + at] = "0123456789abcdef"[address.bytes[at / 2] >> (at % 2 ? 0 : 4) & 15];
    }
    wf_hash hash = wf_keccak256((wf_bytes){(const uint8_t *)text + 2, 40});
    for (size_t at = 0; at < 40; at++) {
        bool upper = (hash.bytes[at / 2] >> (at % 2 ? 0 : 4) & 15) >= 8;
        if (upper && text[2 + at] >= 'a') text[2 + at] -= 'a' - 'A';
    }
    return text;
}

/* Keccak-f[1600] with the padding that Ethereum kept: https://keccak.team/keccak_specs_summary.html */
static uint64_t left(uint64_t value, unsigned bits) {
    return bits ? value << bits | value >> (64 - bits) : value;
}

static void permute(uint64_t lanes[25]) {
    uint8_t feedback = 1;
    for (int round = 0; round < 24; round++) {
        uint64_t column[5], moved[25];
        for (int x = 0; x < 5; x++) column[x] = lanes[x] ^ lanes[x + 5] ^ lanes[x + 10] ^ lanes[x + 15] ^ lanes[x + 20];
        for (int at = 0; at < 25; at++) lanes[at] ^= column[(at + 4) % 5] ^ left(column[(at + 1) % 5], 1);
        moved[0] = lanes[0];
        for (int step = 0, x = 1, y = 0; step < 24; step++) {
            int to = (2 * x + 3 * y) % 5;
            moved[y + 5 * to] = left(lanes[x + 5 * y], (unsigned)((step + 1) * (step + 2) / 2 % 64));
            x = y;
            y = to;
        }
        for (int at = 0; at < 25; at++) {
            int row = at - at % 5;
            lanes[at] = moved[at] ^ (~moved[row + (at + 1) % 5] & moved[row + (at + 2) % 5]);
        }
        for (int bit = 0; bit < 7; bit++) {
            if (feedback & 1) lanes[0] ^= (uint64_t)1 << ((1 << bit) - 1);
            feedback = (uint8_t)(feedback << 1 ^ (feedback & 0x80 ? 0x71 : 0));
        }
    }
}

wf_hash wf_keccak256(wf_bytes bytes) {
    enum { RATE = 136 };
    union { uint64_t lanes[25]; uint8_t bytes[200]; } sponge = {{0}};
    size_t filled = 0;
    for (size_t at = 0; at < bytes.size; at++) {
        sponge.bytes[filled++] ^= bytes.data[at];
        if (filled == RATE) {
            permute(sponge.lanes);
            filled = 0;
        }
    }
    sponge.bytes[filled] ^= 1;
    sponge.bytes[RATE - 1] ^= 0x80;
    permute(sponge.lanes);
    wf_hash hash;
    memcpy(hash.bytes, sponge.bytes, 32);
    return hash;
}
