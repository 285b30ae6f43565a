/* SPDX-License-Identifier: ISC */
/* The suite as an image on real Xen. */
#include "tests/conformance/conformance.h"

void hv_main(struct hv *hv)
{
    conformance_main(hv);
}
