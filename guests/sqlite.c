/* SQLite as a guest: one connection, statements in, rows out as text. Strings are passed through malloc and free. */

#include <stdlib.h>
#include <string.h>
#include "sqlite3.h"

#define EXPORT(name) __attribute__((export_name(name)))

static sqlite3 *connection;
static char *printed;
static size_t used;
static size_t room;

static void print(const char *text) {
  size_t length = strlen(text);
  if (used + length + 1 > room) {
    room = 2 * (used + length + 1);
    printed = realloc(printed, room);
    if (printed == NULL) abort();
  }
  memcpy(printed + used, text, length + 1);
  used += length;
}

static int print_row(void *unused, int count, char **values, char **names) {
  (void)unused;
  (void)names;
  for (int i = 0; i < count; i++) {
    if (i > 0) print("|");
    print(values[i] == NULL ? "null" : values[i]);
  }
  print("\n");
  return 0;
}

/* A new connection; one that is open already is left behind as a crash would. */
EXPORT("open") int open_database(const char *path) { return sqlite3_open(path, &connection); }

EXPORT("run") int run(const char *statements) {
  char *error = NULL;
  used = 0;
  print("");
  int code = sqlite3_exec(connection, statements, print_row, NULL, &error);
  if (error != NULL) print(error);
  sqlite3_free(error);
  return code;
}

EXPORT("printed") const char *what_was_printed(void) { return printed; }

EXPORT("version") const char *version(void) { return sqlite3_libversion(); }

EXPORT("crash") void crash(void) { __builtin_trap(); }

EXPORT("malloc") void *allocate(size_t size) { return malloc(size); }

EXPORT("free") void release(void *pointer) { free(pointer); }
