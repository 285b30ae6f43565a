/* SPDX-License-Identifier: ISC */
/* common/hash.h against the vectors that hash_vectors.py prints. */
#include "common.h"

#include <stdlib.h>
#include <string.h>

#include "common/hash.h"

static const struct hash_key key = {UINT64_C(0x7acf78c71621b6fe), UINT64_C(0xed62c1e85b536394)};

/* The hash of the bytes 0, 37, 74, ... (mod 256), as many as the index says. */
static const uint64_t vectors[] = {
    0, /* no vector for no bytes */
    UINT64_C(0x48664e5965ef8061),
    UINT64_C(0x7474412be06959ae),
    UINT64_C(0x2b786c15d0f7c0f2),
    UINT64_C(0x82693c08902e2821),
    UINT64_C(0xe2f823a497c4e2cf),
    UINT64_C(0x45256bfab4f4ace2),
    UINT64_C(0xe2dffbac1d860eba),
    UINT64_C(0x0c354ad1ec9ffd8b),
    UINT64_C(0x9b9b88b828b31a57),
    UINT64_C(0x780746689b31eb03),
    UINT64_C(0x0470d5f8f2d33489),
    UINT64_C(0x7b51e2c4c6d57a19),
    UINT64_C(0xcb52b5a95e1cd9c8),
    UINT64_C(0x34fb3b05ea623a25),
    UINT64_C(0x8b5e6c691ac47663),
    UINT64_C(0xae0fd894d306a2e9),
    UINT64_C(0x27f94fc12b31a56f),
    UINT64_C(0xbcf4886ff0beca3c),
    UINT64_C(0x73489b63713e8a6a),
    UINT64_C(0x2f56d992e5fb116d),
    UINT64_C(0x995ca57a43e39d9d),
    UINT64_C(0x67eeff397fe80e2a),
    UINT64_C(0x04c5df08a42d889b),
    UINT64_C(0xcd646a4700b954fb),
    UINT64_C(0x2fba71383dc317b1),
    UINT64_C(0x9da985b885c5f784),
    UINT64_C(0x0822d3ce42f5d379),
    UINT64_C(0x2514b3af9cb7a7af),
    UINT64_C(0x25b51b68dc2613ca),
    UINT64_C(0x53ab8974d47f04db),
    UINT64_C(0x1f28b15748c8a10c),
    UINT64_C(0x34d866f0d06bb362),
    UINT64_C(0xfd5f943e49382ff4),
    UINT64_C(0x7ad914f16712e397),
    UINT64_C(0xc3da34ec76c040c2),
    UINT64_C(0x5c811c257a232418),
    UINT64_C(0x9dae0235562e9716),
    UINT64_C(0x36365ee25b1517fd),
    UINT64_C(0x8e7c46efb5086abe),
    UINT64_C(0x72a0f937db665d14),
};

START_TEST(test_vectors)
{
    for (size_t length = 1; length < sizeof(vectors) / sizeof(vectors[0]); length++) {
        /* A block of exactly that size, at every alignment. */
        for (size_t skew = 0; skew < 8; skew++) {
            uint8_t *block = malloc(skew + length);

            for (size_t i = 0; i < length; i++)
                block[skew + i] = (uint8_t)(i * 37);
            ck_assert_uint_eq(hash_bytes(&key, block + skew, length), vectors[length]);
            free(block);
        }
    }
}
END_TEST

START_TEST(test_word)
{
    uint8_t bytes[8];
    uint64_t word = 0;

    for (unsigned i = 0; i < 8; i++) {
        bytes[i] = (uint8_t)(i * 37);
        word |= (uint64_t)bytes[i] << (8 * i);
    }
    ck_assert_uint_eq(hash_word(&key, word), vectors[8]);
}
END_TEST

/* Nothing is a string like any other: it depends on the key. */
START_TEST(test_empty)
{
    struct hash_key other = key;

    other.k1 ^= 1;
    ck_assert_uint_ne(hash_bytes(&key, "", 0), hash_bytes(&other, "", 0));
    ck_assert_uint_ne(hash_bytes(&key, "", 0), hash_bytes(&key, "", 1));
    ck_assert_uint_eq(hash_bytes(&key, NULL, 0), hash_bytes(&key, "", 0));
}
END_TEST

START_TEST(test_chain_depends_on_order)
{
    uint64_t a = hash_bytes(&key, "a", 1), b = hash_bytes(&key, "b", 1);

    ck_assert_uint_ne(hash_chain(a, b), hash_chain(b, a));
    ck_assert_uint_ne(hash_chain(0, a), 0);
    ck_assert_uint_ne(hash_chain(hash_chain(0, a), b), hash_chain(hash_chain(0, b), a));
    ck_assert_uint_ne(hash_chain(hash_chain(0, a), a), hash_chain(0, a));
}
END_TEST

TCase *hash_cases(void)
{
    TCase *cases = tcase_create("hash");

    tcase_add_test(cases, test_vectors);
    tcase_add_test(cases, test_word);
    tcase_add_test(cases, test_empty);
    tcase_add_test(cases, test_chain_depends_on_order);
    return cases;
}
