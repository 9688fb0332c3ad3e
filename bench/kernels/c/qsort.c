/* The C library's qsort of n records of 16 bytes: an indirect call a comparison, moves of whole records. */

#include <stdint.h>
#include <stdlib.h>

struct record {
  uint32_t key;
  uint32_t serial;
  uint64_t payload;
};

static int by_key(const void *left, const void *right) {
  const struct record *a = left, *b = right;
  if (a->key != b->key) return a->key < b->key ? -1 : 1;
  return a->serial < b->serial ? -1 : 1;
}

int run(int n) {
  struct record *records = malloc((size_t)n * sizeof *records);
  if (!records) __builtin_trap();
  uint32_t x = 42;
  for (int i = 0; i < n; i++) {
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    records[i] = (struct record){x % 100000, (uint32_t)i, x};
  }
  qsort(records, (size_t)n, sizeof *records, by_key);
  uint32_t hash = 0;
  for (int i = 0; i < n; i++) hash = hash * 31 + records[i].serial;
  free(records);
  return (int)hash;
}
