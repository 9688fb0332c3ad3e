/* A small stack machine that runs a Collatz search up to n: a dispatch table, an operand stack in memory. */

#include <stdint.h>

enum { PUSH, LOAD, STORE, ADD, MUL, AND, SHIFT_RIGHT, LESS, EQUAL, JUMP, JUMP_IF, HALT };
enum { LIMIT, START, VALUE, STEPS, BEST, BEST_START, VARIABLES };

/* For each START in 1..LIMIT-1: count the steps from START down to 1, and keep the longest. */
static const int32_t program[] = {
    /*  0 */ LOAD, START, LOAD, LIMIT, LESS, JUMP_IF, 8, HALT,
    /*  8 */ LOAD, START, STORE, VALUE, PUSH, 0, STORE, STEPS,
    /* 16 */ LOAD, VALUE, PUSH, 1, EQUAL, JUMP_IF, 58,
    /* 23 */ LOAD, STEPS, PUSH, 1, ADD, STORE, STEPS,
    /* 30 */ LOAD, VALUE, PUSH, 1, AND, JUMP_IF, 46,
    /* 37 */ LOAD, VALUE, PUSH, 1, SHIFT_RIGHT, STORE, VALUE, JUMP, 16,
    /* 46 */ LOAD, VALUE, PUSH, 3, MUL, PUSH, 1, ADD, STORE, VALUE, JUMP, 16,
    /* 58 */ LOAD, BEST, LOAD, STEPS, LESS, JUMP_IF, 67, JUMP, 75,
    /* 67 */ LOAD, STEPS, STORE, BEST, LOAD, START, STORE, BEST_START,
    /* 75 */ LOAD, START, PUSH, 1, ADD, STORE, START, JUMP, 0,
};

int run(int n) {
  static volatile uint32_t stack[64];
  static volatile uint32_t variables[VARIABLES];
  variables[LIMIT] = (uint32_t)n;
  variables[START] = 1;
  variables[BEST] = 0;
  variables[BEST_START] = 0;
  const int32_t *at = program;
  volatile uint32_t *top = stack;
  for (;;) {
    switch (*at++) {
      case PUSH: *top++ = (uint32_t)*at++; break;
      case LOAD: *top++ = variables[*at++]; break;
      case STORE: variables[*at++] = *--top; break;
      case ADD: top--; top[-1] = top[-1] + top[0]; break;
      case MUL: top--; top[-1] = top[-1] * top[0]; break;
      case AND: top--; top[-1] = top[-1] & top[0]; break;
      case SHIFT_RIGHT: top--; top[-1] = top[-1] >> (top[0] & 31); break;
      case LESS: top--; top[-1] = top[-1] < top[0]; break;
      case EQUAL: top--; top[-1] = top[-1] == top[0]; break;
      case JUMP: at = program + *at; break;
      case JUMP_IF: at = *--top ? program + *at : at + 1; break;
      default: return (int)(variables[BEST] * 1000000 + variables[BEST_START] % 1000000);
    }
  }
}
