/* Product of two n × n matrices of doubles in heap memory, blocked by rows. Returns the trace. */

#include <stdlib.h>

double run(int n) {
  size_t count = (size_t)n * (size_t)n;
  double *a = malloc(count * sizeof *a);
  double *b = malloc(count * sizeof *b);
  double *c = calloc(count, sizeof *c);
  if (!a || !b || !c) __builtin_trap();
  for (size_t i = 0; i < count; i++) {
    a[i] = (double)(i % 17) - 8;
    b[i] = (double)(i % 13) - 6;
  }
  for (int i = 0; i < n; i++)
    for (int k = 0; k < n; k++) {
      double factor = a[i * n + k];
      for (int j = 0; j < n; j++) c[i * n + j] += factor * b[k * n + j];
    }
  double trace = 0;
  for (int i = 0; i < n; i++) trace += c[i * n + i];
  free(a);
  free(b);
  free(c);
  return trace;
}
