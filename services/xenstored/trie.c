/* SPDX-License-Identifier: ISC */
#include "trie.h"

#include <errno.h>
#include <string.h>

#include "node.h"
#include "tree.h"

#define LEVELS 16U /* of 4 bits of the 64-bit hash */

/*
 * A node of the trie. A set bit in @used is a slot, in the order of the bits; the slots whose bit
 * is also set in @subs are tries, the others children.
 */
struct trie {
    uint32_t refs : 27;
    uint32_t capacity : 5;
    uint16_t used;
    uint16_t subs;
    void *slot[];
};

static size_t trie_size(unsigned capacity)
{
    return sizeof(struct trie) + capacity * sizeof(void *);
}

/* Set bits of 16, without a library call where the processor's instruction may not be used. */
static unsigned count_bits(unsigned bits)
{
    bits -= bits >> 1 & 0x5555;
    bits = (bits & 0x3333) + (bits >> 2 & 0x3333);
    bits = (bits + (bits >> 4)) & 0x0f0f;
    return (bits + (bits >> 8)) & 0x1f;
}

static unsigned slot_index(uint16_t used, unsigned bit)
{
    return count_bits(used & ((1U << bit) - 1));
}

static unsigned slot_count(const struct trie *trie)
{
    return count_bits(trie->used);
}

static uint64_t name_hash(const struct tree_env *env, const char *name, size_t length)
{
    return hash_bytes(&env->key, name, length);
}

static unsigned nibble(uint64_t hash, unsigned level)
{
    return hash >> (4 * level) & 15;
}

struct node *trie_find(const struct tree_env *env, const struct trie *trie, const char *name,
                       size_t length)
{
    uint64_t hash = name_hash(env, name, length);

    for (unsigned level = 0;; level++) {
        unsigned bit = nibble(hash, level);
        void *slot;

        if (!(trie->used >> bit & 1))
            return NULL;
        slot = trie->slot[slot_index(trie->used, bit)];
        if (!(trie->subs >> bit & 1))
            return node_is_called(slot, name, length) ? slot : NULL;
        trie = slot;
    }
}

static struct trie *trie_new(struct tree_env *env, unsigned capacity)
{
    struct trie *trie = arena_alloc(env->arena, trie_size(capacity));

    if (trie)
        *trie = (struct trie){.refs = 1, .capacity = capacity & 31};
    return trie;
}

struct trie *trie_create(struct tree_env *env)
{
    return trie_new(env, 1U << 4);
}

/* A slot a child, and at random names about one trie, in a slot, for three children. */
size_t trie_bytes(uint32_t count)
{
    return trie_size(16) + count * (sizeof(void *) + (sizeof(struct trie) + sizeof(void *)) / 2);
}

void trie_get(struct trie *trie)
{
    trie->refs++;
}

/* A copy of the trie with room for @capacity slots, holding its own references; NULL. */
static struct trie *trie_copy(struct tree_env *env, const struct trie *trie, unsigned capacity)
{
    struct trie *copy = arena_alloc(env->arena, trie_size(capacity));

    if (!copy)
        return NULL;
    *copy = (struct trie){.refs = 1, .capacity = capacity & 31, .used = trie->used};
    copy->subs = trie->subs;
    for (unsigned bit = 0, i = 0; bit < 16; bit++) {
        if (!(trie->used >> bit & 1))
            continue;
        copy->slot[i] = trie->slot[i];
        if (trie->subs >> bit & 1)
            ((struct trie *)trie->slot[i])->refs++;
        else
            node_get(trie->slot[i]);
        i++;
    }
    return copy;
}

/* The depth of the recursion is at most LEVELS. */
void trie_put(struct tree_env *env, struct trie *trie)
{
    if (--trie->refs)
        return;
    for (unsigned bit = 0, i = 0; bit < 16; bit++) {
        if (!(trie->used >> bit & 1))
            continue;
        if (trie->subs >> bit & 1)
            trie_put(env, trie->slot[i]);
        else
            node_put(env, trie->slot[i]);
        i++;
    }
    arena_free(env->arena, trie, trie_size(trie->capacity));
}

/* The trie at *@link, made exclusive; NULL without memory. */
static struct trie *trie_own(struct tree_env *env, void **link)
{
    struct trie *trie = *link;

    if (trie->refs > 1) {
        struct trie *copy = trie_copy(env, trie, slot_count(trie));

        if (!copy)
            return NULL;
        env->copied += arena_size_class(trie_size(copy->capacity));
        *link = copy;
        /* Making room for the copy may have made this the last reference. */
        trie_put(env, trie);
        trie = copy;
    }
    return trie;
}

struct node **trie_own_slot(struct tree_env *env, void **slot, const char *name, size_t length)
{
    uint64_t hash = name_hash(env, name, length);
    struct trie *trie;

    for (unsigned level = 0;; level++) {
        unsigned bit = nibble(hash, level);

        trie = trie_own(env, slot);
        if (!trie)
            return NULL;
        slot = &trie->slot[slot_index(trie->used, bit)];
        if (!(trie->subs >> bit & 1))
            return (struct node **)slot;
    }
}

/* Put @what into the free slot @bit of the exclusive trie at *@link. */
static int trie_add(struct tree_env *env, void **link, unsigned bit, void *what)
{
    struct trie *trie = *link;
    unsigned count = slot_count(trie), index = slot_index(trie->used, bit);

    if (count == trie->capacity) {
        struct trie *larger = arena_alloc(env->arena, trie_size(count + 1));

        if (!larger)
            return -ENOMEM;
        memcpy(larger, trie, trie_size(count));
        larger->capacity = (count + 1) & 31;
        arena_free(env->arena, trie, trie_size(trie->capacity));
        *link = trie = larger;
    }
    memmove(&trie->slot[index + 1], &trie->slot[index], (count - index) * sizeof(void *));
    trie->slot[index] = what;
    trie->used |= (uint16_t)(1U << bit);
    return 0;
}

/*
 * A chain of tries, from @level on, that holds both children, whose hashes agree below @level. The
 * references stay the caller's to move. NULL without memory, or if the hashes do not differ at all,
 * which their key keeps anyone from bringing about.
 */
static struct trie *trie_split(struct tree_env *env, struct node *a, uint64_t a_hash,
                               struct node *b, uint64_t b_hash, unsigned level)
{
    struct trie *top = NULL, *below = NULL;
    unsigned deepest = level;

    while (deepest < LEVELS && nibble(a_hash, deepest) == nibble(b_hash, deepest))
        deepest++;
    if (deepest == LEVELS)
        return NULL;

    for (unsigned at = deepest + 1; at-- > level; below = top) {
        unsigned a_bit = nibble(a_hash, at), b_bit = nibble(b_hash, at);

        top = trie_new(env, at == deepest ? 2 : 1);
        if (!top)
            break;
        top->used = (uint16_t)(1U << a_bit | 1U << b_bit);
        if (at == deepest) {
            top->slot[a_bit > b_bit] = a;
            top->slot[b_bit > a_bit] = b;
        } else {
            top->subs = top->used;
            top->slot[0] = below;
        }
    }
    while (!top && below) {
        struct trie *next = below->subs ? below->slot[0] : NULL;

        arena_free(env->arena, below, trie_size(below->capacity));
        below = next;
    }
    return top;
}

int trie_insert(struct tree_env *env, void **link, struct node *node)
{
    uint64_t hash = name_hash(env, node->text, node->name_length);

    for (unsigned level = 0;; level++) {
        unsigned bit = nibble(hash, level);
        struct trie *trie = trie_own(env, link), *sub;
        struct node *other;
        void **slot;

        if (!trie)
            return -ENOMEM;
        if (!(trie->used >> bit & 1))
            return trie_add(env, link, bit, node);
        slot = &trie->slot[slot_index(trie->used, bit)];
        if (trie->subs >> bit & 1) {
            link = slot;
            continue;
        }
        other = *slot;
        sub = trie_split(env, other, name_hash(env, other->text, other->name_length), node, hash,
                         level + 1);
        if (!sub)
            return -ENOMEM;
        *slot = sub;
        trie->subs |= (uint16_t)(1U << bit);
        return 0;
    }
}

/* Close the gap that slot @bit leaves. */
static void trie_take(struct trie *trie, unsigned bit)
{
    unsigned index = slot_index(trie->used, bit), count = slot_count(trie);

    memmove(&trie->slot[index], &trie->slot[index + 1], (count - index - 1) * sizeof(void *));
    trie->used &= (uint16_t) ~(1U << bit);
    trie->subs &= (uint16_t) ~(1U << bit);
}

struct node *trie_remove(struct tree_env *env, void **link, const char *name, size_t length)
{
    uint64_t hash = name_hash(env, name, length);
    struct trie *path[LEVELS];
    struct node *node;
    unsigned level;

    for (level = 0;; level++) {
        struct trie *trie = path[level] = trie_own(env, link);

        if (!trie)
            return NULL;
        link = &trie->slot[slot_index(trie->used, nibble(hash, level))];
        if (!(trie->subs >> nibble(hash, level) & 1))
            break;
    }
    node = *link;
    trie_take(path[level], nibble(hash, level));
    for (; level > 0 && !path[level]->used; level--) {
        trie_take(path[level - 1], nibble(hash, level - 1));
        arena_free(env->arena, path[level], trie_size(path[level]->capacity));
    }
    return node;
}

/*
 * The cursor of a trie is the path of slots to go down, a nibble a level with the root's lowest, of
 * the next child to hand out; its end is UINT64_MAX.
 */
struct node *trie_next(const struct trie *root, uint64_t *cursor)
{
    const struct trie *path[LEVELS];
    unsigned level = 0, bit = 0;
    struct node *node = NULL;

    if (*cursor == UINT64_MAX)
        return NULL;
    path[0] = root;
    for (;;) {
        const struct trie *trie = path[level];

        bit = nibble(*cursor, level);
        bit = trie->used >> bit ? bit + (unsigned)__builtin_ctz(trie->used >> bit) : 16;
        if (bit < 16) {
            /* From here on down, what the cursor said below another slot means nothing. */
            if (bit != nibble(*cursor, level))
                *cursor = (uint64_t)bit << 4 * level | (*cursor & ((UINT64_C(1) << 4 * level) - 1));
            if (!(trie->subs >> bit & 1)) {
                node = trie->slot[slot_index(trie->used, bit)];
            } else {
                path[level + 1] = trie->slot[slot_index(trie->used, bit)];
                level++;
                continue;
            }
        }

        /* Move on to the slot behind this one, a level up where there is none. */
        while (nibble(*cursor, level) == 15 || bit >= 16) {
            bit = 0;
            if (level == 0) {
                *cursor = UINT64_MAX;
                return node;
            }
            level--;
        }
        *cursor = (*cursor & ((UINT64_C(1) << 4 * level) - 1)) |
                  (uint64_t)(nibble(*cursor, level) + 1) << 4 * level;
        if (node)
            return node;
    }
}
