/* An ordered tree (a treap) of n heap nodes: inserts, lookups and removals, each node allocated and freed by itself. */

#include <stdint.h>
#include <stdlib.h>

struct node {
  struct node *left, *right;
  uint32_t key, priority, count;
};

static uint32_t random_state;

static uint32_t next_random(void) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 17;
  random_state ^= random_state << 5;
  return random_state;
}

static struct node *rotate_right(struct node *node) {
  struct node *top = node->left;
  node->left = top->right;
  top->right = node;
  return top;
}

static struct node *rotate_left(struct node *node) {
  struct node *top = node->right;
  node->right = top->left;
  top->left = node;
  return top;
}

static struct node *insert(struct node *node, uint32_t key) {
  if (!node) {
    node = malloc(sizeof *node);
    if (!node) __builtin_trap();
    *node = (struct node){.key = key, .priority = next_random(), .count = 1};
  } else if (key == node->key) {
    node->count++;
  } else if (key < node->key) {
    node->left = insert(node->left, key);
    if (node->left->priority > node->priority) node = rotate_right(node);
  } else {
    node->right = insert(node->right, key);
    if (node->right->priority > node->priority) node = rotate_left(node);
  }
  return node;
}

static struct node *merge(struct node *low, struct node *high) {
  if (!low) return high;
  if (!high) return low;
  if (low->priority > high->priority) {
    low->right = merge(low->right, high);
    return low;
  }
  high->left = merge(low, high->left);
  return high;
}

static struct node *discard(struct node *node, uint32_t key) {
  if (!node) return NULL;
  if (key < node->key) {
    node->left = discard(node->left, key);
  } else if (key > node->key) {
    node->right = discard(node->right, key);
  } else {
    struct node *rest = merge(node->left, node->right);
    free(node);
    return rest;
  }
  return node;
}

static uint32_t digest(const struct node *node) {
  return node ? digest(node->left) * 31 + node->key * node->count + digest(node->right) * 17 : 1;
}

static void drop(struct node *node) {
  if (!node) return;
  drop(node->left);
  drop(node->right);
  free(node);
}

int run(int n) {
  random_state = 2463534242u;
  struct node *root = NULL;
  for (int i = 0; i < n; i++) root = insert(root, next_random() % 50000);
  for (int i = 0; i < n / 2; i++) root = discard(root, next_random() % 50000);
  uint32_t hash = digest(root);
  drop(root);
  return (int)hash;
}
