/* SPDX-License-Identifier: ISC */
/** @file host-tools/main_extcap.c The program atoll-extcap, which Wireshark runs. */
#include "extcap.h"

int main(int argc, char *argv[])
{
    return extcap_main(argc, argv);
}
