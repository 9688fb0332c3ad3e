/* SHA-256 (FIPS 180-4) of n bytes `i & 255`, fed in pieces of 1000 bytes. Returns the first four bytes of the digest. */

#include <stdint.h>
#include <string.h>

struct hash {
  uint32_t state[8];
  uint64_t bytes;
  uint8_t block[64];
};

/* The first 32 bits of the fractions of the cube roots of the first 64 primes. */
static const uint32_t constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t rotate(uint32_t value, int by) { return (value >> by) | (value << (32 - by)); }

static void compress(struct hash *hash) {
  uint32_t w[64];
  for (int t = 0; t < 16; t++) {
    const uint8_t *at = hash->block + 4 * t;
    w[t] = (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
  }
  for (int t = 16; t < 64; t++) {
    uint32_t x = w[t - 15], y = w[t - 2];
    w[t] = w[t - 16] + (rotate(x, 7) ^ rotate(x, 18) ^ x >> 3) + w[t - 7] + (rotate(y, 17) ^ rotate(y, 19) ^ y >> 10);
  }
  uint32_t v[8];
  memcpy(v, hash->state, sizeof v);
  for (int t = 0; t < 64; t++) {
    uint32_t first = v[7] + (rotate(v[4], 6) ^ rotate(v[4], 11) ^ rotate(v[4], 25)) +
                     ((v[4] & v[5]) ^ (~v[4] & v[6])) + constants[t] + w[t];
    uint32_t second =
        (rotate(v[0], 2) ^ rotate(v[0], 13) ^ rotate(v[0], 22)) + ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));
    memmove(v + 1, v, 7 * sizeof *v);
    v[4] += first;
    v[0] = first + second;
  }
  for (int i = 0; i < 8; i++) hash->state[i] += v[i];
}

static void feed(struct hash *hash, const uint8_t *bytes, size_t length) {
  while (length > 0) {
    size_t filled = hash->bytes % 64;
    size_t part = 64 - filled < length ? 64 - filled : length;
    memcpy(hash->block + filled, bytes, part);
    hash->bytes += part;
    bytes += part;
    length -= part;
    if (hash->bytes % 64 == 0) compress(hash);
  }
}

int run(int n) {
  struct hash hash = {{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19},
                      0,
                      {0}};
  uint8_t piece[1000];
  for (int done = 0; done < n;) {
    int part = n - done < 1000 ? n - done : 1000;
    for (int i = 0; i < part; i++) piece[i] = (uint8_t)(done + i);
    feed(&hash, piece, (size_t)part);
    done += part;
  }
  uint64_t bits = hash.bytes * 8;
  feed(&hash, (const uint8_t[]){0x80}, 1);
  while (hash.bytes % 64 != 56) feed(&hash, (const uint8_t[]){0}, 1);
  uint8_t length[8];
  for (int i = 0; i < 8; i++) length[i] = (uint8_t)(bits >> (56 - 8 * i));
  feed(&hash, length, 8);
  return (int)hash.state[0];
}
