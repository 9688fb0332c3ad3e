/* Text through the C library: n numbers written, joined by growing a heap string, searched, cut and copied again. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct text {
  char *at;
  size_t length, capacity;
};

static void append(struct text *text, const char *more) {
  size_t length = strlen(more);
  if (text->length + length + 1 > text->capacity) {
    text->capacity = (text->length + length + 1) * 2;
    text->at = realloc(text->at, text->capacity);
    if (!text->at) __builtin_trap();
  }
  memcpy(text->at + text->length, more, length + 1);
  text->length += length;
}

static void write_decimal(char *into, uint32_t value) {
  char digits[12];
  int count = 0;
  do digits[count++] = (char)('0' + value % 10);
  while (value /= 10);
  while (count) *into++ = digits[--count];
  *into = 0;
}

int run(int n) {
  struct text text = {0};
  char number[16];
  for (int i = 0; i < n; i++) {
    write_decimal(number, (uint32_t)i * 2654435761u % 100003);
    append(&text, i % 10 == 9 ? "needle," : "straw,");
    append(&text, number);
    append(&text, ",");
  }
  uint32_t hash = (uint32_t)text.length;
  for (const char *at = text.at; (at = strstr(at, "needle")); at++) hash = hash * 31 + (uint32_t)(at - text.at);

  char **words = malloc((size_t)n * 2 * sizeof *words);
  if (!words) __builtin_trap();
  size_t count = 0;
  for (char *word = strtok(text.at, ","); word; word = strtok(NULL, ",")) words[count++] = strdup(word);
  for (size_t i = 1; i < count; i += 2) {
    hash = hash * 31 + (uint32_t)strtoul(words[i], NULL, 10) + (uint32_t)strcmp(words[i], words[i - 1]);
  }
  for (size_t i = 0; i < count; i++) free(words[i]);
  free(words);
  free(text.at);
  return (int)hash;
}
