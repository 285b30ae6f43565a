/* SPDX-License-Identifier: ISC */
#include "children.h"

#include <errno.h>
#include <string.h>

#include "node.h"
#include "tree.h"
#include "trie.h"

/* Below this a trie becomes an array again; the gap keeps a directory from flapping. */
#define SHRINK_AT (CHILDREN_SMALL / 2)

static size_t map_size(unsigned capacity)
{
    return sizeof(struct children) + (capacity ? capacity : 1) * sizeof(void *);
}

/* Which slot of an array holds the child; @count if none does. */
static unsigned array_index(const struct children *map, const char *name, size_t length)
{
    unsigned i;

    for (i = 0; i < map->count; i++)
        if (node_is_called(map->slot[i], name, length))
            break;
    return i;
}

struct node *children_find(const struct tree_env *env, const struct children *children,
                           const char *name, size_t length)
{
    if (!children)
        return NULL;
    if (children->capacity) {
        unsigned i = array_index(children, name, length);

        return i < children->count ? children->slot[i] : NULL;
    }

    return trie_find(env, children->slot[0], name, length);
}

/* The map at *@link, made exclusive, with room for at least @capacity if it is an array; NULL. */
static struct children *map_own(struct tree_env *env, struct children **link, unsigned capacity)
{
    struct children *map = *link, *copy;

    if (map->refs == 1 && (!map->capacity || map->capacity >= capacity))
        return map;

    if (map->capacity && capacity < map->capacity)
        capacity = map->capacity;
    if (!map->capacity)
        capacity = 0;
    copy = arena_alloc(env->arena, map_size(capacity));
    if (!copy)
        return NULL;
    *copy = *map;
    copy->refs = 1;
    copy->capacity = (uint16_t)capacity;
    if (map->refs > 1)
        env->copied += arena_size_class(map_size(capacity));
    memcpy(copy->slot, map->slot, (capacity ? map->count : 1) * sizeof(void *));
    if (map->refs == 1) {
        arena_free(env->arena, map, map_size(map->capacity));
    } else {
        map->refs--;
        if (!capacity)
            trie_get(copy->slot[0]);
        for (unsigned i = 0; capacity && i < map->count; i++)
            node_get(copy->slot[i]);
    }
    *link = copy;
    return copy;
}

struct node **children_own(struct tree_env *env, struct children **link, const char *name,
                           size_t length)
{
    struct children *map = map_own(env, link, 0);

    if (!map)
        return NULL;
    if (map->capacity)
        return (struct node **)&map->slot[array_index(map, name, length)];

    return trie_own_slot(env, &map->slot[0], name, length);
}

/* Turn the full exclusive array at *@link into a trie. */
static int array_to_trie(struct tree_env *env, struct children **link)
{
    struct children *array = *link, *map = arena_alloc(env->arena, map_size(0));
    struct trie *root = map ? trie_create(env) : NULL;
    unsigned done;

    if (!root) {
        arena_free(env->arena, map, map_size(0));
        return -ENOMEM;
    }
    *map = *array;
    map->capacity = 0;
    map->slot[0] = root;
    for (done = 0; done < array->count; done++) {
        if (trie_insert(env, &map->slot[0], array->slot[done]))
            break;
        node_get(array->slot[done]);
    }
    if (done < array->count) {
        trie_put(env, map->slot[0]);
        arena_free(env->arena, map, map_size(0));
        return -ENOMEM;
    }
    for (unsigned i = 0; i < array->count; i++)
        node_put(env, array->slot[i]);
    arena_free(env->arena, array, map_size(array->capacity));
    *link = map;
    return 0;
}

/* A new child is the last one; one that is put back belongs where it was. */
static void array_place(struct children *map, struct node *node)
{
    unsigned i = map->count;

    for (; i > 0 && ((struct node *)map->slot[i - 1])->sequence > node->sequence; i--)
        map->slot[i] = map->slot[i - 1];
    map->slot[i] = node;
}

int children_insert(struct tree_env *env, struct children **link, struct node *node)
{
    static const uint8_t capacities[] = {1, 2, 4, 6, 8, 12, CHILDREN_SMALL};
    struct children *map = *link;
    unsigned capacity = 0;

    if (!map) {
        map = arena_alloc(env->arena, map_size(1));
        if (!map)
            return -ENOMEM;
        *map = (struct children){.refs = 1, .capacity = 1};
        *link = map;
    }

    for (unsigned i = 0; map->capacity && capacity < map->count + 1 && i < sizeof(capacities); i++)
        capacity = capacities[i];
    map = map_own(env, link, capacity);
    if (!map)
        return -ENOMEM;
    if (map->capacity && map->count == CHILDREN_SMALL) {
        if (array_to_trie(env, link))
            return -ENOMEM;
        map = *link;
    }

    if (map->capacity)
        array_place(map, node);
    else if (trie_insert(env, &map->slot[0], node))
        return -ENOMEM;
    map->count++;
    map->names_bytes += node->name_length + 1U;
    return 0;
}

/* Turn the exclusive trie at *@link into an array; it stays as it is without memory. */
static void trie_to_array(struct tree_env *env, struct children **link)
{
    struct children *map = *link, *array = arena_alloc(env->arena, map_size(CHILDREN_SMALL));

    if (!array)
        return;
    *array = *map;
    array->capacity = CHILDREN_SMALL;
    children_sorted(map, (struct node **)array->slot);
    for (unsigned i = 0; i < array->count; i++)
        node_get(array->slot[i]);
    trie_put(env, map->slot[0]);
    arena_free(env->arena, map, map_size(0));
    *link = array;
}

int children_remove(struct tree_env *env, struct children **link, const char *name, size_t length)
{
    struct children *map = map_own(env, link, 0);
    struct node *node;

    if (!map)
        return -ENOMEM;
    if (map->capacity) {
        unsigned i = array_index(map, name, length);

        node = map->slot[i];
        memmove(&map->slot[i], &map->slot[i + 1], (map->count - i - 1) * sizeof(void *));
    } else {
        node = trie_remove(env, &map->slot[0], name, length);
        if (!node)
            return -ENOMEM;
    }
    map->count--;
    map->names_bytes -= node->name_length + 1U;
    node_put(env, node);

    if (!map->count) {
        children_put(env, map);
        *link = NULL;
    } else if (!map->capacity && map->count <= SHRINK_AT) {
        trie_to_array(env, link);
    }
    return 0;
}

size_t children_bytes(const struct children *children)
{
    if (!children)
        return 0;
    if (children->capacity)
        return arena_size_class(map_size(children->capacity));
    return arena_size_class(map_size(0)) + trie_bytes(children->count);
}

struct children *children_get(struct children *children)
{
    if (children)
        children->refs++;
    return children;
}

void children_put(struct tree_env *env, struct children *children)
{
    if (!children || --children->refs)
        return;
    if (children->capacity)
        for (unsigned i = 0; i < children->count; i++)
            node_put(env, children->slot[i]);
    else
        trie_put(env, children->slot[0]);
    arena_free(env->arena, children, map_size(children->capacity));
}

/* The cursor of an array is the next index; that of a trie is its own. */
struct node *children_next(const struct children *children, uint64_t *cursor)
{
    if (!children)
        return NULL;
    if (children->capacity)
        return *cursor < children->count ? children->slot[(*cursor)++] : NULL;
    return trie_next(children->slot[0], cursor);
}

/* Heap sort: no extra memory, no bad case. */
static void sift(struct node **array, size_t from, size_t count)
{
    for (size_t child; (child = 2 * from + 1) < count; from = child) {
        struct node *parent = array[from];

        if (child + 1 < count && array[child + 1]->sequence > array[child]->sequence)
            child++;
        if (parent->sequence >= array[child]->sequence)
            return;
        array[from] = array[child];
        array[child] = parent;
    }
}

void children_sorted(const struct children *children, struct node **array)
{
    uint64_t cursor = 0;
    size_t count = 0;

    for (struct node *node; (node = children_next(children, &cursor));)
        array[count++] = node;
    if (!children || children->capacity)
        return;
    for (size_t i = count / 2; i-- > 0;)
        sift(array, i, count);
    for (size_t i = count; i-- > 1;) {
        struct node *largest = array[0];

        array[0] = array[i];
        array[i] = largest;
        sift(array, 0, i);
    }
}
